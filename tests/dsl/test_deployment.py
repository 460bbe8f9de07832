"""What counts for a deployment where its file says nothing: the task and the price."""

from __future__ import annotations

from inferc.dsl.catalogues.models import find_model
from inferc.dsl.deployment import Deployment
from inferc.dsl.kinds import RuntimeKind, TaskKind
from inferc.dsl.policies import Price
from inferc.dsl.tasks import EmbedTask
from inferc.dsl.units import Money

from ..support.rows import each_row


@each_row(
    ("model", "task"),
    [("gpt-4o-mini", TaskKind.CHAT), ("meta-llama/Llama-3-8B", TaskKind.CHAT), ("a.onnx", TaskKind.TENSOR)],
)
def test_models_elsewhere_chat_and_files_take_tensors(model: str, task: TaskKind) -> None:
    assert Deployment("it", model).effective_task is task


def test_the_task_that_is_written_counts() -> None:
    assert Deployment("it", "a.onnx", task=EmbedTask()).effective_task is TaskKind.EMBED


def test_the_price_is_that_of_the_catalogue_unless_one_is_written() -> None:
    known = find_model("gpt-4o-mini")
    assert known is not None
    price = Deployment("it", "gpt-4o-mini").effective_price
    assert price is not None
    assert (price.input, price.output, price.cached_input) == (
        known.input_price,
        known.output_price,
        known.cached_input_price,
    )
    own = Price(Money(1), Money(2))
    assert Deployment("it", "gpt-4o-mini", price=own).effective_price == own


@each_row("runtime", [None, RuntimeKind.OPENAI, RuntimeKind.ORT])
def test_no_price_is_known_of_a_model_that_nobody_sells(runtime: RuntimeKind | None) -> None:
    assert Deployment("it", "mine.onnx", runtime=runtime).effective_price is None


def test_what_runs_here_costs_nothing_whatever_its_name() -> None:
    assert Deployment("it", "gpt-4o-mini", runtime=RuntimeKind.ORT).effective_price is None

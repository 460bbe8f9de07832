"""A deployment: one model somewhere, and how it may be used."""

from __future__ import annotations

from functools import cached_property

from attrs import field

from .catalogues.inference import infer_runtime, name_at, prefix_in
from .catalogues.models import ModelInfo, find_model
from .data_kinds import DataKind
from .fields import at_least, doc
from .kinds import ProviderKind, RuntimeKind, TaskKind, TransportKind
from .late_text import LateText
from .policies import Budget, Cache, ModelFacts, Price, Scaling, Serving
from .problems import Problem
from .ranges import Range
from .record import frozen
from .requests import RequestSettings
from .runtimes import LaunchableConfig, OpenAIConfig, RuntimeConfig, default_config
from .tasks import Task
from .units import Money
from .validation import above_highest_tier, emptiness, ranges

MOST_GPUS = 256
"""More than any machine has."""


@frozen
class Deployment:
    """One model, the runtime that serves it, and the limits it is used within.

    What follows from its fields is worked out once: many checks ask for it.
    """

    name: str
    model: str = field(metadata={"doc": "model name, or path to an `.onnx` file"})
    runtime: RuntimeKind | None = doc("which backend; unset: inferred", default=None)
    runtime_config: RuntimeConfig | None = doc("settings of the backend; unset: its defaults", default=None)
    gpus: int | None = at_least(
        1, "GPUs per replica, of models and servers that run here", at_most=MOST_GPUS, default=None
    )
    replicas: int | Range = at_least(
        1,
        "local: copies for scale, a range as many as the load needs; remote: independent pools",
        at_most=1000,
        default=1,
    )
    scaling: Scaling | None = doc("how a range of `replicas` follows the load", default=None)
    serving: Serving = doc("how many requests it takes at once", factory=Serving)
    budget: Budget | None = doc("spend ceilings", default=None)
    idempotent: bool = doc("false: never retried", default=True)
    price: Price | None = doc("what the model costs; unset: as the catalogue says", default=None)
    model_info: ModelFacts | None = doc("facts about the model; unset: as the catalogue says", default=None)
    request: RequestSettings | None = doc("parameters that it adds to requests", default=None)
    allows: tuple[DataKind, ...] | None = doc(
        "kinds of data that may go there, such as `[eu, customer_data]`; unset: not said", default=None
    )
    cache: Cache | None = doc("answers that are given again", default=None)
    task: Task | None = doc("how inputs and outputs are read; unset: tensor or chat", default=None)

    @cached_property
    def known_model(self) -> str:
        """The model, as the catalogue is asked for it: nothing where it comes from the environment."""
        return "" if isinstance(self.model, LateText) else self.model

    @cached_property
    def base_model(self) -> str | None:
        """Which model it is, where the file says so because `model` is a name of one's own."""
        said = self.model_info.base_model if self.model_info is not None else None
        prefix = prefix_in(said) if said is not None else None
        return said.removeprefix(prefix[1]) if said is not None and prefix is not None else said

    @property
    def least_replicas(self) -> int:
        """How many replicas it has at least; exactly so many, where no range says more."""
        return self.replicas.least if isinstance(self.replicas, Range) else self.replicas

    @cached_property
    def effective_runtime(self) -> RuntimeKind:
        """The runtime that serves the model: `runtime`, else that of the block, else the name's."""
        if self.runtime is not None:
            return self.runtime
        if self.runtime_config is not None:
            return self.runtime_config.kind
        return infer_runtime(self.model)

    @property
    def uses_gpus(self) -> bool:
        """Whether it runs on the machines of the file: in this process, or as a server that is launched."""
        if self.effective_runtime.transport is TransportKind.LOCAL:
            return True
        config = self.effective_config
        if not isinstance(config, LaunchableConfig):
            return False
        is_python = config.kind is RuntimeKind.PYTHON and config.endpoint is None
        return config.launch is not None or is_python

    @cached_property
    def effective_config(self) -> RuntimeConfig:
        """The settings of the effective runtime, defaults where none were given."""
        return self.runtime_config or default_config(self.effective_runtime)

    @cached_property
    def is_at_bedrock(self) -> bool:
        """Whether Amazon Bedrock is asked for a model of OpenAI's, in OpenAI's protocol."""
        config = self.effective_config
        return isinstance(config, OpenAIConfig) and config.aws is not None

    @cached_property
    def effective_task(self) -> TaskKind:
        """The task that the model does: `task`, else tensors for local models and chat for remote ones."""
        if self.task is not None:
            return self.task.kind
        local = self.effective_runtime.transport is TransportKind.LOCAL
        return TaskKind.TENSOR if local else TaskKind.CHAT

    @cached_property
    def found(self) -> ModelInfo | None:
        """What the catalogue has of the model: of the one that the file says it is, wherever that runs."""
        provider = self.effective_runtime.provider
        if provider is None:
            return None
        if self.is_at_bedrock:
            provider = ProviderKind.BEDROCK  # which has prices of its own for OpenAI's models
        if self.base_model is None:
            return find_model(self.known_model, provider)
        return find_model(self.base_model, provider) or find_model(self.base_model)

    @cached_property
    def effective_price(self) -> Price | None:
        """What the model costs: `price`, else what the catalogue says, None where it says nothing.

        Models that answer with vectors have no price for the answer.
        """
        if self.price is not None:
            return self.price
        info = self.found
        if info is None or info.input_price is None:
            return None
        return Price(
            info.input_price,
            info.output_price if info.output_price is not None else Money(0),
            info.cached_input_price,
            info.cache_write_price,
            info.cache_write_1h_price,
            info.audio_input_price,
            info.audio_output_price,
            info.image_input_price,
            info.image_output_price,
            info.per_second,
            info.per_search,
            info.per_image,
            info.per_character,
            info.fast,
            info.flex,
            info.flex_cached,
            info.priority,
            info.ultrafast,
        )

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything about this deployment alone that cannot work, empty when it can."""
        return (
            *emptiness(self.name, self.model, name_at(self.effective_runtime, self.model)),
            *ranges(self),
            *above_highest_tier(self.effective_runtime.provider, self.known_model, self.runtime_config),
        )


@frozen
class Replica:
    """One copy of a deployment, and where it runs. Never split over nodes."""

    deployment: str
    replica_index: int
    node: str | None = None
    gpu_indices: tuple[int, ...] = ()

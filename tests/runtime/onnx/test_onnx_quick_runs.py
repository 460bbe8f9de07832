"""Which runs are made on the event loop: those that were quick whenever they were measured."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from onnx import TensorProto, helper

from inferc.compiler.plan import Batching
from inferc.runtime.replicas.onnx import OnnxReplica, quick_runs
from inferc.runtime.replicas.onnx.quick_runs import ENOUGH, MOST_KINDS, QUICK, QuickRuns
from inferc.runtime.replicas.onnx.work_of import depends_on_values
from inferc.runtime.requests.answer import TensorChunk
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor

from .plans import running
from .toys import line, looping, save_model, tensor_plan

SOON, LATE = QUICK / 5, QUICK * 50


def told(runs: QuickRuns, times: int, seconds: float = SOON, kind: str = "small") -> QuickRuns:
    for _ in range(times):
        runs.took(kind, seconds)
    return runs


def test_a_kind_is_quick_once_enough_of_its_runs_were() -> None:
    assert not QuickRuns().has("small")
    assert not told(QuickRuns(), ENOUGH - 1).has("small")
    assert told(QuickRuns(), ENOUGH).has("small")
    assert not told(QuickRuns(), ENOUGH).has("large")
    assert not told(QuickRuns(), 1000, LATE).has("small")


def test_a_first_run_that_takes_long_is_forgiven_in_time() -> None:
    runs = told(QuickRuns(), 1, LATE)
    assert not told(runs, ENOUGH).has("small")
    assert told(runs, 100).has("small")


def test_one_that_takes_long_sends_its_kind_back_to_the_threads_until_it_is_measured_anew() -> None:
    runs = told(told(QuickRuns(), 100), 100, kind="other")
    assert not told(runs, 1, LATE).has("small")
    assert runs.has("other")
    assert not told(runs, ENOUGH - 1).has("small")
    assert told(runs, 1).has("small")


def test_clients_cannot_fill_the_memory_with_kinds() -> None:
    runs = QuickRuns()
    for number in range(MOST_KINDS * 3):
        told(runs, ENOUGH, kind=str(number))
    assert sum(runs.has(str(number)) for number in range(MOST_KINDS * 3)) <= MOST_KINDS


def node(operator: str, *inputs: str, gives: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [gives], **attributes)


SENT = {
    "a column becomes a row": [node("Reshape", "x", "sent", gives="z"), node("Add", "x", "z")],
    "so, by a computed shape": [
        node("Add", "sent", "constant", gives="size"),
        node("Unsqueeze", "x", "size", gives="z"),
        node("Add", "x", "z"),
    ],
    "few rows or many": [node("Slice", "x", "constant", "sent", gives="z"), node("MatMul", "z", "x")],
    "grown": [node("Expand", "x", "sent")],
    "the best of few or many": [helper.make_node("TopK", ["x", "sent"], ["y", "places"])],
    "counted": [node("ConstantOfShape", "sent", gives="z"), node("Add", "x", "z")],
    "found": [node("NonZero", "x", gives="z"), node("Cast", "z", to=1)],
    "steps of a sequence": [helper.make_node("LSTM", ["x", "w", "w", "", "sent"], ["y"], hidden_size=2)],
    "what a newer version has": [node("OfLater", "x", "sent")],
}
SETTLED = {
    "a shape of the model's own": [node("Reshape", "x", "constant")],
    "one made of the shapes of inputs": [
        node("Shape", "x", gives="size"),
        node("Gather", "size", "constant", gives="first"),
        node("Concat", "first", "constant", gives="whole", axis=0),
        node("ConstantOfShape", "whole", gives="z"),
        node("Expand", "z", "size"),
    ],
    "places in a table": [node("Gather", "w", "sent")],
}


def of_nodes(path: Path, nodes: list[onnx.NodeProto], *, optional: bool = False) -> Path:
    """A model of `x` and `sent`. optional: a client may send the constant, too."""
    inputs: list[Any] = [("x", TensorProto.FLOAT, ["N", 1]), ("sent", TensorProto.INT64, [1])]
    inputs += [("constant", TensorProto.INT64, [1])] if optional else []
    weights = {"constant": numpy.array([1]), "w": numpy.ones((3, 8), numpy.float32)}
    outputs: list[Any] = [("y", TensorProto.FLOAT, None)]
    return save_model(path, nodes, inputs, outputs, weights)


@pytest.mark.parametrize("name", SENT)
def test_work_depends_on_values_where_one_that_is_sent_says_how_much(tmp_path: Path, name: str) -> None:
    assert depends_on_values(of_nodes(tmp_path / "m.onnx", SENT[name]))


@pytest.mark.parametrize("name", SETTLED)
def test_work_is_settled_where_sizes_follow_from_constants_and_shapes(tmp_path: Path, name: str) -> None:
    assert not depends_on_values(of_nodes(tmp_path / "m.onnx", SETTLED[name]))


def test_a_constant_that_a_client_may_send_is_none(tmp_path: Path) -> None:
    nodes = SETTLED["a shape of the model's own"]
    assert depends_on_values(of_nodes(tmp_path / "m.onnx", nodes, optional=True))


def test_loops_functions_and_files_that_cannot_be_read_depend_on_values(tmp_path: Path) -> None:
    assert depends_on_values(looping(tmp_path / "l.onnx", 3))
    assert depends_on_values(line(tmp_path / "m.ort"))
    whole = line(tmp_path / "m.onnx")
    assert not depends_on_values(whole)
    model = onnx.load(whole)
    inside = [node("Reshape", "x", "size")]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Shaped", ["x", "size"], ["y"], inside, opsets))
    (tmp_path / "f.onnx").write_bytes(model.SerializeToString())
    assert depends_on_values(tmp_path / "f.onnx")
    (tmp_path / "b.onnx").write_bytes(b"\xff")
    assert depends_on_values(tmp_path / "b.onnx")


async def answer(replica: OnnxReplica, rows: int = 1) -> list[list[float]]:
    ones = numpy.ones((rows, 4), numpy.float32)
    request = TensorRequest((Tensor("x", "FP32", ones), Tensor("shift", "FP32", ones)), ("total",))
    chunk = await replica.answer(request, None)
    assert isinstance(chunk, TensorChunk)
    return chunk.outputs[0].values.tolist()  # type: ignore[no-any-return]


async def test_quick_runs_are_made_in_place_and_answer_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_runs, "QUICK", 100.0)
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        sizes = replica.status().run_sizes
        answers = [await answer(replica) for _ in range(3 * ENOUGH)]
        assert answers == [answers[0]] * len(answers)
        assert 0 < sizes.in_place < sizes.total() == len(answers)
        before = sizes.in_place
        assert await answer(replica, rows=3) == answers[0] * 3
        assert sizes.in_place == before
        wrong = TensorRequest((Tensor("x", "FP32", numpy.ones((1, 5), numpy.float32)),))
        with pytest.raises(BadRequest):
            await replica.answer(wrong, None)
        together = await asyncio.gather(*(answer(replica) for _ in range(20)))
        assert together == answers[:20]
        assert sizes.in_place == before + 20


async def test_what_shares_runs_or_depends_on_values_always_has_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_runs, "QUICK", 100.0)
    async with running(tensor_plan(line(tmp_path / "m.onnx"), batching=Batching(max_size=8))) as replica:
        for _ in range(2 * ENOUGH):
            await answer(replica)
        assert replica.status().run_sizes.in_place == 0
    async with running(tensor_plan(looping(tmp_path / "l.onnx", 3))) as replica:
        request = TensorRequest((Tensor("x", "FP32", numpy.ones((1, 2), numpy.float32)),))
        for _ in range(2 * ENOUGH):
            await replica.answer(request, None)
        assert replica.status().run_sizes.in_place == 0

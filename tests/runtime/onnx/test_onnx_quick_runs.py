"""Which runs are made on the event loop: those that were quick whenever they were measured."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy
import pytest

from inferc.compiler.plan import Batching
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.runs import quick_runs
from inferc.runtime.replicas.onnx.runs.quick_runs import ENOUGH, MOST_KINDS, QUICK, QuickRuns
from inferc.runtime.requests.answer import TensorChunk
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor

from .plans import running
from .toys import line, looping, tensor_plan

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


def test_a_kind_that_takes_about_as_long_as_a_quick_one_may_does_not_come_and_go() -> None:
    runs = told(QuickRuns(), 100, QUICK * 0.9)
    assert told(runs, 100, QUICK * 1.5).has("small")
    assert not told(runs, 100, QUICK * 2.5).has("small")
    assert not told(runs, 100, QUICK * 1.5).has("small")


def test_a_first_run_that_is_slow_counts_as_one_of_the_first_ones() -> None:
    runs = told(told(QuickRuns(), 1, QUICK * 3), ENOUGH - 1)
    assert runs.has("small")
    assert not told(told(QuickRuns(), 1, QUICK * 9), ENOUGH - 1).has("small")


def test_clients_cannot_fill_the_memory_with_kinds() -> None:
    runs = QuickRuns()
    for number in range(MOST_KINDS * 3):
        told(runs, ENOUGH, kind=str(number))
    assert sum(runs.has(str(number)) for number in range(MOST_KINDS * 3)) <= MOST_KINDS


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


async def test_a_request_that_differs_from_quick_ones_in_more_than_values_is_looked_at_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_runs, "QUICK", 100.0)
    ones = numpy.ones((1, 4), numpy.float32)
    x, shift = Tensor("x", "FP32", ones), Tensor("shift", "FP32", ones)
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        sizes = replica.status().run_sizes
        for _ in range(2 * ENOUGH):
            await replica.answer(TensorRequest((x, shift)), None)
        before = sizes.in_place
        assert before
        for inputs, outputs, wrong in (
            ((x, Tensor("shift", "FP64", ones)), (), "FP64"),
            ((x, Tensor("other", "FP32", ones)), (), "other"),
            ((x,), (), "shift"),
            ((x, shift, shift), (), "twice"),
            ((x, shift), ("sum",), "sum"),
        ):
            with pytest.raises(BadRequest, match=wrong):
                await replica.answer(TensorRequest(inputs, outputs), None)
        assert sizes.in_place == before
        turned = await replica.answer(TensorRequest((shift, x), ("count", "total")), None)
        assert isinstance(turned, TensorChunk)
        assert [each.name for each in turned.outputs] == ["count", "total"]
        assert [each.datatype for each in turned.outputs] == ["INT64", "FP32"]


async def test_no_rows_are_answered_by_what_the_model_says_of_them_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_runs, "QUICK", 100.0)
    nothing = Tensor("x", "FP32", numpy.ones((0, 4), numpy.float32))
    request = TensorRequest((nothing, Tensor("shift", "FP32", nothing.values)), ("total",))
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        for _ in range(2 * ENOUGH):
            chunk = await replica.answer(request, None)
            assert isinstance(chunk, TensorChunk)
            assert chunk.outputs[0].values.shape == (0, 1)
        assert replica.status().run_sizes.in_place == 0

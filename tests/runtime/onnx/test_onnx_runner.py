from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from inferc.compiler.plan import Batching, Duration, SessionOptions
from inferc.runtime.replicas.onnx.model import OnnxModel
from inferc.runtime.replicas.onnx.queue.batching import BatchQueue
from inferc.runtime.replicas.onnx.queue.runner import Runner, Stopper
from inferc.runtime.replicas.replica import RunSizes
from inferc.runtime.requests.errors import BadRequest, RequestError, RequestTimeout, ShuttingDown

from .plans import MODELS, onnx_plan

T = TypeVar("T")
Numbers = Runner[Sequence[int], list[list[int]]]
BATCHING = Batching(max_size=8, max_delay=Duration(0.001))


class Model:
    """Gives [number, number] for each number; waits while the gate is closed; refuses negative ones."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []
        self.stopped = 0

    def run(self, loads: Sequence[Sequence[int]], stopper: Stopper) -> list[list[list[int]]]:
        rows = [row for load in loads for row in load]
        self.batches.append(rows)
        stopper.on_stop(self._on_stop)
        self.entered.set()
        assert self.gate.wait(10)
        if any(row == -1 for row in rows):
            raise BadRequest("no negative numbers")
        if any(row == -2 for row in rows):
            raise ZeroDivisionError
        return [[[row, row] for row in load] for load in loads]

    def _on_stop(self) -> None:
        self.stopped += 1
        self.gate.set()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def runner(model: Model, threads: ThreadPoolExecutor) -> Numbers:
    return Runner(BatchQueue(BATCHING, 1), threads, model.run, "deployment `numbers`")


async def submit(runner: Numbers, rows: Sequence[int], deadline: float | None = None) -> list[list[int]]:
    return await runner.submit(rows, rows=len(rows), bucket=8, deadline=deadline)


async def blocked(model: Model, runner: Numbers) -> asyncio.Task[list[list[int]]]:
    """A job that runs and does not end before the gate is opened."""
    model.gate.clear()
    task = asyncio.create_task(submit(runner, [0]))
    await asyncio.to_thread(model.entered.wait, 10)
    return task


async def queued(*coroutines: Coroutine[Any, Any, T]) -> list[asyncio.Task[T]]:
    """Tasks that have come as far as they can."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    await asyncio.sleep(0)
    return tasks


async def test_each_caller_gets_its_own_rows(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    others = await queued(*(submit(runner, [n, n + 100]) for n in range(1, 4)))
    model.gate.set()
    assert (await first) == [[0, 0]]
    for n, task in enumerate(others, 1):
        assert (await task) == [[n, n], [n + 100, n + 100]]
    assert model.batches == [[0], [1, 101, 2, 102, 3, 103]]


@pytest.mark.parametrize("cores_of_a_run", [0, 1])
async def test_on_a_cpu_a_short_text_is_answered_while_a_long_one_runs(
    threads: ThreadPoolExecutor, cores_of_a_run: int
) -> None:
    """Another long one waits for it, to share the next run, unless each run has a core to itself."""
    gate = threading.Event()

    def run(texts: Sequence[str], stopper: Stopper) -> Sequence[str]:
        assert "long" not in texts or gate.wait(10)
        return texts

    plan = onnx_plan(batching=BATCHING, session=SessionOptions(intra_op_threads=cores_of_a_run))
    session: Any = SimpleNamespace(run=None)
    model = OnnxModel(plan, session, threads, 2, 2, MODELS, ("cpu", 0), "deployment `texts`")
    runner: Runner[str, str] = model.runner(run, BATCHING)
    [long] = await queued(runner.submit("long", rows=1, bucket=64, deadline=None))
    try:
        assert await runner.submit("short", rows=1, bucket=8, deadline=None) == "short"
        another = asyncio.create_task(runner.submit("as long", rows=1, bucket=64, deadline=None))
        await asyncio.wait([another], timeout=None if cores_of_a_run else 0.05)
        assert another.done() == (cores_of_a_run == 1)
        assert not long.done()
    finally:
        gate.set()
    assert [await long, await another] == ["long", "as long"]


async def test_a_bad_job_does_not_harm_its_neighbours(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    good, refused, broken = await queued(*(submit(runner, [n]) for n in (7, -1, -2)))
    model.gate.set()
    await first
    assert (await good) == [[7, 7]]
    with pytest.raises(BadRequest, match="no negative numbers"):
        await refused
    with pytest.raises(RequestError, match="deployment `numbers` failed to run the model") as failed:
        await broken
    assert failed.value.status == 500


async def test_a_job_cancelled_in_the_queue_is_never_run(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    gone, stays = await queued(submit(runner, [5]), submit(runner, [6]))
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    model.gate.set()
    await first
    await stays
    assert model.batches == [[0], [6]]


async def test_a_run_that_nobody_waits_for_is_stopped(model: Model, runner: Numbers) -> None:
    task = await blocked(model, runner)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.stopped == 1
    assert (await submit(runner, [3])) == [[3, 3]]


async def test_a_run_goes_on_for_the_callers_that_are_left(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    gone, stays = await queued(submit(runner, [5]), submit(runner, [6]))
    model.entered.clear()
    model.gate.set()
    await first
    model.gate.clear()
    await asyncio.to_thread(model.entered.wait, 10)
    gone.cancel()
    await asyncio.wait([gone])
    assert model.stopped == 0
    model.gate.set()
    assert (await stays) == [[6, 6]]


async def test_a_job_whose_deadline_passed_in_the_queue_is_not_run(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    late, fine = await queued(submit(runner, [5], asyncio.get_running_loop().time()), submit(runner, [6]))
    model.gate.set()
    await first
    with pytest.raises(RequestTimeout):
        await late
    await fine
    assert model.batches == [[0], [6]]


async def test_closing_waits_for_what_runs_and_refuses_what_is_queued(model: Model, runner: Numbers) -> None:
    first = await blocked(model, runner)
    [waiting] = await queued(submit(runner, [1]))
    [closing] = await queued(runner.close())
    assert not closing.done()
    model.gate.set()
    await closing
    assert (await first) == [[0, 0]]
    with pytest.raises(ShuttingDown):
        await waiting
    with pytest.raises(ShuttingDown):
        await submit(runner, [2])
    assert model.batches == [[0]]


async def test_a_quick_job_runs_at_once_unless_it_is_late_or_all_is_over(model: Model) -> None:
    sizes = RunSizes()
    with ThreadPoolExecutor(1) as threads:
        numbers: Numbers = Runner(BatchQueue(None, 1), threads, model.run, "deployment `n`", None, sizes)
        assert numbers.run_here([3], None) == [[3, 3]]
        with pytest.raises(BadRequest):
            numbers.run_here([-1], None)
        with pytest.raises(RequestError, match="failed to run the model"):
            numbers.run_here([-2], None)
        assert (sizes.total(), sizes.in_place) == (3, 3)
        with pytest.raises(RequestTimeout):
            numbers.run_here([4], asyncio.get_running_loop().time())
        await numbers.close()
        with pytest.raises(ShuttingDown):
            numbers.run_here([5], None)
    assert model.batches == [[3], [-1], [-2]]

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from inferc.runtime.replicas.onnx.queue.batching import Arrived, BatchQueue, Finished, Job
from inferc.runtime.replicas.onnx.queue.runner import Runner, Stopper
from inferc.runtime.replicas.onnx.queue.scheduling import MOST_RUNS, SHORT_RUN, Scheduler


def turns_after(*seconds: float) -> Scheduler[int]:
    """Scheduler that have seen a run of each of so many seconds."""
    turns: Scheduler[int] = Scheduler()
    for each in seconds:
        turns.add(0)
        turns.begin()
        turns.end(1, each)
    return turns


def test_as_long_as_nothing_is_known_each_run_has_a_turn_of_its_own() -> None:
    turns = turns_after()
    turns.add(1)
    turns.add(2)
    assert turns.begin() == [[1], [2]]


def test_short_runs_share_a_turn_and_the_next_one_begins_when_it_is_over() -> None:
    turns = turns_after(SHORT_RUN / 10)
    turns.add(1)
    turns.add(2)
    assert turns.begin() == [[1, 2]]
    turns.add(3)
    assert turns.begin() == []
    turns.end(2, SHORT_RUN / 5)
    assert turns.begin() == [[3]]


def test_long_runs_go_on_side_by_side() -> None:
    turns = turns_after(10 * SHORT_RUN)
    turns.add(1)
    assert turns.begin() == [[1]]
    turns.add(2)
    assert turns.begin() == [[2]]


def test_short_and_long_runs_in_turn_count_as_long() -> None:
    turns = turns_after(*(SHORT_RUN / 10, 10 * SHORT_RUN) * 5)
    assert not turns.are_shared


def test_a_turn_has_a_limit() -> None:
    turns = turns_after(SHORT_RUN / 10)
    for number in range(MOST_RUNS + 1):
        turns.add(number)
    assert turns.begin() == [list(range(MOST_RUNS))]


def test_short_runs_wait_as_long_as_more_become_ready() -> None:
    turns = turns_after(SHORT_RUN / 10)
    turns.add(1)
    assert turns.wants_more()
    turns.add(2)
    assert turns.wants_more()
    assert not turns.wants_more()
    assert turns.begin() == [[1, 2]]


def test_without_sharing_nothing_waits() -> None:
    turns: Scheduler[int] = Scheduler(0)
    turns.add(1)
    turns.begin()
    turns.end(1, 0)
    turns.add(2)
    assert not turns.wants_more()
    assert not turns.are_shared


def test_short_runs_are_not_held_back_by_how_many_runs_may_go_on() -> None:
    queue = BatchQueue(None, max_runs=1)
    queue.short_runs = True
    assert queue.decide(0.0, Arrived(Job(1, 1, None))).runs == ((1,),)
    assert queue.decide(0.0, Arrived(Job(2, 1, None))).runs == ((2,),)
    queue.short_runs = False
    assert queue.decide(0.0, Arrived(Job(3, 1, None))).runs == ()
    assert queue.decide(1.0, Finished(2)).runs == ((3,),)


async def test_short_runs_that_arrive_together_are_run_off_the_loop_by_one_thread() -> None:
    where: list[int] = []

    def run(loads: Sequence[int], stopper: Stopper) -> list[int]:
        where.append(threading.get_ident())
        return [load * 2 for load in loads]

    with ThreadPoolExecutor(4) as pool:
        runner: Runner[int, int] = Runner(
            BatchQueue(None, 4), pool, run, "deployment `double`", Scheduler(60)
        )
        await runner.submit(0, rows=1, bucket=None, deadline=None)
        where.clear()
        answers = await asyncio.gather(
            *(runner.submit(number, rows=1, bucket=None, deadline=None) for number in range(20))
        )
        await runner.close()
    assert answers == [2 * number for number in range(20)]
    assert len(set(where)) == 1
    assert threading.get_ident() not in where


async def test_a_short_run_that_fails_harms_none_in_its_turn() -> None:
    def run(loads: Sequence[int], stopper: Stopper) -> list[int]:
        if 3 in loads:
            raise ZeroDivisionError
        return list(loads)

    with ThreadPoolExecutor(4) as pool:
        runner: Runner[int, int] = Runner(BatchQueue(None, 4), pool, run, "deployment `same`", Scheduler(60))
        await runner.submit(0, rows=1, bucket=None, deadline=None)
        answers = await asyncio.gather(
            *(runner.submit(number, rows=1, bucket=None, deadline=None) for number in range(6)),
            return_exceptions=True,
        )
        await runner.close()
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 1, 2, 4, 5]
    assert str(answers[3]) == "deployment `same` failed to run the model"

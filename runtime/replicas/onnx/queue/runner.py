"""Runs the jobs of a batch queue on threads, and gives each caller its own rows back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Generic, TypeVar

from attrs import field

from .....compiler.plan.record import define
from ....requests.errors import RequestError, RequestTimeout, ShuttingDown, forget_frames
from ...replica import RunSizes
from .batching import Abandoned, Arrived, BatchQueue, Due, Event, Finished, Job
from .scheduling import Scheduler

log = logging.getLogger(__name__)

Load = TypeVar("Load")
Result = TypeVar("Result")


class Stopper:
    """The way of the event loop to end a run, in another thread, that nobody waits for any more."""

    def __init__(self) -> None:
        self.stopped = False
        self._end: Callable[[], None] | None = None

    def on_stop(self, end: Callable[[], None]) -> None:
        """Said by the run: `end` stops it. Called at once if it is already too late."""
        self._end = end
        if self.stopped:
            end()

    def stop(self) -> None:
        """Said by the event loop."""
        self.stopped = True
        if self._end:
            self._end()


NOBODY = Stopper()
"""Of a run that is over before anybody could stop it."""


@define(eq=False)
class _Run(Generic[Load, Result]):
    """Jobs that run together; `callers` of them are still waited for. outcomes: one for each, once it ran."""

    jobs: list[_Pending[Load, Result]]
    callers: int
    stopper: Stopper = field(factory=Stopper)
    outcomes: Sequence[Result | RequestError] = ()


@define(eq=False)
class _Pending(Generic[Load, Result]):
    """A job whose caller waits for `result`; `run` is None while it is queued."""

    load: Load
    job: Job
    result: asyncio.Future[Result]
    run: _Run[Load, Result] | None = None


class Runner(Generic[Load, Result]):
    """Composes the queue, the threads and the callers. Belongs to one event loop.

    run: takes the loads of the jobs of one run and gives one result for each, in their order; it is
    called on `threads`. turns: which runs a thread gets at once; by default each has a turn of its own.
    sizes: counts the runs of so many rows. waits_for_callers: those who got their results may come back
    before it is decided what runs next.
    """

    def __init__(
        self,
        queue: BatchQueue,
        threads: ThreadPoolExecutor,
        run: Callable[[Sequence[Load], Stopper], Sequence[Result]],
        owner: str,
        turns: Scheduler[_Run[Load, Result]] | None = None,
        sizes: RunSizes | None = None,
        *,
        waits_for_callers: bool = False,
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._run = run
        self._owner = owner
        self._turns: Scheduler[_Run[Load, Result]] = turns or Scheduler(0)
        self._sizes = RunSizes() if sizes is None else sizes
        self._waits_for_callers = waits_for_callers
        self._ids = count()
        self._pending: dict[int, _Pending[Load, Result]] = {}
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None
        self._handing_over = False
        self._closed = False

    async def submit(self, load: Load, *, rows: int, bucket: Hashable, deadline: float | None) -> Result:
        """The result of `load`, which counts for `rows` rows. Raises RequestError.

        bucket: loads with the same one may share a run. deadline: in the time of the loop; what is still
        queued then is never run. Cancelling takes the load out of the queue, or stops the run when it
        was the last one waited for.
        """
        if self._closed:
            raise self._shutting_down()
        job = Job(next(self._ids), rows, bucket, deadline)
        pending: _Pending[Load, Result] = _Pending(load, job, asyncio.get_running_loop().create_future())
        self._pending[job.id] = pending
        try:
            self._decide(Arrived(job))
            return await pending.result
        finally:
            del self._pending[job.id]
            if pending.result.cancelled():
                self._abandon(job.id, pending)
            # It knows its run, which knows it; its result may hold an error that has been through here.
            pending.run = None
            del pending

    def run_here(self, load: Load, deadline: float | None) -> Result:
        """The result of a load whose run is quick, while the event loop waits. Raises RequestError."""
        if self._closed:
            raise self._shutting_down()
        if deadline is not None and deadline <= asyncio.get_running_loop().time():
            raise self._too_late()
        self._sizes[1] += 1
        self._sizes.in_place += 1
        try:
            return self._run((load,), NOBODY)[0]
        except Exception as error:
            raise self._failed(error) from None

    async def close(self) -> None:
        """Refuse what is queued, and wait for what runs."""
        self._closed = True
        for job_id, pending in self._pending.items():
            if pending.run is None and not pending.result.done():
                pending.result.set_exception(self._shutting_down())
                self._decide(Abandoned(job_id))
        await self._idle.wait()
        # It holds the model, which holds this: no search for garbage finds what was there when a server
        # started, and the model would stay in memory.
        vars(self).pop("_run", None)

    def _decide(self, event: Event) -> None:
        """Tell the queue, and do what it says."""
        loop = asyncio.get_running_loop()
        decision = self._queue.decide(loop.time(), event)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if decision.wake_at is not None:
            self._timer = loop.call_at(decision.wake_at, self._decide, Due())
        for job_id in decision.expired:
            _resolve(self._pending[job_id], self._too_late())
        for group in decision.runs:
            run = _Run([self._pending[job_id] for job_id in group], len(group))
            rows = 0
            for pending in run.jobs:
                pending.run = run
                rows += pending.job.rows
            self._sizes[rows] += 1
            self._turns.add(run)
        if decision.runs:
            self._running += len(decision.runs)
            self._idle.clear()
            self._hand_over_soon(loop)

    def _hand_over_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Where runs share a turn, not at once: what else arrives in this round of the loop goes along."""
        if not self._turns.are_shared:
            self._hand_over(loop)
        elif not self._handing_over:
            self._handing_over = True
            loop.call_soon(self._hand_over, loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._turns.wants_more():
            loop.call_soon(self._hand_over, loop)
            return
        self._handing_over = False
        for turn in self._turns.begin():
            self._threads.submit(self._work, turn, loop)

    def _finish(self, turn: Sequence[_Run[Load, Result]], seconds: float) -> None:
        for run in turn:
            for pending, outcome in zip(run.jobs, run.outcomes, strict=True):
                _resolve(pending, outcome)
        self._turns.end(len(turn), seconds)
        self._queue.short_runs = self._turns.are_shared
        ended = Finished(len(turn), turn[0].jobs[0].job.bucket)
        loop = asyncio.get_running_loop()
        if self._waits_for_callers:
            loop.call_soon(self._go_on, ended, loop)
        else:
            self._go_on(ended, loop)

    def _go_on(self, ended: Finished, loop: asyncio.AbstractEventLoop) -> None:
        self._running -= ended.runs
        self._decide(ended)
        if self._turns.are_ready:
            self._hand_over_soon(loop)
        if not self._running:
            self._idle.set()

    def _abandon(self, job_id: int, pending: _Pending[Load, Result]) -> None:
        if pending.run is None:
            self._decide(Abandoned(job_id))
            return
        pending.run.callers -= 1
        if not pending.run.callers:
            pending.run.stopper.stop()

    def _work(self, turn: Sequence[_Run[Load, Result]], loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: the runs of `turn`, one after the other."""
        started = time.thread_time()
        for run in turn:
            run.outcomes = self._outcomes(run)
        loop.call_soon_threadsafe(self._finish, turn, time.thread_time() - started)

    def _outcomes(self, run: _Run[Load, Result]) -> Sequence[Result | RequestError]:
        """All jobs together, and if that fails each alone, so that only the bad one fails."""
        together = self._attempt([job.load for job in run.jobs], run.stopper)
        if not isinstance(together, RequestError):
            return together
        if len(run.jobs) == 1:
            return [together]
        outcomes: list[Result | RequestError] = []
        for job in run.jobs:
            alone = self._attempt([job.load], run.stopper)
            outcomes.append(alone if isinstance(alone, RequestError) else alone[0])
        return outcomes

    def _attempt(self, loads: Sequence[Load], stopper: Stopper) -> Sequence[Result] | RequestError:
        if stopper.stopped:
            return RequestError(f"{self._owner}: nobody waits for the answer")
        try:
            return self._run(loads, stopper)
        except Exception as error:
            return self._failed(error)

    def _failed(self, error: Exception) -> RequestError:
        """`error` as the callers of the run see it, while it is handled."""
        if isinstance(error, RequestError):
            forget_frames(error)
            return error
        log.exception("%s: a run failed", self._owner)
        return RequestError(f"{self._owner} failed to run the model")

    def _too_late(self) -> RequestTimeout:
        return RequestTimeout(f"{self._owner} was too busy to answer in time")

    def _shutting_down(self) -> ShuttingDown:
        return ShuttingDown(f"{self._owner} is shutting down")


async def run_all(runs: Iterable[Coroutine[None, None, Result]]) -> list[Result]:
    """The results of `runs`, which go on at the same time. When one fails, the others are cancelled."""
    waiting = list(runs)
    if len(waiting) == 1:
        return [await waiting[0]]
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run) for run in waiting]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in running]


def _resolve(pending: _Pending[Load, Result], outcome: Result | RequestError) -> None:
    if pending.result.done():
        return
    if isinstance(outcome, RequestError):
        pending.result.set_exception(outcome)
    else:
        pending.result.set_result(outcome)

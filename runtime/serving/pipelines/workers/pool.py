"""Worker processes for one purpose: started ahead, reused, bounded in number, replaced when they end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from .....compiler.plan.record import frozen
from ....concurrency.tasks import end_tasks
from ....requests.errors import ExternFailed, ShuttingDown, StartError
from .forkserver import ForkServer
from .job import Job
from .worker import Worker

log = logging.getLogger(__name__)

ASYNC_SLOTS = 256
"""Calls that a worker takes at the same time where its function is a coroutine function."""

START_TIMEOUT = 120.0
"""Seconds that a worker may take to import what it runs."""


@frozen
class PoolStatus:
    """name: what it runs: the name of an extern, or `built-in`. workers: processes there are now.

    killed: ended because a call took too long, or its client had gone. crashed: ended by themselves.
    """

    name: str
    workers: int
    running: int
    waiting: int
    killed: int
    crashed: int


class Pool:
    """Calls go to a worker with room, else to a new one, else wait for one.

    who: as messages call what it runs. job: what each worker makes ready before its first call; None:
    nothing. most: workers at the same time. memory: bytes of address space of each; None: no limit.
    nice: how much they give way where all processors are busy: the executor goes first.
    """

    def __init__(
        self,
        server: ForkServer,
        name: str,
        who: str,
        job: Job | None,
        most: int,
        memory: int | None = None,
        nice: int = 5,
    ) -> None:
        self.name = name
        self._server = server
        self._who = who
        self._job = job
        self._most = most
        self._memory = memory
        self._nice = nice
        self._workers: list[Worker] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._killed = self._crashed = 0

    @property
    def status(self) -> PoolStatus:
        running = sum(worker.running for worker in self._workers)
        waiting = sum(not each.done() for each in self._waiting)
        return PoolStatus(self.name, len(self._workers), running, waiting, self._killed, self._crashed)

    async def start(self) -> None:
        """Have one worker ready. Raises StartError with what is wrong with the job."""
        await self._start_worker()

    def start_soon(self) -> None:
        """The same, in the background."""
        task = asyncio.get_running_loop().create_task(self._start_for_those_who_wait())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def call(
        self, job: Job, values: dict[str, Any], until: float | None = None, limit: float | None = None
    ) -> Any:
        """What `job` gives for `values`. Raises RequestError, and TimeoutError after `limit` seconds of work.

        until: when the caller stops waiting. Cancelling ends the call, and its worker where that takes more.
        """
        worker = await self._free_worker()
        if limit is None:
            return await worker.call(job, values, until)
        end = asyncio.get_running_loop().time() + limit
        async with asyncio.timeout_at(end):
            return await worker.call(job, values, end)

    async def stop(self) -> None:
        """End all workers. Safe to call twice."""
        self._closed = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(ShuttingDown("the executor is stopping"))
        await end_tasks([*self._starting])
        for worker in [*self._workers]:
            await worker.end()
        await end_tasks([*self._ending])

    async def _free_worker(self) -> Worker:
        while True:
            if self._closed:
                raise ShuttingDown("the executor is stopping")
            for worker in self._workers:
                if not worker.is_over and not worker.killed_for and worker.running < worker.slots:
                    return worker
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._grow()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn came in the moment in which nobody wanted it any more
                raise
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)

    def _grow(self) -> None:
        """Start a worker where more calls wait than workers are being started for them."""
        waiting = sum(not each.done() for each in self._waiting)
        there = len(self._workers) + len(self._starting)
        is_shared = any(worker.slots > 1 and not worker.killed_for for worker in self._workers)
        if not self._closed and there < self._most and len(self._starting) < waiting and not is_shared:
            self.start_soon()

    async def _start_for_those_who_wait(self) -> None:
        try:
            await self._start_worker()
        except StartError as error:
            for problem in error.problems:
                log.warning("%s", problem)
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_exception(ExternFailed("; ".join(error.problems)))

    async def _start_worker(self) -> None:
        try:
            worker = Worker(self._server, self._who, self._memory, self._nice)
        except OSError as error:
            raise StartError(f"{self._who}: no process can be started for it: {error.strerror}") from None
        try:
            if self._job is not None:
                async with asyncio.timeout(START_TIMEOUT):
                    await worker.prepare(self._job, ASYNC_SLOTS)
        except TimeoutError:
            await worker.end()
            raise StartError(
                f"{self._who}: its module was not imported within {START_TIMEOUT:.0f} s"
            ) from None
        except ExternFailed as error:
            await worker.end()
            raise StartError(error.message) from None
        except BaseException:
            await worker.end()
            raise
        self._workers.append(worker)
        worker.changed = self._wake  # type: ignore[method-assign]
        ending = asyncio.get_running_loop().create_task(self._replace(worker))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        self._wake()

    async def _replace(self, worker: Worker) -> None:
        """Once `worker` has ended, another one takes its place."""
        await worker.wait()
        self._workers.remove(worker)
        if self._closed:
            return
        if worker.killed_for:
            self._killed += 1
        else:
            self._crashed += 1
        log.warning("%s %s; its process is replaced", self._who, worker.how_it_ended)
        if len(self._workers) + len(self._starting) < self._most:
            self.start_soon()

    def _wake(self) -> None:
        """Some worker may have room: let those who wait longest look."""
        room = sum(each.slots - each.running for each in self._workers if not each.is_over)
        while self._waiting and room > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1

"""Threads of the executor that run code of the user's, where a file says `isolation = thread`.

A function that hangs cannot be ended here, nor one that holds the interpreter or crashes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from ...requests.errors import Backpressure, ShuttingDown
from ...requests.health import Finding, Health
from .workers.serving import is_async

log = logging.getLogger(__name__)

MAX_THREADS = 32
"""Calls that run at the same time, with those that nobody waits for any more."""

_Job = Callable[[], None]


class Threads:
    """Functions run on daemon threads; coroutine functions on a loop that they have to themselves.

    A call that is not waited for any longer cannot be stopped, when it is a function: its thread is
    abandoned until it comes back, and counted. Coroutines are cancelled.
    """

    def __init__(self, most: int = MAX_THREADS) -> None:
        self._most = most
        self._idle: list[SimpleQueue[_Job | None]] = []
        self._room = asyncio.Semaphore(most)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.abandoned = 0
        """Calls that still run, though nobody waits for them."""

    async def run(self, who: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """What `function` gives; what it raises comes out here. Raises RequestError.

        who: what a message calls it.
        """
        if self._closed:
            raise ShuttingDown("the executor is stopping")
        if is_async(function):
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(_call(function, arguments), self._own_loop())
            )
        if self.abandoned >= self._most:
            raise Backpressure(f"{who}: all {self._most} threads are held by calls that do not come back")
        await self._room.acquire()
        return await self._on_thread(who, function, arguments)

    def findings(self) -> Iterator[Finding]:
        """Calls that do not come back."""
        if self.abandoned:
            calls = (
                f"{self.abandoned} of {self._most} threads are held by calls that nobody waits for any more"
            )
            yield Finding("externs", Health.DEGRADED, calls)

    def stop(self) -> None:
        """Let idle threads end; those that run end with the process. Safe to call twice."""
        self._closed = True
        for jobs in self._idle:
            jobs.put(None)
        self._idle.clear()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    async def _on_thread(self, who: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        jobs = self._idle.pop() if self._idle else _start_thread()

        def back(value: Any, error: BaseException | None) -> None:
            """On our loop: the call came back."""
            self._room.release()
            if self._closed:
                jobs.put(None)
            else:
                self._idle.append(jobs)
            if answer.cancelled():
                self.abandoned -= 1
                log.info("%s came back after it was given up; %d still run", who, self.abandoned)
            elif error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def job() -> None:
            value: Any = None
            error: BaseException | None = None
            try:
                value = function(**arguments)
            except BaseException as raised:
                error = _ordinary(raised)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(back, value, error)

        jobs.put(job)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled():
                self.abandoned += 1
                log.warning("%s is given up and cannot be stopped; %d such calls run", who, self.abandoned)
            raise

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run_loop, args=(self._loop,), name="externs", daemon=True).start()
        return self._loop


async def _call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    try:
        return await function(**arguments)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # `sys.exit()` and Ctrl-C would end the loop of all others, too
        raise _ordinary(error) from None


class Ended(Exception):
    """What was raised to end the program, or a loop. name: its class."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.name = type(error).__name__
        self.__traceback__ = error.__traceback__


def _ordinary(error: BaseException) -> Exception:
    """What a future can hold, and nobody takes for a wish to end the program."""
    return error if isinstance(error, Exception) and not isinstance(error, StopIteration) else Ended(error)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _start_thread() -> SimpleQueue[_Job | None]:
    jobs: SimpleQueue[_Job | None] = SimpleQueue()
    threading.Thread(target=_work, args=(jobs,), name="extern", daemon=True).start()
    return jobs


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()

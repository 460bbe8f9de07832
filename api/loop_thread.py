"""An event loop in a thread of its own, for code that is not `async`; and what serves there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..runtime.concurrency.event_loop import run_async
from ..runtime.http.server import Stop
from ..runtime.requests.errors import ShuttingDown

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")

Ready = Callable[[str], None]
Stopping = Callable[[], AbstractAsyncContextManager[Stop]]
Serving = Callable[[Ready, Stopping], Coroutine[Any, Any, None]]
"""Serves until it is told to stop, and says where, once it does."""


class LoopThread:
    """Runs coroutines until it is closed; whoever waits for one may be interrupted, which cancels it."""

    def __init__(self, name: str) -> None:
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._closed = asyncio.Event()
        self._begun: set[Future[Any]] = set()
        self._is_over = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self.loop = self._started.result()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work`, and come back at once."""
        began = asyncio.run_coroutine_threadsafe(work, self.loop)
        self._begun.add(began)
        began.add_done_callback(self._begun.discard)
        if self._is_over:
            began.cancel()
        return began

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives. Raises what it raises, and ShuttingDown where it is broken off by the end."""
        began = self.begin(work)
        try:
            return began.result()
        except CancelledError:
            raise closed() from None
        except BaseException:
            began.cancel()
            raise

    def close(self) -> None:
        """End the loop with all that still runs in it. Safe to call twice."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._closed.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        """What is begun while the loop ends would never be done: whoever waits for it hears that."""
        try:
            run_async(self._live())
        except BaseException as error:  # there is no loop, or no more files for one
            if self._started.done():
                raise
            self._started.set_exception(error)
        finally:
            self._is_over = True
            for began in tuple(self._begun):
                began.cancel()

    async def _live(self) -> None:
        self._started.set_result(asyncio.get_running_loop())
        await self._closed.wait()


def closed() -> ShuttingDown:
    """What those hear who still waited."""
    return ShuttingDown("the executor was closed before the answer was there")


@contextmanager
def served(serving: Serving, name: str) -> Iterator[str]:
    """The URL of what serves while the block runs. Raises what `serving` raises."""
    ready: Future[str] = Future()
    stop = Stop()

    @asynccontextmanager
    async def told() -> AsyncIterator[Stop]:
        yield stop

    def ended(done: Future[None]) -> None:
        if not ready.done():
            ready.set_exception(done.exception() or RuntimeError(f"the {name} ended before it took requests"))

    with LoopThread(name) as thread:
        work = thread.begin(serving(ready.set_result, told))
        work.add_done_callback(ended)
        try:
            yield ready.result()
        except BaseException:
            thread.loop.call_soon_threadsafe(stop.at_once.set)
            raise
        finally:
            thread.loop.call_soon_threadsafe(stop.asked.set)
            wait([work])
        work.result()

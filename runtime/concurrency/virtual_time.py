"""An event loop whose clock jumps to the next timer instead of waiting for it.

Tests and simulations run on it: hours pass in milliseconds, and nothing depends on how fast a machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Every task waits for something that no timer will bring."""


class _Handle(list[Any]):
    """What is to be called: `[time, number, callback, arguments, context]`; of what is ready, the first two
    say nothing. Cancelled, it has no callback and no context.

    A list, since nothing else that can be changed is made and compared as fast: simulations make millions.
    """

    __slots__ = ()

    def cancel(self) -> None:
        self[2:] = None, (), None

    def cancelled(self) -> bool:
        return self[2] is None

    def when(self) -> float:
        """Of a timer."""
        return float(self[0])


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; time passes only while every task waits. Knows timers and tasks, no real I/O.

    What is given to a thread runs at once, in its place.
    """

    _ready: Any
    _stopping: bool
    get_debug = staticmethod(bool)  # False: each future and task asks

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[list[Any]] = []
        """By their time, and of the same time, those first that were set first."""
        self._numbers = 0
        super().__init__()

    def time(self) -> float:
        return self._now

    def _make_self_pipe(self) -> None:
        """Nobody outside can wake it; browsers have no sockets to do that with."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """It never sleeps."""

    def _run_once(self) -> None:
        """Turn after turn, until it is stopped: what is ready runs; where nothing is, the time of the next
        timer has come.

        asyncio's own turn asks the system for events each time, which here there are none of.
        """
        ready, timers = self._ready, self._timers
        while True:
            if not ready and not self._stopping:
                while timers and timers[0][2] is None:
                    heappop(timers)
                if not timers:
                    raise Deadlock
                self._now = max(self._now, timers[0][0])
            now = self._now
            while timers and timers[0][0] <= now:
                ready.append(heappop(timers))
            for _ in range(len(ready)):
                _, _, callback, arguments, context = ready.popleft()
                try:
                    if context is not None:
                        context.run(callback, *arguments)
                    elif callback is not None:
                        callback(*arguments)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    what = f"Exception in callback {callback!r}"
                    self.call_exception_handler({"message": what, "exception": error})
            if self._stopping:
                return

    def call_soon(  # type: ignore[override]  # what it gives is no asyncio.Handle, and can do the same
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Handle:
        handle = _Handle((0.0, 0, callback, args, copy_context() if context is None else context))
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # signals come in the loop's own thread

    def after(self, seconds: float) -> asyncio.Future[None]:
        """As `asyncio.sleep`, for those who sleep very often."""
        woken: asyncio.Future[None] = asyncio.Future(loop=self)
        self._numbers += 1
        heappush(self._timers, [self._now + seconds, self._numbers, _wake, (woken,), None])
        return woken

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Handle:
        self._numbers += 1
        timer = _Handle((when, self._numbers, callback, args, copy_context() if context is None else context))
        heappush(self._timers, timer)
        return timer

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Handle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_task(  # type: ignore[override]  # as asyncio's, which asks for more
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        """options: what Python of this version knows, such as `eager_start` from 3.12 on."""
        return asyncio.Task(coro, loop=self, name=name, context=context, **options)

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        """Generators are not remembered: whoever makes one closes it."""

    def run_in_executor(  # type: ignore[override]  # mypy cannot compare its type variables
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def _wake(sleeping: asyncio.Future[None]) -> None:
    if not sleeping.done():
        sleeping.set_result(None)


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time. Raises Deadlock where it would wait forever."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)

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


class _Handle(asyncio.Handle):
    """Made without asking whether anybody looks for mistakes, which is asked of each handle elsewhere."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], loop: Any, context: Context | None
    ) -> None:
        self._callback: Any = callback
        self._args = args
        self._loop = loop
        self._cancelled = False
        self._context = copy_context() if context is None else context
        self._repr = self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """The same of a timer."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: Any,
        context: Context | None,
    ) -> None:
        self._when = when
        self._callback: Any = callback
        self._args = args
        self._loop = loop
        self._cancelled = self._scheduled = False
        self._context = copy_context() if context is None else context
        self._repr = self._source_traceback = None


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; time passes only while every task waits. Knows timers and tasks, no real I/O.

    What is given to a thread runs at once, in its place.
    """

    _ready: Any
    _stopping: bool

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, Any]] = []
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
        """One turn: what is ready runs; where nothing is, the time of the next timer has come.

        asyncio's own turn asks the system for events each time, which here there are none of.
        """
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise Deadlock
            self._now = max(self._now, timers[0][0])
        now = self._now
        while timers and timers[0][0] <= now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    what = f"Exception in callback {handle!r}"
                    self.call_exception_handler({"message": what, "exception": error, "handle": handle})

    def call_soon(  # type: ignore[override]  # as below
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def after(self, seconds: float) -> asyncio.Future[None]:
        """As `asyncio.sleep`, for those who sleep very often."""
        woken: asyncio.Future[None] = self.create_future()
        self.call_at(self._now + seconds, _wake, woken)
        return woken

    def call_at(  # type: ignore[override]  # as below
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        self._numbers += 1
        heappush(self._timers, (when, self._numbers, timer))
        return timer

    def call_later(  # type: ignore[override]  # as below
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

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

"""An event loop whose clock jumps to the next timer instead of waiting for it.

Tests and simulations run on it: hours pass in milliseconds, and nothing depends on how fast a machine is.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Every task waits for something that no timer will bring."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; time passes only while every task waits. Knows timers and tasks, no real I/O.

    What is given to a thread runs at once, in its place.
    """

    _ready: Any
    _scheduled: Any
    _stopping: bool

    def __init__(self) -> None:
        self._now = 0.0
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
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready and not self._stopping:
            if not scheduled:
                raise Deadlock
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

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


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time. Raises Deadlock where it would wait forever."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)

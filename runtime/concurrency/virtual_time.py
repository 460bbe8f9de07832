"""An event loop whose clock jumps to the next timer instead of waiting for it.

Tests and simulations run on it: hours pass in milliseconds, and nothing depends on how fast a machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from time import perf_counter
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Every task waits for something that no timer will bring."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; time passes only while every task waits. Knows timers and tasks, no real I/O.

    What is given to a thread runs at once, in its place. measured: the time that it takes passes here, too.
    """

    def __init__(self, *, measured: bool = False) -> None:
        self._now = 0.0
        self._measured = measured
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        self._now += seconds

    def run_in_executor(  # type: ignore[override]  # mypy cannot compare its type variables
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self.create_future()
        began = perf_counter()
        try:
            value, error = func(*args), None
        except Exception as raised:
            value, error = None, raised

        def finish() -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

        if self._measured:
            self.call_later(perf_counter() - began, finish)
        else:
            finish()
        return done


class _JumpingSelector(selectors.SelectSelector):
    """Finds no event ever, and lets the time pass that it was told to wait."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self._loop.jump(timeout)
        return []


def run_virtual(main: Coroutine[Any, Any, T], *, measured: bool = False) -> T:
    """Run `main` to its end in virtual time. Raises Deadlock where it would wait forever."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(measured=measured)) as runner:
        return runner.run(main)

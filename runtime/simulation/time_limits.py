"""Code of users that runs in this process, and an end to it that is enforced, by the clock on the wall."""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType, coroutine
from typing import Any


class Overdue(BaseException):
    """Code has run for too long. No `Exception`, so that `except Exception` in it does not swallow this."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Overdue in what runs here, when it has taken so long.

    Only where Python can be interrupted: on the main thread, and not on Windows. Elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Overdue

    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)


@coroutine
def stepwise(awaited: Awaitable[Any], seconds: float) -> Generator[Any, Any, Any]:
    """Await something whose single steps, from one wait to the next, may take so long each."""
    steps: Any = awaited.__await__()
    go_on: Callable[[], Any] = lambda: steps.send(None)  # noqa: E731  # the other one holds an error
    while True:
        try:
            with within(seconds):
                waited = go_on()
        except StopIteration as stop:
            return stop.value
        try:
            yield waited
            go_on = lambda: steps.send(None)  # noqa: E731
        except BaseException as error:
            go_on = _thrown(steps, error)


def _thrown(steps: Any, error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)

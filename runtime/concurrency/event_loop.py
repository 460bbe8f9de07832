"""Running the event loop: uvloop where it is installed, asyncio everywhere else."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from .garbage_collection import collect_from_now_on

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T], *, lingering: float | None = None) -> T:
    """Run `main` to its end on a new event loop, and close the loop.

    lingering: seconds that closing may take, for which tasks and threads are to end; then the process is
    ended, whatever they do. None: they are waited for.
    """
    collect_from_now_on()
    with ExitStack() as closing, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        status = 1
        try:
            result = runner.run(main)
            status = 0
            return result
        finally:
            if lingering is not None:
                timer = threading.Timer(lingering, os._exit, (status,))
                timer.daemon = True
                timer.start()
                closing.callback(timer.cancel)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from .quick_loop import QuickLoop
    except ImportError:
        return None
    return QuickLoop

"""Running the event loop: uvloop where it is installed, asyncio everywhere else."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T], *, lingering: float | None = None) -> T:
    """Run `main` to its end on a new event loop, and close the loop.

    lingering: seconds that threads and tasks may run on after `main`; then the process is ended, whatever
    they do. None: they are waited for.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main if lingering is None else _then_end(main, lingering))


async def _then_end(main: Coroutine[Any, Any, T], lingering: float) -> T:
    status = 1
    try:
        result = await main
        status = 0
        return result
    finally:
        timer = threading.Timer(lingering, os._exit, (status,))
        timer.daemon = True
        timer.start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory

"""A lock that lives longer than an event loop."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class LoopLock:
    """A lock between the tasks of one event loop: `async with lock():`; every loop has its own.

    `asyncio.Lock` belongs to the first loop that had to wait for it.
    """

    def __init__(self) -> None:
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def __call__(self) -> asyncio.Lock:
        """The lock of the running loop."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

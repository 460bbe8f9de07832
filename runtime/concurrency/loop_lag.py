"""How late the event loop is: what waits for its turn waits at least as long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .tasks import end_task

EVERY = 0.25
"""Seconds between two looks."""


class LoopLag:
    """Measures while its block runs."""

    def __init__(self) -> None:
        self._worst = 0.0

    def take(self) -> float:
        """The worst, in seconds, since it was taken last."""
        worst, self._worst = self._worst, 0.0
        return worst

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """Looks again and again."""
        task = asyncio.create_task(self._measure(), name="lag of the event loop")
        try:
            yield
        finally:
            await end_task(task)

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._worst = max(self._worst, loop.time() - due)

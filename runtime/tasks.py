"""Ending tasks that we own."""

from __future__ import annotations

import asyncio
from typing import Any

_AGAIN = 0.1


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel `task` until it has ended: libraries that it waits in may swallow a cancellation.

    Raises what it failed with, if it did.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN)
    if not task.cancelled():
        task.result()

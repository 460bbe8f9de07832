"""Tasks that we own: begun with a block of code, and ended with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)

_AGAIN = 0.1


@asynccontextmanager
async def repeated(work: Callable[[], Awaitable[object]], every: float, name: str) -> AsyncIterator[None]:
    """While the block runs, do `work` with `every` seconds before each time, also after it has failed. name:
    of the task that does.
    """
    task = asyncio.create_task(_repeat(work, every, name), name=name)
    try:
        yield
    finally:
        await end_task(task)


async def _repeat(work: Callable[[], Awaitable[object]], every: float, name: str) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await work()
        except Exception:
            log.exception("%s: this failed, and is tried again", name, extra={"kind": name})


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel `task` until it has ended: libraries that it waits in may swallow a cancellation.

    Raises what it failed with, if it did.
    """
    await end_tasks([task])
    if not task.cancelled():
        task.result()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """The same for all of `tasks` at once; what they failed with stays with them."""
    all_of_them = list(tasks)
    left = {task for task in all_of_them if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    for task in all_of_them:
        if not task.cancelled():
            task.exception()  # or else asyncio complains that nobody looked


async def first_of(task: asyncio.Future[Any], other: Any) -> None:
    """Wait until one of both is done."""
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks([waiting])

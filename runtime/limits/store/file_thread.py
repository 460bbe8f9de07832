"""The thread on which a file is used: nothing else waits for a slow disk, and nobody waits for long."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ...concurrency.native_work import left_behind
from .problems import StoreError

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that anybody waits for a file. What has begun by then may still be done, so it has to count once
where it is asked again."""

_MOST = 100
"""What is done in one transaction at most, for which other processes wait."""


class FileThread:
    """The thread of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"state-{path.stem}")

    async def do(self, act: Callable[..., T], *arguments: Any) -> T:
        """What `act` gives. Raises StoreError where it takes too long, or there is no thread for it now."""
        try:
            doing = asyncio.get_running_loop().run_in_executor(self._executor, left_behind, act, *arguments)
        except RuntimeError as error:
            raise self.error(error) from None
        return await self.within(doing)

    async def within(self, doing: Awaitable[T]) -> T:
        """What `doing` gives. Raises StoreError where that takes too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await doing
        except TimeoutError:
            raise self.error(f"it does not answer within {PATIENCE:g} s") from None

    async def end(self, close: Callable[[], object]) -> None:
        """Close the file after what has begun. Safe to call twice."""
        with suppress(StoreError):
            await self.do(close)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def error(self, reason: object) -> StoreError:
        """What is raised for a reason."""
        return StoreError(f"the state in {self._path} cannot be used: {reason}")


Act = Callable[[sqlite3.Connection], Any]
"""What is done in a transaction. Raises ValueError where it alone cannot be done."""


class _Asked(NamedTuple):
    act: Act
    writes: bool
    outcome: asyncio.Future[Any]


class Together:
    """Does together what is asked for while something is done before: a disk that is slow is so once for all.

    transact: on `thread`, gives what each gives or what was wrong with it, in one transaction of this kind.
    """

    def __init__(self, thread: FileThread, transact: Callable[[Sequence[Act], str], list[Any]]) -> None:
        self._thread, self._transact = thread, transact
        self._asked: list[_Asked] = []
        self._doing: asyncio.Task[None] | None = None

    async def do(self, act: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        """What `act` gives. Raises StoreError."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(act, writes, outcome))
        if self._doing is None or self._doing.done():  # done: cancelled, with those it worked for
            self._doing = asyncio.create_task(self._do_asked())
        return await self._thread.within(outcome)

    async def _do_asked(self) -> None:
        while self._asked:
            some, self._asked = self._asked[:_MOST], self._asked[_MOST:]
            begin = "BEGIN IMMEDIATE" if any(each.writes for each in some) else "BEGIN"
            try:
                done = await self._thread.do(self._transact, [each.act for each in some], begin)
            except Exception as error:
                done = [error] * len(some)
            for each, given in zip(some, done, strict=True):
                if each.outcome.done():  # nobody waits any more
                    continue
                if isinstance(given, Exception):
                    each.outcome.set_exception(given)
                else:
                    each.outcome.set_result(given)
        self._doing = None

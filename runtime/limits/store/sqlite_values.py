"""Values in the file of the spend."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from .file_thread import Together
from .problems import Problems

T = TypeVar("T")

_KEEP = (
    "INSERT INTO kept VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET until = excluded.until, value = excluded.value"
)
_FORGET = "DELETE FROM kept WHERE until <= ?"
_MAKE_ROOM = "DELETE FROM kept WHERE name IN (SELECT name FROM kept ORDER BY until DESC LIMIT -1 OFFSET ?)"
MOST_KEPT = 20_000
"""Values that are kept; those that go first anyway make room."""


class SqliteValues:
    """Values beside the spend of `store`; the clock is that of the machine."""

    def __init__(self, together: Together, problems: Problems) -> None:
        self._together, self._problems = together, problems

    async def put(self, name: str, value: str, seconds: float) -> None:
        def put(connection: sqlite3.Connection) -> None:
            now = time.time()
            connection.execute(_FORGET, (now,))
            connection.execute(_KEEP, (name, now + seconds, value))
            connection.execute(_MAKE_ROOM, (MOST_KEPT,))

        await self._do(put)

    async def get(self, name: str) -> str | None:
        def get(connection: sqlite3.Connection) -> str | None:
            asked = "SELECT value FROM kept WHERE name = ? AND until > ?"
            found = connection.execute(asked, (name, time.time())).fetchone()
            return None if found is None else str(found[0])

        return await self._do(get, writes=False)

    async def swap(self, name: str, before: str, value: str, seconds: float) -> bool:
        def swap(connection: sqlite3.Connection) -> bool:
            now = time.time()
            asked = "UPDATE kept SET value = ?, until = ? WHERE name = ? AND value = ? AND until > ?"
            return connection.execute(asked, (value, now + seconds, name, before, now)).rowcount > 0

        return await self._do(swap)

    async def delete(self, name: str) -> bool:
        def delete(connection: sqlite3.Connection) -> bool:
            asked = "DELETE FROM kept WHERE name = ? AND until > ?"
            return connection.execute(asked, (name, time.time())).rowcount > 0

        return await self._do(delete)

    async def _do(self, act: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> T:
        with self._problems.watch("values"):
            return await self._together.do(act, writes=writes)

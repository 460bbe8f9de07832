"""Spend in a file, so that it survives a restart, also one that was not planned."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from ...requests.errors import StartError
from .protocol import SharedHealth, SharedLimits, StoreError

log = logging.getLogger(__name__)

FILE = "spend.sqlite3"

_PATIENCE = 5.0
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spend (
    account TEXT NOT NULL,
    minute INTEGER NOT NULL,
    picodollars INTEGER NOT NULL,
    PRIMARY KEY (account, minute)
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO spend VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET picodollars = picodollars + excluded.picodollars
"""


class SqliteStore:
    """A SQLite file in `directory`; processes of one machine may share it.

    A file that is damaged is kept aside, and a new one begun.
    """

    lasting = True
    limits: SharedLimits | None = None
    health: SharedHealth | None = None

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / FILE
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    async def start(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._connection = await asyncio.to_thread(self._open)
        except (OSError, sqlite3.Error) as error:
            raise StartError(f"the state in {self._path} cannot be used: {error}") from None

    async def stop(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with self._lock:
                connection.close()

    async def spend(self, account: str, since: int) -> dict[int, int]:
        return await asyncio.to_thread(self._spend, account, since)

    async def add_spend(self, account: str, amounts: Mapping[int, int], oldest: int) -> None:
        await asyncio.to_thread(self._add_spend, account, amounts, oldest)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError:  # locked, not readable: nothing wrong with what is in it
            raise
        except sqlite3.DatabaseError as error:
            kept = self._keep_aside()
            log.warning(
                "the spend in %s is damaged (%s): it is kept as %s, and counting starts anew",
                self._path,
                error,
                kept.name,
            )
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (found,) = connection.execute("PRAGMA quick_check").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[0])
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise sqlite3.OperationalError(f"it was written by another version of inferc ({version})")
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("SELECT account, minute, picodollars FROM spend LIMIT 1")
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep_aside(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        kept = self._path.with_name(f"{FILE}.damaged-{stamp}")
        self._path.rename(kept)
        for suffix in ("-wal", "-shm"):
            beside = self._path.with_name(FILE + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
        return kept

    def _spend(self, account: str, since: int) -> dict[int, int]:
        question = "SELECT minute, picodollars FROM spend WHERE account = ? AND minute >= ?"
        with self._lock:
            try:
                return dict(self._open_connection().execute(question, (account, since)).fetchall())
            except sqlite3.Error as error:
                raise self._unusable(error) from None

    def _add_spend(self, account: str, amounts: Mapping[int, int], oldest: int) -> None:
        rows = [(account, minute, amount) for minute, amount in amounts.items()]
        with self._lock:
            connection = self._open_connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_ADD, rows)
                connection.execute("DELETE FROM spend WHERE account = ? AND minute < ?", (account, oldest))
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise self._unusable(error) from None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"the state in {self._path} is closed")
        return self._connection

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"the state in {self._path} cannot be used: {error}")

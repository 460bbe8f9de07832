"""Spend in a file, so that it survives a restart, also one that was not planned."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...policies.lease import Granted, SpendState
from ...requests.errors import StartError
from .file_thread import Act, FileThread, Together
from .looks import Looks
from .problems import Problems, StoreError
from .protocol import Change, SharedHealth, SharedLimits, SharedSpend, SharedValues
from .shared_file import FileHealth, FileLimits, SharedFile, alone_in, is_broken, transaction
from .sqlite_values import SqliteValues

FILE = "spend.sqlite3"

_PATIENCE = 5.0
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS budgets (account TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spend (
    account TEXT NOT NULL,
    minute INTEGER NOT NULL,
    picodollars INTEGER NOT NULL,
    PRIMARY KEY (account, minute)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, until REAL NOT NULL, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS kept_until ON kept (until);
"""
_WRITE = "INSERT INTO budgets VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state"


class SqliteStore:
    """A SQLite file in `directory`; processes of one machine may share it.

    A file that is damaged is kept aside, and a new one begun. several: processes share limits and circuits
    there, too; one alone knows them better by itself.
    """

    def __init__(self, directory: Path, *, several: bool = False) -> None:
        self.where = str(directory)
        self.problems = Problems()
        self.spend: SharedSpend | None = self
        self._thread = FileThread(directory / FILE)
        self.values: SharedValues = SqliteValues(Together(self._thread, self.transact), self.problems)
        self._budgets = Together(self._thread, self.transact)
        self._shared = SharedFile(directory, self.problems) if several else None
        self.limits: SharedLimits | None = FileLimits(self._shared) if self._shared else None
        self.health: SharedHealth | None = FileHealth(self._shared) if self._shared else None
        self._directory = directory
        self._path = directory / FILE
        self._opened: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._looks = Looks()
        self._is_unwritten = False
        """Whether the last change was not kept: a disk may let itself be read that is full."""
        self._is_heard = False
        """Whether somebody got what was found at the last look: it may have taken too long."""
        self._version: int | None = None
        """Of the file at the last look: another one where other connections have written since."""

    async def start(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._connection = await asyncio.to_thread(self._open)
        except (OSError, sqlite3.Error) as error:
            raise StartError(
                f"the state in {self._path} cannot be used: {error}; name another folder with --state"
            ) from None
        if self._shared is not None:
            await self._shared.start()

    async def stop(self) -> None:
        if self._shared is not None:
            await self._shared.stop()
        await self._thread.end(self._close)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    async def update(self, account: str, change: Change) -> Granted:
        """As `SharedSpend.update`; the time is that of the machine, on which all of them are."""
        with self.problems.watch("budgets"):
            writes = self._is_unwritten
            try:
                granted = await self._budgets.do(partial(self._update, account, change, writes))
            except StoreError:
                self._is_unwritten = True
                raise
            if writes:
                self._is_unwritten = False
            return granted

    async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
        """As `SharedSpend.look`."""
        anew, self._is_heard = not self._is_heard, False
        with self.problems.watch("what is spent"):
            found = await self._budgets.do(partial(self._look, accounts, anew), writes=False)
        self._is_heard = True
        return found

    def _open(self) -> sqlite3.Connection:
        """A connection; processes that start at the same time wait for each other."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._open_or_begin_anew()
            except sqlite3.OperationalError as error:
                if (
                    getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY
                    or time.monotonic() > deadline
                ):
                    raise
            time.sleep(random.uniform(0.01, 0.05))

    def _open_or_begin_anew(self) -> sqlite3.Connection:
        with alone_in(self._directory):
            try:
                return self._connect()
            except sqlite3.OperationalError:  # locked, not readable: nothing wrong with what is in it
                raise
            except sqlite3.DatabaseError as error:
                self._keep_aside(error)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            (found,) = connection.execute("PRAGMA quick_check").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[0])
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise sqlite3.OperationalError(f"it was written by a newer version of inferc ({version})")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("SELECT account, minute, picodollars FROM spend LIMIT 1")
            connection.execute("SELECT account, state FROM budgets LIMIT 1")
        except BaseException:
            connection.close()
            raise
        self._opened, self._version = self._there(), None
        return connection

    def _keep_aside(self, error: sqlite3.DatabaseError) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        kept = self._path.with_name(f"{FILE}.damaged-{stamp}")
        self._path.rename(kept)
        for suffix in ("-wal", "-shm"):
            beside = self._path.with_name(FILE + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
        self.problems.mended(
            f"the spend in {self._path} is damaged ({error}): it is kept as {kept.name}, and counting "
            "starts anew"
        )

    def _update(self, account: str, change: Change, writes: bool, connection: sqlite3.Connection) -> Granted:
        state = self._read(connection, account)
        granted = change(state, time.time())
        if writes or granted.state != state:
            connection.execute(_WRITE, (account, granted.state.encode()))
            self._looks.seen.pop(account, None)
        return granted

    def _look(
        self, accounts: Sequence[str], anew: bool, connection: sqlite3.Connection
    ) -> dict[str, SpendState]:
        if anew:
            self._looks.seen = {}
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        seen = self._looks.seen if version == self._version else {}
        found = {each: seen[each] if each in seen else _text(connection, each) for each in accounts}
        self._version = version
        return self._looks.changed(found)

    def transact(self, acts: Sequence[Act], begin: str = "BEGIN IMMEDIATE") -> list[Any]:
        """What each of `acts` gives, or what is wrong with what is kept for it: all in one transaction, which
        counts or does not; where what is open is broken, it is opened anew for that. Raises StoreError."""
        try:
            try:
                return self._transact(acts, begin)
            except sqlite3.Error as error:
                self._looks.seen = {}  # what was seen in it is none
                if not is_broken(error):
                    raise
                if self._there() == self._opened:
                    self._opened = None
                return self._transact(acts, begin)
        except (OSError, sqlite3.Error) as error:
            raise self._thread.error(error) from None

    def _transact(self, acts: Sequence[Act], begin: str) -> list[Any]:
        connection = self._open_connection()
        with transaction(connection, begin):
            return [self._outcome(act, connection) for act in acts]

    def _outcome(self, act: Act, connection: sqlite3.Connection) -> Any:
        try:
            return act(connection)
        except ValueError as error:
            return self._thread.error(error)

    def _read(self, connection: sqlite3.Connection, account: str) -> SpendState:
        """What is kept for `account`; it begins with what the first version kept by the deployment's name."""
        text = _text(connection, account)
        if text is not None:
            return SpendState.decode(text)
        if account.startswith("/"):  # of no deployment
            return SpendState()
        name = account.rpartition("/")[2]
        return SpendState(
            dict(connection.execute("SELECT minute, picodollars FROM spend WHERE account = ?", (name,)))
        )

    def _there(self) -> tuple[int, int] | None:
        """What tells the file that is there from another one that takes its place."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open_connection(self) -> sqlite3.Connection:
        """The connection to the file that is there, which may not be the one that was there at the start."""
        if self._connection is None:
            raise sqlite3.OperationalError("it is closed")
        before, there = self._opened, self._there()
        if there is None or there != before or self._is_closed:
            self._is_closed = True  # also where it cannot be opened now
            self._connection.close()
            self._directory.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
            self._is_closed = False
            if before is not None and there != before:  # a new file may get the number of the old one
                self.problems.mended(
                    f"the state in {self._path} was removed while it was in use: it begins anew with what "
                    "this process knows"
                )
        return self._connection


def _text(connection: sqlite3.Connection, account: str) -> str | None:
    found = connection.execute("SELECT state FROM budgets WHERE account = ?", (account,)).fetchone()
    return None if found is None else str(found[0])

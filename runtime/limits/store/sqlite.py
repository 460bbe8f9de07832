"""Spend in a file, so that it survives a restart, also one that was not planned."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from ...policies.lease import Granted, SpendState
from ...requests.errors import StartError
from .looks import Looks
from .problems import Problems, StoreError, on_a_thread
from .protocol import Change, SharedHealth, SharedLimits, SharedSpend, SharedValues
from .shared_file import FileHealth, FileLimits, SharedFile, alone_in, is_broken, transaction

T = TypeVar("T")

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


_KEEP = (
    "INSERT INTO kept VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET until = excluded.until, value = excluded.value"
)
_FORGET = "DELETE FROM kept WHERE until <= ?"
_MAKE_ROOM = "DELETE FROM kept WHERE name IN (SELECT name FROM kept ORDER BY until DESC LIMIT -1 OFFSET ?)"
MOST_KEPT = 20_000
"""Values that are kept; those that go first anyway make room."""


_TOGETHER = 100
"""Budgets that are changed in one transaction at most, for which other processes wait."""


class _Update(NamedTuple):
    account: str
    change: Change
    outcome: asyncio.Future[Granted]


class SqliteStore:
    """A SQLite file in `directory`; processes of one machine may share it.

    A file that is damaged is kept aside, and a new one begun. several: processes share limits and circuits
    there, too; one alone knows them better by itself.
    """

    def __init__(self, directory: Path, *, several: bool = False) -> None:
        self.where = str(directory)
        self.problems = Problems()
        self.spend: SharedSpend | None = self
        self.values: SharedValues = SqliteValues(self)
        self._shared = SharedFile(directory, self.problems) if several else None
        self.limits: SharedLimits | None = FileLimits(self._shared) if self._shared else None
        self.health: SharedHealth | None = FileHealth(self._shared) if self._shared else None
        self._directory = directory
        self._path = directory / FILE
        self._opened: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._asked: list[_Update] = []
        self._updating: asyncio.Task[None] | None = None
        self._looks = Looks()
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
            self._shared.close()
        connection, self._connection = self._connection, None
        if connection:
            with self._lock:
                connection.close()

    async def update(self, account: str, change: Change) -> Granted:
        """As `SharedSpend.update`; the time is that of the machine, on which all of them are."""
        with self.problems.watch("budgets"):
            outcome: asyncio.Future[Granted] = asyncio.get_running_loop().create_future()
            self._asked.append(_Update(account, change, outcome))
            if self._updating is None or self._updating.done():  # done: cancelled, with those it worked for
                self._updating = asyncio.create_task(self._update_asked())
            return await outcome

    async def _update_asked(self) -> None:
        """Do what is asked for, and together what is asked for meanwhile."""
        while self._asked:
            some, self._asked = self._asked[:_TOGETHER], self._asked[_TOGETHER:]
            try:
                done = await on_a_thread(self.transact, partial(self._update, some))
            except Exception as error:
                done = [error] * len(some)
            for each, granted in zip(some, done, strict=True):
                if each.outcome.done():  # nobody waits any more
                    continue
                if isinstance(granted, Granted):
                    each.outcome.set_result(granted)
                else:
                    each.outcome.set_exception(granted)
        self._updating = None

    async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
        """As `SharedSpend.look`."""
        with self.problems.watch("budgets"):
            return await on_a_thread(self.transact, partial(self._look, accounts), "BEGIN")

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
        try:
            return self._connect()
        except sqlite3.OperationalError:  # locked, not readable: nothing wrong with what is in it
            raise
        except sqlite3.DatabaseError:
            with alone_in(self._directory):
                try:
                    return self._connect()  # to what another process has begun meanwhile
                except sqlite3.OperationalError:
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

    def _update(self, asked: Sequence[_Update], connection: sqlite3.Connection) -> list[Granted | Exception]:
        """What is granted of each, or what is wrong with what is kept for it."""
        done: list[Granted | Exception] = []
        for each in asked:
            try:
                state = self._read(connection, each.account)
            except ValueError as error:
                done.append(self._error(error))
                continue
            granted = each.change(state, time.time())
            if granted.state != state:
                connection.execute(_WRITE, (each.account, granted.state.encode()))
                self._looks.seen.pop(each.account, None)
            done.append(granted)
        return done

    def _look(self, accounts: Sequence[str], connection: sqlite3.Connection) -> dict[str, SpendState]:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        seen = self._looks.seen if version == self._version else {}
        found = {each: seen[each] if each in seen else _text(connection, each) for each in accounts}
        self._version = version
        return self._looks.changed(found)

    def transact(self, act: Callable[[sqlite3.Connection], T], begin: str = "BEGIN IMMEDIATE") -> T:
        """What `act` gives, all of which is done or nothing; where what is open is broken, it is opened anew
        for that. Raises StoreError."""
        with self._lock:
            try:
                try:
                    return self._transact(act, begin)
                except sqlite3.Error as error:
                    if not is_broken(error):
                        raise
                    if self._there() == self._opened:
                        self._opened = None
                    return self._transact(act, begin)
            except (OSError, sqlite3.Error, ValueError) as error:
                raise self._error(error) from None

    def _transact(self, act: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._open_connection()
        with transaction(connection, begin):
            return act(connection)

    def _error(self, error: Exception) -> StoreError:
        return StoreError(f"the state in {self._path} cannot be used: {error}")

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
        there = self._there()
        if there is None or there != self._opened:
            was_removed = self._opened is not None
            self._connection.close()
            self._directory.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
            if was_removed:
                self.problems.mended(
                    f"the state in {self._path} was removed while it was in use: it begins anew with what "
                    "this process knows"
                )
        return self._connection


class SqliteValues:
    """Values beside the spend of `store`; the clock is that of the machine."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

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

        return await self._do(get)

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

    async def _do(self, act: Callable[[sqlite3.Connection], T]) -> T:
        with self._store.problems.watch("values"):
            return await on_a_thread(self._store.transact, act)


def _text(connection: sqlite3.Connection, account: str) -> str | None:
    found = connection.execute("SELECT state FROM budgets WHERE account = ?", (account,)).fetchone()
    return None if found is None else str(found[0])

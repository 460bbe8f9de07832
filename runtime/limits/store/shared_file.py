"""What processes of one machine share for as long as they run: limits, circuits and holds, in a SQLite file.

Nothing of it has to outlast the machine, so that nobody waits for a disk. Times are those of the loop, which
is the same clock for all processes of a machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ....compiler.plan import RateLimits
from ...policies.shared_window import SharedWindow
from ...requests.errors import StartError
from .file_thread import FileThread
from .problems import Problems
from .protocol import AccountLimits, Ask, Grant, Opening, Return, Share

if sys.platform != "win32":
    import fcntl

T = TypeVar("T")

FILE = "shared.sqlite3"

FORGET = 60.0
"""Seconds after which a circuit that nobody probed counts as closed; its open time where that is longer."""
PROBING = 5.0
"""Seconds after which a process that probes, and is not heard of any more, makes room for another."""

_PATIENCE = 5.0
_BROKEN = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY)
_SCHEMA = "CREATE TABLE IF NOT EXISTS shared (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
_WRITE = "INSERT INTO shared VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state"


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """No other process opens a file there meanwhile, or takes it away: SQLite waits for neither."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # not all file systems lock folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def is_broken(error: Exception) -> bool:
    """Whether what is open may be of no use any more: it is damaged, another one than was opened, could not
    be read or written, or was opened while nothing could be written."""
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return type(error) is sqlite3.DatabaseError or kind in _BROKEN


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All that is done in the block counts, or nothing."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class SharedFile:
    """Texts by name, each changed by one process at a time."""

    def __init__(self, directory: Path, problems: Problems) -> None:
        self._directory = directory
        self._path = directory / FILE
        self._problems = problems
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._thread = FileThread(self._path)

    async def start(self) -> None:
        """Raises StartError."""
        try:
            await asyncio.to_thread(self._open)
        except (OSError, sqlite3.Error) as error:
            raise StartError(
                f"the state in {self._path} cannot be used: {error}; name another folder with --state"
            ) from None

    async def stop(self) -> None:
        """Safe to call twice."""
        await self._thread.end(self._close)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def change(self, name: str, act: Callable[[str | None], tuple[str, T]]) -> T:
        """What `act` gives beside the text that takes the place of the one it is given. Raises StoreError."""
        with self._problems.watch(name.partition(" ")[0]):
            return await self._thread.do(self._change, name, act)

    def _change(self, name: str, act: Callable[[str | None], tuple[str, T]]) -> T:
        try:
            try:
                return self._transact(name, act)
            except sqlite3.Error as error:
                if not is_broken(error):
                    raise
                if type(error) is sqlite3.DatabaseError:
                    with alone_in(self._directory):
                        if self._found() == self._opened:  # or else another process did
                            self._remove(error)
                elif self._found() == self._opened:
                    self._opened = None
                return self._transact(name, act)
        except (OSError, sqlite3.Error, ValueError) as error:
            raise self._thread.error(error) from None

    def _transact(self, name: str, act: Callable[[str | None], tuple[str, T]]) -> T:
        connection = self._connected()
        with transaction(connection):
            found = connection.execute("SELECT state FROM shared WHERE name = ?", (name,)).fetchone()
            before = None if found is None else found[0]
            after, outcome = act(before)
            if after != before:
                connection.execute(_WRITE, (name, after))
        return outcome

    def _connected(self) -> sqlite3.Connection:
        """The connection to the file that is there now."""
        if self._connection is None or self._opened is None or self._found() != self._opened:
            self._open()
        assert self._connection is not None
        return self._connection

    def _found(self) -> tuple[int, int] | None:
        """Which file is there now."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        with alone_in(self._directory):
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # locked, not readable
                    raise
                self._remove(error)
                self._connect()

    def _remove(self, error: sqlite3.DatabaseError) -> None:
        """Take a damaged file away, as one may be after a loss of power: no write waits for a disk."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(FILE + suffix).unlink(missing_ok=True)
        self._problems.mended(
            f"the limits and circuits in {self._path} are damaged ({error}): they begin anew with what each "
            "process knows"
        )

    def _connect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_SCHEMA)
            connection.execute("SELECT name, state FROM shared LIMIT 1")
            found = self._path.stat()
        except BaseException:
            connection.close()
            raise
        self._connection, self._opened = connection, (found.st_dev, found.st_ino)


class FileLimits:
    """Limits that the processes of a machine keep to together."""

    def __init__(self, file: SharedFile) -> None:
        self._file = file

    def account(self, key: str, limits: RateLimits) -> AccountLimits:
        """As `SharedLimits.account`."""
        return _FileAccount(self._file, f"limits {key}", limits)


class _FileAccount:
    """The part of one process in the limits of one account."""

    def __init__(self, file: SharedFile, name: str, limits: RateLimits) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._process = secrets.token_hex(8)
        self._later: list[Return] = []
        self._used = (0, 0)

    async def acquire(self, asks: Sequence[Ask], given_back: Sequence[Return], held: Sequence[str]) -> Grant:
        wanted = [(ask.tokens, ask.lease) for ask in asks]

        def act(window: SharedWindow, now: float) -> tuple[int, int, float]:
            window.renew(held, now)
            return window.acquire(self._limits, wanted, now)

        return Grant(*await self._tell(given_back, act))

    async def share(self, need: int, used: tuple[int, int], given_back: Sequence[Return]) -> Share:
        self._used = self._used[0] + used[0], self._used[1] + used[1]

        def act(window: SharedWindow, now: float) -> tuple[int, int, int, int]:
            return window.share(self._limits, self._process, need, self._used, now)

        requests, tokens, bucket, members = await self._tell(given_back, act)
        self._used = (0, 0)
        limits = self._limits
        return Share(
            None if limits.requests_per_minute is None else requests,
            None if limits.tokens_per_minute is None else tokens,
            bucket,
            members,
        )

    async def _tell(self, given_back: Sequence[Return], act: Callable[[SharedWindow, float], T]) -> T:
        """What `act` makes of the window in which `given_back` is given back, now or with the next call."""
        self._later += given_back
        back, now = tuple(self._later), asyncio.get_running_loop().time()

        def change(text: str | None) -> tuple[str, T]:
            window = SharedWindow() if text is None else SharedWindow.decode(text, now)
            window.settle(now)
            for each in back:
                window.correct(each.bucket, -each.requests, -each.tokens)
                if each.lease is not None:
                    window.leases.pop(each.lease, None)
            outcome = act(window, now)
            return window.encode(), outcome

        outcome = await self._file.change(self._name, change)
        del self._later[: len(back)]
        return outcome


class FileHealth:
    """What the processes of a machine tell each other about endpoints and accounts."""

    def __init__(self, file: SharedFile) -> None:
        self._file = file

    async def heard(
        self, endpoints: Sequence[str], accounts: Sequence[str]
    ) -> tuple[list[Opening | None], list[float]]:
        def look(known: _Known, now: float) -> tuple[list[Opening | None], list[float]]:
            circuits = [known.circuits.get(each) for each in endpoints]
            openings = [None if c is None else Opening(max(c["until"] - now, 0), c["for"]) for c in circuits]
            return openings, [max(known.holds.get(each, now) - now, 0) for each in accounts]

        return await self._do(look)

    async def open(self, endpoint: str, opening: Opening) -> None:
        def act(known: _Known, now: float) -> None:
            before = known.circuits.get(endpoint, {"until": 0.0})
            until = max(now + opening.seconds, before["until"])
            forget = until + max(opening.open_for, FORGET)
            known.circuits[endpoint] = {"until": until, "for": opening.open_for, "forget": forget}

        await self._do(act)

    async def close(self, endpoint: str) -> None:
        await self._do(lambda known, now: known.circuits.pop(endpoint, None))

    async def probe(self, endpoint: str, process: str) -> Opening | bool | None:
        def act(known: _Known, now: float) -> Opening | bool | None:
            circuit = known.circuits.get(endpoint)
            if circuit is None:
                return None
            if circuit["until"] > now:
                left = circuit["until"] - now
                return Opening(left, left)
            other, until = circuit.get("prober", (process, 0.0))
            if other != process and until > now:
                return False
            circuit["prober"] = process, now + PROBING
            return True

        return await self._do(act)

    async def release(self, endpoint: str, process: str) -> None:
        def act(known: _Known, now: float) -> None:
            circuit = known.circuits.get(endpoint)
            if circuit is not None and circuit.get("prober", ("",))[0] == process:
                del circuit["prober"]

        await self._do(act)

    async def hold(self, account: str, seconds: float) -> None:
        def act(known: _Known, now: float) -> None:
            known.holds[account] = max(known.holds.get(account, 0.0), now + seconds)

        await self._do(act)

    async def _do(self, act: Callable[[_Known, float], T]) -> T:
        now = asyncio.get_running_loop().time()

        def change(text: str | None) -> tuple[str, T]:
            known = _Known(text, now)
            outcome = act(known, now)
            return known.encode(), outcome

        return await self._file.change("circuits", change)


class _Known:
    """Circuits that are not closed, and accounts that are held, without those whose time has passed."""

    def __init__(self, text: str | None, now: float) -> None:
        circuits, holds = ({}, {}) if text is None else json.loads(text)
        self.circuits: dict[str, dict[str, Any]] = {
            name: each for name, each in circuits.items() if now < each["forget"]
        }
        self.holds: dict[str, float] = {name: until for name, until in holds.items() if now < until}

    def encode(self) -> str:
        return json.dumps([self.circuits, self.holds], sort_keys=True)

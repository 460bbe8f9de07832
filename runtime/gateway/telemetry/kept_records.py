"""What is known of requests, in the folder of the state, so that it outlasts a restart.

Each process has a file of its own, and a lock for it. One that starts takes over what nobody holds: its own
of before, and those of others that have gone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import orjson

from ...regular_file import read_regular
from .request_records import Records

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

SAVE_EVERY = 60.0
"""Seconds after which what is new is written; a process that is killed loses no more than that."""
LARGEST = 64 << 20
"""Bytes of a file."""
MOST_FILES = 256


class KeptRecords:
    """The file of one process in `folder`. name: of the state, whose requests they are."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._prefix = f"requests-{quote(name, safe='')}-"
        self._lock: IO[bytes] | None = None
        self._path = folder
        self._written = b""
        self._is_told = False

    def take_over(self, records: Records) -> None:
        """Take a file, and let `records` go on with what is in it, and in those that nobody holds. Blocks."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for index in range(MOST_FILES):
                path = self._folder / f"{self._prefix}{index}.json"
                if self._lock is not None and not path.exists():
                    continue
                lock = _locked(path.with_suffix(".lock"))
                if lock is None:
                    continue
                if self._lock is None:
                    self._lock, self._path = lock, path
                    self._read(path, records)
                    continue
                with lock:
                    self._read(path, records)
                    self.save(records)
                    path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what is known of requests cannot be kept in %s: %s", self._folder, error.strerror)

    def save(self, records: Records) -> None:
        """Write what is known, if there is anything new. Blocks."""
        if self._lock is None:
            return
        text = orjson.dumps(records.as_json())
        if text == self._written:
            return
        fresh = self._path.with_suffix(".new")  # nobody else has the lock
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.touch(0o600)
            fresh.write_bytes(text)
            fresh.replace(self._path)
            self._written, self._is_told = text, False
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()  # it may be what fills the disk
            if not self._is_told:
                log.warning("what is known of requests cannot be kept in %s: %s", self._path, error.strerror)
            self._is_told = True

    def close(self) -> None:
        """Let others take the file over. Safe to call twice."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _read(self, path: Path, records: Records) -> None:
        with suppress(FileNotFoundError):
            try:
                known: Any = orjson.loads(read_regular(path, LARGEST))
                records.restore(known)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log.warning("%s holds nothing about requests, and is begun anew: %s", path, error)


class KeepingRecords:
    """Keeps what `records` know in the folder `state`; nothing where it is none. name: of the state."""

    def __init__(self, records: Records, state: str | Path | None, name: str) -> None:
        self._records = records
        self._kept = None if state is None or "://" in str(state) else KeptRecords(Path(state), name)
        self._task: asyncio.Task[None] | None = None
        self._stops = asyncio.Event()

    async def start(self) -> None:
        """Go on with what was known before."""
        if self._kept is not None:
            await asyncio.to_thread(self._kept.take_over, self._records)
            self._task = asyncio.create_task(self._save(self._kept), name="what is known of requests")

    async def stop(self) -> None:
        """Write what is new. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None and self._kept is not None:
            self._stops.set()
            await task
            self._kept.close()

    async def _save(self, kept: KeptRecords) -> None:
        is_last = False
        while not is_last:
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVE_EVERY):
                    await self._stops.wait()
            is_last = self._stops.is_set()  # not later: what is written must be all that there is by then
            self._records.accounting.sort_in()
            with suppress(RuntimeError):  # there is no room for a thread
                await asyncio.to_thread(kept.save, self._records)


def _locked(path: Path) -> IO[bytes] | None:
    """A lock that nobody else has; None where somebody has it."""
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock

"""A line for each request, for people or as JSON, written beside the event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Protocol

import orjson

from ...requests.foreign_text import escaped

if sys.platform != "win32":
    import fcntl
    import termios

log = logging.getLogger(__name__)

FLUSH = 0.2
"""Seconds after which lines are written at the latest."""
MOST_LINES = 20_000
"""Lines that wait for a reader who does not read; those that come then are left out, and counted."""
PIECE = 4096
"""Bytes that a pipe takes as a whole."""
LARGE_PIECE = 16 << 10
"""Bytes that are written at once where all are taken as a whole, so that the event loop is disturbed less."""
LAST = 2.0
"""Seconds that who reads has for the last lines, at the end."""


class LogForm(StrEnum):
    """How lines of a log are written."""

    PEOPLE = "people"
    JSON = "json"


class Out(Protocol):
    """A file without a buffer, such as `io.FileIO`."""

    def fileno(self) -> int: ...

    def write(self, data: bytes, /) -> int | None:
        """How many bytes are written; none at once: None."""
        ...


class Line(Protocol):
    """What a line is written of, on the thread that writes it."""

    def as_json(self) -> Mapping[str, Any]: ...


class AccessLog:
    """Writes to `out`, which has no buffer, on a thread of its own: whoever reads it may be slow.

    The event loop does no more than to hand lines over: the thread sees itself to when they are written.
    """

    def __init__(self, out: Out, form: LogForm) -> None:
        self._out = out
        self._piece, self._pipe = _piece_of(out), _pipe_of(out)
        self._line: Callable[[Mapping[str, Any]], bytes] = _json_line if form is LogForm.JSON else _plain_line
        self._waiting: SimpleQueue[Line | None] = SimpleQueue()  # None wakes the thread to end
        self._left_out = 0
        self._thread: Thread | None = None
        self._ends = Event()  # set when the thread shall end
        self._stopping = asyncio.Lock()
        self._until: float | None = None
        """When what nobody reads is given up, once the thread shall end."""
        self._is_given_up = False
        self._lost: int | None = None
        """Lines that could not be written, since the last one that could; None: it can be written."""

    def write(self, record: Line) -> None:
        """Write a line soon."""
        if self._waiting.qsize() >= MOST_LINES:
            self._left_out += 1
            return
        self._waiting.put(record)
        if self._thread is None:
            thread = Thread(target=self._run, name="access log", daemon=True)
            with suppress(RuntimeError):  # there is no room for a thread: the next line tries again
                thread.start()
                self._thread = thread

    async def stop(self) -> None:
        """Write what is left and what comes meanwhile, as far as it is read in time. Safe to call twice: all
        who call wait for that."""
        async with self._stopping:
            if self._thread is None:
                return
            self._until = time.monotonic() + LAST
            self._ends.set()
            self._waiting.put(None)
            await asyncio.to_thread(self._thread.join)
            while left := self._taken():
                await asyncio.to_thread(self._put, left)
            self._thread = self._until = None
            self._ends.clear()

    def _run(self) -> None:
        told, ends = self._left_out, False
        while not ends:
            first = self._waiting.get()
            self._ends.wait(FLUSH)
            records = self._taken()  # also what wakes it to end, which may come when that time is over
            ends = self._ends.is_set()
            self._put(records if first is None else [first, *records])
            if self._left_out > told:
                log.warning("the access log is not read: %d lines are left out", self._left_out - told)
                told = self._left_out

    def _taken(self) -> list[Line]:
        """The lines that wait."""
        waiting = self._waiting
        return [line for _ in range(waiting.qsize()) if (line := waiting.get()) is not None]

    def _put(self, records: list[Line]) -> None:
        written = 0
        try:
            for piece in _pieces((self._line(record.as_json()) for record in records), self._piece):
                lines = piece.count(b"\n")
                if self._lost is not None:
                    piece = b"\n" + piece  # the last one, of this process or another, may have been cut
                pipe = self._pipe
                most = len(piece) if pipe is None or pipe.takes(len(piece)) else PIECE
                for at in range(0, len(piece), most):
                    while pipe is not None and not pipe.has_room(FLUSH):  # a write could not be broken off
                        if self._until is not None and time.monotonic() > self._until:
                            if not self._is_given_up:
                                log.warning("the access log is not read: its last lines are left out")
                            self._is_given_up = True
                            return
                    _write(self._out, piece[at : at + most])
                written += lines
                if self._lost is not None:
                    log.warning("the access log is written again; %d lines are left out", self._lost)
                    self._lost = None
        except (OSError, ValueError, TypeError) as error:  # the last one of what JSON does not take
            if self._lost is None:
                log.warning("the access log cannot be written, and lines are left out: %s", error)
                self._lost = 0
            self._lost += len(records) - written


def _write(out: Out, data: bytes) -> None:
    """Write all of it. Raises OSError, also where a part is written."""
    while data:
        taken = out.write(data)
        if not taken:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data = data[taken:]


def _piece_of(out: Out) -> int:
    """Bytes that are written to `out` without those of another process in between."""
    try:
        mode = os.fstat(out.fileno()).st_mode
    except (OSError, ValueError):  # it is none of the system's
        return PIECE
    return LARGE_PIECE if stat.S_ISREG(mode) or stat.S_ISCHR(mode) else PIECE


class _Pipe:
    """A pipe that somebody reads, or does not."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._reader = select.poll() if hasattr(select, "poll") else None
        if self._reader is not None:
            self._reader.register(number, select.POLLOUT)

    def has_room(self, seconds: float) -> bool:
        """Whether a piece is taken at once; so many seconds at most are waited for it."""
        return self._reader is None or bool(self._reader.poll(seconds * 1000))

    def takes(self, size: int) -> bool:
        """Whether so many bytes can be written at once, where a piece can: no reader is waited for."""
        if size <= PIECE:
            return True
        unread = fcntl.ioctl(self._number, termios.FIONREAD, bytes(4))
        return size <= LARGE_PIECE and not any(unread)


def _pipe_of(out: Out) -> _Pipe | None:
    """The pipe that `out` is; None where it is none."""
    try:
        number = out.fileno()
        return _Pipe(number) if stat.S_ISFIFO(os.fstat(number).st_mode) else None
    except (OSError, ValueError):
        return None


def _pieces(lines: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The lines in pieces of at most so many bytes, but for a line that is longer by itself."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        length = len(line)
        if piece and size + length > most:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += length
    if piece:
        yield b"".join(piece)


def _json_line(record: Mapping[str, Any]) -> bytes:
    """One JSON object."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _plain_line(record: Mapping[str, Any]) -> bytes:
    return f"{for_people(record)}\n".encode("utf-8", "surrogatepass")


def for_people(record: Mapping[str, Any]) -> str:
    """What is said of it, without what is nothing."""
    when = time.strftime("%H:%M:%S", time.localtime(record["time"]))
    said = [
        when,
        str(record["status"] or "---"),
        f"{record['seconds']:.3f}s",
        record["method"],
        record["path"],
    ]
    if "asked" in record:
        answered = record.get("deployment", record["asked"])
        said.append(record["asked"] if answered == record["asked"] else f"{record['asked']} -> {answered}")
    if "key" in record:
        said.append(f"key={record['key']}")
    if record["attempts"] > 1:
        said.append(f"attempts={record['attempts']}")
    if record["prompt_tokens"] or record["completion_tokens"]:
        said.append(f"tokens={record['prompt_tokens']}+{record['completion_tokens']}")
    if record.get("cost"):
        said.append(f"${record['cost']:.6g}")
    if "first" in record:
        said.append(f"first={record['first']:.3f}s")
    if record["outcome"] != "ok":
        said.append(record["outcome"])
    return escaped(" ".join((*said, record["id"])))

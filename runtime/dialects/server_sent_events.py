"""Server-sent events: bytes in, events out, whatever pieces the bytes arrive in."""

from __future__ import annotations

from typing import NamedTuple

MAX_LINE = 16 << 20
"""Bytes that one line may have."""


class Event(NamedTuple):
    """One event: its name (`b""` when it has none) and its data, lines joined with LF."""

    name: bytes
    data: bytes


class LineTooLong(Exception):
    """A line is longer than MAX_LINE."""


class SseParser:
    """Splits bytes into lines at LF, CR or CRLF before anything is decoded, and lines into events.

    Comments, unknown fields and `ping` events are skipped.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._after_cr = False
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[Event]:
        """The events that are complete with `received`. Raises LineTooLong."""
        if self._after_cr and received:
            received = received.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in received:
            self._after_cr = received.endswith(b"\r")
            received = received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._tail = (self._tail + received).split(b"\n")
        if len(self._tail) > MAX_LINE:
            raise LineTooLong
        events: list[Event] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif not line:
                if data := self._data:
                    if self._name != b"ping":
                        events.append(Event(self._name, data[0] if len(data) == 1 else b"\n".join(data)))
                    self._data = []
                self._name = b""
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
        return events

    def close(self) -> list[Event]:
        """The event that the end of the bytes leaves without its blank line, if there is one."""
        return self.feed(b"\n\n") if self._tail or self._data else []

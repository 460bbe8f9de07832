"""What clients leave unread of their answers: for how long each may, and how much all may together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

MAX_UNREAD = 32 << 20
"""Bytes that all clients together may leave unread; a single one may leave more."""
_LOOKS = 4
"""How often a client that reads slowly is looked at within the time that it may take."""


class Unread:
    """What one client has not taken yet, since it did not take all at once.

    size: bytes that were waiting to be sent when they were last looked at.
    since: when it last took something.
    """

    __slots__ = ("_loop", "_timer", "_transport", "_write", "since", "size")

    def __init__(self, transport: asyncio.Transport, write: float) -> None:
        """Abort `transport` when nothing is taken for `write` seconds, until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._transport, self._write = transport, write
        self.since = self._loop.time()
        self.size = transport.get_write_buffer_size()
        self._timer = self._loop.call_later(write / _LOOKS, self._look)

    def stop(self) -> None:
        """Look no more: all is taken, or the connection has ended."""
        self._timer.cancel()

    def give_up(self) -> None:
        """Abort the connection; what is unread counts no more."""
        self.size = 0
        self._transport.abort()

    def _look(self) -> None:
        now, waiting = self._loop.time(), self._transport.get_write_buffer_size()
        if waiting < self.size:
            self.since = now
        self.size = waiting
        if now >= self.since + self._write:
            self.give_up()
        else:
            self._timer = self._loop.call_later(self._write / _LOOKS, self._look)


def make_room(left: Iterable[Unread | None]) -> None:
    """Give up those whose clients have read nothing for the longest while all leave too much unread."""
    stuck = sorted((each for each in left if each is not None and each.size), key=lambda each: each.since)
    size = sum(each.size for each in stuck)
    for each in stuck[:-1]:
        if size <= MAX_UNREAD:
            return
        size -= each.size
        each.give_up()

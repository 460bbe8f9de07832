"""Connections that have answered, and wait for the next request to the same place."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class KeptConnections:
    """Connections of aiohttp's connector that are at rest; the one that was used last is used first.

    The connector could keep them itself, which costs four times as much for each request. seconds: for which
    one may be at rest.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._kept: deque[tuple[Any, Any, float]] = deque()  # those that rest for the longest come first
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def take(self) -> tuple[Any, Any] | None:
        """One on which nothing has happened since, with its protocol; None where there is none."""
        while self._kept:
            connection, protocol, _ = self._kept.pop()
            if not protocol.should_close and protocol.is_connected():
                return connection, protocol
            connection.close()
        return None

    def keep(self, connection: Any, protocol: Any, *, parsed: bool = True) -> None:
        """Keep `connection`, whose answer has been read; where it was not, or must not be kept, close it.

        parsed: whether a parser has read it, which knows that; else all of it was here, and it may be kept.
        """
        transport = protocol.transport
        if (
            self._is_closed
            or (parsed and protocol.should_close)
            or transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            connection.close()
            return
        self._kept.append((connection, protocol, self._loop.time()))
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)

    def close(self) -> None:
        """Close them, and keep none any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.drop()

    def drop(self) -> None:
        """Close those that are at rest: one that was used later turned out to be no more."""
        while self._kept:
            self._kept.pop()[0].close()

    def _look(self) -> None:
        """Close those that have rested for too long."""
        oldest = self._loop.time() - self._seconds
        while self._kept and self._kept[0][2] <= oldest:
            self._kept.popleft()[0].close()
        next_at = self._kept[0][2] + self._seconds if self._kept else None
        self._timer = None if next_at is None else self._loop.call_at(next_at, self._look)

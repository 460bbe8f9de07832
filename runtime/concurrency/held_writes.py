"""Small writes to many connections, a few at a time.

A write wakes who reads at the other end, and that takes longer than the write where it has fallen asleep on
another core since the last one, as it does while the next request is worked on.
"""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakKeyDictionary

_TOGETHER = 16
"""Writes that are held at most, so that others work on them while this turn of the loop goes on."""
_ALONE = 7
"""Writes that are not held after one that was alone in its turn, as those of a single client are."""
_of: WeakKeyDictionary[AbstractEventLoop, HeldWrites] = WeakKeyDictionary()


def held_writes() -> HeldWrites:
    """Those of the running loop. Answers and requests wait for each other: one bound is for both."""
    loop = asyncio.get_running_loop()
    found = _of.get(loop)
    if found is None:
        found = _of[loop] = HeldWrites()
    return found


class HeldWrites:
    """Writes that are held until there are some, or the turn of the loop is over.

    Whoever closes a connection, or writes to it in another way, asks for `flush` first.
    """

    __slots__ = ("_alone", "_in_turn", "held")

    def __init__(self) -> None:
        self.held: list[tuple[asyncio.Transport, bytes]] = []
        """What waits now."""
        self._in_turn = 0
        self._alone = 0

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write `data` soon, or at once, in the order of these calls."""
        if self._alone:
            self._alone -= 1
            transport.write(data)
            return
        if not self._in_turn:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._in_turn += 1
        self.held.append((transport, data))
        if len(self.held) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what is held now; what a connection has missed that is closed goes with it."""
        if self.held:
            held, self.held = self.held, []
            for transport, data in held:
                if not transport.is_closing():
                    transport.write(data)

    def _end_turn(self) -> None:
        if self._in_turn == 1:
            self._alone = _ALONE
        self._in_turn = 0
        self.flush()

"""Which runs are so short that the way to a thread and back costs more than they do."""

from __future__ import annotations

QUICK = 100e-6
"""Seconds up to which a run may keep the event loop waiting."""

TOO_LONG = 1e-3
"""Seconds after which a run that was taken for short has shown that it is not."""

_IN_A_ROW = 4


class Pace:
    """What is known about the time of runs, by their size: bytes of input.

    A size is quick once a few runs in a row, of this size or larger, have been.
    """

    def __init__(self) -> None:
        self._quick_up_to = -1
        self._smallest = 0
        self._row = 0

    def is_quick(self, size: int) -> bool:
        """Whether a run of this size may happen on the event loop."""
        return size <= self._quick_up_to

    def took(self, size: int, seconds: float) -> None:
        """A run on a thread took so long, of that thread's own time."""
        if seconds > QUICK:
            self._row = 0
            self._quick_up_to = min(self._quick_up_to, size - 1)
            return
        self._smallest = min(self._smallest, size) if self._row else size
        self._row += 1
        if self._row >= _IN_A_ROW:
            self._quick_up_to = max(self._quick_up_to, self._smallest)
            self._row = 0

    def kept_loop(self, seconds: float) -> None:
        """A run kept the event loop waiting for so long."""
        if seconds > TOO_LONG:
            self._quick_up_to = -1
            self._row = 0

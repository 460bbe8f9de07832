"""Which runs a thread gets at once: a pure state machine.

Handing a run to a thread and its results back costs as much as many runs of a small model. So a thread gets
a *turn*: one run where runs are long, and where they are short all that are ready, one after the other,
whose results come back together. Short runs have one turn at a time: two threads that take a lock from each
other at every run are slower than one.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Run = TypeVar("Run")

SHORT_RUN = 100e-6
"""Seconds that a run may take where several share a turn."""

MOST_RUNS = 32
"""Runs in one turn at most: the first of them is answered with the last."""

_SMOOTHING = 0.1


class Scheduler(Generic[Run]):
    """The runs that may start, until a thread gets them.

    short: seconds up to which a run is short; 0 gives every run a turn of its own.
    """

    def __init__(self, short: float = SHORT_RUN) -> None:
        self._short = short
        self._seconds: float | None = None
        self._ready: deque[Run] = deque()
        self._seen = 0
        self._under_way = 0

    @property
    def are_shared(self) -> bool:
        """Whether runs are so short that several share a turn."""
        return self._seconds is not None and self._seconds < self._short

    @property
    def are_ready(self) -> bool:
        """Whether runs wait for a turn."""
        return bool(self._ready)

    def add(self, run: Run) -> None:
        """`run` may start."""
        self._ready.append(run)

    def wants_more(self) -> bool:
        """Whether to ask again before `begin`: short runs have become ready since this was last asked."""
        seen, self._seen = self._seen, len(self._ready)
        return self.are_shared and seen < self._seen < MOST_RUNS

    def begin(self) -> list[list[Run]]:
        """The turns that begin now."""
        self._seen = 0
        if not self.are_shared:
            turns = [[run] for run in self._ready]
            self._ready.clear()
        elif self._under_way or not self._ready:
            turns = []
        else:
            turns = [[self._ready.popleft() for _ in range(min(len(self._ready), MOST_RUNS))]]
        self._under_way += len(turns)
        return turns

    def end(self, runs: int, seconds: float) -> None:
        """A turn of so many runs is over, for which its thread worked so long."""
        self._under_way -= 1
        each = seconds / runs
        self._seconds = each if self._seconds is None else self._seconds + _SMOOTHING * (each - self._seconds)

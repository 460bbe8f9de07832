"""What a fault is, and the table of them all."""

from __future__ import annotations

import importlib
import inspect
import math
import time
from collections.abc import Callable
from functools import cache

from attrs import Factory, define, frozen

GROUPS = {
    "providers": "Providers",
    "clients": "Clients",
    "money": "Money and state",
    "code": "Code of users",
    "models": "Models and launched servers",
    "files": "Files and commands",
}
"""The modules with faults, and their titles in docs/reliability.md."""


@define
class Seen:
    """What was seen while a fault was played. busy: other things run here, so times say nothing, and nothing
    is played for longer than it takes to see what is promised.
    """

    busy: bool = False
    notes: list[str] = Factory(list)
    broken: list[str] = Factory(list)

    def __call__(self, holds: object, note: str) -> None:
        """Note what was seen, and whether that is as promised."""
        self.notes.append(note)
        if not holds:
            self.broken.append(note)

    def within(self, seconds: float | None, promised: float, what: str) -> None:
        """Something took so many seconds; None: it did not happen. On a busy machine it has to happen."""
        if seconds is None or math.isinf(seconds):
            self(False, f"{what}: never")
            return
        shown = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
        self(self.busy or seconds <= promised, f"{what}: {shown}")

    def grown(self, megabytes: float, promised: float) -> None:
        """The memory of a process grew by so much."""
        self(megabytes <= promised, f"memory grew by {max(0, megabytes):.0f} MB")

    def no_traceback(self, log: str) -> None:
        """The log of a process shows what happened in words."""
        number = log.count("Traceback (most recent")
        self(not number, f"{number or 'no'} tracebacks in the log")


Play = Callable[[Seen], None]


@frozen
class Fault:
    """One fault. quick: seconds, whatever else runs; alone: nothing else may run while it is measured."""

    name: str
    group: str
    promise: str
    done: str
    play: Play
    quick: bool
    alone: bool

    def played(self, busy: bool) -> tuple[Seen, float]:
        """Play it: what was seen, and the seconds that it took. A play that fails has broken its promise."""
        seen, began = Seen(busy), time.monotonic()
        try:
            self.play(seen)
        except Exception as error:
            seen(False, f"not played to its end: {type(error).__name__}: {error}")
        return seen, time.monotonic() - began


_FAULTS: list[Fault] = []


def fault(*, quick: bool = False, alone: bool = False) -> Callable[[Play], Play]:
    """Put a function into the table. Its docstring: the promise, an empty line, and what is done."""

    def add(play: Play) -> Play:
        promise, _, done = inspect.cleandoc(play.__doc__ or "").partition("\n\n")
        group = play.__module__.rpartition(".")[2]
        promise, done = " ".join(promise.split()), " ".join(done.split())
        _FAULTS.append(Fault(play.__name__, group, promise, done, play, quick, alone))
        return play

    return add


@cache
def faults() -> tuple[Fault, ...]:
    """All of them, in the order of the groups and of their modules."""
    for group in GROUPS:
        importlib.import_module(f".{group}", __package__)
    order = list(GROUPS)
    return tuple(sorted(_FAULTS, key=lambda each: order.index(each.group)))

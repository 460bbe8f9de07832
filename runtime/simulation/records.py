"""What became of the requests of one statement: each of an `ask`, and all of a `load` together."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from attrs import field

from ...compiler.plan.record import define
from ..requests.trace import Trace


@define(eq=False)
class Record:
    """One request. code: of its error; empty where it was answered. cost: in picodollars; None: not known.

    first: when its answer began, after so many seconds. text: of the answer, where somebody may look at it.
    """

    name: str
    began: float
    seconds: float = 0.0
    first: float | None = None
    code: str = ""
    status: int = 200
    message: str = ""
    cost: int | None = 0
    tokens: int = 0
    text: str = ""
    headers: dict[str, str] = field(factory=dict)
    trace: Trace = field(factory=Trace)

    @property
    def ok(self) -> bool:
        return not self.code

    @property
    def answered_by(self) -> str | None:
        return self.trace.deployment if self.ok else None


@define(eq=False)
class Tally:
    """Many requests. times: of those that were answered. broke: the first that failed; slow: the first that
    took longer than `limit` seconds.

    weight: how many real requests each of them stands for. limited: those that were answered with 429.
    """

    limit: float = float("inf")
    weight: float = 1.0
    times: array[float] = field(factory=lambda: array("d"))
    codes: Counter[str] = field(factory=Counter)
    answers: Counter[str] = field(factory=Counter)
    count: int = 0
    limited: int = 0
    cost: float = 0.0
    unpriced: int = 0
    tokens: int = 0
    broke: Record | None = None
    slow: Record | None = None
    last: Record | None = None
    _sorted: Sequence[float] = ()

    def add(self, record: Record) -> None:
        """One has ended."""
        self.count += 1
        self.tokens += record.tokens
        if record.cost is None:
            self.unpriced += 1
        else:
            self.cost += record.cost
        if record.code:
            self.codes[record.code] += 1
            self.limited += record.status == 429
            self.broke = self.broke or record
        else:
            self.times.append(record.seconds)
            self.answers[record.trace.deployment or record.name] += 1
            if record.seconds > self.limit and self.slow is None:
                self.slow = record
        self.last = record

    @property
    def failures(self) -> int:
        return self.count - len(self.times)

    def percentile(self, share: float) -> float | None:
        """What so many of the answered requests did not exceed; None where none was."""
        if not self.times:
            return None
        if len(self._sorted) != len(self.times):
            self._sorted = sorted(self.times)
        return self._sorted[min(int(share * len(self._sorted)), len(self._sorted) - 1)]

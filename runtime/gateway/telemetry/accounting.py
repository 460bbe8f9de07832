"""What requests took and cost: by key, by what was asked, by who answered, and by user."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import asdict, astuple

from ....compiler.plan.record import define
from ...requests.trace import Span
from ...requests.usage import NOTHING_USED, PICODOLLARS
from ...serving.counters import Counts

HOUR = 3600
KEPT_HOURS = 32 * 24
"""So far back one can ask."""
MOST_USERS = 1000
"""Users that are told apart: clients say who they are."""
MOST_NAMES = 1000
"""Names of models that are told apart: of some, clients say a part. Those of the plan always are."""
MOST_ROWS = 200_000
"""Rows of all hours together; the oldest hours go first."""
MOST_WRITTEN = 50_000
"""Of them, those that outlast a restart."""
OTHERS = "(others)"

DIMENSIONS = ("key", "asked", "deployment", "user")

Row = tuple[str, str, str, str]
"""By `DIMENSIONS`; empty where it is not known."""


@define
class Spend:
    """cost: in picodollars. unpriced: attempts whose price is not known."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    unpriced: int = 0

    def add(self, other: Spend) -> None:
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost += other.cost
        self.unpriced += other.unpriced

    def as_json(self) -> dict[str, float]:
        return asdict(self) | {"cost": self.cost / PICODOLLARS}


class Accounting:
    """The accounts of one gateway, from its start on. clock: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.began = clock()
        self.outcomes: Counts[tuple[str, str]] = Counts()
        """Requests by key, and how they ended."""
        self._totals: dict[tuple[str, str, str], Spend] = {}
        self._clock = clock
        self._hours: dict[int, dict[Row, Spend]] = {}
        self._hour = -1
        self._new: dict[Row, Spend] = {}  # of this hour, and not in its rows yet
        self._rows = 0
        self._users: set[str] = set()
        self._names: set[str] = set()

    @property
    def totals(self) -> dict[tuple[str, str, str], Spend]:
        """Of all the time, without users."""
        self.sort_in()
        return self._totals

    def add(self, key: str, asked: str, user: str, spans: Sequence[Span], declared: Container[str]) -> None:
        """What a request took, in at least one attempt. declared: what the plan calls so."""
        if asked not in self._names:
            if len(self._names) < MOST_NAMES or asked in declared:
                self._names.add(asked)
            else:
                asked = OTHERS
        if user and user not in self._users:
            if len(self._users) < MOST_USERS:
                self._users.add(user)
            else:
                user = OTHERS
        hour = int(self._clock() / HOUR)
        if hour != self._hour:
            self.sort_in()
            self._hour = hour
            if hour not in self._hours:
                self._hours[hour] = {}
                self._forget(hour)
        ended_by = spans[-1]
        for span in spans:
            row = (key, asked, span.deployment, user)
            usage, cost = span.usage, span.cost
            requests = 1 if span is ended_by else 0  # a request counts for whoever ended it
            prompt, completion, paid = usage.prompt_tokens, usage.completion_tokens, cost or 0
            is_unpriced = cost is None and usage != NOTHING_USED
            spend = self._new.get(row)
            if spend is None:
                spend = self._new[row] = Spend()
            spend.requests += requests
            spend.prompt_tokens += prompt
            spend.completion_tokens += completion
            spend.cost += paid
            if is_unpriced:
                spend.unpriced += 1

    def sort_in(self) -> None:
        """Count what is new in its hour, and in all: before any row is read, and by the thread that adds."""
        new, self._new = self._new, {}
        for row, spend in new.items():
            rows = self._hours[self._hour]
            if row not in rows:
                rows[row] = Spend()
                self._rows += 1
            rows[row].add(spend)
            self._totals.setdefault(row[:3], Spend()).add(spend)

    def since(self, seconds: float) -> dict[Row, Spend]:
        """What was spent in the last `seconds`, in whole hours."""
        self.sort_in()
        oldest = int((self._clock() - seconds) / HOUR)
        found: dict[Row, Spend] = {}
        for hour, rows in self._hours.items():
            if hour >= oldest:
                for row, spend in rows.items():
                    found.setdefault(row, Spend()).add(spend)
        return found

    def as_json(self) -> list[list[Any]]:
        """The last `MOST_WRITTEN` rows of hours, each with its hour, of what is sorted in.

        Another thread may ask, while this one goes on to add.
        """
        rows = [
            [hour, *row, *astuple(spend)]
            for hour, of_hour in sorted(self._hours.items(), reverse=True)
            for row, spend in tuple(of_hour.items())
        ]
        return rows[:MOST_WRITTEN]

    def restore(self, began: float, rows: Iterable[Sequence[Any]]) -> None:
        """Go on with what another one has counted since `began`. Raises ValueError, TypeError."""
        self.sort_in()
        for hour, key, asked, deployment, user, *numbers in rows:
            row, spend = (key, asked, deployment, user), Spend(*map(int, numbers))
            found = self._hours.setdefault(int(hour), {})
            if row not in found:
                found[row] = Spend()
                self._rows += 1
            found[row].add(spend)
            if user and user != OTHERS and len(self._users) < MOST_USERS:
                self._users.add(user)
        self.began = min(self.began, float(began))
        self._forget(int(self._clock() / HOUR))

    def _forget(self, hour: int) -> None:
        for old in sorted(self._hours):
            if old >= hour or (old > hour - KEPT_HOURS and self._rows < MOST_ROWS):
                return
            self._rows -= len(self._hours.pop(old))


def grouped(rows: Mapping[Row, Spend], by: Iterable[str]) -> Iterator[tuple[tuple[str, ...], Spend]]:
    """`rows` by some of `DIMENSIONS`, those that cost most first."""
    places = [DIMENSIONS.index(each) for each in by]
    groups: dict[tuple[str, ...], Spend] = {}
    for row, spend in rows.items():
        groups.setdefault(tuple(row[place] for place in places), Spend()).add(spend)
    yield from sorted(groups.items(), key=lambda each: (-each[1].cost, -each[1].requests, each[0]))

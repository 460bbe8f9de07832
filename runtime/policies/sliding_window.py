"""How much happened within the last minute, exactly enough to never allow too much."""

from __future__ import annotations

from collections import OrderedDict
from math import inf

from ..requests.upstream import Remaining

SPAN = 60.0
"""Seconds of the window that providers count in."""

MARGIN = 1.0
"""Seconds that an amount is remembered beyond the span, because what is allowed in one moment
arrives at the provider in a later one."""

BUCKETS = 600
"""Parts that the span is counted in; an amount leaves the window with the whole of its part."""


class SlidingWindow:
    """Amounts within the last `SPAN` + `MARGIN` seconds, of which at most `limit` fit.

    In any span of time as long as `SPAN`, amounts that fitted when they were added never sum to
    more than `limit`.
    """

    __slots__ = ("_amounts", "_leaves_at", "_width", "limit", "total")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._width = SPAN / BUCKETS
        self._amounts: OrderedDict[int, int] = OrderedDict()
        self._leaves_at = inf
        """When the oldest part leaves the window."""
        self.total = 0

    def add(self, now: float, amount: int) -> int:
        """Count `amount`; gives the part it is counted in, for `correct`."""
        bucket = int(now / self._width)
        if bucket in self._amounts:
            self._amounts[bucket] += amount
        else:
            if now >= self._leaves_at:
                self._expire(now)
            if not self._amounts:
                self._leaves_at = self._end(bucket)
            self._amounts[bucket] = amount
        self.total += amount
        return bucket

    def correct(self, bucket: int, difference: int) -> None:
        """Change what was counted in `bucket`, unless it has left the window."""
        if bucket in self._amounts:
            self._amounts[bucket] += difference
            self.total += difference

    def used(self, now: float) -> float:
        """The share of the limit that is used."""
        if now >= self._leaves_at:
            self._expire(now)
        return self.total / self.limit

    def remaining(self, now: float) -> Remaining:
        """What still fits, and the seconds after which nothing that is counted now is counted any more."""
        if now >= self._leaves_at:
            self._expire(now)
        limit = self.limit
        left = limit - self.total
        until = 0.0
        if self._amounts:
            until = (next(reversed(self._amounts)) + 1) * self._width + SPAN + MARGIN - now
        return tuple.__new__(Remaining, (left if left > 0 else 0, limit, SPAN / limit, until))

    def fits_at(self, now: float, amount: int) -> float:
        """When `amount` more fits; `now` where it does already.

        What exceeds the limit by itself fits once nothing else is counted.
        """
        if self.total + amount <= self.limit:
            return now
        if now >= self._leaves_at:
            self._expire(now)
        excess = self.total + min(amount, self.limit) - self.limit
        if excess <= 0:
            return now
        for bucket, counted in self._amounts.items():
            excess -= counted
            if excess <= 0:
                return self._end(bucket)
        return now

    def _expire(self, now: float) -> None:
        while self._amounts:
            bucket = next(iter(self._amounts))
            self._leaves_at = self._end(bucket)
            if self._leaves_at > now:
                return
            self.total -= self._amounts.pop(bucket)
        self._leaves_at = inf

    def _end(self, bucket: int) -> float:
        return (bucket + 1) * self._width + SPAN + MARGIN

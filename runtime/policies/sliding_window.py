"""How much happened within the last minute, exactly enough to never allow too much."""

from __future__ import annotations

from collections import OrderedDict
from math import inf

from ...compiler.plan.record import new_tuple
from ..requests.upstream import MINUTE, Left

SPAN = MINUTE
"""Seconds of the window that providers count in."""

MARGIN = 1.0
"""Seconds that an amount is remembered beyond the span, because what is allowed in one moment
arrives at the provider in a later one."""

BUCKETS = 600
"""Parts that the span is counted in; an amount leaves the window with the whole of its part."""

WIDTH = SPAN / BUCKETS

ANY = 1 << 62
"""As many as there can be: no limit."""


class SlidingWindow:
    """Requests, and their tokens, within the last `SPAN` + `MARGIN` seconds; at most so many of each fit.

    In any span of time as long as `SPAN`, what fitted when it was added never sums to more than that.
    """

    __slots__ = (
        "_bucket",
        "_ends_at",
        "_leaves_at",
        "_newest",
        "_parts",
        "most_requests",
        "most_tokens",
        "requests",
        "tokens",
    )

    def __init__(self, most_requests: int = ANY, most_tokens: int = ANY) -> None:
        self.most_requests, self.most_tokens = most_requests, most_tokens
        self.requests = self.tokens = 0
        """In all parts."""
        self._parts: OrderedDict[int, list[int]] = OrderedDict()
        self._leaves_at = inf
        """When the oldest part leaves the window."""
        self._newest = [0, 0]
        self._bucket, self._ends_at = -1, -inf
        """Which part the newest is, and when the next one begins."""

    def add(self, now: float, tokens: int) -> int:
        """Count a request of `tokens`; gives the part it is counted in, for `correct`."""
        if now >= self._ends_at:
            self._begin(now)
        part = self._newest
        part[0] += 1
        part[1] += tokens
        self.requests += 1
        self.tokens += tokens
        return self._bucket

    def _begin(self, now: float) -> None:
        """Count in another part from now on."""
        bucket = int(now / WIDTH)
        if now >= self._leaves_at:
            self._expire(now)
        if not self._parts:
            self._leaves_at = leaves_at(bucket)
        self._newest = self._parts.setdefault(bucket, [0, 0])
        self._bucket, self._ends_at = bucket, (bucket + 1) * WIDTH

    def correct(self, bucket: int, requests: int, tokens: int) -> None:
        """Change what was counted in `bucket` by so many, unless it has left the window."""
        part = self._newest if bucket == self._bucket else self._parts.get(bucket)
        if part is not None:
            part[1] += tokens
            self.tokens += tokens
            if requests:
                part[0] += requests
                self.requests += requests

    def used(self, now: float) -> float:
        """The share of the limit that is used most."""
        if now >= self._leaves_at:
            self._expire(now)
        return max(self.requests / self.most_requests, self.tokens / self.most_tokens)

    def left(self, now: float) -> Left:
        """What still fits."""
        if now >= self._leaves_at:
            self._expire(now)
        until = self._ends_at + (SPAN + MARGIN) - now if self._parts else 0.0  # the newest part is the last
        most_requests, most_tokens = self.most_requests, self.most_tokens
        requests, tokens = most_requests - self.requests, most_tokens - self.tokens
        left = (
            requests if requests > 0 else 0,
            most_requests if most_requests < ANY else 0,
            tokens if tokens > 0 else 0,
            most_tokens if most_tokens < ANY else 0,
            until,
        )
        return new_tuple(Left, left)

    def fits_at(self, now: float, tokens: int) -> float:
        """When a request of `tokens` more fits; `now` where it does already.

        What exceeds the limit by itself fits once nothing else is counted.
        """
        if self.requests < self.most_requests and self.tokens + tokens <= self.most_tokens:
            return now
        if now >= self._leaves_at:
            self._expire(now)
        too_many = self.requests + 1 - self.most_requests
        too_much = self.tokens + min(tokens, self.most_tokens) - self.most_tokens
        opens = now
        for bucket, (its_requests, its_tokens) in self._parts.items():
            if too_many <= 0 and too_much <= 0:
                break
            too_many -= its_requests
            too_much -= its_tokens
            opens = leaves_at(bucket)
        return opens

    def _expire(self, now: float) -> None:
        while self._parts:
            bucket = next(iter(self._parts))
            self._leaves_at = leaves_at(bucket)
            if self._leaves_at > now:
                return
            requests, tokens = self._parts.pop(bucket)
            self.requests -= requests
            self.tokens -= tokens
        self._leaves_at = inf
        self._bucket, self._ends_at = -1, -inf


def leaves_at(bucket: int) -> float:
    """When nothing of that part of time counts any more."""
    return (bucket + 1) * WIDTH + SPAN + MARGIN

"""Limits that several processes keep to together, as a state that a store keeps: pure, one step at a time.

Counts are those of a sliding window, by parts of a tenth of a second. A process that is not heard of any more
gives back its share, and the slots of its requests in flight.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import NamedTuple

from attrs import field

from ...compiler.plan import RateLimits
from ...compiler.plan.record import define
from .sliding_window import WIDTH, leaves_at

LEASE = 5.0
"""Seconds after which what a process holds is given back, unless it was heard of."""

POLL = 0.05
"""Seconds between two questions whether another process has ended a request."""


class Held(NamedTuple):
    """The share of a process: what it may send of `bucket`, and until when it is heard of."""

    bucket: int
    requests: int
    tokens: int
    until: float


@define
class SharedWindow:
    """What was sent in the last minute, by all; what runs; and which process may send how much."""

    counts: dict[int, tuple[int, int]] = field(factory=dict)
    """Requests and tokens by part of the window."""
    leases: dict[str, float] = field(factory=dict)
    shares: dict[str, Held] = field(factory=dict)

    @classmethod
    def decode(cls, text: str, now: float) -> SharedWindow:
        """What was kept. Counts of the future are those of before this machine was started."""
        counts, leases, shares = json.loads(text)
        if any(int(bucket) > now / WIDTH + 1 for bucket, *_ in counts):
            return cls()
        return cls(
            {bucket: (requests, tokens) for bucket, requests, tokens in counts},
            leases,
            {process: Held(*share) for process, share in shares.items()},
        )

    def encode(self) -> str:
        counts = [(bucket, *amounts) for bucket, amounts in self.counts.items()]
        return json.dumps([counts, self.leases, self.shares], separators=(",", ":"))

    def settle(self, now: float) -> None:
        """Forget what has left the window, and who is not heard of any more."""
        for bucket in [each for each in self.counts if leaves_at(each) <= now]:
            del self.counts[bucket]
        for process in [each for each, share in self.shares.items() if share.until <= now]:
            share = self.shares.pop(process)
            self.correct(share.bucket, -share.requests, -share.tokens)
        self.leases = {lease: until for lease, until in self.leases.items() if until > now}

    def correct(self, bucket: int, requests: int, tokens: int) -> None:
        """Change what was counted in `bucket`, unless it has left the window."""
        counted = self.counts.get(bucket)
        if counted is not None:
            self.counts[bucket] = counted[0] + requests, counted[1] + tokens

    def renew(self, leases: Iterable[str], now: float) -> None:
        """These requests are still in flight."""
        self.leases |= dict.fromkeys(leases, now + LEASE)

    def acquire(
        self, limits: RateLimits, asks: Sequence[tuple[int, str]], now: float
    ) -> tuple[int, int, float]:
        """How many of `asks`, tokens and a lease each, may be sent, the bucket that counts them, and seconds
        after which the next one should ask again."""
        bucket = int(now / WIDTH)
        for granted, (tokens, lease) in enumerate(asks):
            if limits.concurrent_requests is not None and len(self.leases) >= limits.concurrent_requests:
                return granted, bucket, POLL
            fits = max(
                self._fits_at(0, limits.requests_per_minute, 1, now),
                self._fits_at(1, limits.tokens_per_minute, tokens, now),
            )
            if fits > now:
                return granted, bucket, fits - now
            self._count(bucket, 1, tokens)
            if limits.concurrent_requests is not None:
                self.leases[lease] = now + LEASE
        return len(asks), bucket, 0.0

    def share(
        self, limits: RateLimits, process: str, need: int, used: tuple[int, int], now: float
    ) -> tuple[int, int, int, int]:
        """Requests and tokens that `process` may send before it asks again, the bucket that counts them, and
        how many share. used: of its last share."""
        bucket = int(now / WIDTH)
        last = self.shares.pop(process, None)
        if last is not None:
            self.correct(last.bucket, used[0] - last.requests, used[1] - last.tokens)
        elif any(used):
            self._count(bucket, *used)
        if need <= 0:
            return 0, 0, bucket, max(len(self.shares), 1)
        members = len(self.shares) + 1
        requests = self._part(0, limits.requests_per_minute, 1, members)
        tokens = self._part(1, limits.tokens_per_minute, need, members)
        self._count(bucket, requests, tokens)
        self.shares[process] = Held(bucket, requests, tokens, now + LEASE)
        return requests, tokens, bucket, members

    def _part(self, which: int, limit: int | None, least: int, members: int) -> int:
        if limit is None:
            return 0
        free = max(limit - self._total(which), 0)
        return min(free, max(ceil(free / members), min(least, limit)))

    def _fits_at(self, which: int, limit: int | None, amount: int, now: float) -> float:
        if limit is None:
            return now
        excess = self._total(which) + min(amount, limit) - limit
        if excess <= 0:
            return now
        for bucket in sorted(self.counts):
            excess -= self.counts[bucket][which]
            if excess <= 0:
                return leaves_at(bucket)
        return inf

    def _total(self, which: int) -> int:
        return sum(amounts[which] for amounts in self.counts.values())

    def _count(self, bucket: int, requests: int, tokens: int) -> None:
        before = self.counts.get(bucket, (0, 0))
        self.counts[bucket] = before[0] + requests, before[1] + tokens

"""Limits that processes keep to together, in Redis."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ....compiler.plan import RateLimits
from ...policies.sliding_window import BUCKETS, MARGIN, SPAN
from .problems import Do
from .protocol import AccountLimits, Ask, Grant, Return, Share
from .redis_script import LIMITS_SCRIPT

if TYPE_CHECKING:
    from redis.asyncio import Redis

LEASE = 5.0
"""Seconds after which what a process holds is given back, unless it was heard of."""

POLL = 0.05
"""Seconds between two questions whether another process has ended a request."""

MAX_RETURNS = 10_000

_PARTS = ("counts", "buckets", "leases", "members", "grants", "seen")


class RedisLimits:
    """do: runs a command, and makes a StoreError of what goes wrong with it, or with reading its answer.
    span: seconds of the window that limits are counted in, with its margin."""

    def __init__(self, client: Redis, do: Do, *, span: float = SPAN + MARGIN) -> None:
        self._do = do
        self._script = client.register_script(LIMITS_SCRIPT)
        self._width = max(int(span * SPAN / (SPAN + MARGIN) * 1000 / BUCKETS), 1)
        self._span = int(span * 1000)

    def account(self, key: str, limits: RateLimits) -> AccountLimits:
        """As `SharedLimits.account`."""
        return _RedisAccount(self, key, limits)

    async def ask(
        self, keys: Sequence[str], question: dict[str, Any], sizes: Sequence[int]
    ) -> tuple[str, list[int]]:
        """The name of the counts, and what they say: as many numbers as one of `sizes`. Raises StoreError."""
        times = {"width": self._width, "span": self._span, "ttl": int(LEASE * 1000), "poll": int(POLL * 1000)}

        def read(answer: Any) -> tuple[str, list[int]]:
            name, *numbers = answer
            if len(numbers) not in sizes:
                raise ValueError(numbers)
            return str(name), [int(number) for number in numbers]

        answer: tuple[str, list[int]] = await self._do(
            self._script(keys=keys, args=[json.dumps(question | times)]), read
        )
        return answer

    def oldest(self, newest: int) -> int:
        """The oldest bucket that counts when `newest` is the one of now."""
        return newest - self._span // self._width - 1


class _RedisAccount:
    """The part of one process in the limits of one account.

    Each exchange has a number, and is repeated under it when its answer was lost: Redis does what it says
    once, and takes back what it granted to nobody. What was sent is remembered for as long as it counts, for
    a Redis that has forgotten it.
    """

    def __init__(self, redis: RedisLimits, key: str, limits: RateLimits) -> None:
        self._redis = redis
        limited = {
            "requests": limits.requests_per_minute,
            "tokens": limits.tokens_per_minute,
            "concurrent": limits.concurrent_requests,
        }
        self._limits = {name: limit for name, limit in limited.items() if limit is not None}
        name = sha256(key.encode()).hexdigest()[:32]
        self._keys = [f"inferc:limits:{{{name}}}:{part}" for part in _PARTS]
        self._process = secrets.token_hex(8)
        self._number = 0
        self._told: dict[str, Any] | None = None
        self._later: list[Return] = []
        self._name = ""
        self._sent: dict[int, tuple[int, int]] = {}
        self._bucket = 0

    async def acquire(self, asks: Sequence[Ask], given_back: Sequence[Return], held: Sequence[str]) -> Grant:
        self._tell(given_back)
        question = {"asks": [[ask.tokens, ask.lease] for ask in asks], "held": list(held)}
        granted, bucket, wait = await self._exchange(question, 3)
        self._count(bucket, granted, sum(ask.tokens for ask in asks[:granted]))
        return Grant(granted, bucket, wait / 1000)

    async def share(self, need: int, used: tuple[int, int], given_back: Sequence[Return]) -> Share:
        self._tell(given_back, used)
        requests, tokens, self._bucket, members = await self._exchange({"need": need, "held": ()}, 4)
        return Share(
            requests if "requests" in self._limits else None,
            tokens if "tokens" in self._limits else None,
            self._bucket,
            members,
        )

    def _tell(self, given_back: Sequence[Return], used: tuple[int, int] = (0, 0)) -> None:
        """What is to be told: as before where that may not have arrived, and the rest the next time."""
        self._later = [*self._later, *given_back][-MAX_RETURNS:]
        if self._told is not None:
            return
        self._number += 1
        back, self._later = self._later, []
        self._told = {"number": self._number, "back": [_returned(each) for each in back], "used": used}
        self._count(self._bucket, *used)
        for each in back:
            self._count(each.bucket, -each.requests, -each.tokens)

    async def _exchange(self, asked: dict[str, Any], count: int) -> list[int]:
        question = {"process": self._process, **self._limits, **(self._told or {}), **asked}
        if self._name:
            question["name"] = self._name
        name, numbers = await self._redis.ask(self._keys, question, (0, count))
        if not numbers:  # it has forgotten everything, also what would be corrected
            sent = [[bucket, *amounts] for bucket, amounts in self._sent.items()]
            question |= {"sent": sent, "back": (), "used": (0, 0)}
            name, numbers = await self._redis.ask(self._keys, question, (count,))
        self._name, self._told = name, None
        return numbers

    def _count(self, bucket: int, requests: int, tokens: int) -> None:
        """Remember what was sent. Negative amounts are taken back."""
        if requests or tokens:
            before = self._sent.get(bucket, (0, 0))
            self._sent[bucket] = before[0] + requests, before[1] + tokens
            oldest = self._redis.oldest(max(self._sent))
            for old in [each for each in self._sent if each < oldest]:
                del self._sent[old]


def _returned(back: Return) -> list[Any]:
    amounts = [back.bucket, back.requests, back.tokens]
    return amounts if back.lease is None else [*amounts, back.lease]

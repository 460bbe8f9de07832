"""State on a Redis server: one truth for all processes that use it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ....compiler.plan import RateLimits
from ...policies.window import BUCKETS, MARGIN, SPAN
from ...requests.errors import StartError
from .problems import Problems, StoreError
from .protocol import Ask, Grant, Return, Returns, Share, SharedHealth, SharedLimits, SharedSpend
from .redis_health import RedisHealth
from .redis_spend import RedisSpend
from .script import LIMITS_SCRIPT

LEASE = 30.0
"""Seconds after which a request in flight, or a process, counts no more unless it was heard of."""

POLL = 0.05
"""Seconds between two questions whether another process has ended a request."""

_PREFIX = "inferc"
_PATIENCE = 2.0

T = TypeVar("T")


class RedisStore:
    """The server at `url`. A server that cannot be reached is an error of each use, not of the start.

    span: seconds of the window that limits are counted in, with its margin.
    """

    def __init__(self, url: str, *, span: float = SPAN + MARGIN) -> None:
        try:
            import redis.asyncio
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError:
            raise StartError(
                f"the state is at {shown(url)}, which needs redis: pip install 'inferc[redis]'"
            ) from None
        try:
            self._client = redis.asyncio.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
                retry=Retry(NoBackoff(), 0),  # what may have been done already is not to be done again
            )
        except ValueError as error:
            raise StartError(f"the state at {shown(url)}: {error}") from None
        self.where = shown(url)
        self.problems = Problems()
        self._script = self._client.register_script(LIMITS_SCRIPT)
        self._errors = (redis.exceptions.RedisError, OSError)
        self._width = max(int(span * SPAN / (SPAN + MARGIN) * 1000 / BUCKETS), 1)
        self._span = int(span * 1000)
        self.limits: SharedLimits | None = self
        self.health: SharedHealth | None = RedisHealth(self._client, partial(self._do, "circuits"))
        self.spend: SharedSpend | None = RedisSpend(self._client, partial(self._do, "budgets"))

    async def start(self) -> None:
        """Nothing to do: connections are made when they are needed."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def acquire(self, key: str, limits: RateLimits, asks: Sequence[Ask], returns: Returns) -> Grant:
        question = {"asks": [[ask.tokens, ask.lease] for ask in asks]}
        granted, bucket, wait = await self._exchange(key, limits, returns, question)
        return Grant(granted, bucket, wait / 1000)

    async def share(self, key: str, limits: RateLimits, member: str, need: int, returns: Returns) -> Share:
        question = {"member": member, "need": need}
        requests, tokens, bucket, members = await self._exchange(key, limits, returns, question)
        return Share(
            None if limits.requests_per_minute is None else requests,
            None if limits.tokens_per_minute is None else tokens,
            bucket,
            members,
        )

    async def _exchange(
        self, key: str, limits: RateLimits, returns: Returns, question: dict[str, Any]
    ) -> list[int]:
        question |= {
            "width": self._width,
            "span": self._span,
            "ttl": int(LEASE * 1000),
            "poll": int(POLL * 1000),
            "back": [_returned(back) for back in returns.given_back],
            "held": list(returns.held),
        }
        if limits.requests_per_minute is not None:
            question["requests"] = limits.requests_per_minute
        if limits.tokens_per_minute is not None:
            question["tokens"] = limits.tokens_per_minute
        if limits.concurrent_requests is not None:
            question["concurrent"] = limits.concurrent_requests
        name = sha256(key.encode()).hexdigest()[:32]
        keys = [f"{_PREFIX}:{{{name}}}:{part}" for part in ("counts", "order", "leases", "members")]
        answer = await self._do("limits", self._script(keys=keys, args=[json.dumps(question)]))
        return [int(number) for number in answer]

    async def _do(self, part: str, command: Awaitable[T]) -> T:
        with self.problems.watch(part):
            try:
                return await command
            except self._errors as error:
                raise StoreError(
                    f"the state at {self.where} cannot be used: {str(error).rstrip('.')}"
                ) from None


def shown(url: str) -> str:
    """`url` without the password that may be in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _returned(back: Return) -> list[Any]:
    amounts = [back.bucket, back.requests, back.tokens]
    return amounts if back.lease is None else [*amounts, back.lease]

"""What the requests of each key pass: its limits, and its budget."""

from __future__ import annotations

import asyncio

from attrs import field

from ...compiler.plan import KeyLimits, KeyPlan, RateLimits, StatePlan
from ...compiler.plan.record import frozen
from ..policies.budget import Budget
from ..policies.rate_limit import Permit
from .accounts import make_limiter
from .rate_limiters import RateLimiter
from .replica_policies import Payer
from .store import Store

_KEY = "key "

PATIENCE = 0.25
"""Seconds that a request of a key waits for its limits: a store may need them. Who asks for too much is told
so at once, instead of filling the queues of others."""


@frozen
class KeyPolicies:
    """The limits of one key, and who pays for its requests; None: it has no such."""

    plan: KeyPlan
    limiter: RateLimiter | None = None
    payer: Payer | None = None
    payers: tuple[str, ...] = field(init=False)
    """Who answers for its requests: the key, with a budget or without."""

    @payers.default
    def _itself(self) -> tuple[str, ...]:
        return (payer_name(self.plan.name),)

    async def enter(self, tokens: int, deadline: float | None) -> Permit | None:
        """The right to ask for about `tokens`; None without limits. Raises RequestError."""
        limiter = self.limiter
        if limiter is None:
            return None
        now = asyncio.get_running_loop().time()
        permit = limiter.take(now, tokens)
        if permit is not None:
            return permit
        until = now + PATIENCE
        return await limiter.acquire(tokens, until if deadline is None else min(until, deadline))


def key_among(payers: tuple[str, ...]) -> str | None:
    """The key that is among `payers`; None where the client came without one of its own."""
    return next((name for name in payers if name.startswith(_KEY)), None)


def key_name_among(payers: tuple[str, ...]) -> str | None:
    """The same, as the file calls it."""
    key = key_among(payers)
    return key.removeprefix(_KEY) if key is not None else None


def payer_name(key: str) -> str:
    """What the budget of a key is called among those of others."""
    return f"{_KEY}{key}"


def key_policies(
    key: KeyPlan, state: StatePlan, store: Store, budget: Budget | None, before: KeyPolicies | None = None
) -> KeyPolicies:
    """The policies of `key`; `budget` is its own. before: those that it had, whose limits go on."""
    who = f"key `{key.name}`"
    limits = _rate_limits(key.rate_limits)
    limiter = None
    if before is not None and before.plan.rate_limits == key.rate_limits:
        limiter = before.limiter
    elif limits is not None:
        where = f"{state.name}\nkey\n{key.name}"
        limiter = make_limiter(who, where, limits, store, state.on_unavailable, who)
    return KeyPolicies(key, limiter, None if budget is None else Payer(who, budget))


def _rate_limits(limits: KeyLimits) -> RateLimits | None:
    numbers = (limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent_requests)
    return RateLimits(*numbers, limits.strict) if any(numbers) else None

"""What each attempt at one replica of a remote deployment must pass."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from ...compiler.plan import RemotePoolPlan
from ..policies.budget import Budget
from ..policies.circuit_breaker import CircuitBreaker
from ..policies.estimate import Tariff
from .rate_limiters import RateLimiter

TellHold = Callable[[float], None]


@frozen
class ReplicaPolicies:
    """The policies that each attempt at one replica passes.

    epoch: what to add to the loop's time to get seconds since 1970. tell_hold: told to other processes,
    for how many seconds the provider wants to be left alone.
    """

    plan: RemotePoolPlan
    breaker: CircuitBreaker
    limiter: RateLimiter
    budget: Budget | None = None
    tariff: Tariff = field(factory=Tariff.free)
    epoch: float = 0.0
    tell_hold: TellHold | None = None

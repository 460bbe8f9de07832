"""Policies in front of fake replicas."""

from __future__ import annotations

from inferc.compiler.plan import CircuitBreakerConfig, RemotePoolPlan
from inferc.runtime.passage import Guards
from inferc.runtime.permits import LocalPermits, Permits
from inferc.runtime.policies.budget import Budget, Ledger
from inferc.runtime.policies.circuit_breaker import CircuitBreaker
from inferc.runtime.policies.estimate import Tariff


def guards_of(
    plan: RemotePoolPlan,
    *,
    permits: Permits | None = None,
    breaker: CircuitBreaker | None = None,
    ledger: Ledger | None = None,
) -> list[Guards]:
    """What stands in front of each replica of `plan`, all of it in memory."""
    shared = Guards(
        plan,
        breaker or CircuitBreaker(plan.circuit_breaker or CircuitBreakerConfig()),
        permits or LocalPermits("the account", plan.rate_limits),
        Budget(plan.budget, ledger or Ledger()) if plan.budget else None,
        Tariff.of(plan.price) if plan.price else Tariff.free(),
    )
    return [shared] * len(plan.replicas)

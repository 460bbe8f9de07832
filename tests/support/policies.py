"""Policies in front of fake replicas."""

from __future__ import annotations

from inferc.compiler.plan import CircuitBreakerConfig, RemotePoolPlan
from inferc.runtime.limits.rate_limiters import LocalRateLimiter, RateLimiter
from inferc.runtime.limits.replica_policies import ReplicaPolicies
from inferc.runtime.policies.budget import Budget, Ledger
from inferc.runtime.policies.circuit_breaker import CircuitBreaker


def policies_of(
    plan: RemotePoolPlan,
    *,
    limiter: RateLimiter | None = None,
    breaker: CircuitBreaker | None = None,
    ledger: Ledger | None = None,
) -> list[ReplicaPolicies]:
    """What stands in front of each replica of `plan`, all of it in memory."""
    shared = ReplicaPolicies(
        plan,
        breaker or CircuitBreaker(plan.circuit_breaker or CircuitBreakerConfig()),
        limiter or LocalRateLimiter("the account", plan.rate_limits),
        Budget(plan.budget, ledger or Ledger()) if plan.budget else None,
    )
    return [shared] * len(plan.replicas)

"""What of a plan outlives a request: what one machine keeps, and what several must share."""

from __future__ import annotations

from .model import Plan, RemotePoolPlan
from .reach import budgets_of


def keeps_state(plan: Plan) -> bool:
    """Whether one machine keeps a folder for it: for spend, which outlasts a restart, and for its workers.

    Limits are not kept: a single process knows them by itself.
    """
    return plan.gateway.workers > 1 or any(budgets_of(plan))


def shares_state(plan: Plan) -> bool:
    """Whether several machines must have one store for it: spend, strict limits, and those of keys."""
    pools = [each for each in plan.deployments if isinstance(each, RemotePoolPlan)]
    return (
        any(budgets_of(plan))
        or any(pool.rate_limits.strict for pool in pools)
        or any(key.rate_limits != type(key.rate_limits)() for key in plan.gateway.keys)
    )

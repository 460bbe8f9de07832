"""The members of a route, whatever picks among them."""

from __future__ import annotations

from ...compiler.plan import (
    BalancePlan,
    CascadePlan,
    FallbackPlan,
    HedgePlan,
    RoutePlan,
    SplitPlan,
)


def members_of(plan: RoutePlan) -> tuple[str, ...]:
    """The names of the members, in their order."""
    match plan:
        case SplitPlan():
            return tuple(share.member for share in plan.shares)
        case FallbackPlan() | BalancePlan() | HedgePlan() | CascadePlan():
            return plan.members
    raise TypeError(f"no such kind of route: {plan!r}")

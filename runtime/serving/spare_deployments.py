"""Which deployments may be missing at the start: those whose routes have another member."""

from __future__ import annotations

from collections.abc import Collection

from ...compiler.plan import Plan
from ...compiler.plan.reach import members_of


def replaceable(plan: Plan, broken: Collection[str]) -> set[str]:
    """Those of the `broken` deployments that a route does without: it has another member that works."""
    reached: dict[str, set[str]] = {each.deployment: {each.deployment} for each in plan.deployments}
    spared: set[str] = set()
    for route in plan.routes:
        together = set().union(*(reached[name] for name in members_of(route)))
        reached[route.route] = together
        if not together <= set(broken):
            spared |= together & set(broken)
    return spared

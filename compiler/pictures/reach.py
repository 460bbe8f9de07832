"""What a pipeline, a route or a deployment needs of its plan: all else is left out."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from ...dsl.kinds import CapacityKind
from ..plan.model import Plan
from ..plan.nodes import CallNode, ExternNode
from ..plan.routes import BalancePlan, CascadePlan, FallbackPlan, HedgePlan, RoutePlan, SplitPlan


def members_of(route: RoutePlan) -> tuple[str, ...]:
    """The deployments and routes behind a route, in its order."""
    match route:
        case SplitPlan(shares=shares):
            return tuple(share.member for share in shares)
        case FallbackPlan() | BalancePlan() | HedgePlan() | CascadePlan():
            return route.members
        case _:
            raise TypeError(f"no route of a plan: {route!r}")


def reached(plan: Plan, name: str) -> Plan:
    """The part of `plan` that `name` needs, itself included, in the order of the plan."""
    needs: dict[str, tuple[str, ...]] = {}
    for deployment in plan.deployments:
        full = deployment.serving.on_capacity_exhausted
        other = full.target if full.kind is CapacityKind.FALLBACK else None
        needs[deployment.deployment] = (other,) if other is not None else ()
    needs |= {route.route: members_of(route) for route in plan.routes}
    externs: dict[str, set[str]] = {}
    for pipeline in plan.pipelines:
        needs[pipeline.pipeline] = tuple(n.target for n in pipeline.nodes if isinstance(n, CallNode))
        externs[pipeline.pipeline] = {n.extern for n in pipeline.nodes if isinstance(n, ExternNode)}
    kept = set(_from(name, needs))
    used = {extern for pipeline in kept & externs.keys() for extern in externs[pipeline]}
    return evolve(
        plan,
        deployments=tuple(each for each in plan.deployments if each.deployment in kept),
        routes=tuple(each for each in plan.routes if each.route in kept),
        pipelines=tuple(each for each in plan.pipelines if each.pipeline in kept),
        externs=tuple(each for each in plan.externs if each.extern in used),
    )


def _from(name: str, needs: dict[str, tuple[str, ...]]) -> Iterator[str]:
    seen, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            yield current
            waiting += needs.get(current, ())

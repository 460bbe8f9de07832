"""Deployments and routes: who answers, where it runs, and which member a route asks when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from ...dsl.kinds import CapacityKind
from ...dsl.record import frozen
from ...dsl.units import Duration
from ..plan.model import DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from ..plan.routes import (
    BalanceKind,
    BalancePlan,
    CascadePlan,
    FallbackPlan,
    HedgePlan,
    RouteKey,
    RoutePlan,
    SplitPlan,
)
from .expressions import written
from .model import Edge, EdgeKind, Look, Vertex
from .names import Names, shortened

_ORDINALS = ("1st", "2nd", "3rd")


@frozen
class Models:
    """The vertices of all deployments and routes, and the edges between them."""

    by_name: dict[str, Vertex]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, plan: Plan, names: Names) -> Self:
        """Those of `plan`, routes first, as they stand before what they ask."""
        found: dict[str, Vertex] = {}
        for route in reversed(plan.routes):
            lines: tuple[str, ...] = (shortened(route.route), _strategy(route))
            lines = lines[1:] if route.inner else lines
            found[route.route] = Vertex(names.of("route", route.route), Look.ROUTE, lines)
        for deployment in plan.deployments:
            name = deployment.deployment
            lines = (shortened(name), where(deployment), *_spending(deployment))
            found[name] = Vertex(names.of("deployment", name), look_of(deployment), lines)
        edges = [*_members(plan, found), *_capacity(plan, found)]
        return cls(found, tuple(edges))


def look_of(deployment: DeploymentPlan) -> Look:
    """Whether a deployment runs here or elsewhere."""
    return Look.LOCAL if isinstance(deployment, OnnxServingPlan) else Look.REMOTE


def where(deployment: DeploymentPlan) -> str:
    """Where a deployment runs, and which model: `remote: gpt-4o-mini, 2 replicas`."""
    match deployment:
        case OnnxServingPlan(model=model):
            text = f"local: {model.path.rpartition('/')[2]}"
        case RemotePoolPlan(model=name):
            text = f"remote: {name}"
        case _:
            raise TypeError(f"no deployment of a plan: {deployment!r}")
    least, most = len(deployment.replicas), deployment.max_replicas
    count = str(least) if least == most else f"{least} to {most}"
    return shortened(text) + (f", {count} replicas" if most > 1 else "")


_PER = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month"}


def _spending(deployment: DeploymentPlan) -> Iterator[str]:
    """What a deployment may cost."""
    if isinstance(deployment, RemotePoolPlan) and deployment.budget is not None:
        spends = (f"{money!s} {_PER[window]}" for window, money in deployment.budget.ceilings().items())
        yield "budget: " + ", ".join(spends)


def _strategy(route: RoutePlan) -> str:
    match route:
        case BalancePlan(key=RouteKey() as key):
            return f"balance by {_together(key)}"
        case BalancePlan(by=by) if by is not BalanceKind.ROUND_ROBIN:
            return f"balance by {by}"
        case SplitPlan(key=key):
            return f"split by {_together(key)}"
        case _:
            return route.kind.value


def _together(key: RouteKey) -> str:
    """What is kept together."""
    return f"{key.source} {shortened(key.name)}".rstrip()


def _members(plan: Plan, found: dict[str, Vertex]) -> Iterator[Edge]:
    for route in plan.routes:
        for member, label in _labels(route):
            yield Edge(found[route.route].id, found[member].id, EdgeKind.MEMBER, label)


_BALANCED = {
    BalanceKind.ROUND_ROBIN: "in turn",
    BalanceKind.LEAST_BUSY: "when it has the least to do",
    BalanceKind.LEAST_COST: "when it is the cheapest",
    BalanceKind.LEAST_LATENCY: "when it is the quickest",
    BalanceKind.USAGE: "when it is used the least",
    BalanceKind.KEY: "always the same for what belongs together",
}
"""When a member of a balance is asked."""


def _labels(route: RoutePlan) -> Iterator[tuple[str, str]]:
    """Each member with when it is asked."""
    match route:
        case FallbackPlan(members=members):
            for index, member in enumerate(members):
                yield member, _ordinal(index) if index == 0 else f"{_ordinal(index)}, when that fails"
        case BalancePlan(members=members, by=by):
            for member in members:
                yield member, _BALANCED[by]
        case SplitPlan(shares=shares):
            for share in shares:
                yield share.member, str(share.share)
        case HedgePlan(members=members, after=after):
            for index, member in enumerate(members):
                yield member, f"after {Duration(after * index)}" if index else "at once"
        case CascadePlan(members=members, condition=condition, accept=accept):
            nodes = {node.name: node for node in condition}
            accepted = f"accept {shortened(written(accept, nodes, whole=True))}"
            for index, member in enumerate(members):
                last = index == len(members) - 1
                yield member, f"{_ordinal(index)}, {'accept anything' if last else accepted}"
        case _:
            raise TypeError(f"no route of a plan: {route!r}")


def _ordinal(index: int) -> str:
    return _ORDINALS[index] if index < len(_ORDINALS) else f"{index + 1}th"


def _capacity(plan: Plan, found: dict[str, Vertex]) -> Iterator[Edge]:
    for deployment in plan.deployments:
        full = deployment.serving.on_capacity_exhausted
        if full.kind is CapacityKind.FALLBACK and full.target in found:
            source = found[deployment.deployment].id
            yield Edge(source, found[full.target].id, EdgeKind.CAPACITY, "when full")

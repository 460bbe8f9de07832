"""Typed routes → routes of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...dsl.kinds import TaskKind
from ...dsl.promise import Promise
from ...dsl.source import Span
from ..pipelines.lower import Lowerer
from ..plan.routes import (
    BalancePlan,
    CascadePlan,
    FallbackPlan,
    HedgePlan,
    RouteKey,
    RouteKind,
    RoutePlan,
    ShareOf,
    SplitPlan,
)
from ..plan.source import SourceRef
from .conditions import IT
from .typed import TypedRoute


def lower_route(route: TypedRoute, source: Callable[[Span], SourceRef]) -> RoutePlan:
    """The plan of one route; those inside it have plans of their own."""
    scope = route.symbol.scope
    assert route.callee is not None
    inner = route.name != route.symbol.name.text
    common: dict[str, Any] = {
        "route": route.name,
        "inner": inner,
        "source": source(scope.span(route.node) if inner else route.symbol.span),
        "task": route.callee.task or TaskKind.CHAT,
        "budget": route.budget,
        "carries": route.carries,
        "bounds": route.options.options.bounds,
        "promise": route.options.options.promise or Promise(),
    }
    members = tuple(member.name for member in route.members)
    match route.kind:
        case RouteKind.FALLBACK:
            return FallbackPlan(members=members, **common)
        case RouteKind.BALANCE:
            key = None if route.key is None else RouteKey(*route.key)
            return BalancePlan(members=members, by=route.by, key=key, **common)
        case RouteKind.SPLIT:
            shares = tuple(ShareOf(each.name, each.share) for each in route.members if each.share is not None)
            assert route.key is not None
            return SplitPlan(shares=shares, key=RouteKey(*route.key), **common)
        case RouteKind.HEDGE:
            assert route.after is not None
            return HedgePlan(members=members, after=route.after, **common)
        case RouteKind.CASCADE:
            judgement = route.judgement
            assert judgement is not None
            lowerer = Lowerer(scope.module.source)
            lowerer.know(judgement.it, IT)
            accept = lowerer.value("accept", judgement.condition)
            return CascadePlan(members=members, condition=tuple(lowerer.nodes), accept=accept, **common)

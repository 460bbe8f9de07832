"""Which deployments may answer who asks for a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ..scope import Symbol


def reach_of(symbol: Symbol, deployments: Mapping[int, Deployment]) -> set[str] | None:
    """Names of deployments; None where that is not known, as of pipelines. deployments: by their nodes."""
    found: dict[int, Symbol] = {}
    waiting = [symbol]
    while waiting:
        each = waiting.pop()
        if id(each.node) in found:
            continue
        found[id(each.node)] = each
        if isinstance(each.node, s.PipelineDeclaration) or each.is_damaged:
            return None
        for target in _next(each, deployments):
            if target is None:
                return None
            waiting.append(target)
    return {each.name.text for each in found.values() if isinstance(each.node, s.DeploymentDeclaration)}


def _next(symbol: Symbol, deployments: Mapping[int, Deployment]) -> Iterator[Symbol | None]:
    if isinstance(symbol.node, s.RouteDeclaration):
        yield from (symbol.scope.find_reference(each) for each in _members(symbol.node.route))
    deployment = deployments.get(id(symbol.node))
    if deployment is not None and (target := deployment.serving.on_capacity_exhausted.target) is not None:
        yield symbol.scope.find(str(target))


def _members(route: s.Route) -> Iterator[s.Expression]:
    match route:
        case s.RouteMember():
            yield route.target
        case s.RouteList():
            for member in route.members:
                yield from _members(member)
        case s.RouteSplit():
            yield from (share.target for share in route.shares)

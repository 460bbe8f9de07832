"""Routes in an order in which each stands after its members, however long the chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...dsl import syntax as s
from ..scope import Symbol


def members_first(routes: Iterable[Symbol]) -> list[Symbol]:
    """`routes`, each after those among its members. Routes in a circle may stand anywhere."""
    ordered: list[Symbol] = []
    seen: set[int] = set()
    for start in routes:
        waiting = [(start, routes_in(start))] if id(start.node) not in seen else []
        seen.add(id(start.node))
        while waiting:
            symbol, members = waiting[-1]
            member = next(members, None)
            if member is None:
                waiting.pop()
                ordered.append(symbol)
            elif id(member.node) not in seen:
                seen.add(id(member.node))
                waiting.append((member, routes_in(member)))
    return ordered


def targets(route: s.Route) -> Iterator[s.Expression]:
    """Every deployment or route that `route` names."""
    match route:
        case s.RouteMember():
            yield route.target
        case s.RouteList():
            for member in route.members:
                if isinstance(member, s.RouteMember):
                    yield member.target
                else:
                    yield from targets(member)
        case s.RouteSplit():
            for share in route.shares:
                yield share.target


def routes_in(symbol: Symbol) -> Iterator[Symbol]:
    """The routes among the members of a route."""
    assert isinstance(symbol.node, s.RouteDeclaration)
    for target in targets(symbol.node.route):
        member = symbol.scope.find_reference(target)
        if member is not None and isinstance(member.node, s.RouteDeclaration):
            yield member

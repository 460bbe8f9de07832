"""Names that lead nowhere, and declarations that nothing leads to."""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ..program import Program
from ..scope import Scope, report_unknown

_CALLABLE = (s.DeploymentDeclaration, s.RouteDeclaration)


def check(program: Program, found: Diagnostics) -> None:
    """Routes and fallbacks must name something; what nothing names gets a warning."""
    for scope in program.scopes:
        for node in scope.module.declarations:
            if isinstance(node, s.RouteDeclaration):
                _route(node.route, scope, found)
                _route_cycle(node, scope, found)
            elif isinstance(node, s.PipelineDeclaration):
                _mark_used(node, scope)
    _unused(program, found)


def _route(route: s.Route, scope: Scope, found: Diagnostics) -> None:
    for target in targets(route):
        symbol = scope.find_reference(target)
        if symbol is None:
            report_unknown(scope, target, "deployment or route", found, *_CALLABLE)
        elif not isinstance(symbol.node, _CALLABLE):
            found.error(
                "E0209",
                f"`{symbol.name.text}` is a {symbol.kind}, not a deployment or route",
                scope.span(target),
                secondary=[Label(symbol.span, "declared here")],
                help="a route's members answer requests",
            )


def targets(route: s.Route) -> Iterator[s.Expression]:
    """Every deployment or route that `route` names."""
    match route:
        case s.RouteMember():
            yield route.target
        case s.RouteList():
            for member in route.members:
                yield from targets(member)
        case s.RouteSplit():
            for share in route.shares:
                yield share.target


def _route_cycle(node: s.RouteDeclaration, scope: Scope, found: Diagnostics) -> None:
    """A route that leads back to itself, reported at the first of the circle that is declared."""
    stack: list[tuple[s.RouteDeclaration, Scope, tuple[str, ...]]] = [(node, scope, (node.name.text,))]
    seen: set[int] = set()
    while stack:
        route, where, path = stack.pop()
        for target in targets(route.route):
            symbol = where.find_reference(target)
            if symbol is None or not isinstance(symbol.node, s.RouteDeclaration):
                continue
            if symbol.node is node:
                found.error(
                    "E0208",
                    f"the route `{node.name.text}` leads back to itself",
                    scope.span(node.name),
                    notes=[" → ".join([*path, node.name.text])],
                    help="take one of them out of the circle",
                )
                return
            if id(symbol.node) not in seen:
                seen.add(id(symbol.node))
                stack.append((symbol.node, symbol.scope, (*path, symbol.name.text)))


def _mark_used(node: s.Node, scope: Scope) -> None:
    """Names inside a pipeline count as used."""
    pending: list[object] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, tuple):
            pending.extend(item)
        elif isinstance(item, s.Reference):
            scope.find(item.name)
        elif isinstance(item, s.Node):
            if isinstance(item, s.Member):
                scope.find_reference(item)
            if isinstance(item, s.TypeName) and item.module is None:
                scope.find(item.name)
            pending.extend(_children(item))


def _children(node: s.Node) -> Iterator[object]:
    for attribute in type(node).__attrs_attrs__:
        value = getattr(node, attribute.name)
        if isinstance(value, s.Node | tuple):
            yield value


def _unused(program: Program, found: Diagnostics) -> None:
    for scope in program.scopes:
        is_root = scope is program.root
        for name, symbol in scope.own.items():
            if name in scope.used or name.startswith("_"):
                continue
            if not is_root or not isinstance(
                symbol.node, s.ParamDeclaration | s.LetDeclaration | s.TemplateDeclaration
            ):
                continue
            found.warning(
                "W0210",
                f"the {symbol.kind} `{name}` is never used",
                symbol.span,
                "never used",
                help=f"remove it, or call it `_{name}` to keep it",
            )
        _unused_imports(scope, found)


def _unused_imports(scope: Scope, found: Diagnostics) -> None:
    for node in scope.module.declarations:
        if (
            isinstance(node, s.ImportAs)
            and node.alias.text not in scope.used
            and node.start in scope.module.imports
        ):
            whole = scope.module.span(node.start, node.end)
            found.warning(
                "W0210",
                f"the import `{node.alias.text}` is never used",
                scope.span(node.alias),
                "never used",
                help="remove the import",
                fixes=[Fix("remove the import", (Edit(whole, ""),), safe=False)],
            )
        elif isinstance(node, s.ImportNames):
            for name in node.names:
                if name.text in scope.imported and name.text not in scope.used:
                    found.warning(
                        "W0210",
                        f"the imported name `{name.text}` is never used",
                        scope.span(name),
                        "never used",
                        help="remove it from the import",
                    )

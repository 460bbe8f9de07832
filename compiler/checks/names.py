"""Names that lead nowhere, and declarations that nothing leads to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container
from functools import cached_property

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ...dsl.late_pattern import late_pattern
from ...dsl.source import Span
from ...dsl.suggest import near
from ...dsl.wording import show_circle
from ..program import Program
from ..routes.order import routes_in, targets
from ..scope import ANSWERING, Scope, Symbol, report_unknown

_FOR_OTHERS = (
    s.ParamDeclaration,
    s.LetDeclaration,
    s.TemplateDeclaration,
    s.TypeDeclaration,
    s.ExternDeclaration,
)
"""Declarations that do nothing unless another one uses them."""

_FILLED = late_pattern(r"\{(?:\{[ \t]*)?(\w+)[ \t]*\}")
"""A name between braces, as others put values into texts: whoever writes that uses it."""

_NAMED = ("E0201", "E0301")
"""Codes of mistakes that may be a name, misspelt."""

_HIDING = ("E01", "E02", "E03", "E06")
"""Codes of mistakes that can hide the use of a name: in syntax, names, values and types."""


def check(program: Program, found: Diagnostics) -> None:
    """Routes and fallbacks must name something; what nothing names gets a warning."""
    routes: list[Symbol] = []
    for scope in program.scopes:
        for node in scope.module.each(s.RouteDeclaration):
            if _route(node.route, scope, found):
                routes.append(Symbol(scope, node))
    _route_circles(routes, found)
    _ignored_blocks(program, found)
    _unused(program, _PerhapsUsed(program, found), found)


def _route(route: s.Route, scope: Scope, found: Diagnostics) -> bool:
    """Whether there are routes among its members."""
    has_routes = False
    for target in targets(route):
        symbol = scope.find_reference(target)
        if symbol is None and _is_kind_alone(scope.span(target), found):
            continue
        if symbol is None:
            report_unknown(scope, target, "deployment or route", found, *ANSWERING)
        elif not isinstance(symbol.node, ANSWERING):
            found.error(
                "E0209",
                f"`{symbol.name.text}` is a {symbol.kind}, not a deployment or route",
                scope.span(target),
                secondary=[Label(symbol.span, "declared here")],
                help="a route's members answer requests",
            )
        elif isinstance(symbol.node, s.RouteDeclaration):
            has_routes = True
    return has_routes


def _is_kind_alone(span: Span, found: Diagnostics) -> bool:
    """Report `route r = fallback`, which has no members; whether it is that."""
    from ..routes.check import FORMS

    form = next((form for kind, form in FORMS.items() if kind == span.text), None)
    if form is not None:
        message = f"`{span.text}` has no members"
        found.error("E0305", message, span, "members are missing", help=f"write `{form}`")
    return form is not None


def _route_circles(routes: list[Symbol], found: Diagnostics) -> None:
    """Report routes that lead back to themselves; a route is reported in one circle at most."""
    done: set[int] = set()
    reported: set[int] = set()
    for start in routes:
        path = {} if id(start.node) in done else {id(start.node): start}
        waiting = [routes_in(start)] if path else []
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                done.add(path.popitem()[0])
            elif id(following.node) in path:
                circle = list(path.values())[list(path).index(id(following.node)) :]
                if reported.isdisjoint(id(symbol.node) for symbol in circle):
                    reported.update(id(symbol.node) for symbol in circle)
                    _report_circle(circle, found)
            elif id(following.node) not in done:
                path[id(following.node)] = following
                waiting.append(routes_in(following))


def _report_circle(circle: list[Symbol], found: Diagnostics) -> None:
    found.error(
        "E0208",
        f"the route `{circle[0].name.text}` leads back to itself",
        circle[0].span,
        notes=[show_circle([symbol.name.text for symbol in circle])],
        help="take one of them out of the circle",
    )


def _ignored_blocks(program: Program, found: Diagnostics) -> None:
    """`gateway` and `cluster` count in the file that is compiled, or tested, not in those that it imports."""
    words: dict[type[s.Declaration], str] = {s.GatewayDeclaration: "gateway", s.ClusterDeclaration: "cluster"}
    for scope in program.scopes:
        for node in scope.module.each(*words) if scope is not program.outer else ():
            word = words[type(node)]
            found.warning(
                "W0211",
                f"the `{word}` of an imported file is not used",
                scope.module.span(node.start, node.start + len(word)),
                "not used",
                help=f"put it into `{program.root.module.source.name}`",
            )


class _PerhapsUsed:
    """Names in or near a part with a mistake: it is not known whether they are used. Texts are looked through
    when the first name is asked for, which seldom happens."""

    def __init__(self, program: Program, found: Diagnostics) -> None:
        self._scopes = program.scopes
        self._mistakes = [item for item in found.items if item.code.startswith(_HIDING)]
        self._is_long = found.is_long

    def __contains__(self, name: object) -> bool:
        if not self._mistakes:
            return False
        return self._is_long or name in self._meant or name in self._written_twice

    @cached_property
    def _written_twice(self) -> set[str]:
        words: Counter[str] = Counter()
        for scope in self._scopes:
            words.update(re.findall(r"\w+", scope.module.source.text))
        return {word for word, count in words.items() if count > 1}

    @cached_property
    def _meant(self) -> set[str]:
        """Names that misspelt ones were perhaps meant to be."""
        names = [name for scope in self._scopes for name in (*scope.own, *scope.imported, *scope.aliases)]
        misspelt = {
            span.source.text[span.start : span.end].rpartition(".")[2]
            for item in self._mistakes
            if item.code in _NAMED and item.primary is not None
            for span in (item.primary.span,)
        }
        return {name for text in misspelt for name in near(text, names)}


def _unused(program: Program, perhaps_used: Container[str], found: Diagnostics) -> None:
    perhaps_filled = set(_FILLED.findall(program.root.module.source.text))
    for name, symbol in program.root.own.items() if _answers(program.root) else ():
        if name in program.root.used or name.startswith("_") or not isinstance(symbol.node, _FOR_OTHERS):
            continue
        if name not in perhaps_used and name not in perhaps_filled:
            found.warning(
                "W0210",
                f"the {symbol.kind} `{name}` is never used",
                symbol.span,
                "never used",
                help=f"remove it, or call it `_{name}` to keep it",
            )
    for scope in program.scopes:
        _unused_imports(scope, perhaps_used, found)


def _answers(scope: Scope) -> bool:
    """Whether something in a file answers requests; else it is a library, for others to use."""
    return any(isinstance(symbol.node, ANSWERING) for symbol in scope.own.values())


def _whole_lines(span: Span) -> Span:
    """`span` with the end of its line, when nothing else stands there."""
    text, end = span.source.text, span.end
    line_end = text.find("\n", end)
    if line_end < 0 or text[end:line_end].strip() or text[: span.start].rpartition("\n")[2].strip():
        return span
    return Span(span.source, span.start, line_end + 1)


def _unused_imports(scope: Scope, perhaps_used: Container[str], found: Diagnostics) -> None:
    for node in scope.module.importing:
        if (
            isinstance(node, s.ImportAs)
            and node.alias.text not in scope.used
            and node.start in scope.module.imports
            and node.alias.text not in perhaps_used
        ):
            whole = _whole_lines(scope.module.span(node.start, node.end))
            found.warning(
                "W0210",
                f"the import `{node.alias.text}` is never used",
                scope.span(node.alias),
                "never used",
                fixes=[Fix("remove the import", (Edit(whole, ""),), safe=False)],
            )
        elif isinstance(node, s.ImportNames):
            for name in node.names:
                if name.text not in scope.imported or name.text in scope.used:
                    continue
                if name.text not in perhaps_used:
                    found.warning(
                        "W0210",
                        f"the imported name `{name.text}` is never used",
                        scope.span(name),
                        "never used",
                        help="remove it from the import",
                    )

"""Routes as written → typed routes: the strategy, its options, its members."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import evolve

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label, write_instead
from ...dsl.fields import MOST
from ...dsl.foreign_words import foreign_word
from ...dsl.suggest import either, every, near, offer
from ...dsl.units import Duration
from ...dsl.values import Word, describe, show
from ..evaluation.evaluate import Evaluator
from ..evaluation.unknown import UNKNOWN
from ..pipelines.inferrer import Tools
from ..plan.routes import BalanceKind, KeySource, RouteKind
from ..scope import Scope, Symbol
from ..typing.callables import Callee
from .conditions import judgement
from .interface import route_callee
from .options import read_route_options
from .shares import check_sum, read_share
from .typed import Member, TypedRoute

_LISTS = {
    RouteKind.FALLBACK: "fallback [a, b]",
    RouteKind.BALANCE: "balance [a, b] by round_robin",
    RouteKind.HEDGE: "hedge [a, b] after 400ms",
    RouteKind.CASCADE: "cascade [a, b] accept it.confidence >= 0.8",
}
_SPLITS = {RouteKind.SPLIT: "split { a: 95%, b: 5% }"}
FORMS = _LISTS | _SPLITS
"""How each kind of route is written."""

OPTIONS = {
    RouteKind.BALANCE: "by",
    RouteKind.HEDGE: "after",
    RouteKind.CASCADE: "accept",
    RouteKind.SPLIT: "by",
}
"""The word after the members of each kind that takes one."""

_REQUIRED = (RouteKind.HEDGE, RouteKind.CASCADE)
_KEYS = 'write `by user`, or `by header("x-customer")`'
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TOGETHER = {"conversation": (KeySource.CONVERSATION, ""), "user": (KeySource.FIELD, "user")}
"""Words for what a `balance` sends to the same member."""
_DEFAULT_KEY = (KeySource.HEADER, "x-inferc-key")

Find = Callable[[Symbol], "TypedRoute | Callee | None"]
"""A route that is declared, or what a deployment takes and gives."""


class RouteChecker:
    """Checks routes. find: gives the other routes and deployments."""

    def __init__(self, tools: Tools, find: Find, is_confident: Callable[[Symbol], bool]) -> None:
        self._tools = tools
        self._found: Diagnostics = tools.found
        self._evaluator: Evaluator = tools.evaluator
        self._find = find
        self._is_confident = is_confident

    def check(self, symbol: Symbol) -> TypedRoute | None:
        """The typed route of a declaration; None when it is not known what it does."""
        node = symbol.node
        assert isinstance(node, s.RouteDeclaration)
        options = None
        if node.options is not None:
            self._tools.memory.never_again()  # options and conditions remember places
            options = read_route_options(node.options, symbol.scope, node.name.text, self._tools)
        route = self._route(node.route, symbol, node.name.text)
        return evolve(route, options=options) if route is not None and options is not None else route

    def _route(self, node: s.Route, symbol: Symbol, name: str) -> TypedRoute | None:
        scope = symbol.scope
        if isinstance(node, s.RouteMember):
            members: tuple[Member, ...] = (self._target(node.target, node, scope),)
            callee = route_callee(symbol, members, scope, self._found)
            return TypedRoute(symbol, node, name, RouteKind.FALLBACK, members, callee)
        kind = self._kind(node, scope)
        members = self._members(node, kind, symbol, name)
        if kind is None:
            return None
        if isinstance(node, s.RouteList):
            advice = "remove one of them; to try the same one again, give it `retry { … }`"
            self._once(members, scope, "is a member twice", advice)
        elif self._once(members, scope, "has two shares", "add the two shares up, and write one"):
            check_sum(node, members, scope, self._found)
        self._enough(node, kind, members, scope)
        callee = route_callee(symbol, members, scope, self._found)
        route = TypedRoute(symbol, node, name, kind, members, callee)
        return self._with_option(route, node, scope)

    # ---- the strategy

    def _kind(self, node: s.RouteList | s.RouteSplit, scope: Scope) -> RouteKind | None:
        word, span = node.strategy.text, scope.span(node.strategy)
        here, there = (_LISTS, _SPLITS) if isinstance(node, s.RouteList) else (_SPLITS, _LISTS)
        if word in here:
            return RouteKind(word)
        if word in there:
            brackets = "members in `[…]`" if isinstance(node, s.RouteSplit) else "shares in `{…}`"
            helps = [f"write `{there[RouteKind(word)]}`"]
            if isinstance(node, s.RouteSplit) and word == RouteKind.BALANCE:
                helps.append("each member's part of the requests is a `split { a: 75%, b: 25% }`")
            self._found.error("E0303", f"`{word}` takes its {brackets}", span, help=helps)
            return None
        told = foreign_word("routes", word)
        if told is not None and told.form:
            help = f"write `{told.form}`"
            self._found.error("E0303", f"there is no route `{word}`", span, "called otherwise", help=help)
            return None
        meant = near(word, FORMS)
        fixes = write_instead(span, meant) if set(meant) <= set(here) else []
        hint = None if fixes else offer(meant) or f"routes are {every(f'`{form}`' for form in FORMS)}"
        self._found.error("E0303", f"there is no route `{word}`", span, "unknown", help=hint, fixes=fixes)
        return None

    # ---- members

    def _members(
        self, node: s.RouteList | s.RouteSplit, kind: RouteKind | None, symbol: Symbol, name: str
    ) -> tuple[Member, ...]:
        scope = symbol.scope
        if isinstance(node, s.RouteSplit) and kind is None:  # what stands behind the names may be no shares
            return tuple(self._target(share.target, share.target, scope) for share in node.shares)
        if isinstance(node, s.RouteSplit):
            return tuple(self._share(share, scope) for share in node.shares)
        members = []
        for place, route in enumerate(node.members, 1):
            if isinstance(route, s.RouteMember):
                members.append(self._target(route.target, route, scope))
                continue
            inner_name = f"{name}.{place}"
            inner = self._route(route, symbol, inner_name)
            sure = inner.confident if inner is not None else True
            callee = inner.callee if inner is not None else None
            members.append(Member(route, inner_name, inner, callee, confident=sure))
        return tuple(members)

    def _target(self, target: s.Expression, node: s.Node, scope: Scope) -> Member:
        symbol = scope.find_reference(target)
        if symbol is None or not isinstance(symbol.node, s.DeploymentDeclaration | s.RouteDeclaration):
            return Member(node, "", None, None)
        meant = self._find(symbol)
        if isinstance(meant, TypedRoute):
            return Member(node, symbol.name.text, symbol, meant.callee, confident=meant.confident)
        return Member(node, symbol.name.text, symbol, meant, confident=self._is_confident(symbol))

    def _share(self, share: s.Share, scope: Scope) -> Member:
        value = self._evaluator.evaluate(share.share, scope)
        percent = read_share(share.share, value, scope, self._found)
        return evolve(self._target(share.target, share.target, scope), share=percent)

    def _once(self, members: tuple[Member, ...], scope: Scope, what: str, advice: str) -> bool:
        """Whether no member stands there twice; those that do are reported."""
        seen: dict[int, Member] = {}
        once = True
        for member in members:
            if not isinstance(member.target, Symbol):
                continue
            first = seen.setdefault(id(member.target.node), member)
            if first is not member:
                once = False
                self._found.error(
                    "E0612",
                    f"`{member.name}` {what}",
                    scope.span(member.node),
                    "again here",
                    secondary=[Label(scope.span(first.node), "first here")],
                    help=advice,
                )
        return once

    def _enough(
        self, node: s.RouteList | s.RouteSplit, kind: RouteKind, members: tuple[Member, ...], scope: Scope
    ) -> None:
        if not members:
            self._found.error(
                "E0305", "a route needs members", scope.span(node), "none here", help=f"write `{FORMS[kind]}`"
            )
        elif len(members) == 1 and node.option is not None and kind in _REQUIRED:
            self._found.warning(
                "W0614",
                f"a `{kind}` of one member is that member",
                scope.span(node.option),
                "never has an effect",
                help=f"add another one: `{FORMS[kind]}`",
            )

    # ---- options

    def _with_option(
        self, route: TypedRoute, node: s.RouteList | s.RouteSplit, scope: Scope
    ) -> TypedRoute | None:
        kind, expected = route.kind, OPTIONS.get(route.kind)
        if kind is RouteKind.SPLIT:
            route = evolve(route, key=_DEFAULT_KEY)
        if node.option is None or node.value is None:
            if kind in _REQUIRED:
                what = "how long it waits" if kind is RouteKind.HEDGE else "which answers it accepts"
                self._found.error(
                    "E0305",
                    f"a `{kind}` must say {what}",
                    scope.span(node),
                    f"`{expected}` is missing",
                    help=f"write `{FORMS[kind]}`",
                )
                return None
            return route
        if node.option.text != expected:
            self._unknown_option(node.option, kind, expected, scope)
            return None if kind in _REQUIRED else route
        if kind is RouteKind.CASCADE:
            self._tools.memory.never_again()
            judged = judgement(self._tools, scope, route, node.value)
            return evolve(route, judgement=judged) if judged is not None else route
        return self._read_option(route, node.value, scope)

    def _unknown_option(
        self, option: s.Identifier, kind: RouteKind, expected: str | None, scope: Scope
    ) -> None:
        span = scope.span(option)
        if expected is None:
            message = f"a `{kind}` takes nothing behind its members"
            self._found.error("E0303", message, span, help=f"write `{FORMS[kind]}`")
            return
        fixes = [
            Fix(f"write `{expected}`", (Edit(span, expected),), safe=bool(near(option.text, [expected])))
        ]
        self._found.error("E0303", f"a `{kind}` has no `{option.text}`", span, "unknown", fixes=fixes)

    def _read_option(self, route: TypedRoute, node: s.Expression, scope: Scope) -> TypedRoute | None:
        if route.kind is RouteKind.SPLIT:
            key = self._key(node, scope)
            return evolve(route, key=key) if key is not None else route
        if route.kind is RouteKind.BALANCE and isinstance(node, s.Reference) and node.name in _TOGETHER:
            return evolve(route, by=BalanceKind.KEY, key=_TOGETHER[node.name])
        if route.kind is RouteKind.BALANCE and isinstance(node, s.CallExpression):
            key = self._key(node, scope)
            return evolve(route, by=BalanceKind.KEY, key=key) if key is not None else route
        span = scope.span(node)
        words = [kind.value for kind in BalanceKind if kind is not BalanceKind.KEY]
        words += _TOGETHER
        meant = span.text.replace("-", "_")
        if isinstance(node, s.Binary) and meant in words:
            fixes = write_instead(span, [meant])
            self._found.error("E0303", "a word holds no `-`", span, f"`{meant}` here", fixes=fixes)
            return route
        value = self._evaluator.evaluate(node, scope)
        if value is UNKNOWN:
            return route
        if route.kind is RouteKind.HEDGE:
            after = self._duration(node, value, scope)
            return evolve(route, after=after) if after is not None else None
        if isinstance(value, Word) and value in words:
            return evolve(route, by=BalanceKind(str(value)))
        fixes = write_instead(span, near(str(value), words) if isinstance(value, str) else [])
        hint = None if fixes else f"write {either(f'`{word}`' for word in words)}"
        self._found.error("E0303", "a `balance` has no such rule", span, "unknown", help=hint, fixes=fixes)
        return route

    def _key(self, node: s.Expression, scope: Scope) -> tuple[KeySource, str] | None:
        """`user`, or `header("x-customer")`; what is neither is reported."""
        match node:
            case s.Reference(name="user"):
                return KeySource.FIELD, "user"
            case s.CallExpression(function=s.Reference(name="header"), arguments=(argument,)):
                name = self._evaluator.evaluate(argument, scope)
                if name is UNKNOWN:
                    return None
                if isinstance(name, str) and not isinstance(name, Word) and _HEADER.fullmatch(name):
                    return KeySource.HEADER, name.lower()
                span = scope.span(argument)
                self._found.error("E0316", "this is no name of a header", span, help=_KEYS)
                return None
        self._found.error(
            "E0303",
            "what has the same `user` is kept together, or the same header",
            scope.span(node),
            "neither",
            help=_KEYS,
        )
        return None

    def _duration(self, node: s.Expression, value: object, scope: Scope) -> Duration | None:
        span = scope.span(node)
        if isinstance(value, Duration):
            if 0 < value <= MOST[Duration]:
                return value
            allowed = "more than 0" if value <= 0 else f"at most {MOST[Duration]}"
            self._found.error("E0304", f"`after` must be {allowed}, not {value}", span)
        elif type(value) in (int, float):
            fixes = [
                Fix(f"write `{show(value)}{unit}`", (Edit(span, f"{show(value)}{unit}"),), safe=False)
                for unit in ("ms", "s")
                if isinstance(node, s.Number)
            ]
            self._found.error("E0302", "`after` needs a unit", span, f"{show(value)} what?", fixes=fixes)
        else:
            self._found.error(
                "E0301", f"`after` takes a duration, found {describe(value)}", span, "such as 400ms"
            )
        return None

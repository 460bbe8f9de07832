"""What names mean in a file: its own declarations, and those it imports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import field

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostics, write_instead
from ..dsl.record import define, frozen
from ..dsl.source import Span
from ..dsl.suggest import offer
from ..dsl.wording import as_name
from .incremental.memory import Memory
from .incremental.results import UNSURE, Use
from .modules import Module

Named = (
    s.ParamDeclaration
    | s.LetDeclaration
    | s.TemplateDeclaration
    | s.DeploymentDeclaration
    | s.RouteDeclaration
    | s.PipelineDeclaration
    | s.TypeDeclaration
    | s.ExternDeclaration
)

KIND_WORDS: dict[type, str] = {
    s.ParamDeclaration: "parameter",
    s.LetDeclaration: "let",
    s.TemplateDeclaration: "template",
    s.DeploymentDeclaration: "deployment",
    s.RouteDeclaration: "route",
    s.PipelineDeclaration: "pipeline",
    s.TypeDeclaration: "type",
    s.ExternDeclaration: "extern",
}

VALUES = (s.LetDeclaration, s.ParamDeclaration)
"""Declarations that give a value a name."""

ANSWERING = (s.DeploymentDeclaration, s.RouteDeclaration)
"""Declarations that answer requests, so that they can be members of a route."""

CALLABLE = (*ANSWERING, s.PipelineDeclaration, s.ExternDeclaration)
"""Declarations that a pipeline can call."""


@frozen(eq=False, repr=False)
class Symbol:
    """A declaration, and the file it stands in."""

    scope: Scope
    node: Named

    @property
    def name(self) -> s.Identifier:
        return self.node.name

    @property
    def span(self) -> Span:
        return self.scope.span(self.node.name)

    @property
    def is_damaged(self) -> bool:
        """Whether a part of it could not be read for certain, so that nothing is known of it."""
        return self.scope.is_damaged(self.node)

    @property
    def kind(self) -> str:
        """The kind of declaration in the user's words."""
        return KIND_WORDS[type(self.node)]


@define(eq=False, repr=False)
class Scope:
    """The names of one file. Results that look one up depend on what it stands for."""

    module: Module
    memory: Memory
    own: dict[str, Symbol] = field(factory=dict)
    imported: dict[str, Symbol] = field(factory=dict)
    aliases: dict[str, Scope] = field(factory=dict)
    used: set[str] = field(factory=set)
    """Names of this file that something refers to, aliases and imported names included."""
    distinct: tuple[s.Declaration, ...] | None = None
    """The declarations that `own` was made of, where each has a name of its own."""
    lost: set[str] = field(factory=set)
    """Names that an import should have brought and did not; using one is no mistake of its own."""
    _by_kind: dict[tuple[type, ...], list[Symbol]] = field(init=False, factory=dict)
    """What `each` gave, as long as `own` is the same."""

    def each(self, *kinds: type) -> list[Symbol]:
        """The declarations of these kinds that names of this file stand for, in order."""
        known = self._by_kind.get(kinds)
        if known is None:
            if self.distinct is self.module.declarations:
                nodes: Sequence[Named] = self.module.each(*kinds)
                known = [self.own[node.name.text] for node in nodes]
            else:
                known = [symbol for symbol in self.own.values() if isinstance(symbol.node, kinds)]
            self._by_kind[kinds] = known
        return known

    def span(self, node: s.Node) -> Span:
        return self.module.span(node.start, node.end)

    def meaning(self, name: str) -> Symbol | None:
        """What `name` stands for in this file, None when nothing. It is not used by that."""
        symbol = self.own.get(name) or self.imported.get(name)
        return self.memory.looked_up(symbol, (self, name), (), self.meaning, name)

    def find(self, name: str) -> Symbol | None:
        """The same of a name that is used."""
        symbol = self.own.get(name) or self.imported.get(name)
        uses: tuple[Use, ...] = ()
        if symbol is not None:
            uses = (self, name), (symbol.scope, symbol.name.text)
        return self._used(symbol, (self, name), uses, self.find, name)

    def find_in(self, alias: str, name: str) -> Symbol | None:
        """What `alias.name` stands for."""
        scope, symbol = self.aliases.get(alias), None
        uses: tuple[Use, ...] = ()
        if scope is not None:
            symbol = scope.own.get(name)
            uses = ((self, alias), (scope, name)) if symbol is not None else ((self, alias),)
        about = (scope, name) if symbol is not None else UNSURE
        return self._used(symbol, about, uses, self.find_in, alias, name)

    def _used(
        self, symbol: Symbol | None, about: object, uses: tuple[Use, ...], ask: Any, *asked: str
    ) -> Symbol | None:
        for scope, name in uses:
            scope.used.add(name)
        return self.memory.looked_up(symbol, about, uses, ask, *asked)

    def find_reference(self, node: s.Expression) -> Symbol | None:
        """What a name, quoted name or `alias.name` stands for."""
        match node:
            case s.Reference():
                return self.find(node.name)
            case s.Text(parts=(str(name),)):
                return self.find(name)
            case s.Member(base=s.Reference(name=alias), name=name):
                return self.find_in(alias, name.text)
        return None

    def is_lost(self, name: str, is_alias: bool = False) -> bool:
        """Whether `name` should have come from a file that could not be imported."""
        if is_alias and name in self.aliases:
            lost = self.aliases[name].module is self.module
        else:
            lost = name in self.lost or "" in self.lost
        return self.memory.looked_up(lost, None, (), self.is_lost, name, is_alias)

    def is_damaged(self, node: Named) -> bool:
        """Whether a part of a declaration could not be read for certain."""
        found = id(node) in self.module.damage.nodes
        return self.memory.looked_up(found, id(node), (), self.is_damaged, node)

    def misses(self, node: s.Expression) -> bool:
        """Whether what `node` refers to should have come from what could not be read or imported."""
        name = written_reference(node) or ""
        return self.is_lost(name.partition(".")[0], isinstance(node, s.Member))

    def names(self, *kinds: type) -> Iterator[str]:
        """The names that stand for one of `kinds`, imported ones included."""
        for name, symbol in (self.own | self.imported).items():
            if isinstance(symbol.node, kinds):
                yield name
        for alias, scope in self.aliases.items():
            for name, symbol in scope.own.items():
                if isinstance(symbol.node, kinds):
                    yield f"{alias}.{name}"


def written_reference(node: s.Expression) -> str | None:
    """A reference as text, None for any other expression."""
    match node:
        case s.Reference():
            return node.name
        case s.Text(parts=(str(name),)):
            return name
        case s.Member(base=s.Reference(name=alias), name=name):
            return f"{alias}.{name.text}"
    return None


def report_unknown(scope: Scope, node: s.Expression, what: str, found: Diagnostics, *kinds: type) -> None:
    """There is no `what` of this name; says which names there are."""
    name = written_reference(node) or "this"
    if scope.misses(node):
        return
    meant = found.near(name, scope.names(*kinds))
    hint = offer(meant)
    if hint is None and not found.is_long:
        known = list(scope.names(*kinds))
        listed = ", ".join(f"`{each}`" for each in known[:8])
        hint = f"known here: {listed}" if known else f"this file declares no {what}"
    fixes = write_instead(scope.span(node), [*map(as_name, meant)]) if isinstance(node, s.Reference) else ()
    found.error(
        "E0201",
        f"there is no {what} `{name}`",
        scope.span(node),
        "not declared",
        help=None if fixes else hint,
        fixes=fixes,
    )

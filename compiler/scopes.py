"""The scopes of all files: made of their declarations and imports, and kept from one check to the next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostics, Label
from ..dsl.record import frozen
from ..dsl.source import Span
from ..dsl.suggest import did_you_mean
from .incremental.memory import Memory
from .modules import Module
from .scope import Named, Scope, Symbol


def build_scopes(modules: list[Module], found: Diagnostics, memory: Memory | None = None) -> dict[int, Scope]:
    """The scope of each module, by the module's id; duplicates and unknown imports are reported.

    memory: of a check before; its scopes and symbols go on where declarations are the same.
    """
    memory = memory or Memory()
    before, memory.scopes = memory.scopes, {}
    known = {scope: _State.of(scope) for scope in before.values()}
    for module in modules:
        scope = memory.scopes[module.key] = before.get(module.key) or Scope(module, memory)
        _declare(scope, module, found)
    scopes = {id(scope.module): scope for scope in memory.scopes.values()}
    _served_once(scopes.values(), found)
    for scope in scopes.values():
        _import(scope, scopes, found)
    memory.tell_changed(_changes(known, scopes.values()))
    return scopes


@frozen(eq=False, repr=False, slots=False)
class _State:
    """What a file says in one check."""

    own: dict[str, Symbol]
    imported: dict[str, Symbol]
    aliases: dict[str, Scope]
    lost: set[str]
    damaged: frozenset[int]

    @classmethod
    def of(cls, scope: Scope) -> _State:
        return cls(scope.own, scope.imported, scope.aliases, scope.lost, scope.module.damage.nodes)


def _changes(before: Mapping[Scope, _State], scopes: Collection[Scope]) -> set[object] | None:
    """What lookups are about whose answers may have changed; None where that is more than single names."""
    changed: set[object] = set()
    if before.keys() != set(scopes):
        return None
    for scope in scopes:
        old, new = before[scope], _State.of(scope)
        if old.aliases != new.aliases or old.lost != new.lost:
            return None
        for before_names, names in ((old.own, new.own), (old.imported, new.imported)):
            if before_names is not names:
                changed.update((scope, name) for name, _ in before_names.items() ^ names.items())
        changed |= old.damaged ^ new.damaged
    return changed


_ONCE = (s.ClusterDeclaration, s.GatewayDeclaration)
_NAMED = get_args(Named)


def _declare(scope: Scope, module: Module, found: Diagnostics) -> None:
    """Let `scope` be that of `module`, with the names that it declares itself."""
    scope.module, scope.lost, scope.used = module, set(module.lost), set()
    scope.imported, scope.aliases = {}, {}
    if module.declarations is scope.distinct:
        return
    before = {id(symbol.node): symbol for symbol in scope.own.values()}
    scope.own, scope._by_kind, reported = {}, {}, len(found.items)
    gateways: dict[type, s.Declaration] = {}
    for node in module.declarations:
        if isinstance(node, _ONCE):
            first = gateways.setdefault(type(node), node)
            if first is not node:
                word = "cluster" if isinstance(node, s.ClusterDeclaration) else "gateway"
                _duplicate(
                    f"a file has one `{word}`",
                    _keyword(scope, node, word),
                    _keyword(scope, first, word),
                    found,
                )
        elif isinstance(node, _NAMED):
            symbol = before.get(id(node)) or Symbol(scope, node)
            earlier = scope.own.setdefault(node.name.text, symbol)
            if earlier is not symbol:
                message = f"the name `{node.name.text}` is declared twice"
                _duplicate(message, symbol.span, earlier.span, found)
    scope.distinct = module.declarations if len(found.items) == reported else None


_SERVED: dict[str, tuple[type[Any], ...]] = {
    "requests": (s.DeploymentDeclaration, s.RouteDeclaration, s.PipelineDeclaration),
    "plans": (s.ExternDeclaration,),
}
"""Who knows which declarations by their names alone."""


def _served_once(scopes: Collection[Scope], found: Diagnostics) -> None:
    """Report names that two files declare, where the name alone must be enough: requests name deployments,
    routes and pipelines without their file, and plans name externs like that."""
    for who, kinds in _SERVED.items():
        known: dict[str, Symbol] = {}
        nodes = ((scope, node) for scope in scopes for node in scope.module.each(*kinds))
        for scope, node in nodes:
            name = node.name.text
            symbol = scope.own[name]
            if symbol.node is node and (earlier := known.setdefault(name, symbol)) is not symbol:
                message = f"the name `{name}` is declared in two files, and {who} know no files"
                _duplicate(message, symbol.span, earlier.span, found)


def _keyword(scope: Scope, node: s.Node, word: str) -> Span:
    return scope.module.span(node.start, node.start + len(word))


def _duplicate(message: str, second: Span, first: Span, found: Diagnostics) -> None:
    found.error(
        "E0202",
        message,
        second,
        "declared again here",
        secondary=[Label(first, "first declared here")],
        help="rename or remove one of them",
    )


def _import(scope: Scope, scopes: dict[int, Scope], found: Diagnostics) -> None:
    for node in scope.module.importing:
        imported = scope.module.imports.get(node.start)
        match node:
            case s.ImportAs():
                clash = scope.own.get(node.alias.text)
                if clash is not None:
                    message = f"the name `{node.alias.text}` is declared twice"
                    _duplicate(message, scope.span(node.alias), clash.span, found)
                target = scopes[id(imported)] if imported is not None else Scope(scope.module, scope.memory)
                scope.aliases[node.alias.text] = target
            case s.ImportNames() if imported is not None:
                for name in node.names:
                    _import_name(scope, scopes[id(imported)], name, found)
            case s.ImportNames():
                scope.lost.update(name.text for name in node.names)


def _import_name(scope: Scope, target: Scope, name: s.Identifier, found: Diagnostics) -> None:
    symbol = target.own.get(name.text)
    if symbol is None:
        hint = did_you_mean(name.text, target.own)
        message = f"`{target.module.source.name}` declares no `{name.text}`"
        found.error("E0201", message, scope.span(name), "not declared there", help=hint)
        scope.lost.add(name.text)
        return
    clash = scope.own.get(name.text) or scope.imported.get(name.text)
    if clash is not None:
        _duplicate(f"the name `{name.text}` is declared twice", scope.span(name), clash.span, found)
        return
    scope.imported[name.text] = symbol

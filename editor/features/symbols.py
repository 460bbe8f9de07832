"""The outline of a document, and the declarations of all files by name."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ...compiler.scope import KIND_WORDS
from ...dsl import syntax as s
from ...dsl.secrets.texts import masked
from ..view import View
from ..workspace import Workspace

KINDS: dict[type, lsp.SymbolKind] = {
    s.ParamDeclaration: lsp.SymbolKind.Variable,
    s.LetDeclaration: lsp.SymbolKind.Constant,
    s.TemplateDeclaration: lsp.SymbolKind.Interface,
    s.DeploymentDeclaration: lsp.SymbolKind.Class,
    s.RouteDeclaration: lsp.SymbolKind.Event,
    s.PipelineDeclaration: lsp.SymbolKind.Function,
    s.TypeDeclaration: lsp.SymbolKind.Struct,
    s.ExternDeclaration: lsp.SymbolKind.Function,
}
_MOST = 500
"""Symbols that one search gives; more help nobody."""


def document_symbols(view: View) -> list[lsp.DocumentSymbol]:
    """Declarations, and the blocks, fields and steps in them."""
    return [symbol for node in view.declarations for symbol in _declaration(view, node)]


def workspace_symbols(workspace: Workspace, query: str) -> list[lsp.WorkspaceSymbol]:
    """The declarations of all files whose names hold the letters of `query` in their order."""
    found = []
    for scope in workspace.everything():
        document = workspace.document_of(scope.module.source)
        for name, symbol in scope.own.items():
            if _matches(query, name):
                location = document.location(symbol.name.start, symbol.name.end)
                kind, file = KINDS[type(symbol.node)], scope.module.source.name
                found.append(lsp.WorkspaceSymbol(location, name, kind, container_name=file))
    return sorted(found, key=lambda each: (len(each.name), each.name))[:_MOST]


def _matches(query: str, name: str) -> bool:
    rest = iter(name.casefold())
    return all(letter in rest for letter in query.casefold())


def _declaration(view: View, node: s.Declaration) -> Iterator[lsp.DocumentSymbol]:
    match node:
        case s.ImportAs():
            yield _symbol(view, node, node.alias, lsp.SymbolKind.Module, "import")
        case s.ImportNames():
            for name in node.names:
                yield _symbol(view, name, name, lsp.SymbolKind.Module, "import")
        case s.ClusterDeclaration() | s.GatewayDeclaration():
            word = "cluster" if isinstance(node, s.ClusterDeclaration) else "gateway"
            name = s.Identifier(node.start, node.start + len(word), word)
            yield _symbol(view, node, name, lsp.SymbolKind.Namespace, "", _body(view, node.body))
        case s.TestDeclaration():
            yield _symbol(view, node, node.name, lsp.SymbolKind.Method, "test")
        case s.TemplateDeclaration() | s.DeploymentDeclaration():
            yield _named(view, node, node.name, _body(view, node.body))
        case s.PipelineDeclaration():
            steps = [
                _symbol(view, each, each.name, lsp.SymbolKind.Variable, "step")
                for each in node.steps
                if each.name is not None
            ]
            yield _named(view, node, node.name, steps)
        case (
            s.ParamDeclaration()
            | s.LetDeclaration()
            | s.RouteDeclaration()
            | s.TypeDeclaration()
            | s.ExternDeclaration()
        ):
            yield _named(view, node, node.name, [])


def _named(
    view: View, node: s.Declaration, name: s.Identifier, inner: list[lsp.DocumentSymbol]
) -> lsp.DocumentSymbol:
    return _symbol(view, node, name, KINDS[type(node)], KIND_WORDS[type(node)], inner)


def _body(view: View, body: s.Body) -> list[lsp.DocumentSymbol]:
    symbols = []
    for item in body.items:
        if isinstance(item, s.Field):
            symbols.append(_symbol(view, item, item.name, lsp.SymbolKind.Property, ""))
        else:
            label = item.label.text if item.label is not None else ""
            inner = _body(view, item.body)
            symbols.append(_symbol(view, item, item.name, lsp.SymbolKind.Object, label, inner))
    return symbols


def _symbol(
    view: View,
    node: s.Node,
    name: s.Identifier,
    kind: lsp.SymbolKind,
    detail: str,
    inner: list[lsp.DocumentSymbol] | None = None,
) -> lsp.DocumentSymbol:
    start, end = min(node.start, name.start), max(node.end, name.end)
    return lsp.DocumentSymbol(
        name=masked(name.text.strip()) or "…",
        kind=kind,
        range=view.range(start, end),
        selection_range=view.range_of(name),
        detail=detail or None,
        children=inner or None,
    )

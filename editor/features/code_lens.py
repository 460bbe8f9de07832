"""Links above declarations: run the file, call one, show its graph, which the client does; play a test."""

from __future__ import annotations

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ..view import View

RUN, CALL, GRAPH, TEST = "inferc.run", "inferc.call", "inferc.graph", "inferc.test"
"""The commands; each takes the URI of the document and a name, and `inferc.call` the parameters of a
pipeline, as `[name, type]`. The server does the last one itself."""


def code_lens(view: View) -> list[lsp.CodeLens]:
    """What can be done with each declaration that answers requests."""
    lenses = []
    for node in view.declarations:
        if isinstance(node, s.DeploymentDeclaration | s.RouteDeclaration | s.PipelineDeclaration):
            lenses.append(_lens(view, node.name, "run", RUN))
            lenses.append(_lens(view, node.name, "call", CALL, *_parameters(view, node)))
        if isinstance(node, s.RouteDeclaration | s.PipelineDeclaration):
            lenses.append(_lens(view, node.name, "graph", GRAPH))
        if isinstance(node, s.TestDeclaration):
            lenses.append(_lens(view, node.name, "play this test", TEST))
    return lenses


def _parameters(view: View, node: s.Declaration) -> list[list[list[str]]]:
    """What a pipeline takes, as the one more argument of its command; nothing for what takes a text."""
    if not isinstance(node, s.PipelineDeclaration):
        return []
    return [[[each.name.text, view.text[each.type.start : each.type.end]] for each in node.parameters]]


def _lens(view: View, name: s.Identifier, title: str, command: str, *more: object) -> lsp.CodeLens:
    return lsp.CodeLens(
        view.range_of(name), lsp.Command(title, command, arguments=[view.document.uri, name.text, *more])
    )

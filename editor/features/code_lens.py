"""Links above declarations: run the file and show it as a graph, which the client does; play a test."""

from __future__ import annotations

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ..view import View

RUN, GRAPH, TEST = "inferc.run", "inferc.graph", "inferc.test"
"""The commands; each takes the URI of the document and a name. The server does the last one itself."""


def code_lens(view: View) -> list[lsp.CodeLens]:
    """What can be done with each declaration that answers requests."""
    lenses = []
    for node in view.declarations:
        if isinstance(node, s.DeploymentDeclaration | s.RouteDeclaration | s.PipelineDeclaration):
            lenses.append(_lens(view, node.name, "run", RUN))
        if isinstance(node, s.RouteDeclaration | s.PipelineDeclaration):
            lenses.append(_lens(view, node.name, "graph", GRAPH))
        if isinstance(node, s.TestDeclaration):
            lenses.append(_lens(view, node.name, "play this test", TEST))
    return lenses


def _lens(view: View, name: s.Identifier, title: str, command: str) -> lsp.CodeLens:
    return lsp.CodeLens(
        view.range_of(name), lsp.Command(title, command, arguments=[view.document.uri, name.text])
    )

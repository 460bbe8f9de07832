"""Every question that the server answers, asked about one place of one text."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest.mock import patch

import attrs
from lsprotocol import types as lsp
from pygls.protocol import default_converter

from inferc.editor import server as servers
from inferc.editor.bindings import answers, answers_anywhere
from inferc.editor.documents import Document
from inferc.editor.features.diagnostics import diagnostics
from inferc.editor.new_names import RenameRefused
from inferc.editor.server import Server


@cache
def converter() -> Any:
    """What turns answers into messages: it is the same for each server, and takes longer to make than one."""
    return default_converter()


def new_server() -> Server:
    """A server without a client."""
    with patch.object(servers, "default_converter", converter):
        server = Server()
    server.protocol.client_capabilities = lsp.ClientCapabilities()
    return server


def ask_everything(server: Server, document: Document, offset: int) -> Iterator[tuple[str, Any]]:
    """The answer to each question about the place, by its method. Raises whatever a feature raises."""
    if server.files.document(document.uri) is not document:
        server.files.put(document)
    view = server.view_of(document)
    yield "diagnostics", diagnostics(view)
    place = document.lines.position(offset)
    items = None
    for method, answer in answers(server).items():
        try:
            result = answer(view, _params(method, document, place))
        except RenameRefused:
            continue
        if method == lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY:
            items = result
        yield method, result
    for method, ask in answers_anywhere(server).items():
        if "callHierarchy" in method:
            for item in items or ():
                yield method, ask(lsp.CallHierarchyIncomingCallsParams(item))
        elif method == lsp.WORKSPACE_SYMBOL:
            yield method, ask(lsp.WorkspaceSymbolParams("a"))


def _params(method: str, document: Document, place: lsp.Position) -> Any:
    """Parameters of the class that the method takes, filled in by the names of its fields."""
    cls = lsp.METHOD_TO_TYPES[method][2]
    everything = lsp.Range(lsp.Position(0, 0), document.lines.position(len(document.text)))
    known: dict[str, Any] = {
        "text_document": lsp.TextDocumentIdentifier(document.uri),
        "position": place,
        "positions": [place],
        "range": everything if "inlay" in method else lsp.Range(place, place),
        "options": lsp.FormattingOptions(2, True),
        "ch": "}",
        "new_name": "renamed",
        "previous_result_id": "0",
    }
    if method == lsp.TEXT_DOCUMENT_REFERENCES:
        known["context"] = lsp.ReferenceContext(True)
    if method == lsp.TEXT_DOCUMENT_CODE_ACTION:
        known["context"] = lsp.CodeActionContext([])
    names = {field.name for field in attrs.fields(typing.cast(Any, cls))}
    return typing.cast(Any, cls)(**{name: value for name, value in known.items() if name in names})

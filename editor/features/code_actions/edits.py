"""The compiler's edits in the form of the protocol."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from ....dsl.diagnostics import Edit
from ...view import View


def workspace_edit(view: View, edits: Iterable[Edit]) -> lsp.WorkspaceEdit:
    """`edits` file by file, of the versions that are open."""
    files: dict[str, tuple[int | None, list[lsp.TextEdit]]] = {}
    for edit in edits:
        source = edit.span.source
        document = view.document_of(source)
        _, made = files.setdefault(document.uri, (document.version, []))
        made.append(lsp.TextEdit(document.lines.range(edit.span.start, edit.span.end), edit.replacement))
    return lsp.WorkspaceEdit(
        document_changes=[
            lsp.TextDocumentEdit(lsp.OptionalVersionedTextDocumentIdentifier(uri, version), list(made))
            for uri, (version, made) in files.items()
        ]
    )


def here(view: View, *edits: tuple[int, int, str]) -> lsp.WorkspaceEdit:
    """Edits of this document, each as its start, its end and the new text."""
    made = [lsp.TextEdit(view.range(start, end), text) for start, end, text in edits]
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(view.document.uri, view.document.version)
    return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(identifier, list(made))])

"""Which function answers which request. A failure is logged, and the answer is empty."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from .features.call_hierarchy import incoming, outgoing, prepare_calls
from .features.code_actions import ACTION_KINDS, code_actions
from .features.code_lens import TEST, code_lens
from .features.completion import COMPLETION_TRIGGERS, completion
from .features.definitions import declaration, definition
from .features.diagnostics import explained
from .features.folding import folding
from .features.formatting import (
    TYPING_TRIGGERS,
    formatting,
    on_type_formatting,
    range_formatting,
)
from .features.graph import graph
from .features.hover import hover
from .features.inlay_hints import inlay_hints
from .features.links import links
from .features.references import highlights, references
from .features.rename import prepare_rename, rename
from .features.selection import selection
from .features.semantic_tokens import LEGEND
from .features.signature_help import SIGNATURE_TRIGGERS, signature_help
from .features.symbols import document_symbols, workspace_symbols
from .new_names import RenameRefused
from .protocol import ARRIVED
from .server import Server
from .view import View

log = logging.getLogger(__name__)

EXPLAIN = "inferc/explain"
"""A request of our own: `{"code": "E0302"}` is answered with the page of the code, as Markdown."""

GRAPH = "inferc/graph"
"""Another: `{"uri": …, "name": …}` is answered with the picture of the text, or why there is none."""

Answer = Callable[[View, Any], Any]

OPTIONS: dict[str, Any] = {
    lsp.TEXT_DOCUMENT_COMPLETION: lsp.CompletionOptions(trigger_characters=list(COMPLETION_TRIGGERS)),
    lsp.TEXT_DOCUMENT_SIGNATURE_HELP: lsp.SignatureHelpOptions(list(SIGNATURE_TRIGGERS)),
    lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING: lsp.DocumentOnTypeFormattingOptions(
        TYPING_TRIGGERS[0], list(TYPING_TRIGGERS[1:])
    ),
    lsp.TEXT_DOCUMENT_CODE_ACTION: lsp.CodeActionOptions(list(ACTION_KINDS)),
    lsp.TEXT_DOCUMENT_DIAGNOSTIC: lsp.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier="inferc"
    ),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: LEGEND,
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA: LEGEND,
}
"""Options that clients are told with a request that is answered."""


def bind(server: Server) -> None:
    """Make the server answer all requests that are known here."""
    _listen(server)
    for method, answer in answers(server).items():
        _bind(server, method, answer)
    for method, ask in answers_anywhere(server).items():
        _bind_anywhere(server, method, ask)

    @server.feature(lsp.WORKSPACE_DIAGNOSTIC)
    async def _(params: lsp.WorkspaceDiagnosticParams) -> Any:
        try:
            return await server.pull_all(list(params.previous_result_ids))
        except Exception:
            log.exception("%s failed", lsp.WORKSPACE_DIAGNOSTIC)
            return lsp.WorkspaceDiagnosticReport([])

    @server.command(TEST)
    async def _(*given: Any) -> None:
        """`[uri, title]`; without a title, all tests of the text."""
        words = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        uri, title = (*words, None, None)[:2]
        if isinstance(uri, str):
            await server.play(uri, title if isinstance(title, str) else None)


def answers(server: Server) -> dict[str, Answer]:
    """The questions about one text, and their answers."""
    return {
        lsp.TEXT_DOCUMENT_COMPLETION: lambda view, p: completion(
            view, p.position, snippets=server.takes_snippets, range_once=server.takes_range_once
        ),
        lsp.TEXT_DOCUMENT_HOVER: lambda view, p: hover(view, p.position),
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP: lambda view, p: signature_help(view, p.position),
        lsp.TEXT_DOCUMENT_DEFINITION: lambda view, p: server.links(definition(view, p.position)),
        lsp.TEXT_DOCUMENT_DECLARATION: lambda view, p: server.links(declaration(view, p.position)),
        lsp.TEXT_DOCUMENT_REFERENCES: lambda view, p: references(
            view, p.position, with_declaration=p.context.include_declaration
        ),
        lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: lambda view, p: highlights(view, p.position),
        lsp.TEXT_DOCUMENT_PREPARE_RENAME: lambda view, p: prepare_rename(view, p.position),
        lsp.TEXT_DOCUMENT_RENAME: lambda view, p: rename(view, p.position, p.new_name, server.warn),
        lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: lambda view, _: document_symbols(view),
        lsp.TEXT_DOCUMENT_CODE_ACTION: lambda view, p: code_actions(view, p.range, p.context.only),
        lsp.TEXT_DOCUMENT_FORMATTING: lambda view, _: formatting(view),
        lsp.TEXT_DOCUMENT_RANGE_FORMATTING: lambda view, p: range_formatting(view, p.range),
        lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING: lambda view, p: on_type_formatting(view, p.position, p.ch),
        lsp.TEXT_DOCUMENT_FOLDING_RANGE: lambda view, _: folding(view),
        lsp.TEXT_DOCUMENT_SELECTION_RANGE: lambda view, p: selection(view, p.positions),
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: lambda view, _: server.tokens(view),
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA: lambda view, p: server.tokens(
            view, p.previous_result_id
        ),
        lsp.TEXT_DOCUMENT_INLAY_HINT: lambda view, p: inlay_hints(
            view, p.range, server.played(view.document)
        ),
        lsp.TEXT_DOCUMENT_DOCUMENT_LINK: lambda view, _: links(view),
        lsp.TEXT_DOCUMENT_CODE_LENS: lambda view, _: code_lens(view),
        lsp.TEXT_DOCUMENT_DIAGNOSTIC: lambda view, p: server.pull(view, p.previous_result_id),
        lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY: lambda view, p: prepare_calls(view, p.position),
    }


def answers_anywhere(server: Server) -> dict[str, Callable[[Any], Any]]:
    """The questions about all files, and their answers."""
    return {
        lsp.WORKSPACE_SYMBOL: lambda p: workspace_symbols(server.files, p.query),
        lsp.CALL_HIERARCHY_INCOMING_CALLS: lambda p: incoming(server.files, p.item),
        lsp.CALL_HIERARCHY_OUTGOING_CALLS: lambda p: outgoing(server.files, p.item),
        GRAPH: lambda p: _graph(server, getattr(p, "uri", None), getattr(p, "name", None)),
        EXPLAIN: lambda p: explained(str(getattr(p, "code", ""))),
    }


def _graph(server: Server, uri: object, name: object) -> dict[str, Any] | None:
    document = server.files.any_document(uri) if isinstance(uri, str) else None
    if document is None:
        return None
    return graph(server.view_of(document), name if isinstance(name, str) else None)


def _listen(server: Server) -> None:
    """Take what clients tell without asking."""
    feature = server.feature

    @feature(lsp.INITIALIZE)
    def _(params: lsp.InitializeParams) -> None:
        server.start_session(params)

    @feature(lsp.INITIALIZED)
    def _(params: lsp.InitializedParams) -> None:
        server.watch_files()

    @feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def _(params: Any) -> None: ...  # the protocol has taken it; this says that it may come

    @feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def _(params: Any) -> None:
        server.changed_outside()

    @feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _(params: Any) -> None:
        server.changed_outside()

    @feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def _(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        server.change_folders(params.event)


def _bind(server: Server, method: str, answer: Answer) -> None:
    """Answer a question about the text as it was when the question came.

    Questions wait until all that has come in is read: one that was cancelled meanwhile is not worked on.
    """

    async def handler(params: Any) -> Any:
        document = ARRIVED.get() or server.files.any_document(params.text_document.uri)
        if document is None:
            return None
        return _safely(method, lambda: answer(server.view_of(document), params))

    server.feature(method, OPTIONS.get(method))(handler)


def _bind_anywhere(server: Server, method: str, ask: Callable[[Any], Any]) -> None:
    """Answer what is not about one open text."""

    async def handler(params: Any) -> Any:
        return _safely(method, lambda: ask(params))

    server.feature(method)(handler)


def _safely(method: str, compute: Callable[[], Any]) -> Any:
    """The answer, None after an error of ours. Raises JsonRpcException where a rename is refused."""
    try:
        return compute()
    except RenameRefused as refused:
        raise JsonRpcException(str(refused), code=lsp.LSPErrorCodes.RequestFailed) from None
    except Exception:
        log.exception("%s failed", method)
        return None

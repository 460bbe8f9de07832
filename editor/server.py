"""The language server: features bound to the protocol. A feature that fails is logged and answers nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from ..dsl.version import __version__
from .checks import Checks
from .documents import Document, path_of
from .features.call_hierarchy import incoming, outgoing, prepare_calls
from .features.code_actions import KINDS as action_kinds
from .features.code_actions import code_actions
from .features.code_lens import code_lens
from .features.completion import TRIGGERS as completion_triggers
from .features.completion import completion
from .features.definitions import declaration, definition
from .features.diagnostics import explained
from .features.folding import folding
from .features.formatting import TRIGGERS as typing_triggers
from .features.formatting import formatting, on_type_formatting, range_formatting
from .features.hover import hover
from .features.inlay_hints import inlay_hints
from .features.links import links
from .features.references import highlights, references
from .features.rename import RenameRefused, prepare_rename, rename
from .features.selection import selection
from .features.semantic_tokens import LEGEND, delta, semantic_tokens
from .features.signature_help import TRIGGERS as signature_triggers
from .features.signature_help import signature_help
from .features.symbols import document_symbols, workspace_symbols
from .protocol import ARRIVED, Protocol
from .view import View
from .workspace import Workspace, name_of

log = logging.getLogger(__name__)

EXPLAIN = "inferc/explain"
"""A request of our own: `{"code": "E0302"}` is answered with the page of the code, as Markdown."""

_SNIPPETS = "text_document.completion.completion_item.snippet_support"


class Server(LanguageServer):
    """One client, the texts that it has open, and the answers to what it asks."""

    def __init__(self, checked: Callable[[], None] | None = None) -> None:
        """checked: called after each check of a file."""
        super().__init__("inferc", __version__, protocol_cls=Protocol, converter_factory=default_converter)
        self.files = Workspace()
        publish = self.text_document_publish_diagnostics
        self._checks = Checks(self.files, self.view, publish, checked or (lambda: None))
        self._views: dict[str, tuple[int, View]] = {}
        self._tokens: dict[str, tuple[str, list[int]]] = {}
        self._count = 0
        _bind(self)

    # ---- texts

    def opened(self, item: lsp.TextDocumentItem) -> None:
        path = path_of(item.uri)
        name = name_of(path, self.files.folders) if path is not None else None
        document = Document.make(item.uri, item.text, item.version, self.files.encoding, name)
        self.files.put(document)
        self._checks.changed(item.uri)

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        document = self.files.document(uri)
        if document is None:
            log.warning("a change of %s, which is not open, is left out", uri)
            return
        self.files.put(document.changed(params.content_changes, params.text_document.version))
        self._checks.changed(uri)

    def closed(self, uri: str) -> None:
        self.files.close(uri)
        self._views.pop(uri, None)
        self._tokens.pop(uri, None)
        self._checks.closed(uri)

    def changed_outside(self) -> None:
        """Files on disk may have changed."""
        self.files.touch()
        self._checks.changed_outside()

    # ---- views

    def view(self, uri: str) -> View | None:
        """The newest version of an open text."""
        document = self.files.document(uri)
        return self.view_of(document) if document is not None else None

    def view_of(self, document: Document) -> View:
        """One version of a text; the newest one is made once, until something changes."""
        generation, view = self._views.get(document.uri, (-1, None))
        if view is None or generation != self.files.generation or view.document is not document:
            view = View(self.files, document)
            if self.files.document(document.uri) is document:
                self._views[document.uri] = (self.files.generation, view)
        return view

    def start_session(self, params: lsp.InitializeParams) -> None:
        """Take over what the client says about itself."""
        self.files.encoding = str(self.workspace.position_encoding)
        folders = [each.uri for each in params.workspace_folders or ()] or [params.root_uri or ""]
        self.files.folders = [path for uri in folders if (path := path_of(uri)) is not None]

    def change_folders(self, event: lsp.WorkspaceFoldersChangeEvent) -> None:
        """Folders were added to the window, or taken away."""
        removed = {path_of(each.uri) for each in event.removed}
        kept = [folder for folder in self.files.folders if folder not in removed]
        added = [path for each in event.added if (path := path_of(each.uri)) is not None]
        self.files.folders = [*kept, *added]

    @property
    def takes_snippets(self) -> bool:
        """Whether the client fills in templates with stops."""
        return bool(get_capability(self.client_capabilities, _SNIPPETS, False))

    def links(self, found: list[lsp.LocationLink]) -> list[lsp.LocationLink] | list[lsp.Location]:
        """Places to go to, in the form that the client knows."""
        if get_capability(self.client_capabilities, "text_document.definition.link_support", False):
            return found
        return [lsp.Location(each.target_uri, each.target_selection_range) for each in found]

    def tokens(self, view: View, before: str | None = None) -> lsp.SemanticTokens | lsp.SemanticTokensDelta:
        """The coloured names, or what changed in them since the answer called `before`."""
        uri, data = view.document.uri, semantic_tokens(view)
        known, old = self._tokens.get(uri, ("", []))
        result = str(self._count)
        self._count += 1
        self._tokens[uri] = (result, data)
        if before is not None and before == known:
            return lsp.SemanticTokensDelta(delta(old, data), result)
        return lsp.SemanticTokens(data, result)

    def watch_files(self) -> None:
        """Ask to be told when files change that no editor has open."""
        watched = (
            self.client_capabilities.workspace and self.client_capabilities.workspace.did_change_watched_files
        )
        if watched and watched.dynamic_registration:
            globs = [lsp.FileSystemWatcher(f"**/*.{ending}") for ending in ("infer", "onnx", "json")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(globs)
            registration = lsp.Registration("watch", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.client_register_capability(lsp.RegistrationParams([registration]), lambda _: None)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Errors are for the log: nobody can do anything about them in a window."""
        log.error("%s: %s", getattr(source, "__name__", source), error)


def _bind(server: Server) -> None:
    """Say which function answers which question."""
    _listen(server)
    answers: dict[str, Callable[[View, Any], Any]] = {
        lsp.TEXT_DOCUMENT_HOVER: lambda view, p: hover(view, p.position),
        lsp.TEXT_DOCUMENT_DEFINITION: lambda view, p: server.links(definition(view, p.position)),
        lsp.TEXT_DOCUMENT_DECLARATION: lambda view, p: server.links(declaration(view, p.position)),
        lsp.TEXT_DOCUMENT_REFERENCES: lambda view, p: references(
            view, p.position, with_declaration=p.context.include_declaration
        ),
        lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: lambda view, p: highlights(view, p.position),
        lsp.TEXT_DOCUMENT_PREPARE_RENAME: lambda view, p: prepare_rename(view, p.position),
        lsp.TEXT_DOCUMENT_RENAME: lambda view, p: rename(view, p.position, p.new_name),
        lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: lambda view, _: document_symbols(view),
        lsp.TEXT_DOCUMENT_FORMATTING: lambda view, _: formatting(view),
        lsp.TEXT_DOCUMENT_RANGE_FORMATTING: lambda view, p: range_formatting(view, p.range),
        lsp.TEXT_DOCUMENT_FOLDING_RANGE: lambda view, _: folding(view),
        lsp.TEXT_DOCUMENT_SELECTION_RANGE: lambda view, p: selection(view, p.positions),
        lsp.TEXT_DOCUMENT_INLAY_HINT: lambda view, p: inlay_hints(view, p.range),
        lsp.TEXT_DOCUMENT_DOCUMENT_LINK: lambda view, _: links(view),
        lsp.TEXT_DOCUMENT_CODE_LENS: lambda view, _: code_lens(view),
        lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY: lambda view, p: prepare_calls(view, p.position),
    }
    for method, compute in answers.items():
        _answer(server, method, compute)
    _answer(
        server,
        lsp.TEXT_DOCUMENT_COMPLETION,
        lambda view, p: completion(view, p.position, snippets=server.takes_snippets),
        lsp.CompletionOptions(trigger_characters=list(completion_triggers)),
    )
    _answer(
        server,
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP,
        lambda view, p: signature_help(view, p.position),
        lsp.SignatureHelpOptions(list(signature_triggers)),
    )
    _answer(
        server,
        lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING,
        lambda view, p: on_type_formatting(view, p.position, p.ch),
        lsp.DocumentOnTypeFormattingOptions(typing_triggers[0], list(typing_triggers[1:])),
    )
    _answer(
        server,
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lambda view, p: code_actions(view, p.range, p.context.only),
        lsp.CodeActionOptions(list(action_kinds)),
    )
    _answer(server, lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, lambda view, _: server.tokens(view), LEGEND)
    _answer(
        server,
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA,
        lambda view, p: server.tokens(view, p.previous_result_id),
        LEGEND,
    )
    everywhere: dict[str, Callable[[Any], Any]] = {
        lsp.WORKSPACE_SYMBOL: lambda p: workspace_symbols(server.files, p.query),
        lsp.CALL_HIERARCHY_INCOMING_CALLS: lambda p: incoming(server.files, p.item),
        lsp.CALL_HIERARCHY_OUTGOING_CALLS: lambda p: outgoing(server.files, p.item),
        EXPLAIN: lambda p: explained(_code(p)),
    }
    for method, ask in everywhere.items():
        _answer_anywhere(server, method, ask)


def _listen(server: Server) -> None:
    """What clients tell without asking."""
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


def _answer(server: Server, method: str, compute: Callable[[View, Any], Any], options: Any = None) -> None:
    """Answer `method` by `compute`, about the text as it was when the question came.

    Questions wait until all that has come in is read: one that was cancelled meanwhile is not worked on.
    """

    async def handler(params: Any) -> Any:
        document = ARRIVED.get() or server.files.any_document(params.text_document.uri)
        if document is None:
            return None
        return _safely(method, lambda: compute(server.view_of(document), params))

    server.feature(method, options)(handler)


def _answer_anywhere(server: Server, method: str, ask: Callable[[Any], Any]) -> None:
    """Answer what is not about one open text."""

    async def handler(params: Any) -> Any:
        return _safely(method, lambda: ask(params))

    server.feature(method)(handler)


def _safely(method: str, compute: Callable[[], Any]) -> Any:
    """The answer; None after a mistake of ours, and the reason where a wish is refused."""
    try:
        return compute()
    except RenameRefused as refused:
        raise JsonRpcException(str(refused), code=lsp.LSPErrorCodes.RequestFailed) from None
    except Exception:
        log.exception("%s failed", method)
        return None


def _code(params: Any) -> str:
    """The code in the parameters of a request of our own, which come without a class."""
    return str(getattr(params, "code", ""))

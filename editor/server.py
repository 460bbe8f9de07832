"""The language server: features bound to the protocol. A feature that fails is logged and answers nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from ..dsl.version import __version__
from .checks import Checks
from .documents import Document, path_of
from .features.formatting import TRIGGERS, formatting, on_type_formatting, range_formatting
from .features.symbols import document_symbols, workspace_symbols
from .protocol import ARRIVED, Protocol
from .view import View
from .workspace import Workspace, name_of

log = logging.getLogger(__name__)


class Server(LanguageServer):
    """One client, the texts that it has open, and the answers to what it asks."""

    def __init__(self) -> None:
        super().__init__("inferc", __version__, protocol_cls=Protocol, converter_factory=default_converter)
        self.files = Workspace()
        self._checks = Checks(self.files, self.view, self.text_document_publish_diagnostics)
        self._views: dict[str, tuple[int, View]] = {}
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

    def watch_files(self) -> None:
        """Ask to be told when files change that no editor has open."""
        watched = self.client_capabilities.workspace and self.client_capabilities.workspace.did_change_watched_files
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
    feature = server.feature

    @feature(lsp.INITIALIZE)
    def _(params: lsp.InitializeParams) -> None:
        server.start_session(params)

    @feature(lsp.INITIALIZED)
    def _(params: lsp.InitializedParams) -> None:
        server.watch_files()

    @feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def _(params: Any) -> None: ...

    @feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def _(params: Any) -> None:
        server.changed_outside()

    @feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _(params: Any) -> None:
        server.changed_outside()

    @feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def _(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        server.change_folders(params.event)

    _answer(server, lsp.TEXT_DOCUMENT_FORMATTING, lambda view, _: formatting(view))
    _answer(server, lsp.TEXT_DOCUMENT_RANGE_FORMATTING, lambda view, p: range_formatting(view, p.range))
    _answer(
        server,
        lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING,
        lambda view, p: on_type_formatting(view, p.position, p.ch),
        lsp.DocumentOnTypeFormattingOptions(TRIGGERS[0], TRIGGERS[1:]),
    )
    _answer(server, lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, lambda view, _: document_symbols(view))

    @feature(lsp.WORKSPACE_SYMBOL)
    async def _(params: lsp.WorkspaceSymbolParams) -> Any:
        return _safely(lsp.WORKSPACE_SYMBOL, lambda: workspace_symbols(server.files, params.query))


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


def _safely(method: str, compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except (Exception, RecursionError):
        log.exception("%s failed", method)
        return None

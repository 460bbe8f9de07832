"""The language server: one client, its texts, and what is told to it without being asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.capabilities import get_capability
from pygls.protocol import default_converter

from ..dsl.version import __version__
from .checks import Checks
from .documents import Document, path_of
from .features.semantic_tokens import delta, semantic_tokens
from .playing import CannotPlay, Played, play
from .positions import UTF16
from .protocol import Protocol, TextServer
from .pull_diagnostics import DocumentReport, PullDiagnostics
from .view import View
from .workspace import Workspace, name_of

log = logging.getLogger(__name__)

_REFRESH = "workspace.diagnostics.refresh_support"
_SNIPPETS = "text_document.completion.completion_item.snippet_support"
_DEFAULTS = "text_document.completion.completion_list.item_defaults"


class Server(TextServer):
    """One client, and the texts that it has open."""

    def __init__(self, checked: Callable[[], None] | None = None) -> None:
        """checked: called after each check of a file."""
        super().__init__("inferc", __version__, protocol_cls=Protocol, converter_factory=default_converter)
        self.files = Workspace()
        publish = self.text_document_publish_diagnostics
        self._checked = checked or (lambda: None)
        self._checks = Checks(self.files, self.view, publish, self._checked)
        self._pull_diagnostics = PullDiagnostics(self.files, self.view_of)
        self._views: dict[str, tuple[int, View]] = {}
        self._tokens: dict[str, tuple[str, list[int]]] = {}
        self._count = 0
        self._played: dict[str, Played] = {}

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
        document = self.files.document(uri)
        importers = self.files.importers(document) if document is not None else []
        self.files.close(uri)
        self._views.pop(uri, None)
        self._tokens.pop(uri, None)
        self._played.pop(uri, None)
        self._checks.closed(uri, [each.uri for each in importers])

    def changed_outside(self) -> None:
        """Files on disk may have changed."""
        self.files.touch()
        self._checks.changed_outside()
        if self._checks.pulled and get_capability(self.client_capabilities, _REFRESH, False):
            self.workspace_diagnostic_refresh(None)

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
        encoding = self.workspace.position_encoding or UTF16
        self.files.encoding = encoding.value if isinstance(encoding, lsp.PositionEncodingKind) else encoding
        self._checks.pulled = (
            get_capability(params.capabilities, "text_document.diagnostic", None) is not None
        )
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

    @property
    def takes_range_once(self) -> bool:
        """Whether the client takes what a completion replaces from the list of them."""
        return "editRange" in (get_capability(self.client_capabilities, _DEFAULTS, None) or ())

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

    def pull(self, view: View, before: str | None) -> DocumentReport:
        """The findings about a text, for a client that asks; `before` is the result that it has."""
        try:
            return self._pull_diagnostics.document(view, before)
        finally:
            self._checked()

    async def pull_all(self, before: list[lsp.PreviousResultId]) -> lsp.WorkspaceDiagnosticReport:
        """The findings about all files of the folders."""
        try:
            return await self._pull_diagnostics.workspace(before)
        finally:
            self._checked()

    def watch_files(self) -> None:
        """Ask to be told when files change that no editor has open."""
        watched = (
            self.client_capabilities.workspace and self.client_capabilities.workspace.did_change_watched_files
        )
        if watched and watched.dynamic_registration:
            globs = [lsp.FileSystemWatcher(f"**/*.{ending}") for ending in ("infer", "onnx", "json")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(globs)
            registration = lsp.Registration("watch", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            self.client_register_capability(lsp.RegistrationParams([registration]))

    # ---- tests

    async def play(self, uri: str, title: str | None) -> None:
        """Play the tests of a text, or one of them, and show what came of it."""
        document = self.files.any_document(uri)
        if document is None:
            self.warn("open a .infer file first")
            return
        try:
            played = await play(document, title, self._played.get(uri))
        except CannotPlay as problem:
            self.warn(f"the tests cannot be played: {problem}")
            return
        self._played[uri] = played
        now = self.files.document(uri)
        if now is not None and now.text == played.text:
            self._checks.played(uri, played.findings)
        if get_capability(self.client_capabilities, "workspace.inlay_hint.refresh_support", False):
            self.workspace_inlay_hint_refresh(None)
        kind = lsp.MessageType.Warning if played.failed else lsp.MessageType.Info
        self.window_show_message(lsp.ShowMessageParams(kind, played.said()))

    def played(self, document: Document) -> Played | None:
        """What became of the tests of this version of a text, where they were played."""
        played = self._played.get(document.uri)
        return played if played is not None and played.text == document.text else None

    def warn(self, message: str) -> None:
        """Something that whoever asked has to know."""
        self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, message))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Errors are for the log: nobody can do anything about them in a window."""
        log.error("%s: %s", getattr(source, "__name__", source), error)

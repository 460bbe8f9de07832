"""When texts are checked during typing: only the newest version, as soon as there is a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from lsprotocol import types as lsp

from .features.diagnostics import diagnostics, joined
from .view import View
from .workspace import Workspace

PAUSE = 0.002
"""Seconds without a change after which a text is checked."""

LONGEST = 0.1
"""Seconds after which it is checked although changes keep coming."""

Publish = Callable[[lsp.PublishDiagnosticsParams], None]


class Checks:
    """Texts that wait for their check, and what was published last.

    A finding about an imported file is published for that file; several open files may have some about it.
    Where the client pulls findings of checks (`pulled`), only those of tests are published.
    checked: called after each check.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: Callable[[str], View | None],
        publish: Publish,
        checked: Callable[[], None] = lambda: None,
    ) -> None:
        self._workspace = workspace
        self._view = view
        self._publish = publish
        self._checked = checked
        self.pulled = False
        self._waiting: dict[str, bool] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._found: dict[str, dict[str, list[lsp.Diagnostic]]] = {}
        self._published: dict[str, tuple[int | None, list[lsp.Diagnostic]]] = {}

    def changed(self, uri: str) -> None:
        """Check a text soon, and then those that import it; what they found in it before is out of date."""
        if self.pulled:
            if self._found.pop(_tests_of(uri), None):
                self._publish_for(uri)
            return
        for root, found in self._found.items():
            if root != uri:
                found.pop(uri, None)
        self._waiting.pop(uri, None)
        self._waiting = {uri: True, **self._waiting}
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._since = loop.time()
        else:
            self._timer.cancel()
        self._timer = loop.call_at(min(loop.time() + PAUSE, self._since + LONGEST), self._next)

    def changed_outside(self) -> None:
        """Check all open texts: files on disk have changed."""
        for document in self._workspace.documents:
            self.changed(document.uri)

    def played(self, uri: str, found: Iterable[lsp.Diagnostic]) -> None:
        """What tests of a text have found, until it changes."""
        self._found[_tests_of(uri)] = {uri: list(found)}
        self._publish_for(uri)

    def closed(self, uri: str, importers: Iterable[str]) -> None:
        """Forget what a check of this text found, and check again those that import it."""
        self._waiting.pop(uri, None)
        affected = {**self._found.pop(_tests_of(uri), {}), **self._found.pop(uri, {})}
        for importer in importers:
            self.changed(importer)
        for each in affected:
            self._publish_for(each)
        self._published.pop(uri, None)

    def _next(self) -> None:
        """Check one text; the next one after whatever has come in meanwhile."""
        self._timer = None
        uri = next(iter(self._waiting), None)
        if uri is None:
            return
        with_importers = self._waiting.pop(uri)
        try:
            self._check(uri, with_importers)
        finally:
            if self._waiting:
                loop = asyncio.get_running_loop()
                self._since = loop.time()
                self._timer = loop.call_later(0, self._next)

    def _check(self, uri: str, with_importers: bool) -> None:
        view = self._view(uri)
        if view is None:
            return
        before = self._found.get(uri, {})
        found = self._found[uri] = diagnostics(view)
        for each in dict.fromkeys((uri, *before, *found)):
            self._publish_for(each, is_root=each == uri)
        self._checked()
        if with_importers:
            for importer in self._workspace.importers(view.document):
                self._waiting.setdefault(importer.uri, False)

    def _publish_for(self, uri: str, is_root: bool = False) -> None:
        found = joined(each[uri] for each in self._found.values() if uri in each)
        document = self._workspace.document(uri)
        version = document.version if document is not None else None
        if not is_root and self._published.get(uri, (None, []))[1] == found:
            return
        self._published[uri] = (version, found)
        self._publish(lsp.PublishDiagnosticsParams(uri, found, version))


def _tests_of(uri: str) -> str:
    """By what findings of tests are kept beside those of checks; no text has such a URI."""
    return f"tests of {uri}"

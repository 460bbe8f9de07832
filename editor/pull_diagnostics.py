"""Pull diagnostics: findings for clients that ask for them. What a client has already is not sent again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lsprotocol import types as lsp

from ..compiler.compile import Checked
from ..dsl.record import frozen
from .documents import Document, uri_of
from .features.diagnostics import diagnostics, found_in, joined
from .view import View
from .workspace import Workspace

Found = dict[str, list[lsp.Diagnostic]]
DocumentReport = lsp.RelatedFullDocumentDiagnosticReport | lsp.RelatedUnchangedDocumentDiagnosticReport


@frozen(eq=False)
class _Kept:
    """What was found in a file that is not open, and all that this depends on."""

    touched: int
    texts: tuple[tuple[Path, str], ...]
    found: Found


class PullDiagnostics:
    """The findings of one text, or of all files; a result is named by what is in it."""

    def __init__(self, files: Workspace, view_of: Callable[[Document], View]) -> None:
        self._files = files
        self._view_of = view_of
        self._kept: dict[Path, _Kept] = {}

    def document(self, view: View, before: str | None) -> DocumentReport:
        """The findings about a text, also by those that import it; with them those about closed files.

        before: the name of the result that the client has.
        """
        uri, found = view.document.uri, diagnostics(view)
        importers = [diagnostics(self._view_of(each)) for each in self._files.importers(view.document)]
        items = joined([found[uri], *(each.get(uri, []) for each in importers)])
        closed = {other: each for other, each in found.items() if not self._is_open(other) and other != uri}
        result = _name(items, *closed.items())
        if result == before:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(result)
        related = {
            other: lsp.FullDocumentDiagnosticReport(each, result_id=_name(each))
            for other, each in closed.items()
        }
        return lsp.RelatedFullDocumentDiagnosticReport(items, related or None, result_id=result)

    async def workspace(self, before: Iterable[lsp.PreviousResultId]) -> lsp.WorkspaceDiagnosticReport:
        """The findings about all files, open or not. Other questions are answered in between."""
        groups: dict[str, list[list[lsp.Diagnostic]]] = {}
        known = {each.uri: each.value for each in before}
        for document in self._files.documents:
            for uri, items in diagnostics(self._view_of(document)).items():
                groups.setdefault(uri, []).append(items)
            await asyncio.sleep(0)
        paths = list(self._files.files())
        self._kept = {path: kept for path, kept in self._kept.items() if path in set(paths)}
        for path in paths:
            for uri, items in self._of_closed(path).items():
                groups.setdefault(uri, []).append(items)
            await asyncio.sleep(0)
        found = {uri: joined(each) for uri, each in groups.items()}
        gone: Found = {uri: [] for uri in known if uri not in found}
        return lsp.WorkspaceDiagnosticReport(
            [self._report(uri, items, known) for uri, items in (found | gone).items()]
        )

    def _report(
        self, uri: str, items: list[lsp.Diagnostic], known: Mapping[str, str]
    ) -> lsp.WorkspaceFullDocumentDiagnosticReport | lsp.WorkspaceUnchangedDocumentDiagnosticReport:
        document, result = self._files.document(uri), _name(items)
        version = document.version if document is not None else None
        if known.get(uri) == result:
            return lsp.WorkspaceUnchangedDocumentDiagnosticReport(uri, result, version)
        return lsp.WorkspaceFullDocumentDiagnosticReport(uri, items, version, result_id=result)

    def _of_closed(self, path: Path) -> Found:
        """What is found in a file of the folders, checked anew when what it needs has changed."""
        uri = uri_of(path)
        if self._is_open(uri):
            return {}
        kept = self._kept.get(path)
        if kept is not None and kept.touched == self._files.touched and self._same(kept.texts):
            return kept.found
        document = self._files.any_document(uri)
        if document is None:
            return {}
        checked = self._files.check_as_if(document, document.text)
        found = found_in(View(self._files, document), checked)
        if not checked.missing:  # else: what is missing may come at any time
            self._kept[path] = _Kept(self._files.touched, _texts(checked), found)
        return found

    def _same(self, texts: tuple[tuple[Path, str], ...]) -> bool:
        try:
            return all(self._files.read(path) == text for path, text in texts)
        except (OSError, ValueError):
            return False

    def _is_open(self, uri: str) -> bool:
        return self._files.document(uri) is not None


def _texts(checked: Checked) -> tuple[tuple[Path, str], ...]:
    sources = (module.source for module in checked.modules)
    return tuple((source.path, source.text) for source in sources if source.path is not None)


def _name(*found: object) -> str:
    """The same for the same findings, in every process."""
    return hashlib.blake2b(repr(found).encode("utf-8", "replace"), digest_size=12).hexdigest()

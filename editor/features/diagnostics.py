"""What the compiler says, as the editor shows it: file by file, each code a link to its explanation."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

import attrs
from lsprotocol import types as lsp

from ...compiler.compile import Checked
from ...dsl.codes import explain, page_path
from ...dsl.diagnostics import Diagnostic, Label, Severity
from ...dsl.secrets.texts import masked
from ..documents import Document
from ..view import View

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
_ONLY_SAID = {"E0310": lsp.DiagnosticSeverity.Hint}
"""What is no mistake of the file: a parameter that is to be set from outside."""

_TAGS = {"W0210": [lsp.DiagnosticTag.Unnecessary], "N0416": [lsp.DiagnosticTag.Deprecated]}
SOURCE = "inferc"


def diagnostics(view: View) -> dict[str, list[lsp.Diagnostic]]:
    """The findings of checking this document, by the URI of the file that each is about.

    Every file that was read is there, also when nothing is wrong with it.
    """
    return found_in(view, view.checked)


def found_in(view: View, checked: Checked) -> dict[str, list[lsp.Diagnostic]]:
    """The same of a check that was made elsewhere."""
    found: dict[str, list[lsp.Diagnostic]] = {view.document.uri: []}
    for module in checked.modules:
        found.setdefault(view.document_of(module.source).uri, [])
    with attrs.validators.disabled():  # all of it is made here
        for item in checked.diagnostics:
            document = view.document if item.primary is None else view.document_of(item.primary.span.source)
            found.setdefault(document.uri, []).append(_converted(item, document, view))
    return found


def joined(groups: Iterable[list[lsp.Diagnostic]]) -> list[lsp.Diagnostic]:
    """What several checks say about one file, each finding once."""
    kept: dict[tuple[object, ...], lsp.Diagnostic] = {}
    for each in (each for group in groups for each in group):
        start, end = each.range.start, each.range.end
        place = (start.line, start.character, end.line, end.character)
        kept.setdefault((each.code, each.message, place), each)
    return list(kept.values())


def of_diagnostic(view: View, item: Diagnostic) -> lsp.Diagnostic:
    """One finding about this document."""
    return _converted(item, view.document, view)


def _converted(item: Diagnostic, document: Document, view: View) -> lsp.Diagnostic:
    span = item.primary.span if item.primary is not None else None
    return lsp.Diagnostic(
        range=document.lines.range(span.start, _end(span.start, span.end, document)) if span else _start(),
        message=_message(item),
        severity=_ONLY_SAID.get(item.code, _SEVERITIES[item.severity]),
        code=item.code,
        code_description=_page(item.code),
        source=SOURCE,
        tags=_TAGS.get(item.code),
        related_information=[_related(each, view) for each in item.secondary] or None,
    )


@cache
def _page(code: str) -> lsp.CodeDescription | None:
    """Where a code is explained."""
    page = page_path(code)
    return lsp.CodeDescription(page.as_uri()) if page is not None else None


def _end(start: int, end: int, document: Document) -> int:
    """At least one character, so that there is something to underline."""
    is_more = start < len(document.text) and document.text[start] not in "\r\n"
    return max(end, start + 1) if is_more else end


def _start() -> lsp.Range:
    return lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))


def _message(item: Diagnostic) -> str:
    """The message and its advice; editors show no more than one text."""
    label = item.primary.text if item.primary is not None else ""
    offers = [fix.title for fix in item.fixes]
    lines = [f"{item.message}: {label}" if label else item.message, *item.notes, *item.help, *offers]
    return _masked("\n".join(lines))


_masked = lru_cache(maxsize=1024)(masked)
"""The same findings are told after each key."""


def _related(label: Label, view: View) -> lsp.DiagnosticRelatedInformation:
    location = view.location(label.span)
    return lsp.DiagnosticRelatedInformation(location, label.text or "see here")


def explained(code: str) -> str | None:
    """The page of a code as Markdown, None when there is no such code."""
    page = explain(code.upper())
    return f"# {page.code}: {page.title}\n\n{page.body}\n" if page is not None else None

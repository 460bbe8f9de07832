"""Every fix that the compiler knows, one by one, and all safe ones at once."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ....dsl.diagnostics import Diagnostic
from ....dsl.fixes import safe_edits
from ...view import View
from ..diagnostics import of_diagnostic
from .edits import workspace_edit


def fixes(view: View, start: int, end: int) -> Iterator[lsp.CodeAction]:
    """The fixes of the findings that `start` to `end` touches."""
    for item in touching(view, start, end):
        for fix in item.fixes:
            yield lsp.CodeAction(
                f"{fix.title[:1].upper()}{fix.title[1:]}",
                lsp.CodeActionKind.QuickFix,
                [of_diagnostic(view, item)],
                is_preferred=fix.safe and len(item.fixes) == 1,
                edit=workspace_edit(view, fix.edits),
            )


def fix_all(view: View) -> Iterator[lsp.CodeAction]:
    """One action that makes every safe fix of this document, as `inferc check --fix` does."""
    source = view.parsed.source
    own = [
        item
        for item in view.checked.diagnostics
        if all(edit.span.source is source for fix in item.fixes for edit in fix.edits)
    ]
    made, files = safe_edits(own)
    if made:
        title = "Make the one safe fix" if made == 1 else f"Make all {made} safe fixes"
        edit = workspace_edit(view, [edit for edits in files for edit in edits])
        yield lsp.CodeAction(title, lsp.CodeActionKind.SourceFixAll, edit=edit)


def touching(view: View, start: int, end: int) -> Iterator[Diagnostic]:
    """The findings in this document that `start` to `end` touches."""
    for item in view.checked.diagnostics:
        span = item.primary.span if item.primary is not None else None
        if span is not None and span.source is view.parsed.source and span.start <= end and start <= span.end:
            yield item

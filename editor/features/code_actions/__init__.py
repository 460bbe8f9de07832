"""What can be done about the place that is selected: fixes of findings, and changes of form."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types as lsp

from ...view import View
from .fixes import fix_all, fixes
from .missing import missing_fields
from .templates import extract_template, inline_template

ACTION_KINDS = (
    lsp.CodeActionKind.QuickFix,
    lsp.CodeActionKind.RefactorExtract,
    lsp.CodeActionKind.RefactorInline,
    lsp.CodeActionKind.SourceFixAll,
)


def code_actions(
    view: View, where: lsp.Range, only: Sequence[str | lsp.CodeActionKind] | None = None
) -> list[lsp.CodeAction]:
    """The actions for `where`; `only`: those of these kinds alone, with their inner kinds."""
    start, end = view.offset(where.start), view.offset(where.end)
    actions: list[lsp.CodeAction] = []
    if _wanted(lsp.CodeActionKind.QuickFix, only):
        actions += [*fixes(view, start, end), *missing_fields(view, start, end)]
    if _wanted(lsp.CodeActionKind.RefactorExtract, only):
        actions += extract_template(view, start, end)
    if _wanted(lsp.CodeActionKind.RefactorInline, only):
        actions += inline_template(view, start, end)
    if _wanted(lsp.CodeActionKind.SourceFixAll, only):
        actions += fix_all(view)
    return actions


def _wanted(kind: str, only: Sequence[str | lsp.CodeActionKind] | None) -> bool:
    if not only:
        return True
    asked = [each.value if isinstance(each, lsp.CodeActionKind) else each for each in only]
    return any(kind == each or kind.startswith(f"{each}.") or each == "" for each in asked)

"""Every fix that the compiler knows, one by one, and all safe ones at once."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import accumulate

from lsprotocol import types as lsp

from ....compiler.fixing import make_safe_fixes
from ....compiler.modules import key_of
from ....dsl.diagnostics import Diagnostic
from ...view import View
from ..diagnostics import of_diagnostic
from .edits import here, workspace_edit


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
    """One action that makes every safe fix of this document that helps, as `inferc check --fix` does."""
    if not any(fix.safe for item in view.checked.diagnostics for fix in item.fixes):
        return
    fixed = make_safe_fixes(
        view.text,
        key_of(view.parsed.source),
        lambda text: view.workspace.check_as_if(view.document, text).diagnostics,
    )
    if fixed.made:
        title = "Make the one safe fix" if fixed.made == 1 else f"Make all {fixed.made} safe fixes"
        yield lsp.CodeAction(
            title, lsp.CodeActionKind.SourceFixAll, edit=here(view, *_changed(view.text, fixed.text))
        )


def _changed(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """The lines that differ: from, to, and what stands there then."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, old))]
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=len(old) > 2000).get_opcodes():
        if kind != "equal":
            yield starts[a], starts[b], "".join(new[c:d])


def touching(view: View, start: int, end: int) -> Iterator[Diagnostic]:
    """The findings in this document that `start` to `end` touches."""
    for item in view.checked.diagnostics:
        span = item.primary.span if item.primary is not None else None
        if span is not None and span.source is view.parsed.source and span.start <= end and start <= span.end:
            yield item

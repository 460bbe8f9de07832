"""Applying the safe fixes of diagnostics to files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..dsl.diagnostics import Diagnostic, Edit
from .files import write_atomically

BYTE_ORDER_MARK = "\ufeff"


def apply_safe_fixes(diagnostics: Iterable[Diagnostic]) -> int:
    """Change the files that `diagnostics` are about; gives how many fixes were made. Raises OSError.

    A fix is made whole or not at all; one that overlaps another waits for the next round.
    """
    chosen: dict[Path, list[Edit]] = {}
    made = 0
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe), None)
        if fix is None or any(edit.span.source.path is None for edit in fix.edits):
            continue
        if any(_overlaps(edit, chosen) for edit in fix.edits):
            continue
        for edit in fix.edits:
            assert edit.span.source.path is not None
            chosen.setdefault(edit.span.source.path, []).append(edit)
        made += 1
    for path, edits in chosen.items():
        _rewrite(path, edits)
    return made


def _overlaps(edit: Edit, chosen: dict[Path, list[Edit]]) -> bool:
    span = edit.span
    assert span.source.path is not None
    taken = (other.span for other in chosen.get(span.source.path, []))
    return any(span.start <= other.end and other.start <= span.end for other in taken)


def _rewrite(path: Path, edits: list[Edit]) -> None:
    """Read the file anew, since secrets are hidden in the text that was checked, and change it."""
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    shift = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        start, end = edit.span.start + shift, edit.span.end + shift
        text = text[:start] + edit.replacement + text[end:]
    write_atomically(path, text)

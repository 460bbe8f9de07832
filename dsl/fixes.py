"""Which fixes can be made together: each one completely or not at all, and no two that overlap."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .diagnostics import Diagnostic, Edit
from .source import Source


def safe_edits(diagnostics: Iterable[Diagnostic]) -> tuple[int, list[list[Edit]]]:
    """The edits of the safe fixes, file by file, and how many fixes they are.

    A fix that overlaps another is left out: it may be made in the next round.
    """
    chosen: dict[str, list[Edit]] = {}
    made = 0
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe), None)
        if fix is None or any(_overlaps(edit, chosen) for edit in fix.edits):
            continue
        for edit in fix.edits:
            chosen.setdefault(_file_of(edit.span.source), []).append(edit)
        made += 1
    return made, list(chosen.values())


def _file_of(source: Source) -> str:
    """One name for each file, however it was reached."""
    return os.path.realpath(source.path) if source.path is not None else source.name


def _overlaps(edit: Edit, chosen: dict[str, list[Edit]]) -> bool:
    span = edit.span
    taken = (other.span for other in chosen.get(_file_of(span.source), []))
    return any(span.start <= other.end and other.start <= span.end for other in taken)

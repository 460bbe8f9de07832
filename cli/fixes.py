"""Applying the safe fixes of diagnostics to files."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..dsl.diagnostics import Diagnostic, Edit
from .files import write_atomically

BYTE_ORDER_MARK = "\ufeff"


def apply_safe_fixes(diagnostics: Iterable[Diagnostic]) -> int:
    """Change the files that `diagnostics` are about; gives how many fixes were made. Raises OSError.

    A fix is made whole or not at all; one that overlaps another waits for the next round.
    """
    chosen: dict[str, list[Edit]] = {}
    made = 0
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe), None)
        if fix is None or any(edit.span.source.path is None for edit in fix.edits):
            continue
        if any(_overlaps(edit, chosen) for edit in fix.edits):
            continue
        for edit in fix.edits:
            chosen.setdefault(_file_of(edit), []).append(edit)
        made += 1
    for edits in chosen.values():
        _rewrite(edits)
    return made


def _file_of(edit: Edit) -> str:
    """The file to change, one name for each file however it was reached."""
    assert edit.span.source.path is not None
    return os.path.realpath(edit.span.source.path)


def _overlaps(edit: Edit, chosen: dict[str, list[Edit]]) -> bool:
    span = edit.span
    taken = (other.span for other in chosen.get(_file_of(edit), []))
    return any(span.start <= other.end and other.start <= span.end for other in taken)


def _rewrite(edits: list[Edit]) -> None:
    """Change the file that all `edits` are for, and keep its byte order mark."""
    path = edits[0].span.source.path
    assert path is not None
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    shift = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        start, end = edit.span.start + shift, edit.span.end + shift
        text = text[:start] + edit.replacement + text[end:]
    try:
        write_atomically(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None

"""Applying the safe fixes of diagnostics to files."""

from __future__ import annotations

from collections.abc import Iterable

from ..dsl.diagnostics import Diagnostic, Edit
from ..dsl.fixes import safe_edits
from .files import write_atomically

BYTE_ORDER_MARK = "\ufeff"


def apply_safe_fixes(diagnostics: Iterable[Diagnostic]) -> int:
    """Change the files that `diagnostics` are about; gives how many fixes were made. Raises OSError.

    One that overlaps another waits for the next round.
    """
    made, files = safe_edits(
        each for each in diagnostics if all(e.span.source.path for fix in each.fixes for e in fix.edits)
    )
    for edits in files:
        _rewrite(edits)
    return made


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

"""Tables for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .output import in_line


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they need to be."""
    sys.stdout.write(in_columns(headings, rows))


def in_columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The lines of a table."""
    shown = [list(map(in_line, row)) for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)

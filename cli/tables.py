"""Tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from .output import harmless


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        print(harmless("  ".join(cells).rstrip()))

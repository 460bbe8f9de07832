"""Rows of styled text, and how a style becomes an escape sequence."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attrs import field

from ..diagnostics import Severity
from ..record import define
from .display import draw


class Style(Enum):
    """What a piece of text is; the value is its ANSI code."""

    PLAIN = ""
    BOLD = "1"
    ERROR = "1;31"
    WARNING = "1;33"
    NOTE = "1;32"
    HELP = "1;36"
    GUTTER = "1;34"
    ADDED = "32"
    REMOVED = "31"


OF_SEVERITY = {Severity.ERROR: Style.ERROR, Severity.WARNING: Style.WARNING, Severity.NOTE: Style.NOTE}

Piece = tuple[str, Style]


def paint(pieces: Iterable[Piece], *, color: bool) -> str:
    """`pieces` as one line, without blanks at its end."""
    if not color:
        return "".join(text for text, _ in pieces).rstrip(" ")
    kept = [piece for piece in pieces if piece[0]]
    while kept and not kept[-1][0].strip(" "):
        kept.pop()
    if kept:
        kept[-1] = (kept[-1][0].rstrip(" "), kept[-1][1])
    return "".join(
        text if style is Style.PLAIN else f"\x1b[{style.value}m{text}\x1b[0m" for text, style in kept
    )


@define
class Canvas:
    """One row that is drawn column by column, in any order."""

    cells: list[Piece] = field(factory=list)

    def put(self, column: int, text: str, style: Style) -> None:
        """Draw `text` from `column` on, over what is there."""
        drawing = draw(text)
        end = column + drawing.width
        self.cells.extend([(" ", Style.PLAIN)] * (end - len(self.cells)))
        self.cells[column:end] = [("", style)] * drawing.width
        for cell, left in zip(drawing.cells, drawing.left, strict=True):
            before, _ = self.cells[column + left]
            self.cells[column + left] = (before + cell, style)

    def put_under(self, column: int, text: str, style: Style) -> None:
        """Draw `text` from `column` on, only where nothing is yet."""
        for index, character in enumerate(text, column):
            if index >= len(self.cells) or self.cells[index][0] == " ":
                self.put(index, character, style)

    def pieces(self) -> list[Piece]:
        """The row from left to right, neighbours of one style together."""
        merged: list[Piece] = []
        for text, style in self.cells:
            if merged and (merged[-1][1] is style or not text):
                merged[-1] = (merged[-1][0] + text, merged[-1][1])
            else:
                merged.append((text, style))
        return merged

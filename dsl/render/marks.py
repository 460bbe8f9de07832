"""The rows under a line of source: underlines, their labels, and the ends of brackets in the margin.

Labels are stacked so that none runs into another: the rightmost stands beside its underline, the others
hang below theirs, each lower than those to its right that it would touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import field

from ..record import define, frozen
from .display import width_of
from .style import Canvas, Style
from .wrap import wrap

LEAST_LABEL = 24


@frozen
class Mark:
    """What is marked in a line: columns `left` up to `right`, and the bracket that opens or closes here."""

    left: int
    right: int
    text: str
    primary: bool
    style: Style
    bracket: int | None = None
    closes: bool = False

    @property
    def sign(self) -> str:
        return "^" if self.primary else "-"


@frozen
class Block:
    """A label, broken into rows, and where it stands."""

    mark: Mark
    column: int
    row: int
    rows: Sequence[str]

    @property
    def below(self) -> int:
        return self.row + len(self.rows)


@define
class Margin:
    """The columns left of the source, in which the brackets of spans over several lines run."""

    size: int
    open: dict[int, Style] = field(factory=dict)

    @property
    def width(self) -> int:
        return self.size + 1 if self.size else 0

    def draw(self, canvas: Canvas) -> None:
        for column, style in self.open.items():
            canvas.put(column, "|", style)


def annotate(marks: Sequence[Mark], margin: Margin, width: int) -> list[Canvas]:
    """The rows that show `marks` in `width` columns; brackets that open or close here do so in `margin`."""
    beside = _beside(marks, width)
    connectors = _connector_rows(marks)
    lowest = max(connectors.values(), default=0)
    blocks = _stack(marks, beside, lowest + 1 if lowest else 2, width)
    height = max([1, lowest + 1, *(block.below for block in blocks)])
    canvases = [Canvas() for _ in range(height)]
    for block in blocks:
        for row in range(1, block.row):
            canvases[row].put(margin.width + block.mark.left, "|", block.mark.style)
    for mark in sorted(marks, key=lambda mark: (mark.primary, mark.left - mark.right)):
        canvases[0].put(margin.width + mark.left, mark.sign * (mark.right - mark.left), mark.style)
    for block in blocks:
        for row, text in enumerate(block.rows, block.row):
            canvases[row].put(margin.width + block.column, text, block.mark.style)
    for mark, row in connectors.items():
        for between in range(1, row + 1):
            canvases[between].put(margin.width + mark.left, "|", mark.style)
    _draw_margin(canvases, connectors, margin)
    return canvases


def _beside(marks: Iterable[Mark], width: int) -> Block | None:
    """The label that stands beside its underline: the one of the underline that ends last."""
    last = max(marks, key=lambda mark: (mark.right, bool(mark.text), mark.primary, mark.left))
    if not last.text:
        return None
    column = last.right + 1
    return Block(last, column, 0, wrap(last.text, max(width - column, LEAST_LABEL)))


def _connector_rows(marks: Iterable[Mark]) -> dict[Mark, int]:
    """The row in which each bracket meets its mark: the leftmost among the underlines, others below."""
    brackets = sorted((mark for mark in marks if mark.bracket is not None), key=lambda mark: mark.left)
    return {mark: row for row, mark in enumerate(brackets)}


def _stack(marks: Iterable[Mark], beside: Block | None, top: int, width: int) -> list[Block]:
    """All labels in their places, none above row `top` but the one that is beside its underline."""
    blocks = [beside] if beside else []
    for mark in sorted(marks, key=lambda mark: (mark.left, mark.primary), reverse=True):
        if not mark.text or (beside and mark is beside.mark):
            continue
        rows = wrap(mark.text, max(width - mark.left, LEAST_LABEL))
        end = mark.left + max(map(width_of, rows)) + 1
        row = max([top, *(block.below for block in blocks if block.column < end)])
        blocks.append(Block(mark, mark.left, row, rows))
    return blocks


def _draw_margin(canvases: Sequence[Canvas], connectors: dict[Mark, int], margin: Margin) -> None:
    """Draw the running brackets row by row, opening and closing those that do so here."""
    for row, canvas in enumerate(canvases):
        margin.draw(canvas)
        for mark, its_row in connectors.items():
            if row != its_row or mark.bracket is None:
                continue
            start = mark.bracket + 1
            canvas.put_under(start, "_" * (margin.width + mark.left - start), mark.style)
            if mark.closes:
                del margin.open[mark.bracket]
            else:
                margin.open[mark.bracket] = mark.style

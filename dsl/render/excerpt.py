"""The part of one source that a diagnostic is about, with everything marked in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from ..diagnostics import Label
from ..record import frozen
from ..source import Source
from .display import width_of
from .marks import LEAST_LABEL, Margin, Mark, annotate
from .places import clamp
from .style import Canvas, Piece, Style
from .view import LineView, view_line

HEAD, TAIL = 3, 2  # lines shown of a span that is longer than both together by more than one


@frozen
class Row:
    """One row of output: what stands in the gutter, and what stands right of it."""

    number: int | None
    sign: str
    pieces: Sequence[Piece]
    style: Style = Style.GUTTER


@frozen
class Spot:
    """A label and the lines it covers; `bracket` is its column in the margin if it covers several."""

    start: int
    end: int
    first: int
    last: int
    text: str
    primary: bool
    style: Style
    bracket: int | None = None

    def stretch_in(self, line: int) -> tuple[int, int]:
        """What has to be seen of it in its first or last line."""
        if self.first == self.last:
            return self.start, self.end
        return (self.end - 1, self.end) if line == self.last else (self.start, self.start + 1)


def excerpt(
    source: Source, labels: Iterable[tuple[Label, bool]], primary_style: Style, width: int
) -> list[Row]:
    """The rows that show `labels`, each with whether it is the primary one, in `width` columns."""
    spots, brackets = _with_brackets(
        [_spot(label, primary, primary_style if primary else Style.GUTTER) for label, primary in labels]
    )
    margin = Margin(brackets)
    rows: list[Row] = []
    previous = None
    for line in _lines(spots):
        if previous is not None and line > previous + 1:
            rows.append(Row(None, "...", _margin_pieces(margin, {})))
        rows += _line_rows(source, line, spots, margin, width - margin.width)
        previous = line
    return rows


def last_line(label: Label) -> int:
    """The last line that `label` covers; a line end belongs to the line that it ends."""
    start, end = clamp(label.span)
    return label.span.source.line_of(max(start, end - 1))


def _spot(label: Label, primary: bool, style: Style) -> Spot:
    start, end = clamp(label.span)
    first = label.span.source.line_of(start)
    return Spot(start, end, first, last_line(label), label.text, primary, style)


def _with_brackets(spots: Iterable[Spot]) -> tuple[list[Spot], int]:
    """The spots, those over several lines with their columns in the margin, and the number of columns."""
    placed: list[Spot] = []
    busy_until: list[int] = []
    for spot in sorted(spots, key=lambda spot: (spot.first, -spot.last)):
        if spot.first == spot.last:
            placed.append(spot)
            continue
        free = (column for column, until in enumerate(busy_until) if until < spot.first)
        column = next(free, len(busy_until))
        busy_until[column : column + 1] = [spot.last]
        placed.append(evolve(spot, bracket=column))
    return placed, len(busy_until)


def _lines(spots: Iterable[Spot]) -> list[int]:
    """The lines to show, in order; one that would be left out alone is shown too."""
    chosen: set[int] = set()
    for spot in spots:
        if spot.last - spot.first <= HEAD + TAIL:
            chosen.update(range(spot.first, spot.last + 1))
        else:
            chosen.update(range(spot.first, spot.first + HEAD))
            chosen.update(range(spot.last - TAIL + 1, spot.last + 1))
    chosen.update([line + 1 for line in chosen if line + 2 in chosen])
    return sorted(chosen)


def _line_rows(source: Source, line: int, spots: Iterable[Spot], margin: Margin, width: int) -> list[Row]:
    """A line of the source and what is marked in it."""
    here = [spot for spot in spots if line in (spot.first, spot.last)]
    stretches = [spot.stretch_in(line) for spot in here]
    labels = [min(width_of(spot.text) + 1, LEAST_LABEL) for spot in here if spot.text]
    view = view_line(source, line, stretches, width, max(labels, default=0))
    marks: list[Mark] = []
    slashes: dict[int, Style] = {}
    for spot in here:
        if spot.bracket is None:
            left, right = view.columns(spot.start, spot.end)
            marks.append(Mark(left, right, spot.text, spot.primary, spot.style))
        elif spot.last == line:
            stop = min(spot.end, view.end)
            left, right = view.columns(max(stop - 1, view.start), stop)
            marks.append(Mark(left, right, spot.text, spot.primary, spot.style, spot.bracket, closes=True))
        elif _opens_line(source, spot.start, view):
            slashes[spot.bracket] = spot.style
        else:
            left, right = view.columns(spot.start, spot.start + 1)
            marks.append(Mark(left, right, "", spot.primary, spot.style, spot.bracket))
    rows = [Row(line, "|", [*_margin_pieces(margin, slashes), (view.text, Style.PLAIN)])]
    margin.open.update(slashes)
    if marks:
        rows += [Row(None, "|", canvas.pieces()) for canvas in annotate(marks, margin, width)]
    return rows


def _opens_line(source: Source, offset: int, view: LineView) -> bool:
    """Whether nothing but blanks stands before `offset` in its line, as far as it is shown."""
    return view.windows[0].start == view.start and not source.shown[view.start : offset].strip()


def _margin_pieces(margin: Margin, slashes: dict[int, Style]) -> list[Piece]:
    canvas = Canvas()
    canvas.put(0, " " * margin.width, Style.PLAIN)
    margin.draw(canvas)
    for column, style in slashes.items():
        canvas.put(column, "/", style)
    return canvas.pieces()

"""One line of a source as far as it fits: whole, or cut to windows around what matters in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from ..record import frozen
from ..source import Source
from .display import Drawing, draw
from .places import line_bounds

ELLIPSIS = "…"
LEAST_CONTEXT = 4
DRAWN_PER_COLUMN = 4  # characters looked at per column: more than that in one column is no text to read

Stretch = tuple[int, int]


@frozen
class Window:
    """The characters of a source from `start` to `end`, drawn from `column` on."""

    start: int
    end: int
    column: int
    drawing: Drawing


@frozen
class LineView:
    """What is drawn of one line, and in which column each of its characters is found."""

    start: int
    end: int
    windows: Sequence[Window]
    text: str

    def columns(self, start: int, end: int) -> tuple[int, int]:
        """The columns of a stretch of the line, at least one; what was cut is where its `…` is."""
        start, end = min(max(start, self.start), self.end), min(end, self.end)
        left = self._column(start, rightmost=False)
        right = self._column(end - 1, rightmost=True) if end > start else left
        return left, max(right, left + 1)

    def _column(self, offset: int, *, rightmost: bool) -> int:
        index = max(bisect_right(self.windows, offset, key=lambda window: window.start) - 1, 0)
        window = self.windows[index]
        if offset < window.start:
            return 1 if rightmost else 0
        if offset >= window.end:
            cut = rightmost and offset < self.end
            return window.column + window.drawing.width + cut
        columns = window.drawing.right if rightmost else window.drawing.left
        return window.column + columns[offset - window.start]


def view_line(
    source: Source, line: int, stretches: Iterable[Stretch], width: int, reserve: int = 0
) -> LineView:
    """The line counted from 1 in at most `width` columns, with as much as possible around `stretches`.

    Of stretches that are too long together only the ends are sure to be shown, and the line gets wider
    only when there are too many of those. `reserve` columns are left free beside a line that is cut.
    """
    start, end = line_bounds(source, line)
    if end - start <= width * DRAWN_PER_COLUMN:
        whole = _draw_windows(source.shown, start, end, [(start, end)])
        if _width(whole) <= width:
            return whole
    inside = sorted((min(max(low, start), end), min(high, end)) for low, high in stretches)
    wanted = inside or [(start, start)]
    ends = sorted((point, point + 1) for low, high in wanted for point in {low, max(high - 1, low)})
    for shown, room in ((wanted, width - reserve), (wanted, width), (ends, width)):
        if view := _widest(source.shown, start, end, shown, room):
            return view
    return _draw_windows(source.shown, start, end, _ranges(ends, LEAST_CONTEXT, start, end))


def _widest(text: str, start: int, end: int, stretches: Sequence[Stretch], room: int) -> LineView | None:
    """The most of a line that fits into `room` columns and shows all `stretches`, if they do fit."""
    least, most = LEAST_CONTEXT, room * DRAWN_PER_COLUMN
    best = None
    while least <= most:
        context = (least + most) // 2
        ranges = _ranges(stretches, context, start, end)
        view = None
        if sum(high - low for low, high in ranges) <= room * DRAWN_PER_COLUMN:
            view = _draw_windows(text, start, end, ranges)
        if view and _width(view) <= room:
            least, best = context + 1, view
        else:
            most = context - 1
    return best


def _ranges(stretches: Iterable[Stretch], context: int, start: int, end: int) -> list[Stretch]:
    """What lies within `context` characters of `stretches`, those with nothing between them together."""
    ranges: list[Stretch] = []
    for first, last in stretches:
        low, high = max(start, first - context), min(end, last + context)
        if ranges and low <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
        else:
            ranges.append((low, high))
    return ranges


def _draw_windows(text: str, start: int, end: int, ranges: Iterable[Stretch]) -> LineView:
    windows: list[Window] = []
    drawn, column, shown = [], 0, start
    for low, high in ranges:
        if low > shown:
            drawn.append(ELLIPSIS)
            column += 1
        drawing = draw(text[low:high])
        windows.append(Window(low, high, column, drawing))
        drawn.append(drawing.text)
        column, shown = column + drawing.width, high
    if shown < end:
        drawn.append(ELLIPSIS)
    return LineView(start, end, windows, "".join(drawn))


def _width(view: LineView) -> int:
    last = view.windows[-1]
    return last.column + last.drawing.width + (last.end < view.end)

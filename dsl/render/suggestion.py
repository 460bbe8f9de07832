"""A fix as a small diff: the lines as they are, and as they would be.

A change that only adds to one line is shown as that line with `+` under what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..diagnostics import Edit
from ..record import frozen
from ..source import Source, common_length
from .display import draw, width_of
from .excerpt import Row
from .places import clamp, line_bounds
from .style import Piece, Style
from .view import DRAWN_PER_COLUMN, ELLIPSIS

MOST_LINES = 6


@frozen
class Change:
    """Put `text` where characters `start` up to `end` are."""

    start: int
    end: int
    text: str


def suggestion(source: Source, edits: Iterable[Edit], width: int) -> list[Row]:
    """The rows that show what `edits`, all of `source`, do."""
    rows: list[Row] = []
    previous = None
    for first, last, changes in _by_lines(source, _changes(source, edits)):
        if previous is not None and first > previous + 1:
            rows.append(Row(None, "...", []))
        rows += _group_rows(source, first, last, changes, width)
        previous = last
    return rows


def _changes(source: Source, edits: Iterable[Edit]) -> list[Change]:
    """What really changes, in order; of two that overlap only the first."""
    changes: list[Change] = []
    for edit in sorted(edits, key=lambda edit: clamp(edit.span)):
        start, end = clamp(edit.span)
        change = _narrowed(Change(start, end, edit.replacement), source.shown[start:end])
        if (change.start < change.end or change.text) and (not changes or changes[-1].end <= start):
            changes.append(change)
    return changes


def _narrowed(change: Change, old: str) -> Change:
    """The same change as an insertion, if it is one."""
    new = change.text
    kept = common_length(old, new)
    if not new[kept:].endswith(old[kept:]):
        return change
    return Change(change.start + kept, change.start + kept, new[kept : kept + len(new) - len(old)])


def _by_lines(source: Source, changes: Iterable[Change]) -> list[tuple[int, int, list[Change]]]:
    """First line, last line and the changes in between, for changes that touch the same lines."""
    groups: list[tuple[int, int, list[Change]]] = []
    for change in changes:
        first, last = source.line_of(change.start), source.line_of(change.end)
        if groups and first <= groups[-1][1]:
            earlier_first, _, together = groups.pop()
            groups.append((earlier_first, last, [*together, change]))
        else:
            groups.append((first, last, [change]))
    return groups


def _group_rows(source: Source, first: int, last: int, changes: list[Change], width: int) -> list[Row]:
    old, new = _old_and_new(source, first, last, changes, width)
    if len(old) == len(new) == 1 and all(change.start == change.end for change in changes):
        return _insertion_rows(first, new[0], width)
    while old and new and _plain(old[-1]) == _plain(new[-1]):
        old.pop()
        new.pop()
    while old and new and _plain(old[0]) == _plain(new[0]):
        del old[0], new[0]
        first += 1
    rows = _signed_rows("-", Style.REMOVED, first, old, width)
    rows += _signed_rows("+", Style.ADDED, first, new, width)
    if old:
        return rows
    if first > 1:
        return [_context_row(source, first - 1, width), *rows]
    return [*rows, _context_row(source, first, width)]


def _old_and_new(
    source: Source, first: int, last: int, changes: Sequence[Change], width: int
) -> tuple[list[list[Piece]], list[list[Piece]]]:
    """The lines before and after, each in pieces; long stretches that stay are shortened alike in both."""
    bounds = line_bounds(source, first), line_bounds(source, last)
    start, end = bounds[0][0], bounds[1][1]
    added = sum(len(change.text.partition("\n")[0]) for change in changes)
    longest = max(high - low for low, high in bounds) + added
    room = longest if longest <= width else width // 3
    old: list[Piece] = []
    new: list[Piece] = []
    position = start
    for change in changes:
        kept = (_shortened(source.shown, position, change.start, room, head=position > start), Style.PLAIN)
        old += [kept, (source.shown[change.start : change.end], Style.REMOVED)]
        new += [kept, (change.text, Style.ADDED)]
        position = change.end
    rest = (source.shown[position : min(end, position + width * DRAWN_PER_COLUMN)], Style.PLAIN)
    return _split([*old, rest]), _split([*new, rest])


def _shortened(text: str, start: int, end: int, room: int, *, head: bool) -> str:
    """The stretch of `text`, of which at most `room` characters stay: the last ones, or both ends."""
    if end - start <= room:
        return text[start:end]
    if not head:
        return ELLIPSIS + text[end - room : end]
    return text[start : start + room // 2] + ELLIPSIS + text[end - room // 2 : end]


def _split(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """`pieces` as lines."""
    lines: list[list[Piece]] = [[]]
    for text, style in pieces:
        head, *others = text.split("\n")
        lines[-1].append((head.removesuffix("\r") if others else head, style))
        lines += [[(line.removesuffix("\r"), style)] for line in others]
    return lines


def _plain(line: Iterable[Piece]) -> str:
    return "".join(text for text, _ in line)


def _fitted(line: Iterable[Piece], width: int) -> list[Piece]:
    """`line` as it is drawn, cut to `width` columns."""
    drawn: list[Piece] = []
    for text, style in line:
        drawing = draw(text[: width * DRAWN_PER_COLUMN])
        if drawing.width <= width and len(text) == len(drawing.cells):
            drawn.append((drawing.text, style))
            width -= drawing.width
            continue
        fitting = [cell for cell, right in zip(drawing.cells, drawing.right, strict=True) if right < width]
        return [*drawn, ("".join(fitting) + ELLIPSIS, style)]
    return drawn


def _insertion_rows(number: int, line: Iterable[Piece], width: int) -> list[Row]:
    """One line as it would be, and `+` under what is new."""
    pieces = _fitted(line, width)
    under = [((" " if style is Style.PLAIN else "+") * width_of(text), style) for text, style in pieces]
    return [Row(number, "|", pieces), Row(None, "|", under)]


def _signed_rows(
    sign: str, style: Style, first: int, lines: Sequence[Sequence[Piece]], width: int
) -> list[Row]:
    shown = lines if len(lines) <= MOST_LINES + 1 else lines[:MOST_LINES]
    rows = [Row(number, sign, _fitted(line, width), style) for number, line in enumerate(shown, first)]
    if len(shown) < len(lines):
        rows.append(Row(None, "...", []))
    return rows


def _context_row(source: Source, number: int, width: int) -> Row:
    start, end = line_bounds(source, number)
    text = source.shown[start : min(end, start + width * DRAWN_PER_COLUMN)]
    return Row(number, "|", _fitted([(text, Style.PLAIN)], width))

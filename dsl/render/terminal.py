"""Diagnostics for a person at a terminal: what is wrong, shown in the source, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..source import Source
from .display import visible
from .excerpt import Row, excerpt, last_line
from .places import clamp, encodable
from .style import OF_SEVERITY, Piece, Style, paint
from .suggestion import MOST_LINES, suggestion
from .wrap import wrap

USUAL_WIDTH = 100
LEAST_WIDTH = 40

Line = list[Piece]


def render_terminal(
    diagnostics: Sequence[Diagnostic], *, color: bool = False, width: int | None = None
) -> str:
    """All `diagnostics`, a blank line between each two, with ANSI colours if `color`."""
    columns = max(width or USUAL_WIDTH, LEAST_WIDTH)
    return "\n".join(
        "".join(encodable(paint(line, color=color)) + "\n" for line in _lines(diagnostic, columns))
        for diagnostic in diagnostics
    )


def _lines(diagnostic: Diagnostic, width: int) -> list[Line]:
    style = OF_SEVERITY[diagnostic.severity]
    gutter = _gutter_width(diagnostic)
    bar: Line = [(f"{'':{gutter}} |", Style.GUTTER)]
    lines: list[Line] = [
        [
            (f"{diagnostic.severity}[{diagnostic.code}]", style),
            (f": {visible(diagnostic.message)}", Style.BOLD),
        ]
    ]
    room = width - gutter - 3
    for index, (source, labels) in enumerate(_by_source(diagnostic)):
        arrow = "-->" if index == 0 else ":::"
        if index:
            lines.append(bar)
        lines.append(_location(source, clamp(labels[0][0].span)[0], arrow, gutter))
        lines.append(bar)
        lines += [_numbered(row, gutter) for row in excerpt(source, labels, style, room)]
    plain_fixes = [fix.title for fix in diagnostic.fixes if not fix.edits]
    remarks = [("note", Style.NOTE, text) for text in diagnostic.notes]
    remarks += [("help", Style.HELP, text) for text in (*diagnostic.help, *plain_fixes)]
    fixes = [fix for fix in diagnostic.fixes if fix.edits]
    if len(lines) > 1 and (remarks or fixes):
        lines.append(bar)
    for kind, kind_style, text in remarks:
        lines += _remark([(f"{'':{gutter}} = ", Style.GUTTER)], kind, kind_style, text, width)
    own = diagnostic.primary.span.source if diagnostic.primary else None
    for fix in fixes:
        lines += _fix_lines(fix, own, gutter, width)
    return lines


def _gutter_width(diagnostic: Diagnostic) -> int:
    """The digits of the greatest line number that can be shown."""
    labels = [label for _, group in _by_source(diagnostic) for label, _ in group]
    edits = [edit for fix in diagnostic.fixes for edit in fix.edits]
    numbers = [last_line(label) for label in labels]
    for edit in edits:
        numbers.append(last_line(Label(edit.span)) + 1 + min(edit.replacement.count("\n"), MOST_LINES))
    return len(str(max(numbers, default=1)))


def _by_source(diagnostic: Diagnostic) -> Iterable[tuple[Source, list[tuple[Label, bool]]]]:
    """The labels of each source, each with whether it is the primary one; the primary one comes first."""
    groups: dict[int, tuple[Source, list[tuple[Label, bool]]]] = {}
    labels = [(diagnostic.primary, True)] if diagnostic.primary else []
    labels += [(label, False) for label in diagnostic.secondary]
    for label, primary in labels:
        source = label.span.source
        groups.setdefault(id(source), (source, []))[1].append((label, primary))
    return groups.values()


def _location(source: Source, offset: int, arrow: str, gutter: int) -> Line:
    line, column = source.position(offset)
    return [
        (f"{'':{gutter}}{arrow} ", Style.GUTTER),
        (f"{visible(source.name)}:{line}:{column}", Style.PLAIN),
    ]


def _numbered(row: Row, gutter: int) -> Line:
    if row.sign == "...":
        return [(f"{'...':{gutter + 3}}", Style.GUTTER), *row.pieces]
    number = "" if row.number is None else str(row.number)
    return [(f"{number:>{gutter}} ", Style.GUTTER), (f"{row.sign} ", row.style), *row.pieces]


def _remark(start: Line, kind: str, style: Style, text: str, width: int) -> list[Line]:
    """`kind: text`, broken into lines that are indented like the first word."""
    indent = sum(len(piece) for piece, _ in start) + len(kind) + 2
    first, *others = wrap(text, width - indent)
    return [
        [*start, (kind, style), (f": {first}", Style.PLAIN)],
        *([(" " * indent + line, Style.PLAIN)] for line in others),
    ]


def _fix_lines(fix: Fix, own: Source | None, gutter: int, width: int) -> list[Line]:
    """The title of `fix` and the lines it changes."""
    bar: Line = [(f"{'':{gutter}} |", Style.GUTTER)]
    lines = _remark([], "help", Style.HELP, fix.title, width)
    by_source: dict[int, list[Edit]] = {}
    for edit in fix.edits:
        by_source.setdefault(id(edit.span.source), []).append(edit)
    for edits in by_source.values():
        source = edits[0].span.source
        rows = suggestion(source, edits, width - gutter - 3)
        if rows and source is not own:
            offset = min(clamp(edit.span)[0] for edit in edits)
            lines.append(_location(source, offset, "-->", gutter))
        if rows:
            lines += [bar, *(_numbered(row, gutter) for row in rows)]
    return lines

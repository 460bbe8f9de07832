"""The one style: for a document, and, its white space alone, for a part of it and while typing.

What is broken stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from lsprotocol import types as lsp

from ...dsl.formatting import format_parsed, respace
from ..positions import Lines
from ..view import View

TYPING_TRIGGERS = ("}", "\n")


def formatting(view: View) -> list[lsp.TextEdit]:
    """The edits that bring the whole document into form."""
    return [_edit(view, change) for change in _changes(view)]


def range_formatting(view: View, where: lsp.Range) -> list[lsp.TextEdit]:
    """The white space in the lines of `where`."""
    first, last = where.start.line, where.end.line
    if last > first and where.end.character == 0:
        last -= 1
    return _respaced(view, first, last)


def on_type_formatting(view: View, position: lsp.Position, typed: str) -> list[lsp.TextEdit]:
    """After `}`: the white space of the bracket that it closes. After a new line: that of the line before."""
    if typed == "\n":
        return _respaced(view, position.line - 1, position.line - 1)
    opening = _opening(view, view.offset(position))
    if opening is None:
        return []
    return _respaced(view, view.document.lines.line_of(opening), position.line)


def _respaced(view: View, first: int, last: int) -> list[lsp.TextEdit]:
    lines = view.document.lines
    if not 0 <= first <= last or first >= len(lines.starts):
        return []
    end = lines.line_end(min(last, len(lines.starts) - 1))
    return [
        lsp.TextEdit(view.range(each.start, each.end), each.space)
        for each in respace(view.parsed, lines.starts[first], end)
    ]


Change = tuple[int, int, str]
"""The lines from one up to, not including, another, and what stands there instead."""


def _changes(view: View) -> Iterator[Change]:
    before, after = _lines(view.text), _lines(format_parsed(view.parsed))
    start, end = 0, 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=len(old) > 2000).get_opcodes():
        if kind != "equal":
            yield start + a, start + b, "".join(new[c:d])


def _edit(view: View, change: Change) -> lsp.TextEdit:
    first, last, text = change
    return lsp.TextEdit(lsp.Range(_line_start(view, first), _line_start(view, last)), text)


def _lines(text: str) -> list[str]:
    """The lines as the protocol counts them, each with its end."""
    starts = Lines(text).starts
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _line_start(view: View, line: int) -> lsp.Position:
    starts = view.document.lines.starts
    return view.document.lines.position(starts[line] if line < len(starts) else len(view.text))


def _opening(view: View, offset: int) -> int | None:
    """Where the bracket begins that ends at `offset`; None when none ends there."""
    depth = 0
    before = [token for token in view.tokens if token.end <= offset]
    if not before or before[-1].type != "RBRACE" or before[-1].end != offset:
        return None
    for token in reversed(before):
        depth += (token.type == "RBRACE") - (token.type == "LBRACE")
        if depth <= 0:
            return token.start if token.type == "LBRACE" else None
    return None

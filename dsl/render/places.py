"""Where a span is, moved into its source where it lies outside."""

from __future__ import annotations

import re

from ..record import frozen
from ..source import Source, Span

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@frozen
class Place:
    """A stretch of a source that lies in it; lines and columns count from 1, `end` is not included."""

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int


def clamp(span: Span) -> tuple[int, int]:
    """The start and the end of `span`, brought into its source and into order."""
    start = min(max(span.start, 0), len(span.source.shown))
    return start, min(max(span.end, start), len(span.source.shown))


def place(span: Span) -> Place:
    """Where `span` is."""
    start, end = clamp(span)
    return Place(start, end, *span.source.position(start), *span.source.position(end))


def line_bounds(source: Source, line: int) -> tuple[int, int]:
    """The offsets of a line counted from 1: its first character, and where its line end begins."""
    starts = source.line_starts
    start = starts[line - 1]
    if line == len(starts):
        return start, len(source.shown)
    end = starts[line] - 1
    return start, end - 1 if end > start and source.shown[end - 1] == "\r" else end


def encodable(text: str) -> str:
    """`text` with everything replaced that UTF-8 cannot say."""
    return LONE_SURROGATE.sub("\ufffd", text)

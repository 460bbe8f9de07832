"""A long text in pieces: cut at paragraphs, else at sentences, else at words, else anywhere."""

from __future__ import annotations

import re

from ....requests.errors import StepFailed

_CUTS = (re.compile(r"\n\s*\n"), re.compile(r"(?<=[.!?…])\s+"), re.compile(r"\s+"))


_MOST_CHARACTERS = 65_536
_MOST_PIECES = 256
_NO_SPACE = re.compile(r"\S")


def takes_long(text: str, size: int, overlap: int = 0) -> bool:
    """Whether splitting takes longer than the event loop should wait. Sizes that make no sense do not."""
    step = size - overlap
    if step < 1:
        return False
    return len(text) * size > _MOST_CHARACTERS * step or len(text) > _MOST_PIECES * step


def split_text(text: str, size: int, overlap: int = 0) -> list[str]:
    """Pieces of at most `size` characters; each but the first begins with the end of the one before it.

    overlap: how many characters of that one, cut to whole words. Raises StepFailed for sizes that make
    no sense.
    """
    if size < 1:
        raise StepFailed(f"`size` of `split_text` must be at least 1, not {size}")
    if not 0 <= overlap < size:
        raise StepFailed(f"`overlap` of `split_text` must be from 0 to below `size`, not {overlap}")
    pieces: list[str] = []
    start = 0
    while True:
        found = _NO_SPACE.search(text, start)
        if found is None:
            return pieces
        start = found.start()
        end = _end(text, start, size)
        pieces.append(text[start:end].rstrip())
        if end >= len(text):
            return pieces
        start = max(_overlapping(text, end, overlap), start + 1)


def _end(text: str, start: int, size: int) -> int:
    """Where a piece from `start` ends: at the last cut of the best kind that it has, in its second half."""
    limit = start + size
    if limit >= len(text):
        return len(text)
    for least, cut in ((start + size // 2, _CUTS[0]), (start + size // 2, _CUTS[1]), (start + 1, _CUTS[2])):
        ends = [found.start() for found in cut.finditer(text, start, limit + 1) if found.start() <= limit]
        if ends and ends[-1] >= least:
            return ends[-1]
    return limit


def _overlapping(text: str, end: int, overlap: int) -> int:
    """Where the piece after one that ends at `end` begins."""
    begin = end - overlap
    if not overlap or text[begin - 1].isspace() or text[begin].isspace():
        return begin
    word = re.compile(r"\s").search(text, begin, end)
    return word.end() if word else end

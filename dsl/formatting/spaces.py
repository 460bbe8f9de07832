"""The one style for a part of a text: only its white space is touched, so that nothing can get lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ..lines import unix_lines
from ..parsing.parser import Parsed
from ..parsing.tokens import Token, tokenize
from ..record import frozen
from .files import format_parsed

_MARK = re.compile(r",|#[^\n]*+")


_TAKES_THE_LINE = ("OPEN_TEXT", "OPEN_LONG_TEXT", "OPEN_QUOTES", "WRONG_COMMENT")
"""Tokens that would take white space behind them for a part of them."""


@frozen
class Spacing:
    """Put `space` where the white space from character `start` to `end` is now."""

    start: int
    end: int
    space: str


def respace(parsed: Parsed, start: int, end: int) -> list[Spacing]:
    """The white space between characters `start` and `end` as the one style has it, in order.

    start, end: the beginning and the end of a line. Commas and comments stay as they are, also where the
    style would change them.
    """
    text, styled = parsed.source.text, format_parsed(parsed)
    before, after = _tokens(text), _tokens(styled)
    if [unix_lines(each.text) for each in before] != [unix_lines(each.text) for each in after]:
        return []
    found: list[Spacing] = []
    ahead = ["", *(each.type for each in before)]
    for kind, old, new in zip(ahead, _gaps(text, before), _gaps(styled, after), strict=True):
        if old[0] <= end and old[1] >= start and kind not in _TAKES_THE_LINE:
            for first, last, space in _aligned(text, old, styled[slice(*new)]):
                found += _clipped(text, first, last, space, start, end)
    return [each for each in found if text[each.start : each.end] != each.space]


def _tokens(text: str) -> list[Token]:
    return [token for token in tokenize(text) if token.type not in ("COMMA", "$END")]


def _gaps(text: str, tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Where what stands before, between and after `tokens` begins and ends."""
    return _between([(0, 0), *((each.start, each.end) for each in tokens), (len(text), len(text))])


def _between(places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """From the end of each place to the start of the next."""
    return ((before[1], after[0]) for before, after in pairwise(places))


def _aligned(text: str, old: tuple[int, int], styled: str) -> Iterator[tuple[int, int, str]]:
    """Each stretch of white space of the gap `old`, and what it should be; none where that cannot be told."""
    marks = [(found.start(), found.end()) for found in _MARK.finditer(text, *old)]
    spaces = _MARK.split(styled)
    has_comma = any(text[start] == "," for start, _ in marks)
    if has_comma and (text[marks[0][0]] != "," or any(text[start] == "," for start, _ in marks[1:])):
        return
    if has_comma and "," not in styled:
        spaces.insert(0, "")
    elif styled.startswith(",") and not has_comma:
        del spaces[0]
        if "\n" not in styled:
            return  # on one line, the comma would be needed
    stretches = list(_between([(old[0], old[0]), *marks, (old[1], old[1])]))
    if len(stretches) == len(spaces) and all(not text[slice(*each)].strip() for each in stretches):
        for (first, last), space in zip(stretches, spaces, strict=True):
            yield first, last, space


def _clipped(text: str, first: int, last: int, space: str, start: int, end: int) -> Iterator[Spacing]:
    """The part from `start` to `end` of what is done with a stretch of white space."""
    if start <= first and last <= end:
        line_ends = text[first:last] if "\n" in text[first:last] else text
        yield Spacing(first, last, space.replace("\n", "\r\n") if "\r\n" in line_ends else space)
    elif "\n" not in space or last < start or first > end:
        return
    elif first >= start:  # the end of the last line
        line_end = text.find("\n", first, last)
        head = text[first:line_end].rstrip("\r") if line_end >= 0 else text[first:end]
        yield Spacing(first, first + len(head), space.partition("\n")[0])
    elif last <= end:  # the indentation of the first one
        yield Spacing(max(start, text.rfind("\n", first, last) + 1), last, space.rpartition("\n")[2])

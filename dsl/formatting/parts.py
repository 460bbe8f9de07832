"""A file as a row of parts: declarations that were read cleanly, and what stands between them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import groupby

from attrs import field

from ..diagnostics import Diagnostic
from ..parsing.parser import Parsed
from ..parsing.tokens import Token
from ..record import frozen


@frozen
class Part:
    """A declaration without mistakes (`is_clean`), or a stretch of text that must stay as it is."""

    start: int
    end: int
    is_clean: bool
    tokens: list[Token] = field(factory=list)
    """Those of a clean part."""


def split(parsed: Parsed, tokens: list[Token]) -> list[Part]:
    """All `tokens` of a file, in parts."""
    text = parsed.source.text
    owners = _owners(parsed, tokens)
    parts = []
    for owner, group in groupby(zip(owners, tokens, strict=True), key=lambda pair: pair[0]):
        own = [token for _, token in group]
        parts.append(Part(own[0].start, own[-1].end, owner >= 0, own))
    return _merged([part if part.is_clean else _whole_lines(part, text) for part in _settled(parts, text)])


def _owners(parsed: Parsed, tokens: list[Token]) -> list[int]:
    """For each token the number of the clean declaration that holds it, or -1."""
    mistakes = sorted(offset for found in parsed.diagnostics for offset in _offsets(found))
    starts = [token.start for token in tokens]
    owners = [-1] * len(tokens)
    for number, declaration in enumerate(parsed.declarations):
        nearest = bisect_left(mistakes, declaration.start)
        if nearest < len(mistakes) and mistakes[nearest] <= declaration.end:
            continue
        first, last = bisect_left(starts, declaration.start), bisect_left(starts, declaration.end)
        owners[first:last] = [number] * (last - first)
    return owners


def _offsets(found: Diagnostic) -> list[int]:
    """Where a diagnostic says that something is wrong."""
    spans = [edit.span for fix in found.fixes for edit in fix.edits]
    if found.primary is not None:
        spans.append(found.primary.span)
    return [offset for span in spans for offset in (span.start, span.end)]


def _settled(parts: list[Part], text: str) -> list[Part]:
    """Clean declarations on a line with something broken count as broken."""
    for order in (range(len(parts)), range(len(parts) - 1, -1, -1)):
        before: Part | None = None
        for index in order:
            part = parts[index]
            if before is not None and part.is_clean and not before.is_clean:
                between = text[min(before.end, part.end) : max(before.start, part.start)]
                if "\n" not in between:
                    part = parts[index] = Part(part.start, part.end, False)
            before = part
    return parts


def _whole_lines(part: Part, text: str) -> Part:
    """The stretch with the blanks before it and the rest of its last line."""
    start = part.start
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if start > 0 and text[start - 1] != "\n":
        start = part.start
    end = text.find("\n", part.end)
    end = len(text) if end < 0 else end
    while text[end - 1] == "\r":
        end -= 1
    return Part(start, end, False)


def _merged(parts: list[Part]) -> list[Part]:
    """Broken parts in a row as one."""
    merged: list[Part] = []
    for part in parts:
        if merged and not part.is_clean and not merged[-1].is_clean:
            part = Part(merged.pop().start, part.end, False)
        merged.append(part)
    return merged

"""A whole file in the one style: its declarations under each other, what is broken left as it is."""

from __future__ import annotations

import difflib
import re

from ..diagnostics import Diagnostic
from ..lines import unix_lines
from ..parsing.parser import Parsed, parse
from ..parsing.tokens import tokenize
from ..record import frozen
from ..source import Source
from .atoms import make_atoms
from .gaps import Gap
from .layout import Lines, lay_out
from .parts import Part, split
from .places import find_places

_LINE = re.compile(r"[^\n]*+\n|[^\n]++")


@frozen
class Formatted:
    """A text in the one style.

    diagnostics: what is wrong in the text; the declarations that hold a mistake were left as they were.
    """

    text: str
    changed: bool
    diagnostics: tuple[Diagnostic, ...]


def format_source(source: Source) -> Formatted:
    """`source` in the one style. It says the same as before, and formatting it again changes nothing."""
    parsed = parse(source)
    text = format_parsed(parsed)
    return Formatted(text, text != source.text, parsed.diagnostics)


def unified_diff(before: str, after: str, name: str) -> str:
    """What turns `before` into `after`, as `patch` reads it; empty when they are the same."""
    lines = difflib.unified_diff(_LINE.findall(before), _LINE.findall(after), f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def format_parsed(parsed: Parsed) -> str:
    """The text of a file in the one style; the declarations that hold a mistake stay as they are."""
    text = parsed.source.text
    parts = split(parsed, [token for token in tokenize(text) if token.type != "$END"])
    places = find_places(parsed.declarations)
    gap, *gaps_after = _gaps(text, parts)
    lines = Lines()
    before: Part | None = None
    was_long = False
    for part, after in zip(parts, gaps_after, strict=True):
        written = (
            lay_out(make_atoms(text, part.tokens, places), after)
            if part.is_clean
            else unix_lines(text[part.start : part.end])
        )
        is_long = "\n" in written
        are_clean = before is not None and before.is_clean and part.is_clean
        if are_clean and (was_long or is_long) and not gap.has_blank_line:
            gap.add_blank_line()
        lines.write_gap(gap, 0, at_start=before is None)
        lines.write(written)
        before, was_long, gap = part, is_long, after
    lines.write_comments(gap, 0, at_start=before is None)
    result = "".join(lines.pieces).removeprefix("\n")
    return result if not result or result.endswith("\n") else f"{result}\n"


def _gaps(text: str, parts: list[Part]) -> list[Gap]:
    """What stands before, between and after `parts`."""
    gaps = []
    for start, end in zip([0, *(p.end for p in parts)], [*(p.start for p in parts), len(text)], strict=True):
        gap = Gap()
        gap.add(text[start:end])
        gaps.append(gap)
    for comment in gaps[0].comments[:1]:
        comment.lines_before = 1  # it has a line of its own, although nothing ends before it
    return gaps

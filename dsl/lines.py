"""Where in its line a character stands; what a mistake means often shows in the indentation."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

from .late_pattern import late_pattern

BLANKS = " \t\ufeff"
_OTHER_LINE_END = late_pattern(r"(?<!\r)\r++\n")


def unix_lines(text: str) -> str:
    r"""`text` with `\n` as the end of every line, also where the file has `\r\n`."""
    return _OTHER_LINE_END.sub("\n", text) if "\r" in text else text


@lru_cache(maxsize=8)  # a text in an editor is asked for them as a document and as a source
def line_starts(text: str) -> tuple[int, ...]:
    r"""The offset of the first character of each line, where lines end with `\n`."""
    longer = map((1).__add__, map(len, text.split("\n")))
    return (0, *accumulate(longer))[:-1]


def line_start(text: str, offset: int) -> int:
    """The offset of the first character of the line that holds `offset`."""
    return text.rfind("\n", 0, offset) + 1


def starts_line(text: str, offset: int) -> bool:
    """Whether nothing but blanks stands before `offset` in its line."""
    while offset > 0 and text[offset - 1] in BLANKS:
        offset -= 1
    return offset == 0 or text[offset - 1] == "\n"


def is_at_margin(text: str, offset: int) -> bool:
    """Whether a line begins at `offset`, without any indentation."""
    return offset == 0 or text[offset - 1] == "\n" or (offset == 1 and text[0] == "\ufeff")


def indentation(text: str, offset: int) -> int:
    """How many blanks begin the line that holds `offset`."""
    start = end = line_start(text, offset)
    while end < offset and text[end] in BLANKS:
        end += 1
    return end - start


def end_before(text: str, offset: int) -> int:
    """The end of what stands before the blanks and line breaks before `offset`."""
    while offset > 0 and text[offset - 1] in " \t\r\n\f\ufeff":
        offset -= 1
    return offset

"""Text that comes from outside: made short and harmless before a log, a header or a terminal gets it."""

from __future__ import annotations

import re

MAX_HEADER_TEXT = 128
"""Characters of a foreign text that is passed on in a header."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SPACES = re.compile(r"[\s\x1c-\x1f\x85]+")


MOST_NAME = 200
"""Characters of a name that a client says, as it is looked at and shown."""


def short_name(name: str) -> str:
    """`name`, or its beginning: comparing takes time, and an answer need not repeat it all."""
    return name if len(name) <= MOST_NAME else f"{name[:MOST_NAME]}…"


def one_line(text: str, most: int) -> str:
    """`text` on one line, of at most `most` characters.

    Colours are left out. What else is not printable, such as the controls of terminals and marks that turn
    the direction of writing, is escaped: `\\x1b`.
    """
    return escaped(" ".join(_SPACES.split(text[: 2 * most]))).strip()[:most]


def escaped(text: str) -> str:
    """`text` with everything in it that is not printable escaped, and without colours."""
    if text.isprintable():
        return text
    text = _COLOUR.sub("", text)
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def fits_header(text: str) -> bool:
    """Whether `text` may stand in an HTTP header: short, printable ASCII."""
    return len(text) <= MAX_HEADER_TEXT and text.isascii() and text.isprintable()

"""Which brace was forgotten, judged by the indentation."""

from __future__ import annotations

from ..lines import indentation, starts_line
from .tokens import tokenize


def closed_too_early(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The first `{` of the region whose `}` stands further left than the line of the `{`, with that `}`."""
    open_braces: list[int] = []
    for token in tokenize(text[start:end]):
        offset = start + token.start
        if token.type == "LBRACE":
            open_braces.append(offset)
        elif token.type == "RBRACE" and open_braces:
            opening = open_braces.pop()
            if starts_line(text, offset) and indentation(text, opening) > indentation(text, offset):
                return opening, offset
    return None

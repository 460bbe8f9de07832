"""Text broken into lines of a given width."""

from __future__ import annotations

from .display import visible, width_of


def wrap(text: str, width: int) -> list[str]:
    """The lines of `text`, each at most `width` columns unless one word is longer.

    Line ends in `text` stay, and what a line is indented by is repeated where it is broken.
    """
    return [row for line in text.split("\n") for row in _wrap_line(visible(line.rstrip()), width)] or [""]


def _wrap_line(line: str, width: int) -> list[str]:
    if len(line) <= width // 2 or width_of(line) <= width:
        return [line]
    words = line.split(" ")
    indent = ""
    while words and not words[0]:
        indent += words.pop(0) + " "
    rows: list[str] = []
    row, used = "", width + 1
    for word in words:
        size = width_of(word)
        if used + 1 + size > width:
            if row:
                rows.append(row)
            row, used = indent + word, len(indent) + size
        else:
            row, used = f"{row} {word}", used + 1 + size
    return [*rows, row]

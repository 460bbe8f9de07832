"""A source file and positions in it. Positions are character offsets; lines are found when asked for."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from pathlib import Path

from attrs import define, field, frozen


@define(eq=False, slots=False)
class Source:
    """The text of one file, and the name it has in messages.

    text: what messages may show; secrets that were found in it are hidden. original: the text as it was
    given, for those who write it back.
    """

    name: str
    text: str = field(repr=False)
    path: Path | None = None
    original: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.original = self.text

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of the first character of each line."""
        starts = [0]
        find, position = self.text.find, 0
        while (position := find("\n", position)) != -1:
            position += 1
            starts.append(position)
        return starts

    def hide(self, start: int, end: int) -> None:
        """Put bullets over a secret, so that no excerpt shows it. Offsets stay as they are."""
        self.text = f"{self.text[:start]}{'•' * (end - start)}{self.text[end:]}"

    def line_of(self, offset: int) -> int:
        """The line that holds `offset`, counted from 1."""
        return bisect_right(self.line_starts, offset)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both counted from 1, the column in characters."""
        line = self.line_of(offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line counted from 1, without its end."""
        starts = self.line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")


@frozen
class Span:
    """A stretch of a source: characters `start` up to, not including, `end`."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

"""Offsets of characters ↔ lines and columns of the protocol, in the unit that the client counts in."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from lsprotocol.types import Position, PositionEncodingKind, Range

from ..dsl.lines import line_starts

UTF8, UTF16, UTF32 = PositionEncodingKind.Utf8, PositionEncodingKind.Utf16, PositionEncodingKind.Utf32

_LINE_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of one text. Every position becomes an offset: one beyond the end of its line is the end."""

    def __init__(self, text: str, encoding: str = UTF16) -> None:
        self.text = text
        self._encoding = encoding
        self._is_plain = encoding == UTF32 or text.isascii()

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset of the first character of each line."""
        if "\r" not in self.text:
            return line_starts(self.text)
        return (0, *(end.end() for end in _LINE_END.finditer(self.text)))

    def position(self, offset: int) -> Position:
        """The line and column of the character at `offset`."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.starts, offset) - 1
        start = self.starts[line]
        return Position(line, offset - start if self._is_plain else self._units(self.text[start:offset]))

    def range(self, start: int, end: int) -> Range:
        """From the character at `start` up to, not including, the one at `end`."""
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """The offset of the character at `position`; inside of a character, that character's."""
        if position.line < 0:
            return 0
        if position.line >= len(self.starts):
            return len(self.text)
        start, end = self.starts[position.line], self.line_end(position.line)
        if self._is_plain:
            return min(start + max(position.character, 0), end)
        units = position.character
        for index in range(start, end):
            units -= self._units(self.text[index])
            if units < 0:
                return index
        return end

    def line_end(self, line: int) -> int:
        """The offset of what ends the line numbered `line`, from 0."""
        if line + 1 >= len(self.starts):
            return len(self.text)
        end = self.starts[line + 1] - 1
        return end - 1 if end > 0 and self.text[end - 1 : end + 1] == "\r\n" else end

    def line_of(self, offset: int) -> int:
        """The number, from 0, of the line that holds `offset`."""
        return bisect_right(self.starts, offset) - 1

    def _units(self, text: str) -> int:
        if self._is_plain or text.isascii():
            return len(text)
        if self._encoding == UTF8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2

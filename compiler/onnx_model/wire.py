"""Protobuf's wire format in a file: fields are found by jumping from one to the next.

What a field holds is read only when asked for, so that weights stay on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_NUMBER, _BYTES = 0, 2
"""Kinds of values that begin with a number: the value itself, or how many bytes follow."""
_FIXED = {1: 8, 5: 4}
"""The other kinds, and how many bytes they have."""
_CHUNK = 8192
_LONGEST_VARINT = 10
_LONGER = 0x80
"""A byte of a number that is below this is its last one."""
_LONGEST = 1 << 14
"""What has more than two bytes of a number."""
_LONGEST_TEXT = 1 << 16
_MOST_PARTS = 5_000_000
"""Fields, and messages of them."""

Field = tuple[int, int, int]
"""A field's number, and where its value begins and ends."""


class Damaged(Exception):
    """The bytes are no message of the kind they are taken for; the text says what is wrong."""


class Wire:
    """A message in a file of `size` bytes."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._chunk = b""
        self._base = 0
        self._parts = iter(range(_MOST_PARTS))

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message between two positions. Raises Damaged."""
        position = start
        chunk, base = (self._chunk, self._base) if self._base <= start else (b"", start)
        last = len(chunk) - 2
        for _ in self._parts:
            if position >= end:
                return
            index = position - base
            if index < last and (tag := chunk[index]) < _LONGER:  # as most are, and so read here
                value, number, after = position + 1, chunk[index + 1], position + 2
                if number >= _LONGER:
                    number, after = number - _LONGER | chunk[index + 2] << 7, position + 3
            else:
                tag, value = self.number(position, end)
                number = after = _LONGEST
                chunk, base = self._chunk, self._base
                last = len(chunk) - 2
            kind = tag & 7
            if kind == _BYTES:
                if number >= _LONGEST:
                    number, after = self.number(value, end)
                value, position = after, after + number
            elif kind == _NUMBER:
                position = after if number < _LONGEST else self.number(value, end)[1]
            elif kind in _FIXED:
                position = value + _FIXED[kind]
            else:
                raise Damaged("it is no message of protobuf")
            if position > end:
                raise Damaged("a part of it is longer than the whole")
            yield tag >> 3, value, position
        raise Damaged(f"it has more than {_MOST_PARTS:,} parts")

    def number(self, position: int, end: int) -> tuple[int, int]:
        """The number at `position`, and where it ends. Raises Damaged."""
        chunk, index = self._chunk, position - self._base
        if not 0 <= index <= len(chunk) - _LONGEST_VARINT:
            self._load(position)
            chunk, index = self._chunk, 0
        if index < len(chunk) - 1 and position < end - 1:  # one byte or two, as most are
            low, high = chunk[index], chunk[index + 1]
            if low < _LONGER:
                return low, position + 1
            if high < _LONGER:
                return low - _LONGER | high << 7, position + 2
        value = shift = 0
        for byte in chunk[index : index + min(_LONGEST_VARINT, end - position)]:
            position += 1
            if byte < _LONGER:
                return (value | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF, position
            value |= (byte & 0x7F) << shift
            shift += 7
        if shift < 7 * _LONGEST_VARINT:
            raise Damaged("a part of it is longer than the whole")
        raise Damaged("a number in it is too long")

    def signed(self, position: int, end: int) -> int:
        """The number at `position`, which may be negative. Raises Damaged."""
        value, _ = self.number(position, end)
        return value - (1 << 64) if value >> 63 else value

    def text(self, start: int, end: int) -> str:
        """The text between two positions. Raises Damaged."""
        if end - start > _LONGEST_TEXT:
            raise Damaged(f"a name in it has {end - start:,} bytes")
        return self.read(start, end).decode("utf-8", "replace")

    def read(self, start: int, end: int) -> bytes:
        """The bytes between two positions."""
        first, last = start - self._base, end - self._base
        if first >= 0 and last <= len(self._chunk):
            return self._chunk[first:last]
        self._file.seek(start)
        return self._file.read(end - start)

    def _load(self, position: int) -> None:
        self._file.seek(position)
        self._chunk, self._base = self._file.read(_CHUNK), position

"""Protobuf's wire format in a file: fields are found by jumping from one to the next.

What a field holds is read only when asked for, so that weights stay on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CHUNK = 8192
_LONGEST_VARINT = 10
_LONGEST_TEXT = 1 << 16
_MOST_FIELDS = 5_000_000

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
        self._left = _MOST_FIELDS

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message between two positions. Raises Damaged."""
        position = start
        while position < end:
            self._left -= 1
            if self._left < 0:
                raise Damaged(f"it has more than {_MOST_FIELDS:,} parts")
            tag, value = self.number(position, end)
            kind = tag & 7
            if kind == _BYTES:
                length, value = self.number(value, end)
                position = value + length
            elif kind == _VARINT:
                _, position = self.number(value, end)
            elif kind in (_FIXED64, _FIXED32):
                position = value + (8 if kind == _FIXED64 else 4)
            else:
                raise Damaged("it is no message of protobuf")
            if position > end:
                raise Damaged("a part of it is longer than the whole")
            yield tag >> 3, value, position

    def number(self, position: int, end: int) -> tuple[int, int]:
        """The number at `position`, and where it ends. Raises Damaged."""
        if not self._base <= position <= self._base + len(self._chunk) - _LONGEST_VARINT:
            self._load(position)
        index = position - self._base
        if position < end and index < len(self._chunk) and self._chunk[index] < 0x80:
            return self._chunk[index], position + 1
        value = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            if index >= len(self._chunk) or self._base + index >= end:
                raise Damaged("a part of it is longer than the whole")
            byte = self._chunk[index]
            index += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, self._base + index
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
        self._file.seek(start)
        return self._file.read(end - start)

    def _load(self, position: int) -> None:
        self._file.seek(position)
        self._chunk, self._base = self._file.read(_CHUNK), position

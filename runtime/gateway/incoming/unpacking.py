"""Unpacking of `gzip` and `deflate` in steps, each of which has a bound."""

from __future__ import annotations

import zlib

MAX_MEMBERS = 16
"""Parts that may be packed one by one and put together, as gzip allows."""

_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class BrokenPacking(Exception):
    """The bytes are not packed so."""


class Unpacker:
    """Unpacks `packed` piece by piece. encoding: `gzip` or `deflate`."""

    def __init__(self, packed: bytes, encoding: str) -> None:
        self.done = False
        self._left = packed
        if encoding == "gzip":
            self._form, self._members_left = _GZIP, MAX_MEMBERS
        else:  # some leave out the header that RFC 1950 puts in front
            self._form, self._members_left = (_ZLIB if packed[:1] and packed[0] & 15 == 8 else _RAW), 1
        self._member = zlib.decompressobj(self._form)

    def next(self, most: int) -> bytes:
        """The next piece, of at most `most` bytes. Raises BrokenPacking."""
        try:
            piece = self._member.decompress(self._left, most)
        except zlib.error:
            raise BrokenPacking from None
        self._left = self._member.unconsumed_tail or self._member.unused_data
        if self._member.eof:
            self._members_left -= 1
            self.done = not self._left
            if self._left and not self._members_left:
                raise BrokenPacking
            self._member = zlib.decompressobj(self._form)
        elif not piece and not self._left:
            raise BrokenPacking  # the end is missing
        return piece

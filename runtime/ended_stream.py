"""What is left of a body that is here as a whole, as most are."""

from __future__ import annotations

from aiohttp import StreamReader

_IS_AS_EXPECTED = {"_buffer", "_buffer_offset", "_size", "_exception"} <= set(StreamReader.__slots__)


def rest_of(stream: StreamReader) -> bytes:
    """All that `stream` holds, which has ended.

    Its own way to read asks the parser and the connection to go on after each piece, though nothing follows.
    """
    if (
        not _IS_AS_EXPECTED
        or type(stream) is not StreamReader  # there is one for bodies that are empty
        or stream._exception is not None
        or stream._buffer_offset
    ):
        return stream.read_nowait()
    parts = stream._buffer
    rest = parts[0] if len(parts) == 1 else b"".join(parts)
    parts.clear()
    stream._size = 0
    return rest

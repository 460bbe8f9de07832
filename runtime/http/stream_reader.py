"""aiohttp's `StreamReader`, read without what its own ways do beside.

Those ask the parser and the connection to go on after each piece, though they have not paused, and pass
through six functions to wait for the next one. What is used for that is no public interface: where it is not
as expected, its own ways are taken.
"""

from __future__ import annotations

from asyncio import Future
from typing import Protocol

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

_FIELDS = {
    "_buffer",
    "_buffer_offset",
    "_cursor",
    "_exception",
    "_http_chunk_splits",
    "_loop",
    "_size",
    "_waiter",
}
IS_AS_EXPECTED = set(StreamReader.__slots__) >= _FIELDS and "_reading_paused" in BaseProtocol.__slots__


class Held(Protocol):
    """What is read as a `StreamReader` is."""

    def read_nowait(self, most: int = -1, /) -> bytes:
        """What is here, at most so many bytes. most: -1: all."""
        ...


class Arriving(Held, Protocol):
    """What says itself when something comes."""

    def arrival(self) -> Future[None] | None:
        """As `arrival` of it."""
        ...

    def arrived(self) -> None:
        """Nobody waits any more."""
        ...


def take(stream: Held, most: int = -1) -> bytes:
    """What `stream` holds, at most so many bytes; empty where it holds nothing. most: -1: all."""
    if type(stream) is not StreamReader or not IS_AS_EXPECTED or stream._exception is not None:
        return stream.read_nowait(most)  # there is another class for bodies that are empty
    parts = stream._buffer
    if not parts:
        return b""
    size = stream._size
    if size > most >= 0 or stream._buffer_offset or stream._protocol._reading_paused:
        return stream.read_nowait(most)
    taken = parts.popleft()
    if parts:
        taken += b"".join(parts)
        parts.clear()
    stream._size = 0
    stream._cursor += size
    if ends := stream._http_chunk_splits:
        while ends and ends[0] < stream._cursor:
            ends.popleft()
    return taken


def arrival(stream: StreamReader | Arriving) -> Future[None] | None:
    """Done when something comes on `stream`, which holds nothing and has not ended; then call `arrived`.

    None: ask `stream` itself.
    """
    if not isinstance(stream, StreamReader):
        return stream.arrival()
    if not IS_AS_EXPECTED or type(stream) is not StreamReader or stream._waiter is not None:
        return None
    waiter = stream._waiter = stream._loop.create_future()
    return waiter


def arrived(stream: StreamReader | Arriving) -> None:
    """Nobody waits any more."""
    if isinstance(stream, StreamReader):
        stream._waiter = None
    else:
        stream.arrived()

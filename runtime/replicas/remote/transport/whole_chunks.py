"""Streams that need no parser, as most do: each piece that comes is one whole chunk of HTTP, or some.

For each stream aiohttp makes a parser, a reader and a queue for both, and each chunk passes through them.
Here a chunk is its size, its bytes and two line ends. From the first piece on that is anything else, or that
comes before the last one was read, or where the connection ends, aiohttp's parser reads on: it is given a
head, what is still unread, and then what has come, as if it had read all of it.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import StreamReader

from ....http.stream_reader import arrival, arrived, take

if TYPE_CHECKING:
    from .connector import Steady

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_HEX = b"%x".__mod__
"""A size, as most write it."""
_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
"""What the parser has to know of the head that it has not seen."""


def whole_chunks(piece: bytes) -> tuple[bytes, bool] | None:
    """What the chunks of HTTP in `piece` hold, and whether the last of all is among them.

    None: it is anything else than whole chunks, without extensions, or has trailers or something behind them.
    """
    lines = piece.split(b"\r\n")
    sizes, chunks = lines[::2], lines[1::2]
    if sizes == [*map(_HEX, map(len, chunks)), b""]:  # with no line end in a chunk
        is_last = b"0" in sizes
        return None if is_last and sizes.index(b"0") < len(chunks) - 1 else (b"".join(chunks), is_last)
    at, whole = 0, len(piece)
    held = b""
    while at < whole:
        found = _SIZE.match(piece, at)
        if found is None:
            return None
        begin = found.end()
        size = int(found[1], 16)
        if not size:
            return (held, True) if piece[begin:] == b"\r\n" else None
        end = begin + size
        if piece[end : end + 2] != b"\r\n":
            return None
        held = held + piece[begin:end] if held else piece[begin:end]
        at = end + 2
    return held, False


class WholeChunks:
    """The body of a stream that comes on `steady`; `held` is here of it. parsing: how a parser is made.

    What it has of aiohttp's StreamReader does the same.
    """

    parsed: StreamReader | None = None
    """Where all is that is still to be read, if the parser reads on."""
    _waiter: Future[None] | None = None
    """Of whom waits for what comes next."""

    def __init__(self, steady: Steady, parsing: Mapping[str, Any], held: bytes, *, is_ended: bool) -> None:
        self._steady = steady
        self._parsing = parsing
        self._held = held
        self.is_left = is_ended
        """Whether nothing comes here any more: all is here, or the parser reads on."""
        if not is_ended:
            steady.stream, steady.receive = self, self._feed

    def read_nowait(self, most: int = -1) -> bytes:
        """What is here, at most so many bytes. most: -1: all."""
        if self.parsed is not None:
            return take(self.parsed, most)
        held = self._held
        if len(held) > most >= 0:
            self._held = held[most:]
            return held[:most]
        self._held = b""
        return held

    def is_eof(self) -> bool:
        """Whether all has come."""
        return self.is_left if self.parsed is None else self.parsed.is_eof()

    def at_eof(self) -> bool:
        """Whether all has been read."""
        return self.is_left and not self._held if self.parsed is None else self.parsed.at_eof()

    def exception(self) -> BaseException | None:
        """What went wrong: that is the parser's to tell."""
        return None if self.parsed is None else self.parsed.exception()

    def arrival(self) -> Future[None] | None:
        """Done when something has come; then call `arrived`. None: ask `parsed` itself."""
        if self.parsed is not None:
            return arrival(self.parsed)
        waiter = self._waiter = self._steady.receiver._loop.create_future()
        return waiter

    def arrived(self) -> None:
        """Nobody waits any more."""
        self._waiter = None
        if self.parsed is not None:
            arrived(self.parsed)

    def leave(self) -> None:
        """Nothing is to come here any more."""
        self.is_left, steady = True, self._steady
        steady.stream, steady.receive = None, steady.receiver.data_received

    def parse_on(self) -> None:
        """What comes from now on is parsed."""
        self.leave()
        receiver = self._steady.receiver
        receiver.set_response_params(**self._parsing)
        held, self._held = self._held, b""
        receiver.data_received(_HEAD + b"%x\r\n%b\r\n" % (len(held), held) if held else _HEAD)
        try:
            receiver.read().send(None)  # it is there: nothing is waited for
        except StopIteration as answer:
            self.parsed = answer.value[1]
        self._wake()

    def _feed(self, piece: bytes) -> None:
        found = None if self._held else whole_chunks(piece)
        if found is None:
            self.parse_on()
            self._steady.receive(piece)
            return
        self._held, is_ended = found
        if is_ended:
            self.leave()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

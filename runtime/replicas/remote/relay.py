"""What comes of a stream goes to its client at once: no task wakes for a piece in which nothing ends.

While somebody waits for the next piece of a body, its connection hands over here what it reads. What it says
is looked at as it always is, in the same turn of the event loop, and written to the client. Who waits wakes
for what is more than that: the end, an error, a bound, a client that does not read.

Most pieces are chunks of HTTP of one event each, which differ from the one before in their words alone.
They need not even be parsed: the bytes that came are the bytes that go out.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...dialects.bedrock.event_stream import EventStreamParser
from ...dialects.openai_chat.chunk_shapes import is_text
from ...dialects.server_sent_events import SseParser
from ...requests.sink import RelaySink
from .passthrough.streams import PLAIN, PassingReader, Read
from .transport.whole_chunks import WholeChunks

if TYPE_CHECKING:
    from .body import Body
    from .chat_answers import ChunkReader
    from .transport.connector import Steady

Parser = SseParser | EventStreamParser

_END = b"\n\n\r\n"
"""Of an event, and of the chunk of HTTP that it is."""
_BEGIN = b"\r\ndata: "
"""Of an event, behind the size of the chunk of HTTP that it is."""
_AROUND = len(b"data: \n\n")
"""Bytes of an event beside its data."""
ALL_SENT: Read = ([], None)
"""In place of what is left, when the last of a stream has gone to its client."""


class Relay:
    """From the connection `steady`, where `body` comes, to `sink`.

    read: what the bytes of a piece say, by `reader` and `parser`. most: bytes of a piece.
    """

    left: Read | None = None
    """What was read that has to go the usual way."""
    _waiter: Future[None] | None = None
    _tail_size = 0
    _head = _tail = b""
    """What stands around the words of the next event, behind its size; empty where it has to be read."""

    def __init__(
        self,
        steady: Steady,
        body: Body,
        sink: RelaySink,
        reader: ChunkReader,
        parser: Parser,
        read: Callable[[ChunkReader, Parser, Body, bytes], Read],
        most: int,
    ) -> None:
        self._steady = steady
        self._body = body
        self._sink = sink
        self._reader = reader
        self._parser = parser
        self._passing = reader if isinstance(reader, PassingReader) else None
        self._read = read
        self._most = most

    def begin(self) -> Future[None] | None:
        """Hand on what comes from now on; done when who waits has to go on. None: it is not to be."""
        if not self._sink.takes():
            return None
        self._head = self._tail = b""
        waiter = self._waiter = self._body.loop.create_future()
        self._steady.relay = self
        return waiter

    def end(self) -> None:
        """What comes stays with its connection again."""
        self._steady.relay = self._waiter = None

    def passes(self, piece: bytes) -> bool:
        """Whether `piece` was handed on as it came; else its connection parses it, and calls `look`."""
        tail, body = self._tail, self._body
        if not tail or not piece.endswith(tail):
            return False
        whole, count = len(piece), 1
        size = whole - piece.find(b"\r\n", 0, 6) - 4
        head = b"%x%b" % (size, self._head)
        if piece.startswith(head):
            begin, end = len(head), whole - self._tail_size
            if begin > end or ((words := piece[begin:end]).translate(None, PLAIN) and not is_text(words)):
                return False
        else:
            count, size = self._several(piece)
        if not count or size > body.left or not self._sink.pass_on(piece, count, size - count * _AROUND):
            return False
        body.left -= size
        body.since = body.loop.time()
        return True

    def _several(self, piece: bytes) -> tuple[int, int]:
        """How many chunks of HTTP `piece` is that all look as the next one may, and their bytes; none where
        it is anything else."""
        head, tail, sizes = self._head, self._tail, 0
        around = len(head) + len(tail) - 4
        chunks = piece.split(tail)
        chunks.pop()
        for chunk in chunks:
            told, _, words = chunk.rpartition(head)
            size = around + len(words)
            if told != b"%x" % size or (words.translate(None, PLAIN) and not is_text(words)):
                return 0, 0
            sizes += size
        return len(chunks), sizes

    def look(self, piece: bytes) -> None:
        """Hand on what the connection has made of `piece`; empty: it has ended."""
        waiter = self._waiter
        try:
            if self._is_handed_on(piece):
                return
        except Exception as error:  # who waits is told of it
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
        else:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        self._steady.relay = None

    def _is_handed_on(self, piece: bytes) -> bool:
        """Whether nothing is left for who waits to do. Raises OutOfBounds."""
        self._head = self._tail = last = b""
        body, sink = self._body, self._sink
        content = body.content
        while content.exception() is None:
            data = body.take(self._most)
            if not data:
                if content.is_eof():
                    return False
                self._find_frame(piece, last)
                return True
            body.left -= len(data)
            if body.left < 0:
                raise body.too_large()
            chunks, error = read = self._read(self._reader, self._parser, body, data)
            is_last = self._reader.ended
            if (
                error is not None
                or (is_last and self._passing is None)  # the whole of it may have to be checked
                or (chunks and not sink.send(chunks, is_last and content.at_eof()))
            ):
                self.left = read
                return False
            if is_last:
                self.left = ALL_SENT
                return False
            if body.since is None:
                body.goes_on()
            last = data
        return False

    def _find_frame(self, piece: bytes, data: bytes) -> None:
        """Remember how the next event may look, if `piece` ends with the last of `data` as a chunk of HTTP.

        Then the connection's parser stands between two chunks: what it does not see next may be one.
        """
        reader, parser, content = self._passing, self._parser, self._body.content
        if (
            reader is None
            or not isinstance(parser, SseParser)
            or not (frame := reader.frame)[0]
            or not parser.is_between
            or reader.joiner.held
        ):
            return
        event = data[:-2].rpartition(b"\n\n")[2]
        chunk = b"%x\r\n%b\n\n\r\n" % (len(event) + 2, event)
        if piece != chunk and not (
            type(content) is WholeChunks and content.parsed is None and piece.endswith(b"\n" + chunk)
        ):
            return
        self._head, self._tail = _BEGIN + frame[0], frame[1] + _END
        self._tail_size = len(self._tail)

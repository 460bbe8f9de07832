"""The client of a stream of a chat, as those see it who have chunks for it that it waits for."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests.answer import Chunk
from .chat_writer import ChatWriter
from .event_stream import EventStream, as_chunk


class ClientSink:
    """Writes chunks with `writer` to `out`."""

    __slots__ = ("_out", "_writer", "is_open")

    def __init__(self, writer: ChatWriter, out: EventStream) -> None:
        self._writer = writer
        self._out = out
        self.is_open = False
        """Whether a chunk has come the usual way, and none of that is still to be sent."""

    def takes(self) -> bool:
        """As of all sinks."""
        return self.is_open and self._out.takes()

    def send(self, chunks: Sequence[Chunk]) -> bool:
        """As of all sinks."""
        writer = self._writer
        if not all(map(writer.writes_at_once, chunks)):
            return False
        data = b"".join(map(writer.write, chunks))
        return not data or self._out.pass_on(as_chunk(data))

    def pass_on(self, piece: bytes, size: int) -> bool:
        """As of all sinks."""
        return self._out.pass_on(piece)

"""The client of a stream of a chat, as those see it who have chunks for it that it waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..requests.answer import Chunk
from .chat_writer import ChatWriter
from .event_stream import EventStream, Headers, as_chunk


class ClientSink:
    """Writes chunks with `writer` to `out`. headers: sent with the status, where that goes out now."""

    is_open = True
    """Whether nothing is still to be sent of what has come the usual way."""
    left = b""
    """The last events, which go out with the end that follows them."""

    def __init__(self, writer: ChatWriter, out: EventStream, headers: Callable[[], Headers]) -> None:
        self._writer = writer
        self._out = out
        self._headers = headers

    def takes(self) -> bool:
        """As of all sinks."""
        return self.is_open and not self.left and self._out.takes()

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool:
        """As of all sinks."""
        writer, out = self._writer, self._out
        if not self.is_open or self.left or not writer.writes_at_once(chunks):
            return False
        data = b"".join(map(writer.write, chunks))
        if not data:
            return True
        if more:
            self.left = data
            return True
        return out.pass_on(as_chunk(data), self._headers)

    def pass_on(self, piece: bytes, size: int) -> bool:
        """As of all sinks."""
        return self._out.pass_on(piece)

"""The client of a stream of a chat, as those see it who have chunks for it that it waits for."""

from __future__ import annotations

from collections.abc import Sequence

from ...requests.answer import Chunk
from .chat_writer import ChatWriter
from .event_stream import EventStream, as_chunk


class ClientSink:
    """Writes chunks with `writer` to `out`."""

    is_open = True
    """Whether nothing is still to be sent of what has come the usual way."""
    left = b""
    """The last events, which go out with the end that follows them."""

    def __init__(self, writer: ChatWriter, out: EventStream) -> None:
        self._writer = writer
        self._out = out
        self.pass_on = out.pass_on

    def takes(self) -> bool:
        """As of all sinks."""
        return self.is_open and not self.left and self._out.takes()

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool:
        """As of all sinks."""
        writer = self._writer
        if not self.is_open or self.left or not writer.writes_at_once(chunks):
            return False
        data = b"".join(map(writer.write, chunks))
        if not data:
            return True
        if more:
            self.left = data
            return True
        return self.pass_on(as_chunk(data))

"""What writes the answer to a chat in the protocol of its client."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson

from ...dialects.chats import conversation_of
from ...dialects.chunks import ChunkEvents
from ...dialects.openai_chat import write_error
from ...dialects.registry import CLIENT_SIDES, AnswerWriter
from ...requests.answer import ChatChunk, ChatEvents, Chunk
from ...requests.errors import RequestError
from ...requests.events import Failed
from ...requests.request import ChatRequest, CompletionRequest
from .event_stream import event

_DONE = b"data: [DONE]\n\n"


class ChatWriter:
    """Writes one answer, whole or streamed.

    Chunks that are in the client's protocol go out as they are; of others, the events are written.
    """

    _events: ChunkEvents | None = None
    _writer: AnswerWriter | None = None
    _passed = False

    def __init__(self, request: ChatRequest | CompletionRequest) -> None:
        self._request = request
        self._in_openai = isinstance(request, CompletionRequest) or request.said is None

    @property
    def untold(self) -> tuple[str, ...]:
        """What of the answer the client's protocol has no word for."""
        return () if self._events is None else tuple(self._events.untold)

    def whole(self, chunk: Chunk) -> bytes:
        """The body of an answer in one piece. Raises RequestError."""
        request = self._request
        if isinstance(chunk, ChatChunk) and (isinstance(request, CompletionRequest) or request.said is None):
            return chunk.data
        assert isinstance(request, ChatRequest)
        if isinstance(chunk, ChatEvents) and chunk.native:
            return chunk.native
        self._events = ChunkEvents(request.dialect)
        side = CLIENT_SIDES[request.dialect]
        return side.whole(conversation_of(request), int(time.time()), self._events.whole(chunk))

    def writes_at_once(self, chunks: Sequence[Chunk]) -> bool:
        """Whether `write` raises nothing for `chunks`."""
        return self._in_openai or all(isinstance(chunk, ChatEvents) for chunk in chunks)

    def write(self, chunk: Chunk) -> bytes:
        """What tells the client of `chunk`. Raises RequestError."""
        if isinstance(chunk, ChatChunk) and self._in_openai:
            return b"data: %b\n\n" % chunk.data if chunk.data else b""
        if isinstance(chunk, ChatEvents) and chunk.native:
            self._passed = True
            return chunk.native
        if self._passed:
            return b""
        writer = self._own_writer()
        if self._events is None:
            assert isinstance(self._request, ChatRequest)
            self._events = ChunkEvents(self._request.dialect)
        return b"".join(map(writer.write, self._events.of(chunk)))

    def end(self) -> bytes:
        """The end of a whole answer."""
        if self._passed:
            return b""
        if self._events is None:
            return _DONE if self._in_openai else self._own_writer().end()
        writer = self._own_writer()
        return b"".join(map(writer.write, self._events.end())) + writer.end()

    def fail(self, error: RequestError) -> bytes:
        """What tells the client that the answer broke off: no end follows."""
        if self._in_openai:
            return event(orjson.dumps(write_error(error)))
        writer = self._own_writer()
        return writer.write(Failed(error, True)) + writer.end()

    def _own_writer(self) -> AnswerWriter:
        if self._writer is None:
            request = self._request
            assert isinstance(request, ChatRequest)
            side = CLIENT_SIDES[request.dialect]
            self._writer = side.stream(conversation_of(request), int(time.time()))
        return self._writer

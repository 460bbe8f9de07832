"""The chunks of a chat answer as events, in whichever of their two forms they come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.events import Event, Failed, FieldsMade, Started, UsageKnown
from .answer import Answer, fold
from .openai_chat import OpenAIChatReader
from .reader import PlainFailures
from .server_sent_events import Event as StreamEvent
from .untold import untold

DONE = StreamEvent(b"", b"[DONE]")

_OF_ONE = ("anthropic", "openai_responses")
"""Dialects whose answers are one: of another choice, which nobody asked for, they are told nothing."""


class ChunkEvents:
    """Goes over the chunks of one answer.

    client: the dialect of who is told. untold: what of the answer that dialect has no word for.
    """

    def __init__(self, client: str | None = None) -> None:
        self._client = client
        self._reader: OpenAIChatReader | None = None
        self._first: int | None = None
        self.untold: dict[str, None] = {}

    def of(self, chunk: Chunk) -> Sequence[Event]:
        """What `chunk` of a stream says. Raises RequestError where it is no answer."""
        if isinstance(chunk, ChatEvents):
            return self._seen(chunk.events)
        assert isinstance(chunk, ChatChunk)
        if self._reader is None:
            self._reader = OpenAIChatReader(PlainFailures())
        return self._seen(_sound(self._reader.read(StreamEvent(b"", chunk.data)))) if chunk.data else ()

    def end(self) -> Sequence[Event]:
        """What is left to say when all chunks have come."""
        return () if self._reader is None else self._seen(_sound(self._reader.read(DONE)))

    def whole(self, chunk: Chunk) -> Answer:
        """The answer that one chunk holds. Raises RequestError."""
        if isinstance(chunk, ChatEvents):
            return fold(self._seen(chunk.events))
        assert isinstance(chunk, ChatChunk)
        return fold(self._seen(OpenAIChatReader(PlainFailures()).read_whole(chunk.data)))

    def _seen(self, events: Sequence[Event]) -> Sequence[Event]:
        client = self._client
        if client in _OF_ONE:
            events = [event for event in events if self._is_of_first(event)]
        if client is not None:
            for event in events:
                if names := untold(event, client):
                    self.untold.update(dict.fromkeys(names))
        return events

    def _is_of_first(self, event: Event) -> bool:
        """Whether `event` tells of the first choice that came, or of the whole answer."""
        if type(event) is Started or type(event) is UsageKnown or type(event) is Failed:
            return True
        if type(event) is FieldsMade and event.of == "answer":
            return True
        if self._first is None:
            self._first = event.choice
        return event.choice == self._first


def whole_answer(chunk: Chunk) -> Answer:
    """The answer that one chunk holds. Raises RequestError."""
    return ChunkEvents().whole(chunk)


def streamed_answer(chunks: Iterable[Chunk]) -> Answer:
    """The answer that the chunks of a stream hold together. Raises RequestError."""
    events = ChunkEvents()
    found = [event for chunk in chunks for event in events.of(chunk)]
    return fold([*found, *events.end()])


def _sound(events: Sequence[Event]) -> Sequence[Event]:
    if events and isinstance(events[-1], Failed):
        raise events[-1].error
    return events

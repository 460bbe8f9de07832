"""Answers of a model to chats: what reads them, and how it goes through the events of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import orjson

from ....compiler.plan.late_pattern import late_pattern
from ...dialects import exact_json
from ...dialects.adapt import (
    AsJsonText,
    Checked,
    HeldAnswer,
    is_of_later_call,
    named_back,
)
from ...dialects.no_json import no_json
from ...dialects.provider_errors.classify import Classifier
from ...dialects.reader import DONE, AnswerReader, says_nothing
from ...dialects.server_sent_events import MAX_EVENT, Event as StreamEvent, EventTooLarge, SseParser
from ...dialects.surrogates import BACKSLASH, SurrogateJoiner
from ...requests.answer import ChatChunk, ChatEvents
from ...requests.errors import RequestError
from ...requests.events import Event, Failed, Finished, UsageKnown
from ...requests.request import NO_OPTIONS, ChatRequest, CompletionRequest
from ...requests.usage import Usage


class ChunkReader(Protocol):
    """Reads one streamed answer, event by event. joiner: what events go through before they are read."""

    joiner: SurrogateJoiner

    @property
    def whole(self) -> HeldAnswer | None:
        """The complete answer, where it is held to a schema here."""

    @property
    def ended(self) -> bool:
        """Whether the answer is complete: nothing may follow."""

    def read(self, event: StreamEvent) -> Iterable[ChatChunk | ChatEvents]:
        """What `event` says. Raises RequestError."""

    def close(self) -> Iterable[ChatChunk | ChatEvents]:
        """What is left when the connection ends. Raises RequestError where the answer was cut off."""


class Fit(NamedTuple):
    """A request as one provider takes it.

    passes: the bytes of its answer are what the client understands. changes: the places of what was changed,
    in the client's words. by_tool: the function whose call stands
    for the answer. headers: what is said beside it. checked: what the answer is held to here.
    one_call: the first call of a function is all that the client wants. names: the client's names of
    functions, by those that were sent.
    """

    path: str
    body: bytes
    passes: bool
    changes: tuple[str, ...] = ()
    by_tool: str | None = None
    headers: Mapping[str, str] = NO_OPTIONS
    checked: tuple[Checked, ...] = ()
    one_call: bool = False
    names: Mapping[str, str] = NO_OPTIONS


def gathered(reader: AnswerReader, body: bytes, classifier: Classifier) -> list[Event]:
    """What a stream that came whole says. Raises RequestError."""
    sent = sent_in(body, classifier)
    return [told for event in sent for told in reader.read(event)] + reader.close()


def sent_in(body: bytes, classifier: Classifier) -> list[StreamEvent]:
    """The events of a stream that came whole. Raises RequestError."""
    if body.lstrip().startswith(b"["):
        try:
            return [StreamEvent(b"", exact_json.dumps(each)) for each in exact_json.loads(body)]
        except orjson.JSONDecodeError as wrong:
            raise classifier.malformed(f"the answer is no JSON: {no_json(wrong)}") from None
    parser = SseParser()
    try:
        return [*parser.feed(body), *parser.close()]
    except EventTooLarge:
        raise classifier.malformed(f"the stream has an event of more than {MAX_EVENT >> 20} MiB") from None


class EventsReader:
    """Reads a stream into events. The usage is told at its end: what comes before it is a part of it."""

    def __init__(self, reader: AnswerReader, fit: Fit) -> None:
        self.joiner = SurrogateJoiner()
        self._reader = reader
        self._passes = fit.passes
        self._as_text = AsJsonText(fit.by_tool) if fit.by_tool is not None else None
        self._one_call = fit.one_call
        self._names = fit.names
        self._held = HeldAnswer(*fit.checked) if fit.checked else None
        self._usage: Usage | None = None
        self._failed = False

    @property
    def ended(self) -> bool:
        return self._reader.ended and not self._failed

    @property
    def whole(self) -> HeldAnswer | None:
        return self._held if self.ended else None

    def read(self, event: StreamEvent) -> Iterator[ChatEvents]:
        native = b""
        if self._passes and event.data == DONE:
            native = self._reader.last
        elif self._passes and not says_nothing(event.data):
            data = event.data.replace(b"\n", b" ") if b"\n" in event.data else event.data
            name = event.name or _name_of(data)
            if name in _LAST:
                data = _NO_OUTPUT.sub(b'"output":[]', data)
            native = b"event: %b\ndata: %b\n\n" % (name, data) if name else b"data: %b\n\n" % data
        return self._chunks(self._reader.read(event), native)

    def close(self) -> Iterator[ChatEvents]:
        is_open = not self._reader.ended
        return self._chunks(self._reader.close(), self._reader.last if self._passes and is_open else b"")

    def _chunks(self, events: list[Event], native: bytes) -> Iterator[ChatEvents]:
        told: list[Event] = []
        failure: RequestError | None = None
        for event in events:
            if self._names:
                event = named_back(event, self._names)
            if isinstance(event, Failed):
                failure = event.error
            elif self._one_call and is_of_later_call(event):
                continue
            elif self._as_text is None:
                told.append(event)
            else:
                told += self._as_text.convert(event)
            if isinstance(event, UsageKnown):
                self._usage = event.usage
        if failure is not None:
            self._failed, native = True, b""  # the client is told of it in our words
        if self._held is not None:
            for event in told:
                self._held.see(event)
        usage = self._usage if self.ended else None
        if told or native or usage is not None:
            yield ChatEvents(tuple(told), usage, native=native)
        if failure is not None:
            raise failure


def _name_of(data: bytes) -> bytes:
    """The name of an event that has none: its type, without which Anthropic's clients do not see it.

    Source: https://github.com/openclaw/openclaw/issues/37571.
    """
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        return b""
    name = told.get("type") if isinstance(told, dict) else None
    return name.encode() if isinstance(name, str) and _NAME.fullmatch(name) else b""


_LAST = (b"response.completed", b"response.incomplete")
_NO_OUTPUT = late_pattern(rb'"output"\s*:\s*null\b')
"""Clients go through it, also where the items were told before alone. In a text, a quote has a backslash
before it. Source: https://github.com/jxxghp/MoviePilot/issues/5853."""
_NAME = late_pattern(r"[a-z_.]{1,80}")


def without_end(chunks: list[ChatChunk | ChatEvents]) -> list[ChatChunk | ChatEvents]:
    """The last chunks of a stream, as they are where an error comes in place of its end."""
    left: list[ChatChunk | ChatEvents] = []
    for index, chunk in enumerate(chunks, 1):
        if isinstance(chunk, ChatEvents):
            told = tuple(event for event in chunk.events if not isinstance(event, Finished))
            if len(told) < len(chunk.events) or index == len(chunks):
                chunk = chunk._replace(events=() if chunk.native else told, native=b"")
        left.append(chunk._replace(more=True))
    return left


def read_events(
    reader: ChunkReader, events: Iterable[StreamEvent], *, closing: bool
) -> tuple[list[ChatChunk | ChatEvents], RequestError | None]:
    """What `reader` makes of `events`, as far as it gets, and the error that stops it.

    closing: the connection has ended with them.
    """
    pieces: list[ChatChunk | ChatEvents] = []
    joiner = reader.joiner
    try:
        for event in events:
            if BACKSLASH in event.data or joiner.held:
                for whole in joiner.feed(event):
                    pieces += reader.read(whole)
            else:
                pieces += reader.read(event)
            if reader.ended:
                return pieces, None
        if closing:
            for whole in joiner.close():
                pieces += reader.read(whole)
            pieces += reader.close()
    except RequestError as error:
        return pieces, error
    return pieces, None


def wants_usage(request: ChatRequest | CompletionRequest) -> bool:
    """Whether the client asked for the usage of a stream."""
    options = request.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))

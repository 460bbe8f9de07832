"""Streams of OpenAI's that go to the client as they come: only usage, end and failures are looked for, words
that come in parts, and calls whose pieces are numbered or named as no client of OpenAI's reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from .....compiler.plan.record import new_tuple
from .....compiler.plan.service_tiers import tier_named
from ....dialects.openai_chat import (
    NAMELESS,
    CallPieces,
    PlainParts,
    usage_of,
    usage_within,
    with_details,
)
from ....dialects.openai_chat.chunk_shapes import ChunkShapes, Shape, is_text
from ....dialects.openai_chat.plain import (
    new_call_id,
    plain_piece,
    with_plain_delta,
    with_plain_frame,
    with_plain_reason,
    with_rest_of_calls,
)
from ....dialects.provider_errors.classify import Classifier
from ....dialects.reader import DONE, MISSHAPEN, UNDOCUMENTED, parse_object, says_nothing
from ....dialects.server_sent_events import Event, SseParser
from ....dialects.surrogates import BACKSLASH, SurrogateJoiner
from ....requests.answer import ChatChunk, ChatEvents
from ....requests.errors import RequestError
from ....requests.request import NO_OPTIONS
from ....requests.usage import Usage
from .answers import OPENAIS, check_choice, told_usage

Read = tuple[list[ChatChunk | ChatEvents], RequestError | None]
"""The chunks in a piece, and the error that stops the stream."""


class PassingReader:
    """One chunk per event, until the end marker, or until the connection ends and every choice has.

    hide_usage: the usage at the end is for the policies alone. shapes: of the chunks of this provider.
    """

    whole = None
    ended = False
    frame = _NO_FRAME = (b"", b"", 0, 0)
    """What stands around the words of the last chunk, and where they begin and end, if the next one may
    differ in them alone."""
    _tried = frame
    _frames = 0
    _begun = False
    _shape: Shape | None = None
    _tier = ""
    _last: Mapping[str, Any] = NO_OPTIONS
    _usage: Mapping[str, Any] = NO_OPTIONS

    def __init__(
        self, classifier: Classifier, *, hide_usage: bool, shapes: ChunkShapes | None = None
    ) -> None:
        self.joiner = SurrogateJoiner()
        self._unfinished: set[object] = set()
        self._classifier = classifier
        self._hide_usage = hide_usage
        self._shapes = ChunkShapes() if shapes is None else shapes
        self._calls: dict[object, CallPieces] = {}
        self._parts: dict[object, PlainParts] = {}

    def read(self, event: Event) -> Iterable[ChatChunk]:
        chunks: list[ChatChunk | ChatEvents] = []
        self._read_all((event.data,), chunks)
        return chunks  # type: ignore[return-value]  # there are no others here

    def read_piece(self, piece: bytes, parser: SseParser) -> Read | None:
        """What `piece` of a stream says, in one step, and the error that stops it; None where `parser` has
        more to do with it than to split it, or halves of characters may be in it."""
        if (
            self.joiner.held
            or (BACKSLASH in piece and b"\\u" in piece)  # one byte is found at once
            or not (events := parser.plain(piece))
        ):
            return None
        chunks: list[ChatChunk | ChatEvents] = []
        try:
            self._read_all(events, chunks)
        except RequestError as error:
            return chunks, error
        return chunks, None

    def _read_all(self, events: Iterable[bytes], chunks: list[ChatChunk | ChatEvents]) -> None:
        """Add to `chunks` what the events with these data say, up to the end. Raises RequestError."""
        unfinished = self._unfinished
        head, tail, begin, end = self.frame
        for data in events:
            if (
                head
                and b"%b%b%b" % (head, words := data[begin:end], tail) == data
                and (not words.translate(None, PLAIN) or is_text(words))
            ):
                chunks.append(new_tuple(ChatChunk, (data, None, False, None, None)))
            elif data == DONE:
                if not self._begun:
                    raise self._classifier.malformed("the stream has no choices")
                self.ended = True
                if self._calls:
                    chunks += self._rest_of_calls()
                return
            elif self._calls or self._parts or (found := self._shapes.find(data, self._shape)) is None:
                try:
                    chunks += self._read_anew(data)
                except MISSHAPEN:
                    raise self._classifier.malformed(UNDOCUMENTED) from None
                head = b""
            else:  # only texts and usage are not known before
                shape, match, told = found
                self._shape = shape
                if shape.tier:
                    self._tier = shape.tier
                if head:
                    self.frame, head = self._NO_FRAME, b""
                says = shape.says
                usage = None if told is None else self._read_usage(told)
                if shape.is_empty:
                    if usage is not None and self._hide_usage:
                        data = b""
                else:
                    self._begun = True
                    unfinished |= shape.opens
                    unfinished -= shape.ends
                if shape.has_words:
                    if says is None and shape.says_words:
                        says = match["words"] != b""
                    if shape.next is shape and usage is None and self._frames < _MOST_FRAMES:
                        begin, end = match.span("words")
                        head, tail = data[:begin], data[end:]
                        end = -len(tail)
                        self.frame = head, tail, begin, end
                        if self.frame != self._tried:
                            self._tried = self.frame
                            self._frames += 1
                chunks.append(new_tuple(ChatChunk, (data, usage, False, None, says)))

    def _read_anew(self, data: bytes) -> Iterable[ChatChunk]:
        if says_nothing(data):
            return ()
        self._last = chunk = parse_object(data, self._classifier)
        choices, is_as_it_came = chunk.get("choices"), True
        if "object" in chunk and chunk["object"] is None:
            chunk["object"], is_as_it_came = "chat.completion.chunk", False
        if not isinstance(choices, list):
            if choices:
                raise self._classifier.malformed(UNDOCUMENTED)
            chunk["choices"] = choices = []  # clients look into them
            is_as_it_came = False
        for position, choice in enumerate(choices):
            if self._is_mended(choice, position):
                is_as_it_came = False
        self._tier = tier_named(chunk.get("service_tier")) or self._tier
        if (told := usage_of(chunk)) is None:
            told = usage_within(chunk)
        usage = None if told is None else self._read_usage(told)
        self.frame = self._NO_FRAME
        if not is_as_it_came:
            data = orjson.dumps(chunk)
        elif (shape := self._shapes.learn(data, chunk, self._shape)) is not None:
            self._shape = shape
        if usage is not None and self._hide_usage and not choices:
            return (ChatChunk(b"", usage),)
        if b"\n" in data:  # an event of several lines: in JSON they are white space
            data = data.replace(b"\n", b" ")
        return (ChatChunk(data, usage),)

    def _read_usage(self, told: dict[str, Any]) -> Usage | None:
        self._usage = with_details(self._usage, told)
        return told_usage({"usage": self._usage}, self._classifier, self._tier)

    def _is_mended(self, choice: Any, position: int) -> bool:
        """Whether `choice` was changed, into what clients of OpenAI's put together again."""
        changed = isinstance(choice, dict) and with_plain_frame(choice, position)
        self._follow(choice)
        changed = with_plain_delta(choice) or changed
        delta, index = choice.get("delta"), choice.get("index")
        if not isinstance(delta, dict) and "text" not in choice:
            raise self._classifier.malformed(UNDOCUMENTED)
        if index in self._parts or (
            isinstance(delta, dict) and isinstance(delta.get("content"), list | dict)
        ):
            parts = self._parts.setdefault(index, PlainParts())
            changed |= parts.mend(choice)
            if not parts.is_open:
                del self._parts[index]
        told = delta.get("tool_calls") if isinstance(delta, dict) else None
        if isinstance(told, list) and told:
            pieces = self._calls.setdefault(index, CallPieces(new_call_id))
            delta["tool_calls"] = [made for call in told if (made := plain_piece(pieces, call))]
        if choice.get("finish_reason") is not None and (begun := self._calls.get(index)) is not None:
            if begun.has_nameless:
                raise self._classifier.malformed(NAMELESS)
            if isinstance(delta, dict):
                with_rest_of_calls(delta, begun)
        changed |= isinstance(delta, dict) and delta.get("tool_calls") != told
        if choice.get("finish_reason") is None:
            return changed
        if self._classifier.plan.provider in OPENAIS:
            return changed
        return with_plain_reason(choice, calls=index in self._calls) or changed

    def _rest_of_calls(self) -> list[ChatChunk]:
        """The same of choices that nobody told a reason for."""
        choices = []
        for index, begun in self._calls.items():
            delta: dict[str, Any] = {}
            with_rest_of_calls(delta, begun)
            if delta:
                choices.append({"index": index, "delta": delta, "finish_reason": None})
        frame = {name: self._last[name] for name in _FRAME if name in self._last}
        return [ChatChunk(orjson.dumps({**frame, "choices": choices}))] if choices else []

    def close(self) -> Iterable[ChatChunk]:
        self.ended = self._begun and not self._unfinished
        return ()

    def _follow(self, choice: Any) -> None:
        """Whether a choice goes on or has its end. Raises RequestError for one that has failed."""
        self._begun = True
        if isinstance(choice, dict) and choice.get("finish_reason") is None:
            self._unfinished.add(choice.get("index"))
        else:
            check_choice(choice, self._classifier)
            self._unfinished.discard(choice.get("index"))


PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
"""What may stand in a JSON string as it is, and is one character: texts of these alone need no other look."""

_MOST_FRAMES = 4
"""Frames that are tried for one stream: some providers send something else with each chunk."""


_FRAME = ("id", "object", "created", "model")
"""What each chunk of a stream tells again."""

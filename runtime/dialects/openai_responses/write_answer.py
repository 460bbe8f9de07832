"""From events to answers of `POST /v1/responses`, whole and streamed.

The stream tells each item and each part of it when it begins, as it grows and when it is done, and the whole
response at its beginning and end. Source: OpenAI API reference, responses streaming events.
"""

from __future__ import annotations

from typing import Any

import orjson

from ....compiler.plan.record import frozen
from ...requests import events as e
from ...requests.conversation import Conversation
from ...requests.errors import RequestError
from ...requests.parts import Extras, Part, RedactedThinking, Refusal, Sealed, Text, Thinking, ToolCall, own
from ..answer import Answer
from ..exact_json import dumps
from ..openai_chat.messages import DIALECT as AS_CHAT
from ..sealed_texts import seal, signature_of
from .items import DIALECT
from .output_items import Events, OutputItems, note_of
from .shapes import (
    carried_json,
    error_json,
    status_of,
    text_part,
    write_response,
    write_usage,
)

Json = dict[str, Any]

_BEGINNING = (b"response.created", b"response.queued")
_WITH_RESPONSE = frozenset(
    {
        *_BEGINNING,
        b"response.in_progress",
        b"response.completed",
        b"response.incomplete",
        b"response.failed",
    }
)
"""Events that hold the response as it is then."""


@frozen
class Identity:
    """What is known of a response before it is begun. previous: the one that it goes on from."""

    id: str
    previous: str | None = None
    stored: bool = False
    background: bool = False
    conversation: str | None = None

    def json(self) -> Json:
        """The fields of a response that say so."""
        return {
            "id": self.id,
            "previous_response_id": self.previous,
            "store": self.stored,
            "background": self.background,
            **({} if self.conversation is None else {"conversation": {"id": self.conversation}}),
        }


class ResponsesWriter:
    """Writes one answer to `conversation`, streamed or `whole`. created: the Unix time, in seconds.

    identity: where it is not the provider that gives the response its name.
    """

    def __init__(self, conversation: Conversation, created: int, identity: Identity | None = None) -> None:
        self._request = conversation
        self._identity = identity
        self.response: Json | None = None
        """As it was told last."""
        self._created = created
        self._events = Events()
        self._items = OutputItems(conversation, self._events)
        self._model = ""
        self._usage: e.UsageKnown | None = None
        self._finish: e.Finished | None = None
        self._beside: Json = {}
        self._failed = False
        self._queued = self._adopted = False

    def write(self, event: e.Event) -> bytes:
        """The events of the stream that tell `event`; none where it says nothing to clients."""
        match event:
            case e.TextDelta():
                return self._items.text(event)
            case e.RefusalDelta():
                return self._items.refusal(event)
            case e.ThinkingDelta():
                return self._items.thought(event)
            case e.ThinkingSigned(dialect=dialect) if dialect == DIALECT:
                return b""  # the item behind it holds that
            case e.ThinkingSigned() | e.ThinkingRedacted():
                return self._items.sign(event)
            case e.TextSigned():
                return self._items.own_item(
                    self._items.reasoning("", seal(event.dialect, event.signature, "text"))
                )
            case e.SealedMade(part=part) if part.dialect == DIALECT:
                return self._items.own_item(dict(part.value))
            case e.FieldsMade(dialect=dialect, fields=fields, of="answer"):
                self._beside |= _beside({dialect: dict(fields)})
                return b""
            case e.ToolCallBegun():
                return self._items.begin_call(event)
            case e.ToolCallDelta():
                return self._items.grow_call(event)
            case e.ToolCallDone():
                return self._items.close_call(event.call)
            case e.Cited():
                return self._items.cite(event)
            case e.PartEnded():
                return self._items.end_part()
            case e.Started():
                self._items.response_id, self._model = self._named(event.id), event.model
                self._beside |= _beside(event.extras)
                created = b"" if self._queued else self._response("created", "in_progress")
                return created + self._response("in_progress", "in_progress")
            case e.UsageKnown():
                self._usage = event
                return b""
            case e.Finished():
                self._finish = self._finish or event
                return self._items.close_all(status_of(self._finish.reason)[0])
            case e.Failed():
                self._failed = True
                return self._response("failed", "failed", error=error_json(event.error))
            case _:  # what only another dialect can tell
                return b""

    def end(self) -> bytes:
        """The end of an answer that is complete."""
        if self._failed or self._adopted:
            return b""
        if self._finish is None:
            return self.write(e.Failed(RequestError("the answer was cut off"), began=True))
        status, details = status_of(self._finish.reason)
        return self._response(status, status, incomplete_details=details)

    def whole(self, answer: Answer) -> bytes:
        """`answer` in one piece."""
        items, output = self._items, self._items.output
        items.response_id, self._model = self._named(answer.id), answer.model
        self._beside = _beside(answer.extras)
        self._usage = e.UsageKnown(answer.usage, answer.usage_dialect, answer.native_usage)
        [choice, *_] = answer.choices
        spoken: Json | None = None
        for number, part in enumerate(choice.parts):
            match part:
                case Text() | Refusal():
                    if spoken is None and part.text:
                        spoken = items.message("completed")
                        output.append(spoken)
                    if spoken is not None and part.text:
                        notes = [cited for place, cited in choice.citations if place == number]
                        spoken["content"].append(text_part(part, [*filter(None, map(note_of, notes))]))
                    if isinstance(part, Refusal) or (signature := signature_of(part)) is None:
                        continue
                    output.append(items.reasoning("", seal("gemini", signature, "text")))
                case Thinking():
                    sealed = seal(part.dialect, part.signature) if part.signature else None
                    output.append(items.reasoning(part.text, sealed))
                case RedactedThinking():
                    output.append(items.reasoning("", seal(part.dialect, part.data, "redacted")))
                case Sealed(dialect=dialect, value=value) if dialect == DIALECT:
                    if value.get("type") == "reasoning" and _is_told(choice.parts[number - 1 : number]):
                        output.pop()  # it holds what was told of it
                    output.append(dict(value))
                case ToolCall():
                    item = items.call(part.id, part.name, part.arguments) | own(part.extras, DIALECT)
                    output.append(item | carried_json(part.extras))
            spoken = None
        if choice.logprobs:
            self._give_logprobs(list(choice.logprobs))
        status, details = status_of(choice.reason)
        if output and output[-1]["type"] == "message":
            output[-1]["status"] = status
        return dumps(self._whole(status, incomplete_details=details))

    def queued(self) -> bytes:
        """The beginning of the stream while the request waits, for who follows it from there."""
        self._queued = True
        return self._response("created", "queued") + self._response("queued", "queued")

    def adopt(self, response: Json) -> Json:
        """A response that came as it is, with what it is called and what is kept of it here."""
        identity = {} if self._identity is None else self._identity.json()
        self.response = {**response, **identity}
        return self.response

    def adopt_event(self, event: bytes) -> bytes:
        """An event that came as it is; those that hold the response, with what is known of it here.

        Behind the beginning of a stream that has been told already, they are numbered anew.
        """
        self._adopted = True
        kind = event[len(b"event: ") : event.index(b"\n")]
        if kind not in _WITH_RESPONSE and not self._queued:
            self._events.number += 1
            return event
        if self._queued and kind in _BEGINNING:
            return b""
        self._events.number += 1
        value = orjson.loads(event[event.index(b"data: ") + len(b"data: ") :])
        if self._queued:
            value["sequence_number"] = self._events.number
        if kind in _WITH_RESPONSE:
            value["response"] = self.adopt(value["response"])
        return b"event: %b\ndata: %b\n\n" % (kind, orjson.dumps(value))

    def unanswered(self, status: str) -> Json:
        """The response while nothing of its answer is there, and none may come."""
        return self._whole(status)

    def _response(self, kind: str, status: str, **more: Any) -> bytes:
        return self._events.tell(kind, None, response=self._whole(status, **more))

    def _whole(self, status: str, **more: Any) -> Json:
        self.response = write_response(
            self._request, self._items.response_id, self._model, self._created, status
        ) | {
            **self._beside,
            "output": self._items.output,
            "usage": None if self._usage is None or status == "in_progress" else write_usage(self._usage),
            **({} if self._identity is None else self._identity.json()),
            **more,
        }
        return self.response

    def _named(self, id: str) -> str:
        return id if self._identity is None else self._identity.id

    def _give_logprobs(self, logprobs: list[Any]) -> None:
        for item in self._items.output:
            for part in item.get("content") or ():
                part["logprobs"] = logprobs
                return


def _beside(extras: Extras) -> Json:
    """What stands beside an answer and has a place in a response."""
    tier = own(extras, AS_CHAT).get("service_tier")
    return {**own(extras, DIALECT), **({"service_tier": tier} if tier else {})}


def _is_told(parts: tuple[Part, ...]) -> bool:
    """Whether a thought of OpenAI's stands there."""
    return any(isinstance(part, Thinking) and part.dialect == DIALECT for part in parts)

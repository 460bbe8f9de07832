"""From events to answers of `POST /v1/responses`, whole and streamed.

The stream tells each item and each part of it when it begins, as it grows and when it is done, and the whole
response at its beginning and end. Source: OpenAI API reference, responses streaming events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import field

from ....compiler.plan.record import define, frozen
from ...requests import events as e
from ...requests.conversation import Conversation, FunctionTool
from ...requests.errors import RequestError
from ...requests.parts import Extras, Part, RedactedThinking, Refusal, Sealed, Text, Thinking, ToolCall, own
from ..answer import Answer
from ..ids import hashed_id
from ..openai_chat.messages import DIALECT as AS_CHAT
from ..openai_chat.write_answer import citation
from ..sealed_texts import seal, signature_of
from .items import DIALECT
from .read_request import NAMESPACE
from .shapes import (
    call_item,
    carried_json,
    error_json,
    flat,
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


@define
class _Item:
    """An output item on its way. deltas: the pieces of the text that is going on."""

    value: Json
    index: int
    kind: str
    text: list[str] = field(factory=list)
    logprobs: list[Mapping[str, Any]] = field(factory=list)
    part: Json | None = None


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
        self._number = -1
        self._id = self._model = ""
        self._output: list[Json] = []
        self._open: dict[str, _Item] = {}
        self._usage: e.UsageKnown | None = None
        self._finish: e.Finished | None = None
        self._beside: Json = {}
        self._failed = False
        self._queued = self._adopted = False

    def write(self, event: e.Event) -> bytes:
        """The events of the stream that tell `event`; none where it says nothing to clients."""
        match event:
            case e.TextDelta():
                return self._text(event)
            case e.RefusalDelta():
                return self._refusal(event)
            case e.ThinkingDelta():
                opened = self._begin_thought()
                item = self._open["reasoning"]
                item.text.append(event.text)
                return opened + self._tell(
                    "reasoning_summary_text.delta", item, summary_index=0, delta=event.text
                )
            case e.ThinkingSigned() | e.ThinkingRedacted():
                return self._sign(event)
            case e.TextSigned():
                return self._own_item(self._reasoning("", seal(event.dialect, event.signature, "text")))
            case e.SealedMade(part=part) if part.dialect == DIALECT:
                return self._own_item(dict(part.value))
            case e.FieldsMade(dialect=dialect, fields=fields, of="answer"):
                self._beside |= _beside({dialect: dict(fields)})
                return b""
            case e.ToolCallBegun():
                return self._begin_call(event)
            case e.ToolCallDelta():
                item = self._open[f"call {event.call}"]
                item.text.append(event.arguments)
                return self._tell("function_call_arguments.delta", item, delta=event.arguments)
            case e.ToolCallDone():
                return self._close(f"call {event.call}")
            case e.Cited():
                return self._cite(event)
            case e.PartEnded():
                return self._close_spoken()
            case e.Started():
                self._id, self._model = self._named(event.id), event.model
                self._beside |= _beside(event.extras)
                created = b"" if self._queued else self._response("created", "in_progress")
                return created + self._response("in_progress", "in_progress")
            case e.UsageKnown():
                self._usage = event
                return b""
            case e.Finished():
                self._finish = self._finish or event
                return self._close_all()
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
        self._id, self._model, self._beside = self._named(answer.id), answer.model, _beside(answer.extras)
        self._usage = e.UsageKnown(answer.usage, answer.usage_dialect, answer.native_usage)
        [choice, *_] = answer.choices
        spoken: Json | None = None
        for number, part in enumerate(choice.parts):
            match part:
                case Text() | Refusal():
                    if spoken is None and part.text:
                        spoken = self._message("completed")
                        self._output.append(spoken)
                    if spoken is not None and part.text:
                        notes = [cited for place, cited in choice.citations if place == number]
                        spoken["content"].append(text_part(part, [*filter(None, map(note_of, notes))]))
                    if isinstance(part, Refusal) or (signature := signature_of(part)) is None:
                        continue
                    self._output.append(self._reasoning("", seal("gemini", signature, "text")))
                case Thinking():
                    sealed = seal(part.dialect, part.signature) if part.signature else None
                    self._output.append(self._reasoning(part.text, sealed))
                case RedactedThinking():
                    self._output.append(self._reasoning("", seal(part.dialect, part.data, "redacted")))
                case Sealed(dialect=dialect, value=value) if dialect == DIALECT:
                    if value.get("type") == "reasoning" and _is_told(choice.parts[number - 1 : number]):
                        self._output.pop()  # it holds what was told of it
                    self._output.append(dict(value))
                case ToolCall():
                    item = call_item(self._item_id("fc"), part.id, part.name, part.arguments)
                    item |= self._namespace(part.name) | own(part.extras, DIALECT)
                    self._output.append(item | carried_json(part.extras))
            spoken = None
        if choice.logprobs:
            self._give_logprobs(list(choice.logprobs))
        status, details = status_of(choice.reason)
        return orjson.dumps(self._whole(status, incomplete_details=details))

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
            self._number += 1
            return event
        if self._queued and kind in _BEGINNING:
            return b""
        self._number += 1
        value = orjson.loads(event[event.index(b"data: ") + len(b"data: ") :])
        if self._queued:
            value["sequence_number"] = self._number
        if kind in _WITH_RESPONSE:
            value["response"] = self.adopt(value["response"])
        return b"event: %b\ndata: %b\n\n" % (kind, orjson.dumps(value))

    def unanswered(self, status: str) -> Json:
        """The response while nothing of its answer is there, and none may come."""
        return self._whole(status)

    # ---- items

    def _text(self, event: e.TextDelta) -> bytes:
        opened = self._begin_part({"type": "output_text", "text": "", "annotations": [], "logprobs": []})
        item = self._open["message"]
        item.text.append(event.text)
        item.logprobs += event.logprobs
        place = {"content_index": len(item.value["content"])}
        return opened + self._tell(
            "output_text.delta", item, **place, delta=event.text, logprobs=[*map(_brief, event.logprobs)]
        )

    def _refusal(self, event: e.RefusalDelta) -> bytes:
        opened = self._begin_part({"type": "refusal", "refusal": ""})
        item = self._open["message"]
        item.text.append(event.text)
        return opened + self._tell(
            "refusal.delta", item, content_index=len(item.value["content"]), delta=event.text
        )

    def _begin_part(self, part: Json) -> bytes:
        told = b""
        item = self._open.get("message")
        if item is None:
            told = self._close_spoken() + self._begin("message", self._message("in_progress"))
            item = self._open["message"]
        if item.part is not None and item.part["type"] != part["type"]:
            told += self._end_part(item)
        if item.part is None:
            item.part = part
            told += self._tell(
                "content_part.added", item, content_index=len(item.value["content"]), part=part
            )
        return told

    def _end_part(self, item: _Item) -> bytes:
        if item.part is None:
            return b""
        place = {"content_index": len(item.value["content"])}
        text, item.text = "".join(item.text), []
        if item.part["type"] == "refusal":
            part = item.part | {"refusal": text}
            told = self._tell("refusal.done", item, **place, refusal=text)
        else:
            part = item.part | {"text": text, "logprobs": item.logprobs}
            brief = [*map(_brief, item.logprobs)]
            told = self._tell("output_text.done", item, **place, text=text, logprobs=brief)
            item.logprobs = []
        told += self._tell("content_part.done", item, **place, part=part)
        item.value["content"].append(part)
        item.part = None
        return told

    def _cite(self, event: e.Cited) -> bytes:
        item, note = self._open.get("message"), note_of(event)
        if item is None or item.part is None or note is None or item.part["type"] != "output_text":
            return b""
        notes = item.part["annotations"]
        notes.append(note)
        return self._tell(
            "output_text.annotation.added",
            item,
            content_index=len(item.value["content"]),
            annotation_index=len(notes) - 1,
            annotation=notes[-1],
        )

    def _begin_thought(self) -> bytes:
        if "reasoning" in self._open:
            return b""
        value = {"id": self._item_id("rs"), "type": "reasoning", "summary": []}
        told = self._close_spoken() + self._begin("reasoning", value)
        part = {"type": "summary_text", "text": ""}
        return told + self._tell(
            "reasoning_summary_part.added", self._open["reasoning"], summary_index=0, part=part
        )

    def _own_item(self, value: Json) -> bytes:
        """An item of OpenAI's own: it is begun and done at once, or holds the thought that is going on."""
        if value.get("type") == "reasoning" and "reasoning" in self._open:
            item = self._open["reasoning"]
            more = {name: each for name, each in value.items() if name not in ("id", "summary")}
            item.value |= more
            return self._close("reasoning", value.get("summary"))
        told = self._close_spoken() + self._begin(f"own {len(self._output)}", value)
        index = len(self._output) - 1
        del self._open[f"own {index}"]
        return told + self._tell("output_item.done", None, output_index=index, item=value)

    def _sign(self, event: e.ThinkingSigned | e.ThinkingRedacted) -> bytes:
        opened = self._begin_thought()
        if isinstance(event, e.ThinkingRedacted):
            sealed = seal(event.dialect, event.data, "redacted")
        else:
            sealed = seal(event.dialect, event.signature)
        self._open["reasoning"].value["encrypted_content"] = sealed
        return opened + self._close("reasoning")

    def _begin_call(self, event: e.ToolCallBegun) -> bytes:
        closed = self._close_spoken()
        value = call_item(self._item_id("fc"), event.id, event.name, "") | {"status": "in_progress"}
        value |= self._namespace(event.name) | own(event.extras, DIALECT)
        value |= carried_json(event.extras)
        return closed + self._begin(f"call {event.call}", value)

    def _begin(self, kind: str, value: Json) -> bytes:
        item = self._open[kind] = _Item(value, len(self._output), kind)
        self._output.append(value)
        return self._tell("output_item.added", None, output_index=item.index, item=dict(value))

    def _close(self, kind: str, summary: Any = None) -> bytes:
        """summary: that of a thought, where its provider tells it in parts."""
        item = self._open.pop(kind, None)
        if item is None:
            return b""
        told, text, value = b"", "".join(item.text), item.value
        if kind == "message":
            told = self._end_part(item)
        elif kind == "reasoning":
            part = {"type": "summary_text", "text": text}
            value["summary"] = summary or [part]
            told = self._tell("reasoning_summary_text.done", item, summary_index=0, text=text)
            told += self._tell("reasoning_summary_part.done", item, summary_index=0, part=part)
        else:
            value["arguments"] = text
            told = self._tell("function_call_arguments.done", item, name=value["name"], arguments=text)
        if "status" in value:
            value["status"] = "completed"
        return told + self._tell("output_item.done", None, output_index=item.index, item=value)

    def _close_spoken(self) -> bytes:
        return self._close("reasoning") + self._close("message")

    def _close_all(self) -> bytes:
        return b"".join([self._close(kind) for kind in list(self._open)])

    # ---- events

    def _tell(self, kind: str, about: _Item | None, /, **fields: Any) -> bytes:
        self._number += 1
        value: Json = {"type": f"response.{kind}", "sequence_number": self._number}
        if about is not None:
            value |= {"item_id": about.value["id"], "output_index": about.index}
        data = orjson.dumps(value | fields)
        return b"event: response.%b\ndata: %b\n\n" % (kind.encode(), data)

    def _response(self, kind: str, status: str, **more: Any) -> bytes:
        return self._tell(kind, None, response=self._whole(status, **more))

    def _whole(self, status: str, **more: Any) -> Json:
        self.response = write_response(self._request, self._id, self._model, self._created, status) | {
            **self._beside,
            "output": self._output,
            "usage": None if self._usage is None or status == "in_progress" else write_usage(self._usage),
            **({} if self._identity is None else self._identity.json()),
            **more,
        }
        return self.response

    def _named(self, id: str) -> str:
        return id if self._identity is None else self._identity.id

    def _item_id(self, kind: str) -> str:
        return f"{kind}_{hashed_id(self._id, str(len(self._output)))[5:]}"

    def _namespace(self, function: str) -> Json:
        """The namespace that the client gave a function in."""
        for tool in self._request.tools:
            if isinstance(tool, FunctionTool) and tool.name == function:
                space = own(tool.extras, DIALECT).get(NAMESPACE)
                return {} if space is None else {NAMESPACE: space["name"]}
        return {}

    def _message(self, status: str) -> Json:
        return {
            "id": self._item_id("msg"),
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [],
        }

    def _reasoning(self, text: str, sealed: str | None) -> Json:
        value: Json = {"id": self._item_id("rs"), "type": "reasoning"}
        value["summary"] = [{"type": "summary_text", "text": text}] if text else []
        return value if sealed is None else value | {"encrypted_content": sealed}

    def _give_logprobs(self, logprobs: list[Any]) -> None:
        for item in self._output:
            for part in item.get("content") or ():
                part["logprobs"] = logprobs
                return


def note_of(cited: e.Cited) -> Json | None:
    """A source, as responses tell it; they have words for those on the web, and for OpenAI's own."""
    if cited.dialect == DIALECT:
        return dict(cited.native)
    note = None if cited.url is None else citation(cited)
    return None if note is None else flat(note)


def _beside(extras: Extras) -> Json:
    """What stands beside an answer and has a place in a response."""
    tier = own(extras, AS_CHAT).get("service_tier")
    return {**own(extras, DIALECT), **({"service_tier": tier} if tier else {})}


def _is_told(parts: tuple[Part, ...]) -> bool:
    """Whether a thought of OpenAI's stands there."""
    return any(isinstance(part, Thinking) and part.dialect == DIALECT for part in parts)


def _brief(token: Mapping[str, Any]) -> Json:
    """How likely a token was, as events tell it: without its bytes, which stand in the whole answer."""
    told = {name: token[name] for name in ("token", "logprob") if name in token}
    others = token.get("top_logprobs")
    return told if others is None else told | {"top_logprobs": [*map(_brief, others)]}

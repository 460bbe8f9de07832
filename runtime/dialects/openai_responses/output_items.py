"""The items of an answer of responses: each is told when it begins, as it grows and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field

from ....compiler.plan.record import define
from ...requests import events as e
from ...requests.conversation import Conversation, FunctionTool, SealedTool, Tool
from ...requests.parts import own
from ..exact_json import dumps
from ..ids import hashed_id
from ..openai_chat.write_answer import citation
from ..sealed_texts import seal
from .client_tools import by_function, call_of
from .items import DIALECT
from .read_request import NAMESPACE
from .shapes import call_item, carried_json, flat, state_of_call

Json = dict[str, Any]


@define
class _Item:
    """An output item on its way. name: of the function that is called. text: the pieces of what goes on."""

    value: Json
    index: int
    kind: str
    name: str = ""
    text: list[str] = field(factory=list)
    logprobs: list[Mapping[str, Any]] = field(factory=list)
    part: Json | None = None


class Events:
    """Writes the events of a stream, which are numbered. number: that of the last one."""

    def __init__(self) -> None:
        self.number = -1

    def tell(self, kind: str, about: _Item | None, /, **fields: Any) -> bytes:
        self.number += 1
        value: Json = {"type": f"response.{kind}", "sequence_number": self.number}
        if about is not None:
            value |= {"item_id": about.value["id"], "output_index": about.index}
        data = dumps(value | fields)
        return b"event: response.%b\ndata: %b\n\n" % (kind.encode(), data)


class OutputItems:
    """What an answer to `conversation` consists of: all items in `output`, and which are still open.

    response_id: must be set before the first one, since it names them.
    """

    def __init__(self, conversation: Conversation, events: Events) -> None:
        self._request = conversation
        self._events = events
        self.response_id = ""
        self.output: list[Json] = []
        self._open: dict[str, _Item] = {}
        self._tools: dict[str, Tool] | None = None
        self._due = False  # whether the message that is open is complete, unless the answer ends with it

    def text(self, event: e.TextDelta) -> bytes:
        opened = self._begin_part({"type": "output_text", "text": "", "annotations": [], "logprobs": []})
        item = self._open["message"]
        item.text.append(event.text)
        item.logprobs += event.logprobs
        place = {"content_index": len(item.value["content"])}
        return opened + self._events.tell(
            "output_text.delta", item, **place, delta=event.text, logprobs=[*map(_brief, event.logprobs)]
        )

    def refusal(self, event: e.RefusalDelta) -> bytes:
        opened = self._begin_part({"type": "refusal", "refusal": ""})
        item = self._open["message"]
        item.text.append(event.text)
        return opened + self._events.tell(
            "refusal.delta", item, content_index=len(item.value["content"]), delta=event.text
        )

    def _begin_part(self, part: Json) -> bytes:
        told = self.close_spoken() if self._due else b""
        item = self._open.get("message")
        if item is None:
            told += self.close_spoken() + self._begin("message", self.message("in_progress"))
            item = self._open["message"]
        if item.part is not None and item.part["type"] != part["type"]:
            told += self._end_part(item)
        if item.part is None:
            item.part = part
            told += self._events.tell(
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
            told = self._events.tell("refusal.done", item, **place, refusal=text)
        else:
            part = item.part | {"text": text, "logprobs": item.logprobs}
            brief = [*map(_brief, item.logprobs)]
            told = self._events.tell("output_text.done", item, **place, text=text, logprobs=brief)
            item.logprobs = []
        told += self._events.tell("content_part.done", item, **place, part=part)
        item.value["content"].append(part)
        item.part = None
        return told

    def cite(self, event: e.Cited) -> bytes:
        item, note = self._open.get("message"), note_of(event)
        if item is None or item.part is None or note is None or item.part["type"] != "output_text":
            return b""
        if self._due:
            return b""
        notes = item.part["annotations"]
        notes.append(note)
        return self._events.tell(
            "output_text.annotation.added",
            item,
            content_index=len(item.value["content"]),
            annotation_index=len(notes) - 1,
            annotation=notes[-1],
        )

    def thought(self, event: e.ThinkingDelta) -> bytes:
        opened = self._begin_thought()
        item = self._open["reasoning"]
        item.text.append(event.text)
        return opened + self._events.tell(
            "reasoning_summary_text.delta", item, summary_index=0, delta=event.text
        )

    def _begin_thought(self) -> bytes:
        if "reasoning" in self._open:
            return b""
        value = {"id": self.item_id("rs"), "type": "reasoning", "summary": []}
        told = self.close_spoken() + self._begin("reasoning", value)
        part = {"type": "summary_text", "text": ""}
        return told + self._events.tell(
            "reasoning_summary_part.added", self._open["reasoning"], summary_index=0, part=part
        )

    def own_item(self, value: Json) -> bytes:
        """An item of OpenAI's own: it is begun and done at once, or holds the thought that is going on."""
        if value.get("type") == "reasoning" and "reasoning" in self._open:
            item = self._open["reasoning"]
            more = {name: each for name, each in value.items() if name not in ("id", "summary")}
            item.value |= more
            return self._close("reasoning", value.get("summary"))
        told = self.close_spoken() + self._begin(f"own {len(self.output)}", value)
        index = len(self.output) - 1
        del self._open[f"own {index}"]
        return told + self._events.tell("output_item.done", None, output_index=index, item=value)

    def sign(self, event: e.ThinkingSigned | e.ThinkingRedacted) -> bytes:
        opened = self._begin_thought()
        if isinstance(event, e.ThinkingRedacted):
            sealed = seal(event.dialect, event.data, "redacted")
        else:
            sealed = seal(event.dialect, event.signature)
        self._open["reasoning"].value["encrypted_content"] = sealed
        return opened + self._close("reasoning")

    def begin_call(self, event: e.ToolCallBegun) -> bytes:
        closed = self.close_spoken()
        value = self.call(event.id, event.name, "")
        if "status" in value:
            value["status"] = "in_progress"
        value |= own(event.extras, DIALECT) | carried_json(event.extras)
        begun = self._begin(f"call {event.call}", value)
        self._open[f"call {event.call}"].name = event.name
        return closed + begun

    def grow_call(self, event: e.ToolCallDelta) -> bytes:
        item = self._open[f"call {event.call}"]
        item.text.append(event.arguments)
        if item.value["type"] != "function_call":
            return b""
        return self._events.tell("function_call_arguments.delta", item, delta=event.arguments)

    def close_call(self, call: int) -> bytes:
        return self._close(f"call {call}")

    def _begin(self, kind: str, value: Json) -> bytes:
        item = self._open[kind] = _Item(value, len(self.output), kind)
        self.output.append(value)
        return self._events.tell("output_item.added", None, output_index=item.index, item=dict(value))

    def _close(self, kind: str, summary: Any = None, state: str = "completed") -> bytes:
        """summary: that of a thought, where its provider tells it in parts. state: of a message."""
        item = self._open.pop(kind, None)
        if item is None:
            return b""
        told, text, value = b"", "".join(item.text), item.value
        if kind == "message":
            self._due = False
            told = self._end_part(item)
            value["status"] = state
        elif kind == "reasoning":
            part = {"type": "summary_text", "text": text}
            value["summary"] = summary or [part]
            told = self._events.tell("reasoning_summary_text.done", item, summary_index=0, text=text)
            told += self._events.tell("reasoning_summary_part.done", item, summary_index=0, part=part)
        elif value["type"] == "function_call":
            value |= {"arguments": text, "status": state_of_call(text)}
            told = self._events.tell("function_call_arguments.done", item, name=value["name"], arguments=text)
        else:
            told = self._end_client_call(item, text)
        return told + self._events.tell("output_item.done", None, output_index=item.index, item=value)

    def _end_client_call(self, item: _Item, arguments: str) -> bytes:
        """A call of a tool that is no function to the client, all at once."""
        value = item.value
        value |= self.call(value["call_id"], item.name, arguments) | {"id": value["id"]}
        if "input" not in value:
            return b""
        told = self._events.tell("custom_tool_call_input.delta", item, delta=value["input"])
        return told + self._events.tell("custom_tool_call_input.done", item, input=value["input"])

    def close_spoken(self) -> bytes:
        return self._close("reasoning") + self._close("message")

    def end_part(self) -> bytes:
        """What was spoken is complete; of a message, that is told when something follows, or nothing does."""
        self._due = "message" in self._open
        return self._close("reasoning")

    def close_all(self, state: str) -> bytes:
        """state: of the answer, and so of a message that ends it."""
        return b"".join([self._close(kind, state=state) for kind in list(self._open)])

    def item_id(self, kind: str) -> str:
        return f"{kind}_{hashed_id(self.response_id, str(len(self.output)))[5:]}"

    def call(self, id: str, name: str, arguments: str) -> Json:
        """The item of a call of what the client declared by that name."""
        if self._tools is None:
            self._tools = by_function(self._request)
        match self._tools.get(name):
            case SealedTool() as tool:
                made = {"id": self.item_id("ctc"), "status": state_of_call(arguments)}
                return made | call_of(tool, id, name, arguments)
            case FunctionTool(extras=extras) if space := own(extras, DIALECT).get(NAMESPACE):
                named = {NAMESPACE: space["name"]}
            case _:
                named = {}
        return call_item(self.item_id("fc"), id, name, arguments) | named

    def message(self, status: str) -> Json:
        return {
            "id": self.item_id("msg"),
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [],
        }

    def reasoning(self, text: str, sealed: str | None) -> Json:
        value: Json = {"id": self.item_id("rs"), "type": "reasoning"}
        value["summary"] = [{"type": "summary_text", "text": text}] if text else []
        return value if sealed is None else value | {"encrypted_content": sealed}


def note_of(cited: e.Cited) -> Json | None:
    """A source, as responses tell it; they have words for those on the web, and for OpenAI's own."""
    if cited.dialect == DIALECT:
        return dict(cited.native)
    note = None if cited.url is None else citation(cited)
    return None if note is None else flat(note)


def _brief(token: Mapping[str, Any]) -> Json:
    """How likely a token was, as events tell it: without its bytes, which stand in the whole answer."""
    others = token.get("top_logprobs")
    return _likely(token) if others is None else _likely(token) | {"top_logprobs": [*map(_likely, others)]}


def _likely(token: Mapping[str, Any]) -> Json:
    return {name: token[name] for name in ("token", "logprob") if name in token}

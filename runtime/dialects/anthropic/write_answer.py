"""From events to answers of `POST /v1/messages`, whole and streamed.

A message has one choice. Signatures of other providers, and what only they can read, stand in the fields of
Anthropic's own, sealed; thoughts that nobody signed have an empty signature, which nobody takes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...requests import events as e
from ...requests.errors import RequestError
from ...requests.parts import (
    Extras,
    Media,
    Part,
    RedactedThinking,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    own,
)
from ...requests.usage import Usage
from ..answer import Answer
from ..exact_json import dumps
from ..sealed_texts import seal, signature_of
from ..tool_arguments import arguments_object
from .block_order import BlockOrder
from .blocks import DIALECT

Json = dict[str, Any]

REASONS: dict[e.Reason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "pause": "pause_turn",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
}

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Anthropic's word for each status. Of all others, those of clients are an `invalid_request_error`, and those
of servers an `api_error`. Source: Anthropic's API reference (errors)."""

TOO_LONG = "prompt is too long"
"""How Anthropic says so, by which Claude Code knows that it has to shorten the conversation. Source:
https://github.com/Menci/Floway/pull/166."""


_OF_DELTA = frozenset({"stop_reason", "stop_sequence", "stop_details", "container"})
"""Fields of a message that stand in the `delta` of its end. Source: Anthropic's reference, streaming."""


class AnthropicWriter:
    """Writes one streamed answer: one block at a time, as the events come."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = self._failed = False
        self._index = -1
        self._open: tuple[str, int] | None = None
        self._usage = e.UsageKnown(Usage(0))
        self._finish: e.Finished | None = None
        self._order = BlockOrder()

    def write(self, event: e.Event) -> bytes:
        """The events of the stream that tell `event`; none where it says nothing, or has to wait."""
        return b"".join(map(self._write, self._order.put(event)))

    def _write(self, event: e.Event) -> bytes:
        match event:
            case e.TextDelta() | e.RefusalDelta():
                opened = self._go_on("text", 0, {"type": "text", "text": ""})
                return opened + self._delta({"type": "text_delta", "text": event.text})
            case e.ThinkingDelta():
                opened = self._go_on("thinking", 0, {"type": "thinking", "thinking": "", "signature": ""})
                return opened + self._delta({"type": "thinking_delta", "thinking": event.text})
            case e.ToolCallDelta():
                delta = {"type": "input_json_delta", "partial_json": event.arguments}
                return self._delta(delta)
            case e.ToolCallBegun():
                block = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
                signs = _signs(ToolCall(event.id, event.name, "", extras=event.extras), "call")
                before = b"".join(map(self._whole_block, signs))
                return before + self._go_on("tool_use", event.call, block | _own(event.extras))
            case e.Started():
                return self._start(event)
            case e.ThinkingSigned():
                opened = self._go_on("thinking", 0, {"type": "thinking", "thinking": "", "signature": ""})
                signature = _sealed(event.dialect, event.signature)
                return opened + self._delta({"type": "signature_delta", "signature": signature})
            case e.TextSigned():
                return self._whole_block(_redacted(seal(event.dialect, event.signature, "text")))
            case e.Cited():
                if event.dialect != DIALECT:
                    return b""
                opened = self._go_on("text", 0, {"type": "text", "text": "", "citations": []})
                return opened + self._delta({"type": "citations_delta", "citation": event.native})
            case e.ThinkingRedacted() | e.SealedMade() | e.MediaMade():
                return b"".join(map(self._whole_block, write_blocks(_part(event))))
            case e.FieldsMade():
                return b""
            case e.PartEnded() | e.ToolCallDone():
                return self._close_block()
            case e.UsageKnown():
                self._usage = event
                return b""
            case e.Finished():
                self._finish = self._finish or event
                return self._close_block()
            case e.Failed():
                self._failed = True
                return frame("error", write_error(event.error))

    def end(self) -> bytes:
        """The end of an answer that is complete."""
        if self._failed:
            return b""
        if self._finish is None:
            return frame("error", write_error(RequestError("the answer was cut off")))
        finish = self._finish
        told = _end(finish.reason, finish.stop_sequence, finish.extras)
        delta = {name: value for name, value in told.items() if name in _OF_DELTA}
        beside = {name: value for name, value in told.items() if name not in _OF_DELTA}
        end = {"type": "message_delta", "delta": delta, "usage": self._used(), **beside}
        return (
            self._start(e.Started("", ""))
            + frame("message_delta", end)
            + frame("message_stop", {"type": "message_stop"})
        )

    def _start(self, event: e.Started) -> bytes:
        if self._started:
            return b""
        self._started = True
        usage = self._used()
        usage = usage | {name: 0 for name in ("input_tokens", "output_tokens") if name not in usage}
        message = _message(event.id, event.model or self._model, [], usage) | _own(event.extras)
        return frame("message_start", {"type": "message_start", "message": message})

    def _used(self) -> Json:
        return write_usage(self._usage.usage, self._usage.dialect, self._usage.native)

    def _go_on(self, kind: str, call: int, block: Json) -> bytes:
        """Open a block, unless one of this kind is going on."""
        if self._open == (kind, call):
            return b""
        opened = self._start(e.Started("", "")) + self._close_block()
        self._index += 1
        self._open = (kind, call)
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return opened + frame("content_block_start", start)

    def _delta(self, delta: Json) -> bytes:
        value = {"type": "content_block_delta", "index": self._index, "delta": delta}
        return b"event: content_block_delta\ndata: %b\n\n" % dumps(value)

    def _close_block(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return frame("content_block_stop", {"type": "content_block_stop", "index": self._index})

    def _whole_block(self, block: Json) -> bytes:
        opened = self._go_on(block["type"], -1, block)
        return opened + self._close_block()


def frame(name: str, value: Json) -> bytes:
    """One event of a stream."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), dumps(value))


def _own(extras: Any) -> Any:
    return own(extras, DIALECT)


def _part(event: e.ThinkingRedacted | e.SealedMade | e.MediaMade) -> Part:
    match event:
        case e.ThinkingRedacted():
            return RedactedThinking(event.data, event.dialect)
        case e.SealedMade():
            return event.part
        case e.MediaMade():
            return event.media


def _message(id: str, model: str, content: list[Json], usage: Json) -> Json:
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _end(reason: e.Reason, stop_sequence: str | None, extras: Extras) -> Json:
    return {"stop_reason": REASONS[reason], "stop_sequence": stop_sequence, **_own(extras)}


def write_whole(answer: Answer) -> bytes:
    """`answer` in one piece."""
    choice = answer.choices[0]
    content: list[Json] = []
    for number, part in enumerate(choice.parts):
        blocks = write_blocks(part)
        cited = [c.native for place, c in choice.citations if place == number and c.dialect == DIALECT]
        if cited and blocks:
            blocks[0] |= {"citations": cited}
        content += blocks
    usage = write_usage(answer.usage, answer.usage_dialect, answer.native_usage)
    message = _message(answer.id, answer.model, content, usage)
    message |= _end(choice.reason, choice.stop_sequence, choice.extras)
    message |= _own(answer.extras)
    return dumps(message)


def write_blocks(part: Part) -> list[Json]:
    """The blocks of an answer for `part`; none for what Anthropic has no word for."""
    match part:
        case Text():
            return [*([{"type": "text", "text": part.text}] if part.text else ()), *_signs(part, "text")]
        case Refusal():
            return [{"type": "text", "text": part.text}]
        case ToolCall():
            own = _own(part.extras)
            input = arguments_object(part.arguments)
            block = {"type": "tool_use", "id": part.id, "name": part.name, "input": input, **own}
            return [*_signs(part, "call"), block]
        case Thinking():
            signature = _sealed(part.dialect, part.signature or "")
            return [{"type": "thinking", "thinking": part.text, "signature": signature}]
        case RedactedThinking():
            return [_redacted(_sealed(part.dialect, part.data, "redacted"))]
        case Sealed(dialect="anthropic"):
            return [dict(part.value)]
        case Media() if part.url:
            return [{"type": "text", "text": f"![]({part.url})"}]
        case _:
            return []


def _sealed(dialect: str, value: str, of: str = "") -> str:
    """`value` as it is where it is Anthropic's own, or nothing."""
    return value if dialect == DIALECT or not value else seal(dialect, value, of)


def _redacted(data: str) -> Json:
    return {"type": "redacted_thinking", "data": data}


def _signs(part: Text | ToolCall, of: str) -> list[Json]:
    """The block that holds Gemini's signature of `part`."""
    signature = signature_of(part)
    return [] if signature is None else [_redacted(seal("gemini", signature, of))]


def write_usage(usage: Usage, dialect: str, native: Mapping[str, Any]) -> Json:
    """The usage, as Anthropic tells it: the prompt in three parts. native: as `dialect` tells it."""
    if dialect == DIALECT:
        return dict(native)
    told: Json = {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
    if usage.reasoning_tokens:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return told


_THREADS = "thread_"
"""What codes about threads begin with, by which clients know what to do. Source: Anthropic's SDKs."""


def write_error(error: RequestError) -> Json:
    """`error` in Anthropic's shape, and in its words where clients look for them."""
    status = 529 if error.code == "server_is_overloaded" else error.status
    kind = ERROR_TYPES.get(status, "api_error" if status >= 500 else ERROR_TYPES[400])
    message = error.message
    if error.code == "context_length_exceeded" and TOO_LONG not in message.lower():
        message = f"{TOO_LONG}: {message}"
    said: Json = {"type": kind, "message": message}
    if error.code.startswith(_THREADS):
        said["details"] = {"error_code": error.code}
    body: Json = {"type": "error", "error": said}
    return body if error.request_id is None else body | {"request_id": error.request_id}

"""From Anthropic's answers to OpenAI's, whole and streamed.

Thinking is not shown: OpenAI's shape has no place for it. It is counted as reasoning tokens. Thoughts before
a tool call are carried in the call, as `extra_content.anthropic.thinking`, for Anthropic wants them back
with the result of the tool.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from ...requests.answer import ChatChunk
from ...requests.request import ChatRequest
from ...requests.usage import Usage
from ..openai.chat_answers import ChunkMaker, completion, message, tool_call
from ..provider_errors.classify import Classifier
from ..server_sent_events import Event
from ..wire import malformed, parse_object, whole

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""Why the model stopped, in OpenAI's words; what is new to this table counts as `stop`."""


def read_message(answer: dict[str, Any], classifier: Classifier) -> ChatChunk:
    """A whole answer. Raises RequestError."""
    blocks = answer.get("content")
    if not isinstance(blocks, list):
        raise malformed(classifier, "the answer has no content")
    text = ""
    calls: list[dict[str, Any]] = []
    thoughts: list[dict[str, Any]] = []
    for block in blocks:
        match block:
            case {"type": "text", "text": str(said)}:
                text += said
            case {"type": "thinking" | "redacted_thinking"}:
                thoughts.append(block)
            case {"type": "tool_use", "id": str(id), "name": str(name), "input": arguments}:
                calls.append(tool_call(id, name, orjson.dumps(arguments).decode(), **_carried(thoughts)))
                thoughts = []
    choice = {
        "index": 0,
        "message": message(text, calls),
        "logprobs": None,
        "finish_reason": FINISH_REASONS.get(str(answer.get("stop_reason")), "stop"),
    }
    usage = _usage(_object(answer, "usage"))
    return completion(str(answer.get("id")), str(answer.get("model")), [choice], usage)


class AnthropicReader:
    """Reads one stream: `message_start`, blocks with their deltas, `message_delta`, `message_stop`."""

    def __init__(self, request: ChatRequest, classifier: Classifier) -> None:
        self.ended = False
        self._request = request
        self._classifier = classifier
        self._maker: ChunkMaker | None = None
        self._usage: dict[str, Any] = {}
        self._finished = False
        self._tools: dict[int, _OpenCall] = {}
        self._thoughts: dict[int, dict[str, Any]] = {}

    def read(self, event: Event) -> Iterable[ChatChunk]:
        data = parse_object(event.data, self._classifier)
        match data.get("type"):
            case "message_start":
                return self._start(_object(data, "message"))
            case "content_block_start":
                return self._block_start(data)
            case "content_block_delta":
                return self._block_delta(data)
            case "content_block_stop":
                return self._block_stop(data)
            case "message_delta":
                return self._message_delta(data)
            case "message_stop":
                return self._stop()
            case _:  # `ping`, and kinds of events that are still to come
                return ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start(self, message: dict[str, Any]) -> Iterable[ChatChunk]:
        self._maker = ChunkMaker(self._request, str(message.get("id")), str(message.get("model")))
        self._usage |= _object(message, "usage")
        return (self._maker.delta({"role": "assistant", "content": ""}),)

    def _block_start(self, data: dict[str, Any]) -> Iterable[ChatChunk]:
        block = _object(data, "content_block")
        if block.get("type") in ("thinking", "redacted_thinking"):
            self._thoughts[whole(data.get("index"))] = block
        if block.get("type") != "tool_use":
            return ()
        call = _OpenCall(len(self._tools), block.get("input") or {})
        self._tools[whole(data.get("index"))] = call
        thoughts = _carried(list(self._thoughts.values()))
        self._thoughts.clear()
        started = tool_call(str(block.get("id")), str(block.get("name")), "", **thoughts)
        return (self._made.delta({"tool_calls": [{"index": call.index, **started}]}),)

    def _block_delta(self, data: dict[str, Any]) -> Iterable[ChatChunk]:
        match data.get("delta"):
            case {"type": "text_delta", "text": str(text)}:
                return (self._made.delta({"content": text}),) if text else ()
            case {"type": "input_json_delta", "partial_json": str(part)}:
                call = self._tools.get(whole(data.get("index")))
                if call is None:
                    raise malformed(self._classifier, "the stream goes on with a tool call that never began")
                call.begun = call.begun or bool(part)
                return (self._made.delta(call.arguments(part)),) if part else ()
            case {"type": "thinking_delta" | "signature_delta"}:
                _think(self._thoughts.get(whole(data.get("index"))), _object(data, "delta"))
                return ()
            case _:  # citations, and what is still to come
                return ()

    def _block_stop(self, data: dict[str, Any]) -> Iterable[ChatChunk]:
        call = self._tools.get(whole(data.get("index")))
        if call is None or call.begun:
            return ()
        return (self._made.delta(call.arguments(orjson.dumps(call.input).decode())),)

    def _message_delta(self, data: dict[str, Any]) -> Iterable[ChatChunk]:
        self._usage |= {name: value for name, value in _object(data, "usage").items() if value is not None}
        reason = _object(data, "delta").get("stop_reason")
        if not isinstance(reason, str) or self._finished:
            return ()
        self._finished = True
        return (self._made.finish(FINISH_REASONS.get(reason, "stop")),)

    def _stop(self) -> Iterable[ChatChunk]:
        if not self._finished:
            raise malformed(self._classifier, "the stream ended without saying why")
        self.ended = True
        return (self._made.usage(_usage(self._usage)),)

    @property
    def _made(self) -> ChunkMaker:
        if self._maker is None:
            raise malformed(self._classifier, "the stream does not begin with `message_start`")
        return self._maker


class _OpenCall:
    """A tool call whose arguments are on their way: `index` counts calls, not blocks."""

    def __init__(self, index: int, input: Any) -> None:
        self.index = index
        self.input = input
        self.begun = False

    def arguments(self, part: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": self.index, "function": {"arguments": part}}]}


def _think(thought: dict[str, Any] | None, delta: dict[str, Any]) -> None:
    """Add what came to the thought that it belongs to."""
    for name in ("thinking", "signature"):
        if thought is not None and isinstance(part := delta.get(name), str):
            thought[name] = f"{thought.get(name) or ''}{part}"


def _carried(thoughts: list[dict[str, Any]]) -> dict[str, Any]:
    """What a tool call carries of the thoughts before it."""
    return {"extra_content": {"anthropic": {"thinking": thoughts}}} if thoughts else {}


def _usage(usage: dict[str, Any]) -> Usage:
    """Anthropic counts the prompt in three parts: new, written to the cache, and read from it."""
    cached = whole(usage.get("cache_read_input_tokens"))
    written = whole(usage.get("cache_creation_input_tokens"))
    return Usage(
        whole(usage.get("input_tokens")) + written + cached,
        whole(usage.get("output_tokens")),
        cached_tokens=cached,
        reasoning_tokens=whole(_object(usage, "output_tokens_details").get("thinking_tokens")),
        cache_write_tokens=written,
        cache_write_1h_tokens=whole(_object(usage, "cache_creation").get("ephemeral_1h_input_tokens")),
    )


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}

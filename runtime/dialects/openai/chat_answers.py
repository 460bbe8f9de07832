"""Answers in OpenAI's shape, whole and in chunks, for wires whose provider has another."""

from __future__ import annotations

import time
from typing import Any

import orjson
from attrs import define, field

from ...requests.answer import ChatChunk
from ...requests.request import ChatRequest
from ...requests.usage import Usage
from .wire import wants_usage


def tool_call(id: str, name: str, arguments: str, **extra: Any) -> dict[str, Any]:
    """A call of a tool; `arguments` is JSON text, which a stream may send in parts."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def message(text: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """What the model said; a message without text has none, where it calls tools."""
    said: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    return said | {"tool_calls": calls} if calls else said


def completion(id: str, model: str, choices: list[dict[str, Any]], usage: Usage) -> ChatChunk:
    """A whole answer."""
    body = _envelope("chat.completion", id, model, int(time.time()), choices) | {"usage": usage_json(usage)}
    return ChatChunk(orjson.dumps(body), usage)


def usage_json(usage: Usage) -> dict[str, Any]:
    """`usage` as OpenAI writes it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens}
        | ({"cache_write_tokens": usage.cache_write_tokens} if usage.cache_write_tokens else {}),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


@define
class ChunkMaker:
    """Makes the chunks of one streamed answer, with the usage at its end where the client asked for it."""

    request: ChatRequest
    id: str
    model: str
    created: int = field(factory=lambda: int(time.time()))
    _usage: bool = field(init=False)

    @_usage.default
    def _default_usage(self) -> bool:
        return wants_usage(self.request)

    def delta(
        self, delta: dict[str, Any], index: int = 0, logprobs: dict[str, Any] | None = None
    ) -> ChatChunk:
        """What is new in choice `index`."""
        return self._piece({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None})

    def finish(self, reason: str, index: int = 0) -> ChatChunk:
        """The end of choice `index`."""
        return self._piece({"index": index, "delta": {}, "logprobs": None, "finish_reason": reason})

    def usage(self, usage: Usage) -> ChatChunk:
        """The usage: shown to the client only where it asked for it."""
        if not self._usage:
            return ChatChunk(b"", usage)
        chunk = self._envelope([]) | {"usage": usage_json(usage)}
        return ChatChunk(orjson.dumps(chunk), usage)

    def _piece(self, choice: dict[str, Any]) -> ChatChunk:
        chunk = self._envelope([choice])
        if self._usage:
            chunk["usage"] = None
        return ChatChunk(orjson.dumps(chunk))

    def _envelope(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return _envelope("chat.completion.chunk", self.id, self.model, self.created, choices)


def _envelope(kind: str, id: str, model: str, created: int, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": id, "object": kind, "created": created, "model": model, "choices": choices}

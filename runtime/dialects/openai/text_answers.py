"""Answers in OpenAI's shape: of a chat or of a completion, whole or in pieces."""

from __future__ import annotations

import secrets
import time
from typing import Any

import orjson
from attrs import field, frozen

from ...requests.request import ChatRequest, CompletionRequest
from ...requests.usage import Usage


@frozen
class TextAnswers:
    """The pieces of the answer to one request."""

    model: str
    is_chat: bool
    id: str = field(factory=lambda: secrets.token_hex(12))
    created: int = field(factory=lambda: int(time.time()))

    @classmethod
    def to(cls, request: ChatRequest | CompletionRequest) -> TextAnswers:
        return cls(request.body["model"], isinstance(request, ChatRequest))

    def whole(self, text: str, reason: str, usage: Usage) -> bytes:
        """The answer in one piece."""
        said = {"message": {"role": "assistant", "content": text}} if self.is_chat else {"text": text}
        return self._json("chat.completion", said, reason, usage)

    def piece(self, text: str, *, first: bool = False) -> bytes:
        """More text."""
        role = {"role": "assistant"} if first else {}
        said = {"delta": {**role, "content": text}} if self.is_chat else {"text": text}
        return self._json("chat.completion.chunk", said, None, None)

    def end(self, reason: str) -> bytes:
        """Why there is no more."""
        return self._json(
            "chat.completion.chunk", {"delta": {}} if self.is_chat else {"text": ""}, reason, None
        )

    def usage(self, usage: Usage) -> bytes:
        """The token counts, which have a piece of their own in a stream."""
        return self._json("chat.completion.chunk", None, None, usage)

    def _json(self, kind: str, said: dict[str, Any] | None, reason: str | None, usage: Usage | None) -> bytes:
        reply: dict[str, Any] = {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{self.id}",
            "object": kind if self.is_chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, **said, "logprobs": None, "finish_reason": reason}] if said else [],
        }
        if usage is not None:
            reply["usage"] = {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            }
        return orjson.dumps(reply)

"""Answers in OpenAI's shape: of a chat or of a completion, whole or in pieces."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
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
        return self.several([(text, reason)], usage)

    def several(self, texts: Sequence[tuple[str, str]], usage: Usage) -> bytes:
        """The answers to several prompts in one piece: each text, and why it ends."""
        choices = [
            _choice(
                index,
                {"message": {"role": "assistant", "content": text}} if self.is_chat else {"text": text},
                reason,
            )
            for index, (text, reason) in enumerate(texts)
        ]
        return self._json("chat.completion", choices, usage)

    def piece(self, text: str, *, first: bool = False, index: int = 0) -> bytes:
        """More text. index: of the prompt."""
        role = {"role": "assistant"} if first else {}
        said = {"delta": {**role, "content": text}} if self.is_chat else {"text": text}
        return self._json("chat.completion.chunk", [_choice(index, said, None)], None)

    def end(self, reason: str, *, index: int = 0) -> bytes:
        """Why there is no more."""
        said: dict[str, Any] = {"delta": {}} if self.is_chat else {"text": ""}
        return self._json("chat.completion.chunk", [_choice(index, said, reason)], None)

    def usage(self, usage: Usage) -> bytes:
        """The token counts, which have a piece of their own in a stream."""
        return self._json("chat.completion.chunk", [], usage)

    def _json(self, kind: str, choices: list[dict[str, Any]], usage: Usage | None) -> bytes:
        reply: dict[str, Any] = {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{self.id}",
            "object": kind if self.is_chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        if usage is not None:
            reply["usage"] = {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            }
        return orjson.dumps(reply)


def _choice(index: int, said: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": index, **said, "logprobs": None, "finish_reason": reason}

"""Answers in OpenAI's shape: of a chat or of a completion, whole or in pieces."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson
from attrs import field

from ....compiler.plan.record import frozen
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
        return self.whole_of([self.choice(text, reason)], usage)

    def whole_of(self, choices: Sequence[dict[str, Any]], usage: Usage) -> bytes:
        """Several answers in one piece."""
        return self._json("chat.completion", choices, usage)

    def choice(
        self,
        text: str,
        reason: str,
        *,
        index: int = 0,
        calls: Sequence[dict[str, Any]] = (),
        logprobs: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One of the answers. calls: of functions, in place of a text."""
        said: dict[str, Any] = {"text": text}
        if self.is_chat:
            message: dict[str, Any] = {"role": "assistant", "content": None if calls else text}
            said = {"message": message | ({"tool_calls": list(calls)} if calls else {})}
        return {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}

    def piece(
        self,
        text: str,
        *,
        first: bool = False,
        index: int = 0,
        calls: Sequence[dict[str, Any]] = (),
        logprobs: dict[str, Any] | None = None,
    ) -> bytes:
        """More text, or calls of functions."""
        role = {"role": "assistant"} if first else {}
        more = (
            {"tool_calls": [{"index": i, **c} for i, c in enumerate(calls)]} if calls else {"content": text}
        )
        said = {"delta": {**role, **more}} if self.is_chat else {"text": text}
        return self._piece(said, None, index, logprobs)

    def end(self, reason: str, *, index: int = 0) -> bytes:
        """Why there is no more."""
        return self._piece({"delta": {}} if self.is_chat else {"text": ""}, reason, index, None)

    def usage(self, usage: Usage) -> bytes:
        """The token counts, which have a piece of their own in a stream."""
        return self._json("chat.completion.chunk", (), usage)

    def _piece(
        self, said: dict[str, Any], reason: str | None, index: int, logprobs: dict[str, Any] | None
    ) -> bytes:
        choice = {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}
        return self._json("chat.completion.chunk", [choice], None)

    def _json(self, kind: str, choices: Sequence[dict[str, Any]], usage: Usage | None) -> bytes:
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

"""What a model answered to a chat."""

from __future__ import annotations

from typing import Any

from ..dsl.record import frozen


@frozen
class Answer:
    """A whole answer. raw: as OpenAI's API has it, whoever answered."""

    raw: dict[str, Any]

    @property
    def text(self) -> str:
        """What is said; empty where only functions are called."""
        return self._message.get("content") or ""

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The functions that are called, as OpenAI's API has them."""
        return self._message.get("tool_calls") or []

    @property
    def finish_reason(self) -> str | None:
        """Why it ended: `stop`, `length`, `tool_calls`, `content_filter`."""
        reason: str | None = self.raw["choices"][0].get("finish_reason")
        return reason

    @property
    def usage(self) -> dict[str, Any]:
        """The tokens that were counted; empty where nobody did."""
        return self.raw.get("usage") or {}

    @property
    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = self.raw["choices"][0]["message"]
        return message

    def __str__(self) -> str:
        return self.text

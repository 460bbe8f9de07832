"""What OpenAI's chat completions refuse. Sources: OpenAI API reference, guide to function calling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def problems(body: Any) -> list[str]:
    """All that is wrong with `body`."""
    return [*_fields(body), *_messages(body)]


def _fields(body: Any) -> Iterator[str]:
    if not body["messages"]:
        yield "messages: [] is too short"
    if not body.get("tools"):
        for name in ("tool_choice", "parallel_tool_calls"):
            if name in body:
                yield f"{name} is only allowed when tools are specified"
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        yield "top_logprobs: only with logprobs"
    if "stream_options" in body and not body.get("stream"):
        yield "stream_options: only when streaming"


def _messages(body: Any) -> Iterator[str]:
    waiting: set[str] = set()
    for number, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                yield f"messages[{number}]: a tool message must follow the message with its call"
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            yield f"messages[{number}]: tool_calls without tool messages for each of them"
        waiting = {call["id"] for call in message.get("tool_calls") or ()}

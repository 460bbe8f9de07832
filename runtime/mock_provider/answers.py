"""What the mock provider says: a pure function of what it was asked.

A chat answer is "You said: " and the text of the last user message. A token is a word: what stands
between white space. A vector depends on its text alone and has length 1.
"""

from __future__ import annotations

import hashlib
import math
import re
from random import Random
from typing import Any

CREATED = 1_700_000_000
"""The time at which every answer says it was made, in Unix seconds."""

DIMENSIONS = 32
"""Length of a vector when the request does not choose one."""


def answer_text(messages: list[Any]) -> str:
    """The answer to a conversation."""
    said = [text_of(m.get("content")) for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    return f"You said: {said[-1]}" if said else "You said nothing."


def text_of(content: object) -> str:
    """The text of a message, whose parts may be images and more."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if isinstance(part, dict) and "text" in part)
    return ""


def pieces(text: str) -> list[str]:
    """`text` cut before each word but the first: joined, they are `text` again."""
    return re.findall(r"^\S*|\s+\S*", text)


def usage(messages: list[Any], answer: str) -> dict[str, int]:
    """Tokens of prompt and answer."""
    prompt = sum(len(text_of(m.get("content")).split()) for m in messages if isinstance(m, dict))
    completion = len(answer.split())
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def completion(model: str, messages: list[Any]) -> dict[str, Any]:
    """A whole answer."""
    answer = answer_text(messages)
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return _envelope("chat.completion", model, answer, [choice]) | {"usage": usage(messages, answer)}


def chunks(model: str, messages: list[Any], include_usage: bool) -> list[dict[str, Any]]:
    """A streamed answer: the role, each piece of text, the end, and the usage if it was asked for."""
    answer = answer_text(messages)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += ({"content": piece} for piece in pieces(answer))
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    made = [_envelope("chat.completion.chunk", model, answer, [choice]) for choice in choices]
    if include_usage:
        for chunk in made:
            chunk["usage"] = None
        made.append(
            _envelope("chat.completion.chunk", model, answer, []) | {"usage": usage(messages, answer)}
        )
    return made


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of `text`."""
    random = Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    values = [random.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*values)
    return [value / length for value in values]


def _envelope(kind: str, model: str, answer: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    made = hashlib.sha256(f"{model}\0{answer}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return {
        "id": f"chatcmpl-{made}",
        "object": kind,
        "created": CREATED,
        "model": model,
        "choices": choices,
    }

"""What Gemini's `generateContent` refuses. Sources: Gemini API reference, guide to function calling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def problems(body: Any) -> list[str]:
    """All that is wrong with `body`."""
    return [*_contents(body)]


def _contents(body: Any) -> Iterator[str]:
    contents = body.get("contents")
    if not contents:
        yield "contents must not be empty"
        return
    waiting = 0
    for number, content in enumerate(contents):
        where, parts = f"contents[{number}]", content["parts"]
        if content["role"] not in ("user", "model"):
            yield f"{where}.role must be user or model"
        if number and contents[number - 1]["role"] == content["role"]:
            yield f"{where}.role: roles must alternate"
        if not parts:
            yield f"{where}.parts must not be empty"
        if any(part.get("text", "x") == "" for part in parts):
            yield f"{where}.parts: text must not be empty"
        results = sum("functionResponse" in part for part in parts)
        if results != waiting:
            yield f"{where}: the number of function response parts must equal that of the function call parts"
        waiting = sum("functionCall" in part for part in parts)
    system = body.get("systemInstruction")
    if system is not None and not any(part.get("text") for part in system["parts"]):
        yield "systemInstruction must have text"
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if config.get("allowedFunctionNames") and config.get("mode") not in ("ANY", "VALIDATED"):
        yield "allowedFunctionNames: only with the mode ANY"

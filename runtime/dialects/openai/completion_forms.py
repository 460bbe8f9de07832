"""Completions that come in the other form than was asked for: as a stream, or in one piece.

Source: OpenAI API reference, completions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..answer import joined

Json = dict[str, Any]


def gathered(chunks: Iterable[Json]) -> Json:
    """The completion that the chunks of a stream tell."""
    whole: Json = {}
    choices: dict[Any, Json] = {}
    for chunk in chunks:
        for name, value in chunk.items():
            if name != "choices" and (value is not None or name not in whole):
                whole[name] = value
        for choice in chunk.get("choices") or ():
            begun = choices.setdefault(choice.get("index"), {"text": []})
            for name, value in choice.items():
                if name == "text":
                    begun[name].append(value or "")
                elif value is not None or name not in begun:
                    begun[name] = joined(begun.get(name), value)
    whole["choices"] = [{**choice, "text": "".join(choice["text"])} for choice in choices.values()]
    return whole


def in_chunks(completion: Json, *, usage: bool) -> tuple[Json, Json | None]:
    """The chunk that says all of `completion`, and the one with its usage, where that is wanted."""
    said = {name: value for name, value in completion.items() if name != "usage"}
    if not usage or completion.get("usage") is None:
        return said, None
    return {**said, "usage": None}, {**completion, "choices": []}

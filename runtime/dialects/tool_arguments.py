"""Arguments of tool calls, which some protocols have as text, and others as an object."""

from __future__ import annotations

from typing import Any

import orjson

from .surrogates import without_halves


def arguments_object(text: str) -> Any:
    """The arguments of a tool call, as an object to be written: spliced in as they came, not read and
    written again.

    What is no JSON object, such as arguments that were cut off, goes in whole under the name that
    Anthropic's guide to fine-grained tool streaming gives it.
    """
    text = text.strip() or "{}"
    try:
        if "\\u" in text:
            text = without_halves(text.encode()).decode()
        if text[0] == "{":
            orjson.loads(text)
            return orjson.Fragment(text)
    except ValueError:
        pass
    return {"INVALID_JSON": text}

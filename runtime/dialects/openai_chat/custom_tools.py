"""Tools of free text that clients of chat completions run (`custom`).

Source: OpenAI API reference, chat completions.
"""

from __future__ import annotations

from typing import Any

from ...requests.conversation import Conversation, SealedTool, Tool
from ..exact_json import loads
from .messages import DIALECT

Json = dict[str, Any]


def custom_of(tool: Tool) -> Json | None:
    """`tool` as responses declare it; None where it is none of those."""
    if not isinstance(tool, SealedTool) or tool.dialect != DIALECT:
        return None
    custom = tool.value.get("custom")
    if tool.value.get("type") != "custom" or not isinstance(custom, dict):
        return None
    made: Json = {"type": "custom", **custom}
    match custom.get("format"):
        case {"type": "grammar", "grammar": dict(grammar)}:
            made["format"] = {"type": "grammar", **grammar}
    return made


def custom_names(c: Conversation) -> frozenset[str]:
    """The names of the tools of free text that are declared in `c`."""
    return frozenset(str(custom.get("name")) for tool in c.tools if (custom := custom_of(tool)) is not None)


def as_custom(call: Json, names: frozenset[str]) -> Json:
    """`call` of a function, as that of a tool of free text where it stands for one of `names`."""
    function = call.get("function")
    if function is None or function["name"] not in names:
        return call
    left = {name: value for name, value in call.items() if name != "function"}
    return {
        **left,
        "type": "custom",
        "custom": {"name": function["name"], "input": text_of(function["arguments"])},
    }


def text_of(arguments: str) -> str:
    """The text that is meant by the arguments of a function: models may say it as it is."""
    text = object_of(arguments).get("input")
    return text if isinstance(text, str) else arguments


def object_of(arguments: str) -> Json:
    """The arguments; none where they are no JSON object."""
    try:
        value = loads(arguments.encode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

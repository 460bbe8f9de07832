"""Functions that a model may call: how they are offered to it, and how its answer is read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from .....compiler.plan.record import frozen
from ....requests.errors import BadRequest
from .forms import FormAsked, json_form, lark_form

MAX_TOOLS = 128

_OFFER = (
    "You may call functions. To call one, answer with nothing but JSON, "
    '{"name": the name of the function, "arguments": its arguments}. The functions are:\n'
)
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


@frozen
class Offer:
    """tools: as the request has them. is_forced: the answer is a call. only: the one that must be called."""

    tools: tuple[Mapping[str, Any], ...]
    is_forced: bool
    only: str | None = None

    @property
    def callable(self) -> tuple[Mapping[str, Any], ...]:
        """The functions that may be called."""
        functions = tuple(tool["function"] for tool in self.tools)
        return functions if self.only is None else tuple(f for f in functions if f["name"] == self.only)

    def form(self) -> FormAsked:
        """The form of the answer: a call, or, where none is forced, a text that does not begin like one."""
        calls = [
            {
                "type": "object",
                "properties": {"name": {"const": each["name"]}, "arguments": _parameters(each, index)},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for index, each in enumerate(self.callable)
        ]
        schema: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
        if self.is_forced:
            return json_form(schema, "tools")
        schema["x-guidance"] = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        text = r"TEXT: /(\s*[^\s{<](.|\n)*)?/"
        wrapped = f'"{_OPEN}" /\\n?/ call /\\n?/ "{_CLOSE}"'
        return lark_form(
            f"start: TEXT | call | {wrapped}\ncall: %json {json.dumps(schema)}\n{text}\n", "tools"
        )

    def described(self) -> str:
        """The functions in words, for a model whose chat template has no place for them."""
        return _OFFER + "\n".join(json.dumps(each, ensure_ascii=False) for each in self.callable)


def read_offer(body: Mapping[str, Any]) -> Offer | None:
    """The functions that a request offers, None where it offers none. Raises BadRequest."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if not tools or choice == "none":
        return None
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise BadRequest(f"`tools` must be a list of at most {MAX_TOOLS} functions", param="tools")
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if (
            not isinstance(function, dict)
            or not isinstance(function.get("name"), str)
            or not function["name"]
        ):
            where = f"tools[{index}]"
            raise BadRequest(f"`{where}` must be a function with a `name`", param=where)
    names = [tool["function"]["name"] for tool in tools]
    if choice in (None, "auto", "required"):
        return Offer(tuple(tools), choice == "required")
    function = choice.get("function") if isinstance(choice, dict) else None
    only = function.get("name") if isinstance(function, dict) else None
    if only not in names:
        message = "`tool_choice` must be `none`, `auto`, `required`, or one of the `tools`"
        raise BadRequest(message, param="tool_choice")
    return Offer(tuple(tools), True, only)


def begins_like_a_call(text: str) -> bool:
    """Whether what is there of an answer may become a call."""
    start = text.lstrip()
    return not start or start.startswith("{") or _OPEN.startswith(start[: len(_OPEN)])


def read_calls(text: str) -> list[dict[str, Any]]:
    """The calls that an answer is, as OpenAI has them; empty where it is a text."""
    inner = text.strip().removeprefix(_OPEN).removesuffix(_CLOSE)
    try:
        value = orjson.loads(inner)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or "arguments" not in value:
        return []
    arguments = orjson.dumps(value["arguments"]).decode()
    function = {"name": value["name"], "arguments": arguments}
    return [{"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}]


def with_offer(messages: Sequence[dict[str, Any]], offer: Offer) -> list[dict[str, Any]]:
    """The messages, in the first of which the functions are described."""
    first = messages[0] if messages else None
    if first is not None and first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{offer.described()}"}, *messages[1:]]
    return [{"role": "system", "content": offer.described()}, *messages]


def _parameters(function: Mapping[str, Any], index: int) -> Mapping[str, Any]:
    """The schema of its arguments; others than those that it names are not given to it.

    index: tells it apart from those of other functions: references in it lead to itself.
    """
    parameters = function.get("parameters")
    known = parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}}
    # Another version of JSON Schema would not know what `$id` means.
    known = {name: each for name, each in known.items() if name != "$schema"} | {"$id": f"urn:call:{index}"}
    return {"additionalProperties": False, **known} if known.get("type") == "object" else known

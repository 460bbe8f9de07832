"""From the body of `POST /v1/responses` to a conversation. Source: OpenAI API reference, responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from ...requests.conversation import (
    DEFAULT_SAMPLING,
    Conversation,
    Format,
    FunctionTool,
    Sampling,
    SealedTool,
    ThinkingWanted,
    Tool,
    ToolChoice,
    Turn,
)
from ...requests.errors import BadRequest
from ...requests.parts import NOTHING, Extras, Place, Text, own
from .. import fields
from ..openai_chat.read_request import SHARED
from .items import DIALECT, read_items

Json = dict[str, Any]

STATEFUL = {
    "previous_response_id": "needs an earlier response, which is not known here: send the whole input",
    "conversation": "needs a conversation, which is not known here: send the whole input",
    "background": "needs somebody who keeps the response, which nobody does here",
}
"""Fields that name what is kept elsewhere, and what to do about each."""

_KNOWN = (
    frozenset(
        {
            "input",
            "instructions",
            "max_output_tokens",
            "metadata",
            "model",
            "parallel_tool_calls",
            "reasoning",
            "stream",
            "temperature",
            "text",
            "tool_choice",
            "tools",
            "top_logprobs",
            "top_p",
            "user",
        }
    )
    | SHARED
    | frozenset(STATEFUL)
)
_REASONING = frozenset({"effort", "summary", "generate_summary"})
"""`generate_summary` is the older name of `summary`."""
NAMESPACE = "namespace"
"""Where a function keeps the namespace that it was given in."""

_TOOL = frozenset({"type", "name", "description", "parameters", "strict"})


def read_request(body: Json) -> Conversation:
    """The conversation in `body`. Raises BadRequest, also for what needs an earlier response."""
    for name, why in STATEFUL.items():
        if body.get(name):
            raise BadRequest(f"`{name}` {why}", param=name, code="unsupported")
    templated = _is_templated(body)
    extras: dict[str, Any] = {}
    if more := {name: value for name, value in body.items() if name not in _KNOWN}:
        extras[DIALECT] = more
    if shared := {name: value for name, value in body.items() if name in SHARED}:
        extras["openai"] = shared
    text = fields.optional(body, "text", dict) or {}
    choice = _tool_choice(body.get("tool_choice"))
    logprobs = fields.optional(body, "top_logprobs", int)
    sampling = Sampling(
        fields.number(body, "temperature"),
        fields.number(body, "top_p"),
        logprobs=True if logprobs else None,
        top_logprobs=logprobs or None,
    )
    return Conversation(
        fields.required(body, "model", str),
        _turns(body, templated),
        read_tools(body.get("tools"), ("tools",)),
        choice,
        fields.optional(body, "parallel_tool_calls", bool),
        _format(text),
        DEFAULT_SAMPLING if sampling == DEFAULT_SAMPLING else sampling,
        fields.optional(body, "max_output_tokens", int),
        thinking=_thinking(fields.optional(body, "reasoning", dict), extras),
        verbosity=fields.optional(text, "verbosity", str, ("text",)),
        user=fields.optional(body, "user", str),
        metadata=fields.optional(body, "metadata", dict) or NOTHING,
        stream=fields.optional(body, "stream", bool) or False,
        extras=extras or NOTHING,
    )


def _turns(body: Json, templated: bool) -> tuple[Turn, ...]:
    given = body.get("input")
    if given is None and templated:
        turns: tuple[Turn, ...] = ()
    elif isinstance(given, str):
        turns = (Turn("user", (Text(given, at=("input",)),), at=("input",)),)
    else:
        turns = read_items(fields.required(body, "input", list))
    if not turns and not templated:
        raise BadRequest("`input` must hold at least one item", param="input")
    if (instructions := fields.optional(body, "instructions", str)) is not None:
        place: Place = ("instructions",)
        turns = (Turn("system", (Text(instructions, at=place),), at=place), *turns)
    return turns


def _is_templated(body: Json) -> bool:
    """Whether OpenAI keeps what is said, or the start of it, as a prompt."""
    prompt = fields.optional(body, "prompt", dict)
    if prompt is not None:
        fields.required(prompt, "id", str, ("prompt",))
    return prompt is not None


def read_tools(tools: Any, at: Place) -> tuple[Tool, ...]:
    """The tools that are declared there. Raises BadRequest."""
    if not tools:
        return ()
    return tuple(
        each
        for number, tool in enumerate(fields.objects(tools, at))
        for each in _named_together(tool, (*at, number))
    )


def _named_together(tool: Json, at: Place) -> Iterator[Tool]:
    """The functions of a namespace, each of which knows it; any other tool as it is."""
    inner = tool.get("tools")
    if tool.get("type") != "namespace" or not isinstance(inner, list) or not all(map(_is_function, inner)):
        yield _tool(tool, at)
        return
    space = {name: value for name, value in tool.items() if name != "tools"}
    fields.required(space, "name", str, at)
    for number, each in enumerate(inner):
        found = _tool(each, (*at, "tools", number))
        assert isinstance(found, FunctionTool)
        yield evolve(found, extras={DIALECT: {**own(found.extras, DIALECT), NAMESPACE: space}})


def _is_function(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "function"


def _tool(tool: Json, at: Place) -> Tool:
    if fields.required(tool, "type", str, at) != "function":
        return SealedTool(DIALECT, tool, at)
    extras: Extras = fields.rest(DIALECT, tool, _TOOL)
    return FunctionTool(
        fields.required(tool, "name", str, at),
        fields.optional(tool, "description", str, at),
        fields.optional(tool, "parameters", dict, at),
        fields.optional(tool, "strict", bool, at),
        extras=extras,
        at=at,
    )


def _tool_choice(choice: object) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode)
        case {"type": "function", "name": str(name)}:
            return ToolChoice("required", (name,))
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(tools)} if all(
            isinstance(tool, dict) and tool.get("type") == "function" for tool in tools
        ):
            return ToolChoice(mode, tuple(str(tool.get("name")) for tool in tools))
        case {"type": str()}:
            return ToolChoice("required", extras={DIALECT: {"tool_choice": choice}})
        case _:
            message = "`tool_choice` must be auto, none, required, or name tools"
            raise BadRequest(message, param="tool_choice")


def _format(text: Json) -> Format | None:
    format = fields.optional(text, "format", dict, ("text",))
    match format:
        case None:
            return None
        case {"type": "text"}:
            return Format("text")
        case {"type": "json_object"}:
            return Format("json")
        case {"type": "json_schema"}:
            at: Place = ("text", "format")
            return Format(
                "schema",
                fields.required(format, "schema", dict, at),
                fields.required(format, "name", str, at),
                fields.optional(format, "description", str, at),
                fields.optional(format, "strict", bool, at),
            )
        case _:
            message = "`text.format` must be text, json_object or json_schema"
            raise BadRequest(message, param="text.format.type")


def _thinking(reasoning: Json | None, extras: dict[str, Any]) -> ThinkingWanted | None:
    if reasoning is None:
        return None
    at: Place = ("reasoning",)
    effort = fields.optional(reasoning, "effort", str, at)
    summary = fields.optional(reasoning, "summary", str, at)
    older = fields.optional(reasoning, "generate_summary", str, at)
    summary = older if summary is None else summary
    if more := {name: v for name, v in reasoning.items() if name not in _REASONING and v is not None}:
        extras[DIALECT] = {**own(extras, DIALECT), "reasoning": more}
    if effort is None and summary is None:
        return None
    return ThinkingWanted(effort=effort, summary=summary, shown=True if summary else None)

"""From the body of `POST /v1/messages` to a conversation. Source: Anthropic Messages API reference."""

from __future__ import annotations

from typing import Any

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
from ...requests.parts import NOTHING, Extras, Place, own, path
from .. import fields
from ..sealed_texts import signed
from .blocks import DIALECT, read_content

Json = dict[str, Any]

_KNOWN = frozenset(
    {
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_LEAST = frozenset({"model", "messages", "max_tokens", "system", "stream"})
_SAMPLING = frozenset({"temperature", "top_p", "top_k"})
_MESSAGE = frozenset({"role", "content"})
_TOOL = frozenset({"name", "description", "input_schema", "strict", "cache_control", "type"})
_CHOICE = frozenset({"type", "name", "disable_parallel_tool_use"})
_THINKING = frozenset({"type", "budget_tokens", "display"})


def read_request(body: Json) -> Conversation:
    """The conversation in `body`. Raises BadRequest, which names the field."""
    model = fields.required(body, "model", str)
    messages = fields.required(body, "messages", list)
    if not messages:
        raise BadRequest("`messages` must hold at least one message", param="messages")
    turns = [_turn(message, ("messages", index)) for index, message in enumerate(messages)]
    if (system := body.get("system")) is not None:
        turns.insert(0, Turn("system", read_content(system, ("system",)), at=("system",)))
    max_tokens = fields.required(body, "max_tokens", int)
    stream = fields.optional(body, "stream", bool) or False
    if body.keys() <= _LEAST:  # no more is said
        return Conversation(model, tuple(turns), max_tokens=max_tokens, stream=stream)
    choice, parallel = _tool_choice(fields.optional(body, "tool_choice", dict))
    config = fields.optional(body, "output_config", dict) or {}
    extras = {**fields.rest(DIALECT, body, _KNOWN)}
    metadata = fields.optional(body, "metadata", dict) or {}
    for name, value, known in (
        ("output_config", config, ("effort", "format")),
        ("metadata", metadata, ("user_id",)),
    ):
        if value and (more := {key: inner for key, inner in value.items() if key not in known}):
            extras[DIALECT] = {**own(extras, DIALECT), name: more}
    thinking = _thinking(body, config, extras)
    stop = fields.optional(body, "stop_sequences", list) or ()
    if stop and not all(isinstance(text, str) for text in stop):
        raise BadRequest(
            "`stop_sequences` must be a list of texts", param="stop_sequences", code="wrong_type"
        )
    return Conversation(
        model,
        tuple(turns),
        _tools(body),
        choice,
        parallel,
        _format(body, config),
        _sampling(body) if not body.keys().isdisjoint(_SAMPLING) else DEFAULT_SAMPLING,
        max_tokens,
        thinking=thinking,
        stop=tuple(stop),
        user=fields.optional(metadata, "user_id", str, ("metadata",)),
        stream=stream,
        extras=extras or NOTHING,
    )


def _turn(message: Json, at: Place) -> Turn:
    if not isinstance(message, dict):
        raise fields.mistyped(path(at), dict, message)
    role = message.get("role")
    if role not in ("user", "assistant", "system"):
        fields.required(message, "role", str, at)
        raise fields.wrong((*at, "role"), f"must be user, assistant or system, not `{role}`")
    content = message.get("content")
    if content is None and role == "system" and message.get("output_config"):
        content = ()  # an order about the answer, without words
    parts = read_content(content, (*at, "content")) if content != () else ()
    if role == "assistant":
        parts = signed(parts)
    return Turn(role, parts, fields.rest(DIALECT, message, _MESSAGE), at)


def _sampling(body: Json) -> Sampling:
    return Sampling(
        fields.number(body, "temperature"), fields.number(body, "top_p"), fields.number(body, "top_k")
    )


def _tools(body: Json) -> tuple[Tool, ...]:
    tools = body.get("tools")
    if not tools:
        return ()
    return tuple([_tool(tool, ("tools", i)) for i, tool in enumerate(fields.objects(tools, ("tools",)))])


def _tool(tool: Json, at: Place) -> Tool:
    if tool.get("type") not in (None, "custom"):
        return SealedTool(DIALECT, tool, at)
    return FunctionTool(
        fields.required(tool, "name", str, at),
        fields.optional(tool, "description", str, at),
        fields.required(tool, "input_schema", dict, at),
        fields.optional(tool, "strict", bool, at),
        fields.cache_mark(tool, at),
        fields.rest(DIALECT, tool, _TOOL),
        at,
    )


def _tool_choice(choice: Json | None) -> tuple[ToolChoice | None, bool | None]:
    if choice is None:
        return None, None
    alone = fields.optional(choice, "disable_parallel_tool_use", bool, ("tool_choice",))
    parallel = None if alone is None else not alone
    extras: Extras = fields.rest(DIALECT, choice, _CHOICE)
    match choice.get("type"):
        case "auto" | "none" as mode:
            return ToolChoice(mode, extras=extras), parallel
        case "any":
            return ToolChoice("required", extras=extras), parallel
        case "tool":
            name = fields.required(choice, "name", str, ("tool_choice",))
            return ToolChoice("required", (name,), extras), parallel
        case _:
            message = "`tool_choice.type` must be auto, any, tool or none"
            raise BadRequest(message, param="tool_choice.type")


def _format(body: Json, config: Json) -> Format | None:
    """`output_format` is the older name of `output_config.format`."""
    place: Place = ("output_config", "format")
    format = fields.optional(config, "format", dict, place[:1])
    if format is None:
        place = ("output_format",)
        format = fields.optional(body, "output_format", dict)
    if format is None:
        return None
    if format.get("type") != "json_schema":
        raise fields.wrong((*place, "type"), "must be `json_schema`")
    return Format("schema", fields.required(format, "schema", dict, place))


def _thinking(body: Json, config: Json, extras: dict[str, Any]) -> ThinkingWanted | None:
    thinking = fields.optional(body, "thinking", dict)
    effort = fields.optional(config, "effort", str, ("output_config",))
    if thinking is None:
        return None if effort is None else ThinkingWanted(effort=effort)
    shown: bool | None = {"summarized": True, "omitted": False}.get(str(thinking.get("display")))
    at: Place = ("thinking",)
    known = _THINKING if shown is not None or "display" not in thinking else _THINKING - {"display"}
    if more := {name: value for name, value in thinking.items() if name not in known}:
        extras[DIALECT] = {**own(extras, DIALECT), "thinking": more}
    match thinking.get("type"):
        case "enabled":
            return ThinkingWanted(
                "budget", effort, fields.required(thinking, "budget_tokens", int, at), shown
            )
        case "adaptive":
            return ThinkingWanted("adaptive", effort, None, shown)
        case "disabled":
            return ThinkingWanted("off", effort)
        case str():  # a kind of thinking that only Anthropic knows
            extras[DIALECT] = {**own(extras, DIALECT), "thinking": thinking}
            return None if effort is None else ThinkingWanted(effort=effort)
        case _:
            fields.required(thinking, "type", str, at)
            raise AssertionError("unreachable")

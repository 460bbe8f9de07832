"""From the body of `POST /v1/chat/completions` to a conversation.

Source: OpenAI API reference, chat completions; `top_k` and `min_p` are vLLM's.
"""

from __future__ import annotations

from typing import Any, Literal

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
)
from ...requests.errors import BadRequest
from ...requests.parts import NOTHING, Extras, Place, own
from .. import fields
from .flat_tools import nested
from .messages import DIALECT, read_messages

Json = dict[str, Any]

NUMBERS = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty")
"""Numbers that stand in the body under the name that they have in `Sampling`."""

TokenLimit = Literal["max_completion_tokens", "max_tokens"]
TOKEN_LIMITS: tuple[TokenLimit, ...] = ("max_completion_tokens", "max_tokens")

_SAMPLING = frozenset({*NUMBERS, "seed", "logit_bias", "logprobs", "top_logprobs"})

SHARED = frozenset(
    {
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
    }
)
"""Fields that mean the same in OpenAI's two dialects, and are sealed for both as `openai`."""

_KNOWN = (
    frozenset(
        {
            "messages",
            "model",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "response_format",
            "max_tokens",
            "max_completion_tokens",
            "reasoning_effort",
            "verbosity",
            "stop",
            "n",
            "user",
            "modalities",
            "metadata",
            "stream",
            "stream_options",
        }
    )
    | _SAMPLING
    | SHARED
)

_OWN_EFFORTS = (bool, int)
"""What an effort may be for one provider alone. Source: Fireworks' API reference."""

_TOOL = frozenset({"type", "function", "cache_control"})
_FUNCTION = frozenset({"name", "description", "parameters", "strict"})


def read_request(body: Json) -> Conversation:
    """The conversation in `body`. Raises BadRequest, which names the field."""
    model = fields.required(body, "model", str)
    turns = read_messages(fields.required(body, "messages", list))
    options = fields.optional(body, "stream_options", dict) or NOTHING
    stop = body.get("stop")
    effort = body.get("reasoning_effort")
    if effort is not None and type(effort) is not str and type(effort) not in _OWN_EFFORTS:
        effort = fields.optional(body, "reasoning_effort", str)
    return Conversation(
        model,
        turns,
        _tools(body),
        _tool_choice(body.get("tool_choice")),
        fields.optional(body, "parallel_tool_calls", bool),
        _format(body),
        read_sampling(body) if not body.keys().isdisjoint(_SAMPLING) else DEFAULT_SAMPLING,
        *_max_tokens(body),
        ThinkingWanted(effort=effort) if type(effort) is str else None,
        fields.optional(body, "verbosity", str),
        _stop(stop) if stop is not None else (),
        fields.optional(body, "n", int),
        fields.optional(body, "user", str),
        _modalities(body.get("modalities")),
        fields.optional(body, "metadata", dict) or NOTHING,
        fields.optional(body, "stream", bool) or False,
        options.get("include_usage"),
        _extras(body, options),
    )


def read_sampling(body: Json) -> Sampling:
    """The fields of `body` that say how tokens are drawn."""
    numbers: dict[str, Any] = {name: fields.number(body, name) for name in NUMBERS}
    return Sampling(
        **numbers,
        seed=fields.optional(body, "seed", int),
        logit_bias=fields.optional(body, "logit_bias", dict),
        **_logprobs(body),
    )


def _logprobs(body: Json) -> Json:
    """Whether probabilities are wanted, and of how many other tokens: Together's `logprobs` is a number."""
    wanted = body.get("logprobs")
    if type(wanted) is int and body.get("top_logprobs") is None:
        return {"logprobs": wanted > 0, "top_logprobs": wanted or None}
    return {
        "logprobs": fields.optional(body, "logprobs", bool),
        "top_logprobs": fields.optional(body, "top_logprobs", int),
    }


def _extras(body: Json, options: Any) -> Extras:
    extras: dict[str, Any] = {}
    if not body.keys().isdisjoint(SHARED):
        extras["openai"] = {name: body[name] for name in body if name in SHARED}
    if not body.keys() <= _KNOWN:
        extras[DIALECT] = {name: value for name, value in body.items() if name not in _KNOWN}
    if more := {name: value for name, value in options.items() if name != "include_usage"}:
        extras.setdefault(DIALECT, {})["stream_options"] = more
    if type(effort := body.get("reasoning_effort")) in _OWN_EFFORTS:
        extras.setdefault(DIALECT, {})["reasoning_effort"] = effort
    if body.get("response_format") is not None and _format(body) is None:
        extras.setdefault(DIALECT, {})["response_format"] = body["response_format"]
    return extras or NOTHING


def _max_tokens(body: Json) -> tuple[int | None, TokenLimit | None]:
    """The limit and its name; `max_completion_tokens` wins over the older one."""
    for name in TOKEN_LIMITS:
        value = fields.optional(body, name, int)
        if value is not None:
            if value < 1:
                raise BadRequest(f"`{name}` must be a whole number from 1", param=name)
            return value, name
    return None, None


def _stop(stop: object) -> tuple[str, ...]:
    if isinstance(stop, str):
        return (stop,)
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise BadRequest("`stop` must be text or a list of texts", param="stop", code="wrong_type")
    return tuple(stop)


def _modalities(named: object) -> tuple[str, ...]:
    if named is None:
        return ()
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise BadRequest("`modalities` must be a list of texts", param="modalities", code="wrong_type")
    return tuple(named)


def _tools(body: Json) -> tuple[Tool, ...]:
    tools = body.get("tools")
    if tools in (None, [], {}):
        return ()
    return tuple([_tool(tool, ("tools", i)) for i, tool in enumerate(fields.objects(tools, ("tools",)))])


def _tool(tool: Json, at: Place) -> Tool:
    if "function" not in tool:
        tool = nested(tool)
    if fields.required(tool, "type", str, at) != "function":
        return SealedTool(DIALECT, tool, at)
    function = fields.required(tool, "function", dict, at)
    inner: Place = (*at, "function")
    extras = fields.rest(DIALECT, tool, _TOOL)
    if more := {name: value for name, value in function.items() if name not in _FUNCTION}:
        extras = {DIALECT: {**own(extras, DIALECT), "function": more}}
    return FunctionTool(
        fields.required(function, "name", str, inner),
        fields.optional(function, "description", str, inner),
        fields.optional(function, "parameters", dict, inner),
        fields.optional(function, "strict", bool, inner),
        fields.cache_mark(tool, at),
        extras,
        at,
    )


def _tool_choice(choice: object) -> ToolChoice | None:
    match choice := nested(choice):
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("required", (name,))
        case {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(tools)},
        }:
            names = [_allowed(tool) for tool in tools]
            if all(names):
                return ToolChoice(mode, tuple(map(str, names)))
            return ToolChoice(mode, extras={DIALECT: {"tool_choice": choice}})
        case {"type": "custom"}:
            return ToolChoice("required", extras={DIALECT: {"tool_choice": choice}})
        case _:
            message = "`tool_choice` must be auto, none, required, or name functions"
            raise BadRequest(message, param="tool_choice")


def _allowed(tool: object) -> str | None:
    match tool:
        case {"type": "function", "function": {"name": str(name)}}:
            return name
        case _:
            return None


def _format(body: Json) -> Format | None:
    format = body.get("response_format")
    match format:
        case None:
            return None
        case {"type": "text"}:
            return Format("text")
        case {"type": "json_object", "schema": dict(schema)} | {"type": "json_object", "value": dict(schema)}:
            return Format("schema", schema)  # of llama.cpp, Together and Fireworks; of Hugging Face
        case {"type": "json_object"}:
            return Format("json")
        case {"type": "json_schema", "json_schema": dict(inner)}:
            at: Place = ("response_format", "json_schema")
            return Format(
                "schema",
                fields.optional(inner, "schema", dict, at),
                fields.optional(inner, "name", str, at),
                fields.optional(inner, "description", str, at),
                fields.optional(inner, "strict", bool, at),
            )
        case {"type": str()}:
            return None  # of a compatible server; it goes on as it is
        case _:
            message = "`response_format` must be text, json_object, or a json_schema with its `schema`"
            raise BadRequest(message, param="response_format")

"""The JSON of a response and of its items. Source: OpenAI API reference, responses."""

from __future__ import annotations

from typing import Any

import orjson

from ...requests import events as e
from ...requests.conversation import Conversation, FunctionTool, Tool, ToolChoice
from ...requests.errors import RequestError
from ...requests.parts import Extras, Refusal, Text, own
from ..openai_chat.write_request import carried_by
from ..provider_errors.codes import IN_RESPONSES
from .items import DIALECT
from .read_request import NAMESPACE

Json = dict[str, Any]

_REPEATED = ("max_tool_calls", "prompt_cache_key", "prompt_cache_retention", "safety_identifier")
"""Fields of the request that stand in the response, too, beside those that a conversation has."""


def state_of_call(arguments: str) -> str:
    """What was cut off is no JSON any more, and nobody is to call that."""
    try:
        orjson.loads(arguments)
    except ValueError:
        return "incomplete" if arguments.startswith("{") else "completed"
    return "completed"


def call_item(item_id: str, id: str, name: str, arguments: str) -> Json:
    return {
        "id": item_id,
        "type": "function_call",
        "call_id": id,
        "name": name,
        "arguments": arguments,
        "status": state_of_call(arguments),
    }


def text_part(part: Text | Refusal, notes: list[Json]) -> Json:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": notes, "logprobs": []}


def flat(note: Json) -> Json:
    """A source, as responses write it: its fields stand beside the type."""
    kind = note.get("type")
    kind = kind if isinstance(kind, str) else "url_citation"
    return {"type": kind, **(note.get(kind) or {})}


def status_of(reason: e.Reason) -> tuple[str, Json | None]:
    match reason:
        case "length" | "context_window":
            return "incomplete", {"reason": "max_output_tokens"}
        case "content_filter" | "refusal":
            return "incomplete", {"reason": "content_filter"}
        case _:
            return "completed", None


def write_response(c: Conversation, id: str, model: str, created: int, status: str) -> Json:
    """The response without its output: what was asked for is repeated."""
    extras = {**own(c.extras, "openai"), **own(c.extras, DIALECT)}
    return {
        "id": id if id.startswith("resp_") else f"resp_{id}",
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": next((part.text for part in c.lead()[0] if part.at == ("instructions",)), None),
        "max_output_tokens": c.max_tokens,
        "metadata": dict(c.metadata),
        "model": model or c.model,
        "parallel_tool_calls": c.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {
            "effort": None if c.thinking is None else c.thinking.effort,
            "summary": None if c.thinking is None else c.thinking.summary,
        },
        "store": False,
        "temperature": c.sampling.temperature,
        "text": {"format": format_json(c), "verbosity": c.verbosity},
        "tool_choice": "auto" if c.tool_choice is None else choice_json(c.tool_choice),
        "tools": tools_json(c.tools),
        "top_logprobs": c.sampling.top_logprobs or 0,
        "top_p": c.sampling.top_p,
        "truncation": "disabled",
        "user": c.user,
        **{name: extras.get(name) for name in _REPEATED},
    }


def choice_json(choice: ToolChoice) -> Any:
    if "tool_choice" in (extras := own(choice.extras, DIALECT)):
        return extras["tool_choice"]
    named = [{"type": "function", "name": name} for name in choice.names]
    if not named:
        return choice.mode
    if len(named) == 1 and choice.mode == "required":
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def tools_json(tools: tuple[Tool, ...]) -> list[Json]:
    """The functions of a namespace are put into it again."""
    written: list[Json] = []
    begun: Json | None = None
    for tool in tools:
        space = own(tool.extras, DIALECT).get(NAMESPACE) if isinstance(tool, FunctionTool) else None
        if space is None:
            written.append(_tool(tool))
            begun = None
            continue
        if begun is None or {**begun, "tools": 0} != {**space, "tools": 0}:
            begun = {**space, "tools": []}
            written.append(begun)
        begun["tools"].append(_tool(tool))
    return written


def _tool(tool: Tool) -> Json:
    if isinstance(tool, FunctionTool):
        more = own(tool.extras, DIALECT)
        return _function(tool) | {name: value for name, value in more.items() if name != NAMESPACE}
    return dict(tool.value)


def _function(tool: FunctionTool) -> Json:
    parameters = None if tool.parameters is None else dict(tool.parameters)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": tool.strict,
    }


def format_json(c: Conversation) -> Json:
    if c.format is None or c.format.kind == "text":
        return {"type": "text"}
    if c.format.kind == "json":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": c.format.name,
        "schema": c.format.schema,
        "strict": c.format.strict,
    }


def write_usage(told: e.UsageKnown) -> Json:
    """The usage, as responses tell it."""
    usage, native = told.usage, dict(told.native) if told.dialect == DIALECT else {}
    given = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    made = {"reasoning_tokens": usage.reasoning_tokens}
    return {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        **native,
        "input_tokens_details": {**given, **_object(native, "input_tokens_details")},
        "output_tokens_details": {**made, **_object(native, "output_tokens_details")},
    }


def _object(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def error_json(error: RequestError) -> Json:
    """`error` inside of a response, which knows a few codes only."""
    code = "rate_limit_exceeded" if error.status == 429 else "server_error"
    if error.status < 429:
        code = error.code if error.code in IN_RESPONSES else "invalid_prompt"
    return {"code": code, "message": error.message}


def carried_json(extras: Extras) -> Json:
    """What the provider of a call wants back with it, as in chat completions."""
    extra = carried_by(extras)
    return {"extra_content": extra} if extra else {}

"""Tools that clients of OpenAI run and that are no functions, in the words of functions, and back.

`custom` takes text of any form, as Codex's `apply_patch` does, also in chat completions; `tool_search` finds
tools that come later, where the client runs it; others are OpenAI's own (`shell_tools`). Functions may also
be declared among what is said (`additional_tools`).

Sources: OpenAI API reference, responses; https://github.com/router-for-me/CLIProxyAPI/issues/4219.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...requests.conversation import Conversation, FunctionTool, SealedTool, Tool
from ...requests.parts import NOTHING, Part, Sealed, Text, ToolCall, ToolResult
from .. import fields
from ..exact_json import dumps
from ..openai_chat.custom_tools import custom_of, object_of, text_of
from ..openai_chat.messages import carried
from .items import DIALECT, read_part
from .read_request import read_tools
from .shell_tools import CLIENT_TOOLS, is_clients, said_of

Json = dict[str, Any]

SEARCH = "tool_search"
DECLARING = ("additional_tools", "tool_search_output")
"""Items that declare tools."""

_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


def function_for(tool: Tool) -> FunctionTool | None:
    """The function that `tool` is, or that stands for it; None for tools that no function stands for."""
    if isinstance(tool, FunctionTool):
        return tool
    value = custom_of(tool) or dict(tool.value)
    match value:
        case {"type": "custom", "name": str(name)}:
            said = (fields.optional(value, "description", str, tool.at), _grammar(value.get("format")))
            told = "\n\n".join(filter(None, said)) or None
            return FunctionTool(name, told, _TEXT, cache=fields.cache_mark(tool.value, tool.at), at=tool.at)
        case {"type": "tool_search", "execution": "client"}:
            said_of_it = fields.optional(value, "description", str, tool.at)
            parameters = fields.optional(value, "parameters", dict, tool.at)
            return FunctionTool(SEARCH, said_of_it, parameters or {"type": "object"}, at=tool.at)
        case {"type": str(kind)} if is_clients(value):
            return FunctionTool(kind, said_of(value), CLIENT_TOOLS[kind].parameters, at=tool.at)
    return None


def _grammar(format: object) -> str | None:
    match format:
        case {"type": "grammar", "syntax": str(syntax), "definition": str(definition)}:
            return f"The input must fit this grammar ({syntax}):\n{definition}"
    return None


def declared_tools(c: Conversation) -> Iterator[Tool]:
    """All tools of `c`, with those that are declared among what is said; what a search found, once."""
    yield from c.tools
    named = {tool.name for tool in c.tools if isinstance(tool, FunctionTool)}
    for turn in c.turns:
        for part in turn.parts:
            if not isinstance(part, Sealed) or not declares(part):
                continue
            found = part.value["type"] == "tool_search_output"
            for tool in read_tools(part.value.get("tools"), (*part.at, "tools")):
                if isinstance(tool, FunctionTool):
                    if found and tool.name in named:
                        continue
                    named.add(tool.name)
                yield tool


def declares(part: Sealed) -> bool:
    """Whether `part` is an item that declares tools."""
    return part.dialect == DIALECT and part.value.get("type") in DECLARING


def by_function(c: Conversation) -> dict[str, Tool]:
    """The tools that clients declared, by the names that models call them."""
    return {made.name: tool for tool in declared_tools(c) if (made := function_for(tool)) is not None}


def as_function_parts(part: Sealed) -> tuple[Part, ...]:
    """A call of such a tool, or its result, in the words of functions; nothing for all else."""
    value, at = dict(part.value), part.at
    match value:
        case {"type": "custom_tool_call", "call_id": str(id), "name": str(name), "input": str(text)} | {
            "type": "custom",
            "id": str(id),
            "custom": {"name": str(name), "input": str(text)},
        }:
            arguments: Json = {"input": text}
        case {"type": "tool_search_call", "call_id": str(id), "execution": "client"}:
            name, arguments = SEARCH, fields.optional(value, "arguments", dict, at) or {}
        case {"type": "custom_tool_call_output", "call_id": str(id)}:
            return (ToolResult(id, fields.content(value.get("output"), (*at, "output"), read_part), at=at),)
        case {"type": "tool_search_output", "call_id": str(id), "execution": "client"}:
            tools = read_tools(value.get("tools"), (*at, "tools"))
            names = [made.name for tool in tools if (made := function_for(tool)) is not None]
            return (ToolResult(id, (Text(f"Found: {', '.join(names) or 'nothing'}", at=at),), at=at),)
        case {"type": str(kind)} if kind in CLIENT_TOOLS:
            return ()
        case {"type": str(kind)} if (run := CLIENT_TOOLS.get(kind.removesuffix("_call_output"))) is not None:
            named = "id" if kind == "local_shell_call_output" and "call_id" not in value else "call_id"
            id = fields.required(value, named, str, at)
            result = run.result(value)
            text = result if isinstance(result, str) else dumps(result).decode()
            return (ToolResult(id, (Text(text, at=at),), at=at),)
        case {"type": str(kind)} if (run := CLIENT_TOOLS.get(kind.removesuffix("_call"))) is not None:
            id, name = fields.required(value, "call_id", str, at), kind.removesuffix("_call")
            said = fields.required(value, run.field, dict, at)
            known = run.parameters["properties"]
            arguments = {each: said[each] for each in known if said.get(each) is not None}
        case _:
            return ()
    thoughts, extras = carried(value.get("extra_content"), at)
    mark = fields.cache_mark(value, at)
    return (*thoughts, ToolCall(id, name, dumps(arguments).decode(), mark, extras or NOTHING, at))


def call_of(tool: SealedTool, id: str, name: str, arguments: str) -> Json:
    """The item of a call of the function that stands for `tool`, without an id of its own."""
    kind = tool.value["type"]
    if kind == "custom":
        return {"type": "custom_tool_call", "call_id": id, "name": name, "input": text_of(arguments)}
    if (run := CLIENT_TOOLS.get(kind)) is not None:
        return {"type": f"{kind}_call", "call_id": id, run.field: run.written(object_of(arguments))}
    return {
        "type": "tool_search_call",
        "call_id": id,
        "execution": "client",
        "arguments": object_of(arguments),
    }

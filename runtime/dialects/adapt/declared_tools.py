"""What clients of OpenAI declare and run themselves, as functions beside what is said, for all others.

Source: OpenAI's reference, `additional_tools`, `custom`, `tool_search`, `shell` and others.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Conversation, FunctionTool, SealedTool, Tool, ToolChoice, Turn
from ...requests.parts import Part, Sealed, ToolResult, own, path
from ..openai_chat.messages import DIALECT as OPENAI_CHAT
from ..openai_responses.client_tools import SEARCH, as_function_parts, declared_tools, declares, function_for
from ..openai_responses.items import DIALECT as RESPONSES
from ..openai_responses.shell_tools import CLIENT_TOOLS
from .result import Findings, ToRead


def with_functions(
    c: Conversation, can: Capabilities, found: Findings, client: str, provider: str
) -> Conversation:
    """`c` with all of its tools beside what is said, and functions in place of what its client runs.

    Who knows such tools gets those as functions whose names it does not take.
    """
    odd: frozenset[str] | None = None
    if provider == client and (provider == RESPONSES or can.custom_tools is not False):
        odd = _odd_names(c.tools, can.tool_names)
        if not odd:
            return c
    sealed = any(type(part) is Sealed for turn in c.turns for part in turn.parts)
    if not (sealed or any(type(tool) is SealedTool for tool in c.tools)):
        return c
    tools: list[Tool] = []
    by_name: dict[str, Tool] = {}
    for tool in declared_tools(c) if odd is None else c.tools:
        is_meant = odd is None or isinstance(tool, FunctionTool) or _free_text(tool) in odd
        made = function_for(tool) if is_meant else None
        if made is not None:
            before = by_name.setdefault(made.name, tool)
            if before is not tool and SealedTool in (type(before), type(tool)):
                if before != tool:
                    found.refuse(path(tool.at) or "tools", f"another tool has the name `{made.name}`, too")
                continue
        if made is not None and made is not tool:
            why = "the provider knows no such tools" if odd is None else "the provider takes no such name"
            found.notes.append(ToRead(path(tool.at), f"asked for as a function: {why}"))
        elif odd is None and isinstance(tool, SealedTool) and tool.value.get("type") == SEARCH:
            found.note(path(tool.at), "left out: all tools are declared from the start")
            continue
        tools.append(made or tool)
    turns = c.turns
    if sealed:
        calls: set[str] = set()
        turns = tuple(each for turn in turns for each in _turns(turn, found, odd, calls))
    return evolve(c, tools=tuple(tools), turns=turns, tool_choice=_choice(c.tool_choice, tools))


def _odd_names(tools: tuple[Tool, ...], pattern: str | None) -> frozenset[str]:
    """The names of those tools of free text that do not match `pattern` as a whole."""
    named = {name for tool in tools if (name := _free_text(tool)) is not None}
    return frozenset(name for name in named if pattern and not re.fullmatch(pattern, name))


def _free_text(tool: Tool | Sealed) -> str | None:
    """The name of a tool of free text, or of the one that is called."""
    match None if isinstance(tool, FunctionTool) else tool.value:
        case {"type": "custom", "custom": {"name": str(name)}} | {
            "type": "custom" | "custom_tool_call",
            "name": str(name),
        }:
            return name
    return None


def _goes_on(part: Sealed, odd: frozenset[str], calls: set[str]) -> bool:
    """Whether `part` is no call of one of the `odd` tools, nor the result of one. calls: their ids."""
    id = part.value.get("call_id") or part.value.get("id")
    if _free_text(part) in odd:
        calls.add(str(id))
        return False
    return part.value.get("type") != "custom_tool_call_output" or id not in calls


def _turns(turn: Turn, found: Findings, odd: frozenset[str] | None, calls: set[str]) -> list[Turn]:
    """`turn` with calls and results of functions; results of what the model called are a turn of the user.

    odd: the tools that are meant; None: all. calls: ids of calls of them.
    """
    if not any(type(part) is Sealed for part in turn.parts):
        return [turn]
    made: list[Turn] = []
    for part in turn.parts:
        parts: tuple[Part, ...] = (part,)
        is_said = turn.role == "assistant" and isinstance(part, Sealed) and part.dialect == OPENAI_CHAT
        if isinstance(part, Sealed) and odd is not None and _goes_on(part, odd, calls):
            pass
        elif isinstance(part, Sealed) and (is_said or part.dialect == RESPONSES):
            parts = as_function_parts(part)
            if not parts and not declares(part):
                parts = (part,)
            elif not parts and part.value["type"] != "additional_tools":
                found.note(path(part.at), "left out: its tools are declared from the start")
        for each in parts:
            role = "user" if isinstance(each, ToolResult) else turn.role
            if made and made[-1].role == role:
                made[-1] = evolve(made[-1], parts=(*made[-1].parts, each))
            else:
                made.append(evolve(turn, role=role, parts=(each,)))
    return made


def _choice(choice: ToolChoice | None, tools: list[Tool]) -> ToolChoice | None:
    """A tool of the client that must be called is a function that must be."""
    if choice is None or not choice.extras:
        return choice
    said = own(choice.extras, RESPONSES).get("tool_choice") or own(choice.extras, OPENAI_CHAT).get(
        "tool_choice"
    )
    mode: Literal["auto", "required"] = "required"
    named: list[Any] = [said]
    match said:
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(named)}:
            pass
        case {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(named)},
        }:
            pass
    if named != [said]:
        named = [each for each in named if not _is_left_out(each, tools)]
    names = tuple(map(_name_in, named))
    functions = {tool.name for tool in tools if isinstance(tool, FunctionTool)}
    return ToolChoice(mode, names) if names and functions.issuperset(names) else choice


def is_index(tool: Tool) -> bool:
    """Whether it is the index of the web that Codex always offers: OpenAI alone has it."""
    if isinstance(tool, FunctionTool):
        return False
    return tool.value.get("type") == "web_search" and tool.value.get("external_web_access") is False


def _is_left_out(choice: Any, tools: list[Tool]) -> bool:
    """Whether a tool that may be called is one that is left out."""
    kind = choice.get("type") if isinstance(choice, dict) else None
    return kind == SEARCH or (kind == "web_search" and any(map(is_index, tools)))


def _name_in(choice: Any) -> str:
    """The function that stands for what is chosen, in either of OpenAI's protocols; nothing for all else."""
    match choice:
        case (
            {"type": "function" | "custom", "name": str(name)}
            | {"type": "function", "function": {"name": str(name)}}
            | {"type": "custom", "custom": {"name": str(name)}}
        ):
            return name
        case {"type": str(kind)} if kind in CLIENT_TOOLS:
            return kind
    return ""

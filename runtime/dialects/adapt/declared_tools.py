"""What clients of responses declare and run themselves, as functions beside what is said, for all others.

Source: OpenAI's reference, `additional_tools`, `custom` and `tool_search`.
"""

from __future__ import annotations

from attrs import evolve

from ...requests.conversation import Conversation, FunctionTool, SealedTool, Tool, ToolChoice, Turn
from ...requests.parts import Part, Sealed, ToolResult, own, path
from ..openai_responses.client_tools import SEARCH, as_function_parts, declared_tools, declares, function_for
from ..openai_responses.items import DIALECT
from .result import Findings


def with_functions(c: Conversation, provider: str, found: Findings) -> Conversation:
    """`c` with all of its tools beside what is said, and functions in place of what its client runs."""
    sealed = any(type(part) is Sealed for turn in c.turns for part in turn.parts)
    if provider == DIALECT or not (sealed or any(type(tool) is SealedTool for tool in c.tools)):
        return c
    tools: list[Tool] = []
    for tool in declared_tools(c):
        made = function_for(tool)
        if made is not None and made is not tool:
            found.note(path(tool.at), "asked for as a function: the provider knows no such tools")
        elif isinstance(tool, SealedTool) and tool.value.get("type") == SEARCH:
            found.note(path(tool.at), "left out: all tools are declared from the start")
            continue
        tools.append(made or tool)
    turns = tuple(each for turn in c.turns for each in _turns(turn, found)) if sealed else c.turns
    return evolve(c, tools=tuple(tools), turns=turns, tool_choice=_choice(c.tool_choice, tools))


def _turns(turn: Turn, found: Findings) -> list[Turn]:
    """`turn` with calls and results of functions; results of what the model called are a turn of the user."""
    if not any(type(part) is Sealed for part in turn.parts):
        return [turn]
    made: list[Turn] = []
    for part in turn.parts:
        parts: tuple[Part, ...] = (part,)
        if isinstance(part, Sealed) and part.dialect == DIALECT:
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
    match own(choice.extras, DIALECT).get("tool_choice") if choice is not None else None:
        case {"type": "custom", "name": str(name)}:
            if any(isinstance(tool, FunctionTool) and tool.name == name for tool in tools):
                return ToolChoice("required", (name,))
    return choice

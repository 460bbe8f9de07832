"""Tools, how they may be chosen, and the form of the answer, as far as a model takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Conversation, Format, FunctionTool, SealedTool, Tool, ToolChoice
from ...requests.parts import CacheMark, Sealed, ToolCall, path
from ...requests.request import OPENAI_CHAT
from ..fields import MARKS, cache_mark
from ..openai_responses.items import DIALECT as RESPONSES
from .declared_tools import is_index
from .dialects import ALLOWED_NAMES, ANTHROPIC_LIKE, NAMES_ONCE, OWNERS, SEALS, known_alone
from .result import Checked, Findings, Note, Problem, StructuredByTool
from .schemas import Inexpressible, for_anthropic, for_gemini, is_closed, without_unions

ANY_OBJECT = {"type": "object"}
"""The schema of any JSON object."""

MOST_TOLD = 100
"""Characters of a pattern that a note tells."""


_ANTHROPICS = re.compile(r"_20\d{6}$")
"""What the kinds of Anthropic's own tools end with: the day of their version."""


def adapt_tools(
    c: Conversation, can: Capabilities, found: Findings, client: str, provider: str
) -> dict[str, Any]:
    """The fields to change."""
    foreign = client.startswith("openai") != provider.startswith("openai")
    changed: dict[str, Any] = {}
    choice = c.tool_choice
    tools = [
        fit for tool in c.tools if (fit := _tool(tool, can, found, provider, foreign=foreign)) is not None
    ]
    if provider == RESPONSES and client != provider:
        tools = [*map(_loose, tools)]
    if provider in NAMES_ONCE:
        tools = _named_once(tools, found)
    if tools and can.tools is False:
        found.refuse("tools", "the model calls no functions")
        tools = []
    if choice is not None:
        choice = _choice(choice, can, found, provider)
        if choice is not None and choice.names and not _names_go(choice, can, provider):
            kept = [tool for tool in tools if isinstance(tool, SealedTool) or tool.name in choice.names]
            tools, choice = kept, evolve(choice, names=())
        if choice is not None and "tool_choice" in (can.lacking_fields or ()):
            tools, choice = [] if choice.mode == "none" else tools, None
        if not tools and choice is not None and (c.tools or choice.mode != "required"):
            if choice.mode == "required" and not found.problems:
                found.refuse("tool_choice", "none of the tools that could be called is left")
            choice = None
        changed["tool_choice"] = choice
    if provider == "bedrock":
        tools = _declared(c, tools, can, found)
        if choice is not None and choice.mode == "none":
            if calls_in(c):
                found.refuse(
                    "tool_choice", "the provider cannot be told to call no function after it has called some"
                )
            else:
                tools = []
            changed["tool_choice"] = None
    if c.parallel_tool_calls is not None:
        if can.parallel_tools is False and tools and not c.parallel_tool_calls:
            found.keep_first_call("parallel_tool_calls", "the first call of an answer is kept")
        if can.parallel_tools is False or not tools:
            changed["parallel_tool_calls"] = None
    changed["tools"] = tuple(tools)
    return changed


UNDECLARED = "It is no longer there: do not call it."
"""What is said of a function that the conversation has calls of, and that the request does not declare."""


def _loose(tool: Tool) -> Tool:
    """`tool`, held to its schema only where the client says so: what says nothing is, in responses, and all
    optional parameters are filled in.

    Sources: OpenAI's guide to function calling; https://github.com/Wei-Shaw/sub2api/issues/3221 (2026).
    """
    return evolve(tool, strict=False) if isinstance(tool, FunctionTool) and tool.strict is None else tool


def _named_once(tools: list[Tool], found: Findings) -> list[Tool]:
    """`tools` without a second one of any name, which says what the first one says, or is refused."""
    kept: list[Tool] = []
    named: dict[str, FunctionTool] = {}
    for tool in tools:
        if not isinstance(tool, FunctionTool):
            kept.append(tool)
        elif (before := named.get(tool.name)) is None:
            named[tool.name] = tool
            kept.append(tool)
        elif evolve(tool, cache=before.cache) != before:
            found.refuse(
                found.of_tool(path(tool.at) or "tools", "name"), "another function has this name, too"
            )
    return kept


def calls_in(c: Conversation) -> list[ToolCall]:
    """The calls of functions that were made."""
    return [part for turn in c.turns for part in turn.parts if isinstance(part, ToolCall)]


def _declared(c: Conversation, tools: list[Tool], can: Capabilities, found: Findings) -> list[Tool]:
    """`tools`, which Bedrock wants wherever there are calls: without them, those that were called."""
    calls = calls_in(c)
    called = {call.name: call.at for call in reversed(calls)}
    if calls and can.tools is False:
        where = path(calls[0].at) or "messages"
        found.problems.append(Problem(where, "the model knows no functions, nor calls of them"))
    if tools or not called or can.tools is False:
        return tools
    found.note("tools", f"declared for the calls in the conversation: {', '.join(called)[:MOST_TOLD]}")
    return [FunctionTool(name, UNDECLARED, ANY_OBJECT, at=at) for name, at in called.items()]


def _names_go(choice: ToolChoice, can: Capabilities, provider: str) -> bool:
    """Whether the provider can be told which functions may be called."""
    if provider in ALLOWED_NAMES and can.allowed_tools is not False:
        return True
    return choice.mode == "required" and (provider == "gemini" or len(choice.names) == 1)


def _choice(choice: ToolChoice, can: Capabilities, found: Findings, provider: str) -> ToolChoice | None:
    foreign = choice.extras.keys() - SEALS[provider]
    if foreign:
        owners = ", ".join(OWNERS[seal] for seal in sorted(foreign))
        found.refuse("tool_choice", f"this choice is known to {owners} alone: choose a function, or none")
        return None
    if choice.mode == "required" and can.forced_tools is False:
        found.refuse("tool_choice", "the model cannot be made to call a function")
        return ToolChoice("auto", choice.names)
    return choice


def _tool(tool: Tool, can: Capabilities, found: Findings, provider: str, *, foreign: bool) -> Tool | None:
    if isinstance(tool, SealedTool):
        if tool.dialect in SEALS[provider]:
            return fit_sealed(tool, can, provider)
        kind = str(tool.value.get("type") or "")
        if tool.dialect == "anthropic" and kind.startswith("tool_search_tool_"):
            found.note(path(tool.at) or "tools", "left out: all tools are declared from the start")
            return None
        if is_index(tool):
            found.note(path(tool.at) or "tools", "left out: OpenAI alone has such an index of the web")
            return None
        what = f"the tool `{kind}`" if kind else "this tool"
        why = known_alone(tool.dialect, kind, what)
        if tool.dialect != "anthropic" and _ANTHROPICS.search(kind):
            why = f"{what} is Anthropic's: ask for it at /v1/messages, or leave it out"
        found.refuse(path(tool.at) or "tools", why)
        return None
    changed: dict[str, Any] = {}
    where = f"{path(tool.at) or 'tools'}"
    if not tool.name:
        found.refuse(found.of_tool(where, "name"), "a function has a name")
        return None
    mark = fit_mark(tool.cache, can)
    if mark != tool.cache:
        changed["cache"] = mark
    if tool.strict is not None and can.strict_tools is False:
        if tool.strict:
            found.note(found.of_tool(where, "strict"), "left out: calls are not held to their schema")
        changed["strict"] = None
    elif tool.strict and foreign and provider.startswith("openai") and not is_closed(tool.parameters):
        found.note(f"{where}.strict", "left out: not all objects are closed, with all they have required")
        changed["strict"] = None
    for seal, values in tool.extras.items():
        if seal not in SEALS[provider]:
            for name in values:
                found.note(f"{where}.{name}", f"left out: it is known to {OWNERS[seal]} alone")
    parameters = tool.parameters
    if parameters is None and can.extra_fields is not None:
        changed["parameters"] = {"type": "object", "properties": {}}
    if provider == "gemini" and parameters is not None:
        referring, lost = for_gemini(parameters)
        if lost:
            found.note(found.of_tool(where, "parameters"), _left_beside(lost))
            changed["parameters"] = referring
    if provider in ANTHROPIC_LIKE and (parameters is not None or tool.strict):
        parameters = parameters or {"type": "object", "properties": {}}
        if "type" not in parameters:
            parameters = {"type": "object", **parameters}
        elif parameters["type"] != "object":
            found.refuse(found.of_tool(where, "parameters"), "the schema must have the type `object`")
            return None
        parameters, unions = without_unions(parameters)
        if unions:
            what = f"{', '.join(f'`{name}`' for name in unions)} at the top left out: the provider takes none"
            found.note(found.of_tool(where, "parameters"), what)
        if tool.strict and "strict" not in changed and can.schema_subset == "anthropic":
            try:
                parameters, lost = for_anthropic(parameters)
                lost = [*unions, *lost]
            except Inexpressible as error:
                what = f"left out, and calls are held here to the schema, which has {error}"
                checked = Checked(f"{where}.strict", what, tool.parameters or {}, tool=tool.name)
                _hold(checked, f"{found.of_tool(where, 'parameters')}.pattern", found)
                changed["strict"] = None
            else:
                if lost:
                    what = f"calls are held here to {', '.join(dict.fromkeys(lost))}"
                    at = found.of_tool(where, "parameters")
                    checked = Checked(at, what, tool.parameters or {}, closed=True, tool=tool.name)
                    _hold(checked, f"{at}.pattern", found)
        if parameters != tool.parameters:
            changed["parameters"] = parameters
    return evolve(tool, **changed) if changed else tool


def _left_beside(lost: list[str]) -> str:
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(lost))
    return f"{names} left out beside `$ref`: the provider takes none"


def fit_mark(mark: CacheMark | None, can: Capabilities) -> CacheMark | None:
    """The mark as the provider knows it; None where it knows none, or caches by itself."""
    if mark is None or can.cache_marks is None or mark.field == can.cache_marks:
        return mark
    return mark if can.cache_marks == "cache_control" else None


Sealing = TypeVar("Sealing", Sealed, SealedTool)


def fit_sealed(sealed: Sealing, can: Capabilities, provider: str) -> Sealing:
    """`sealed` without a cache mark that OpenAI, or who speaks its chats, does not know."""
    found = [name for name in MARKS if name in sealed.value] if provider == OPENAI_CHAT else None
    if not found or fit_mark(cache_mark(sealed.value, sealed.at), can) is not None:
        return sealed
    return evolve(sealed, value={name: value for name, value in sealed.value.items() if name not in found})


def adapt_format(
    c: Conversation, can: Capabilities, found: Findings, tools: tuple[Tool, ...], thinks: bool, provider: str
) -> dict[str, Any]:
    """The fields to change: in place of structured output that a model has not, it must call a function."""
    format = c.format
    if format is None or format.kind == "text":
        return {}
    if tools and can.schema_with_tools is False:
        found.refuse("response_format", "the model has no structured output beside `tools`")
        return {"format": None}
    if format.kind == "json":
        return {} if can.json_mode is not False else _by_tool(format, ANY_OBJECT, can, found, tools, thinks)
    schema = format.schema or ANY_OBJECT
    if can.json_schema is False:
        return _by_tool(format, schema, can, found, tools, thinks)
    if provider == "gemini":
        referring, lost = for_gemini(schema)
        if lost:
            found.note("response_format", _left_beside(lost))
        return {"format": evolve(format, schema=referring)} if lost else {}
    if can.schema_subset != "anthropic":
        return {}
    try:
        closed, lost = for_anthropic(schema)
    except Inexpressible:
        return _by_tool(format, schema, can, found, tools, thinks)
    if lost:
        what = f"the answer is held here to {', '.join(dict.fromkeys(lost))}"
        _check_answer(schema, found, what, closed=True)
    return {"format": evolve(format, schema=closed)} if closed != schema else {}


def _check_answer(schema: Mapping[str, Any], found: Findings, what: str, *, closed: bool = False) -> None:
    where = found.names.get("response_format", "response_format")
    _hold(Checked(where, what, schema, closed), f"{where}.pattern", found)


def _hold(checked: Checked, at: str, found: Findings) -> None:
    """Note what is held to a schema here, and what of it is not. at: the place of patterns."""
    from .linear_patterns import unsearchable  # most requests need none of it

    found.notes.append(checked)
    who = "the answer is" if checked.tool is None else f"calls of `{checked.tool}` are"
    for pattern in dict.fromkeys(unsearchable(checked.schema)):
        what = f"{who} not held to it: {pattern[:MOST_TOLD]} is no regular expression of linear time"
        found.notes.append(Note(at, what))


def _by_tool(
    format: Format,
    schema: Mapping[str, Any],
    can: Capabilities,
    found: Findings,
    tools: tuple[Tool, ...],
    thinks: bool,
) -> dict[str, Any]:
    why = None
    if can.tools is False or can.forced_tools is False:
        why = "the model has no structured output, and cannot be made to call a function"
    elif tools:
        why = "the model has no structured output of this form beside `tools`"
    elif thinks and can.forced_tools_with_thoughts is False:
        why = "the model has no structured output of this form while it thinks"
    elif schema.get("type", "object") != "object":
        why = "without structured output, the schema must have the type `object`"
    if why is not None:
        found.refuse("response_format", why)
        return {"format": None}
    name = format.name or "answer"
    said = format.description or "Give the answer by calling this function, once and with all of it."
    where = found.names.get("response_format", "response_format")
    found.notes.append(StructuredByTool(where, f"asked for as a call of `{name}`", name))
    if schema is not ANY_OBJECT:
        _check_answer(schema, found, "the answer is held to the schema here, and not by the provider")
    tool = FunctionTool(name, said, {"type": "object", **schema})
    return {"format": None, "tools": (tool,), "tool_choice": ToolChoice("required", (name,))}

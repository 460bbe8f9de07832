"""Names of functions, as a provider takes them: in its letters, and no longer than it takes them.

The name that is sent follows from the client's name alone, so that a conversation that goes on keeps it, and
the provider its cache. In the answer stands the client's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from attrs import evolve

from ...requests import events as e
from ...requests.conversation import Conversation, FunctionTool, SealedTool, Tool, Turn
from ...requests.errors import RequestError
from ...requests.parts import Part, ToolCall, path
from .result import Findings, Renamed

MOST = 64
"""Letters of a name that all providers take."""

_HASHED = 8
"""Letters at the end of a name that stands for another."""


def with_short_names(c: Conversation, pattern: str | None, found: Findings) -> Conversation:
    """`c` with names of functions that match `pattern` as a whole, one for each of the client's; itself where
    they do already. pattern: None takes any name."""
    if pattern is None:
        return c
    fits = re.compile(pattern).fullmatch
    if all(fits(name) for name, _ in _named(c)):
        return c
    taken = {name for name, _ in _named(c)} | {_sealed_name(tool) for tool in c.tools}
    sent: dict[str, str] = {}
    for name, owner in _named(c):
        if name not in sent and not fits(name):
            short = next(each for each in _short(name) if each not in taken)
            taken.add(short)
            sent[name] = short
            what = f"sent as `{short}`: the provider takes no such name"
            found.notes.append(Renamed(_place(owner, found), what, name, short))
    return _renamed(c, sent)


def named_back(event: e.Event, names: Mapping[str, str]) -> e.Event:
    """`event` with the client's name of the function that is called. names: by what was sent."""
    if isinstance(event, e.ToolCallBegun) and event.name in names:
        return evolve(event, name=names[event.name])
    if isinstance(event, e.Failed):
        say_names(event.error, names)
    return event


def say_names(error: RequestError, names: Mapping[str, str]) -> None:
    """Let `error` tell of functions by the client's names. names: by what was sent."""
    for sent, name in names.items():
        error.message = error.innermost = error.message.replace(sent, name)


def _named(c: Conversation) -> Iterator[tuple[str, FunctionTool | ToolCall | None]]:
    """The names of functions in `c`, and what has them; None: they are chosen alone."""
    for tool in c.tools:
        if isinstance(tool, FunctionTool):
            yield tool.name, tool
    for turn in c.turns:
        for part in turn.parts:
            if type(part) is ToolCall:
                yield part.name, part
    if c.tool_choice is not None:
        for name in c.tool_choice.names:
            yield name, None


def _short(name: str) -> Iterator[str]:
    """Names for `name`: a second one is for who has a function of the first."""
    kept = re.sub(r"[^a-zA-Z0-9_-]|^(?=[\d-])", "_", name)[: MOST - _HASHED - 1]
    digest = name.encode(errors="surrogatepass")
    while True:
        digest = hashlib.sha256(digest).digest()
        yield f"{kept}_{digest.hex()[:_HASHED]}"


def _sealed_name(tool: Tool) -> str:
    if isinstance(tool, FunctionTool):
        return tool.name
    match tool.value:
        case {"name": str(name)} | {"custom": {"name": str(name)}}:
            return name
    return ""


def _place(owner: FunctionTool | ToolCall | None, found: Findings) -> str:
    match owner:
        case FunctionTool(at=at) if at:
            return found.of_tool(path(at), "name")
        case ToolCall(at=at):
            return path(at) or "messages"
        case FunctionTool():  # which stands for the form of the answer
            return found.names.get("response_format", "response_format")
    return "tool_choice"


def _renamed(c: Conversation, sent: Mapping[str, str]) -> Conversation:
    def part(each: Part) -> Part:
        return (
            evolve(each, name=sent[each.name]) if isinstance(each, ToolCall) and each.name in sent else each
        )

    def turn(each: Turn) -> Turn:
        parts = tuple(map(part, each.parts))
        return each if parts == each.parts else evolve(each, parts=parts)

    def tool(each: Tool) -> Tool:
        if isinstance(each, SealedTool) or each.name not in sent:
            return each
        return evolve(each, name=sent[each.name])

    choice = c.tool_choice
    if choice is not None and choice.names:
        choice = evolve(choice, names=tuple(sent.get(name, name) for name in choice.names))
    return evolve(c, tools=tuple(map(tool, c.tools)), turns=tuple(map(turn, c.turns)), tool_choice=choice)

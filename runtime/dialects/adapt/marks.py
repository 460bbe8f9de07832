"""Cache marks, no more of them than a provider takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from ...requests.conversation import Conversation, FunctionTool, Tool, Turn
from ...requests.parts import Media, Part, Text, ToolCall, ToolResult, path
from .dialects import MOST_MARKS
from .result import Findings

Marked = FunctionTool | Text | Media | ToolCall | ToolResult
_MARKED = (FunctionTool, Text, Media, ToolCall, ToolResult)  # a tuple is looked through faster


def limit_marks(c: Conversation, changed: dict[str, Any], found: Findings, provider: str) -> dict[str, Any]:
    """The fields to change: of too many marks, the last ones stay, which cover what stands before them."""
    most = MOST_MARKS.get(provider)
    if most is None:
        return {}
    tools: tuple[Tool, ...] = changed.get("tools", c.tools)
    turns: tuple[Turn, ...] = changed.get("turns", c.turns)
    marked = [*_marked(tools), *(each for turn in turns for each in _marked(turn.parts))]
    spare = {id(each) for each in marked[: max(len(marked) - most, 0)]}
    if not spare:
        return {}
    where = next((path(each.at) for each in marked if id(each) in spare), "")
    found.note(f"{where}.cache_control".lstrip("."), f"left out: {provider} takes {most} of them at most")
    return {
        "tools": tuple(_unmark(tool, spare) for tool in tools),
        "turns": tuple(
            evolve(turn, parts=tuple(_unmark(part, spare) for part in turn.parts)) for turn in turns
        ),
    }


def _marked(values: tuple[Tool, ...] | tuple[Part, ...]) -> Iterator[Marked]:
    for value in values:
        if not isinstance(value, _MARKED):
            continue
        if isinstance(value, ToolResult):
            yield from _marked(value.parts)
        if value.cache is not None:
            yield value


def _unmark(value: Any, spare: set[int]) -> Any:
    changed: dict[str, Any] = {}
    if isinstance(value, ToolResult) and any(id(part) in spare for part in value.parts):
        changed["parts"] = tuple(_unmark(part, spare) for part in value.parts)
    if id(value) in spare:
        changed["cache"] = None
    return evolve(value, **changed) if changed else value

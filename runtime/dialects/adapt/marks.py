"""Cache marks, no more of them than a provider takes, in the order in which it takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from ...requests.conversation import Conversation, FunctionTool, Tool, Turn
from ...requests.parts import NOTHING, CacheMark, Media, Part, Refusal, Text, ToolCall, ToolResult, own, path
from ..fields import cache_mark
from ..openai_chat.messages import DIALECT as OPENAI_CHAT
from .dialects import MOST_MARKS
from .result import Findings

Marked = FunctionTool | Text | Media | ToolCall | ToolResult | Refusal
_MARKED = (FunctionTool, Text, Media, ToolCall, ToolResult, Refusal)  # a tuple is looked through faster


def limit_marks(c: Conversation, changed: dict[str, Any], found: Findings, provider: str) -> dict[str, Any]:
    """The fields to change: of too many marks, the last ones stay, which cover what stands before them; and
    none asks for longer than one before it."""
    most = MOST_MARKS.get(provider)
    if most is None:
        return {}
    tools: tuple[Tool, ...] = changed.get("tools", c.tools)
    turns: tuple[Turn, ...] = changed.get("turns", c.turns)
    marked = [*_marked(tools), *(each for turn in turns for each in _marked(turn.parts))]
    spare = marked[: max(len(marked) - most, 0)]
    new: dict[int, CacheMark | None] = {id(each): None for each in spare}
    if spare:
        where = f"{path(spare[0].at)}.cache_control".lstrip(".")
        found.note(where, f"left out: {provider} takes {most} of them at most")
    for each in _too_long(marked[len(spare) :]):
        new[id(each)] = CacheMark()
        where = f"{path(each.at)}.cache_control.ttl".lstrip(".")
        found.note(where, "left out: what is kept longer must stand before what is not")
    if not new:
        return {}
    return {
        "tools": tuple(_marked_anew(tool, new) for tool in tools),
        "turns": tuple(
            evolve(turn, parts=tuple(_marked_anew(part, new) for part in turn.parts)) for turn in turns
        ),
    }


def on_last_part(turn: Turn) -> Turn:
    """`turn` with the mark that its message of OpenAI's has, as opencode writes it, on what it ends with."""
    beside = own(turn.extras, OPENAI_CHAT)
    last = turn.parts[-1] if turn.parts else None
    if not isinstance(beside.get("cache_control"), dict) or not isinstance(
        last, Text | Media | ToolCall | Refusal
    ):
        return turn
    mark = last.cache or cache_mark(beside, turn.at)
    left = {name: value for name, value in beside.items() if name != "cache_control"}
    parts = (*turn.parts[:-1], evolve(last, cache=mark))
    return evolve(turn, parts=parts, extras={OPENAI_CHAT: left} if left else NOTHING)


def is_markless(provider: str, kind: str, type: str | None) -> bool:
    """Whether there can be no mark behind media of that kind, as behind documents for Claude at Bedrock.

    Source: https://github.com/strands-agents/harness-sdk/issues/1966.
    """
    return provider == "bedrock" and kind == "document" and type != "application/pdf"


def marked_before(parts: list[Part], left: Part, provider: str) -> None:
    """Put the mark of `left`, which says nothing and is left out, on what stands before it in `parts`."""
    last = parts[-1] if parts else None
    if isinstance(last, Media) and is_markless(provider, last.kind, last.type):
        return
    if isinstance(left, _MARKED) and left.cache and isinstance(last, _MARKED) and last.cache is None:
        parts[-1] = evolve(last, cache=left.cache)


def _too_long(marked: list[Marked]) -> Iterator[Marked]:
    """Those that ask to be kept for long, behind one that does not. Source: Anthropic's guide to prompt
    caching, mixing different TTLs."""
    is_short = False
    for each in marked:
        if each.cache is None or each.cache.ttl in (None, "5m"):
            is_short = True
        elif is_short:
            yield each


def _marked(values: tuple[Tool, ...] | tuple[Part, ...]) -> Iterator[Marked]:
    for value in values:
        if not isinstance(value, _MARKED):
            continue
        if isinstance(value, ToolResult):
            yield from _marked(value.parts)
        if value.cache is not None:
            yield value


def _marked_anew(value: Any, new: dict[int, CacheMark | None]) -> Any:
    changed: dict[str, Any] = {}
    if isinstance(value, ToolResult) and any(id(part) in new for part in value.parts):
        changed["parts"] = tuple(_marked_anew(part, new) for part in value.parts)
    if id(value) in new:
        changed["cache"] = new[id(value)]
    return evolve(value, **changed) if changed else value

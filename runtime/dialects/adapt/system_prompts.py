"""Where system prompts stand, for providers that do not take them anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Turn
from ...requests.parts import Sealed, path
from .result import Findings

SYSTEM = ("system", "developer")


def system_first(turns: Iterable[Turn], can: Capabilities, found: Findings) -> list[Turn]:
    """System prompts in the middle, or all where there is no place for any, become words of the user."""
    leading = can.system_prompts == "first"
    ordered: list[Turn] = []
    for turn in turns:
        leading = leading and turn.role in SYSTEM
        if turn.role in SYSTEM and turn.parts and not leading:
            found.note(path(turn.at), "sent as words of the user: system prompts stand at the beginning only")
            turn = evolve(turn, role="user")
        ordered.append(turn)
    return ordered


def system_after_user(turns: list[Turn], found: Findings) -> list[Turn]:
    """System prompts in the middle stay where they stand between words of the user and the answer to them,
    and become words of the user elsewhere. What has no words is an order about the answer, and stands
    anywhere."""
    first = next((i for i, turn in enumerate(turns) if turn.role not in SYSTEM), len(turns))
    ordered = turns[:first]
    turns = [*turns[:first], *joined(turns[first:])]
    for index, turn in enumerate(turns[first:], first):
        if turn.role in SYSTEM and turn.parts:
            before, after = ordered[-1], turns[index + 1 : index + 2]
            if not _is_asked(before) or (after and after[0].role not in ("assistant", *SYSTEM)):
                found.note(path(turn.at), "sent as words of the user: it does not stand before an answer")
                turn = evolve(turn, role="user")
        ordered.append(turn)
    return ordered


def joined(turns: Iterable[Turn]) -> Iterator[Turn]:
    """System prompts that follow each other are one."""
    held: Turn | None = None
    for turn in turns:
        plain = turn.role in SYSTEM and bool(turn.parts) and not turn.extras
        if plain:
            held = turn if held is None else evolve(held, parts=(*held.parts, *turn.parts))
            continue
        if held is not None:
            yield held
            held = None
        yield turn
    if held is not None:
        yield held


def _is_asked(turn: Turn) -> bool:
    """Whether an answer may follow: to the user, or to a tool that the provider ran itself."""
    last = turn.parts[-1] if turn.parts else None
    hosted = isinstance(last, Sealed) and last.value.get("type") == "server_tool_use"
    return turn.role == "user" or hosted


def system_alone(turns: list[Turn], found: Findings) -> list[Turn]:
    """The last of several system prompts, with no other turns, is what the model is asked."""
    if not turns:
        return turns
    found.note(path(turns[-1].at), "sent as words of the user: a system prompt alone is no question")
    return [*turns[:-1], evolve(turns[-1], role="user")]

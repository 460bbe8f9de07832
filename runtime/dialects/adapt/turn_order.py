"""Turns in the order that a provider takes: whose turn it is, and where results of tools stand."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TypeVar

from attrs import evolve

from ...requests.conversation import Turn
from ...requests.parts import Media, Part, Refusal, Sealed, Text, ToolCall, ToolResult, path
from .result import Findings, Problem
from .system_prompts import SYSTEM

Said = TypeVar("Said", Turn, ToolResult)

BEGIN = "."
"""What the user says where a conversation begins with the model."""


def alternate(turns: Iterable[Turn]) -> list[Turn]:
    """Turns of the same side become one, with results of tools first; turns that say nothing go."""
    joined: list[Turn] = []
    for turn in turns:
        if not turn.parts and not (turn.extras and turn.role in SYSTEM):
            continue
        if joined and joined[-1].role == turn.role and turn.role not in SYSTEM:
            joined[-1] = evolve(joined[-1], parts=(*joined[-1].parts, *turn.parts))
        else:
            joined.append(turn)
    return [_results_first(turn) if turn.role == "user" else turn for turn in joined]


def _results_first(turn: Turn) -> Turn:
    ordered = sorted(turn.parts, key=lambda part: not isinstance(part, ToolResult))
    return evolve(turn, parts=tuple(ordered)) if tuple(ordered) != turn.parts else turn


def after_results(turns: list[Turn]) -> list[Turn]:
    """What stands between or beside the results of one turn's calls stands behind the last of them: nothing
    may come between."""
    if len(turns) < 2:
        return turns
    made: list[Turn] = []
    for is_user, group in groupby(turns, key=lambda turn: turn.role == "user"):
        run = [*group]
        made += _results_before(run) if is_user and made and _calls(made[-1]) else run
    return made


def _results_before(run: list[Turn]) -> list[Turn]:
    """Turns of the user behind calls: first those with results, as far as others stand before them."""
    kinds = [isinstance(part, ToolResult) for turn in run for part in turn.parts]
    if kinds == sorted(kinds, reverse=True):
        return run
    results = [_of_results(turn, wanted=True) for turn in run]
    others = [_of_results(turn, wanted=False) for turn in run]
    return [turn for turn in (*results, *others) if turn.parts]


def with_one_text(said: Said) -> Said:
    """`said` with one text in place of several, and so in its results, where they hold no media beside."""
    parts = said.parts
    if len(parts) == 1 and type(parts[0]) is not ToolResult:
        return said
    made = tuple(with_one_text(part) if type(part) is ToolResult else part for part in _one_text(parts))
    return said if made == parts else evolve(said, parts=made)


def _one_text(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    texts = [part for part in parts if type(part) is Text] if len(parts) > 1 else []
    if len(texts) < 2 or any(isinstance(part, Media | Sealed) for part in parts):
        return parts
    if any(part.cache is not None or part.extras for part in texts):
        return parts
    first, *rest = texts
    one = Text("\n".join(part.text for part in texts if part.text), at=first.at)
    left = {id(part) for part in rest}
    return tuple(one if part is first else part for part in parts if id(part) not in left)


def _of_results(turn: Turn, *, wanted: bool) -> Turn:
    """`turn` with its results alone, or without them."""
    return evolve(turn, parts=tuple(each for each in turn.parts if isinstance(each, ToolResult) is wanted))


def _calls(turn: Turn) -> bool:
    return any(isinstance(part, ToolCall) for part in turn.parts)


def without_begun(turns: list[Turn], found: Findings) -> list[Turn]:
    """Without an answer that the conversation has begun, where the model does not go on with one."""
    last = turns[-1] if turns else None
    if last is None or last.role != "assistant":
        return turns
    asked = any("prefix" in values for values in last.extras.values())  # as Mistral wants it said
    if asked or any(isinstance(part, ToolCall) for part in last.parts):
        return turns
    found.refuse(path(last.at) or "messages", "the model does not go on with an answer that was begun")
    return turns[:-1]


def user_first(turns: list[Turn], found: Findings) -> list[Turn]:
    """A turn of the user stands before the first of the model: Google refuses calls that answer nobody."""
    for index, turn in enumerate(turns):
        if turn.role == "user":
            break
        if turn.role == "assistant" and isinstance(turn.parts[0], Sealed):
            break  # what stands for a conversation before it, as a compaction does
        if turn.role == "assistant":
            found.note(path(turn.at), f"sent behind a message of the user that says `{BEGIN}`")
            return [*turns[:index], Turn("user", (Text(BEGIN),)), *turns[index:]]
    return turns


def answered(turns: Iterable[Turn], found: Findings) -> list[Turn]:
    """Between the result of a tool and words of the user, the model says something."""
    made: list[Turn] = []
    for turn in turns:
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        others = tuple(part for part in turn.parts if not isinstance(part, ToolResult))
        after = bool(made) and bool(made[-1].parts) and isinstance(made[-1].parts[-1], ToolResult)
        if turn.role != "user" or not others or not (results or after):
            made.append(turn)
            continue
        found.note(path(turn.at), f"sent behind an answer that says `{BEGIN}`: no user speaks after a tool")
        if results:
            made.append(evolve(turn, parts=tuple(results)))
            turn = evolve(turn, parts=others)
        made += [Turn("assistant", (Text(BEGIN),)), turn]
    return made


def without_last_space(turns: list[Turn], found: Findings) -> list[Turn]:
    """The begun answer of the model without white space at its end, which Anthropic refuses."""
    last = turns[-1] if turns else None
    if last is None or last.role != "assistant" or not isinstance(part := last.parts[-1], Text | Refusal):
        return turns
    if part.text == part.text.rstrip():
        return turns
    found.note(path(last.at), "sent without white space at its end")
    return [*turns[:-1], evolve(last, parts=(*last.parts[:-1], evolve(part, text=part.text.rstrip())))]


def pair_calls(turns: list[Turn], found: Findings) -> None:
    """Each call needs its result in the next turn, and each result its call in the turn before."""
    open: dict[str, ToolCall] = {}
    for turn in turns:
        calls: dict[str, ToolCall] = {}
        results: list[ToolResult] = []
        for part in turn.parts:
            if isinstance(part, ToolCall):
                calls[part.id] = part
            elif isinstance(part, ToolResult):
                results.append(part)
        if open:
            for id in open.keys() - {result.id for result in results}:
                found.problems.append(_problem(open[id], "this call has no result in the next message"))
        answered: set[str] = set()
        for result in results:
            if result.id in answered:
                found.problems.append(_problem(result, "the call has a result before it"))
            answered.add(result.id)
            if result.id not in open:
                found.problems.append(
                    _problem(result, "it is not the result of a call in the message before")
                )
        open = calls
    for call in open.values():
        found.problems.append(_problem(call, "this call has no result"))


def _problem(part: ToolCall | ToolResult, why: str) -> Problem:
    return Problem(path(part.at) or "messages", why)

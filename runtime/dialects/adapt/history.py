"""The turns of a conversation, in the order and with the parts that a provider takes."""

from __future__ import annotations

import operator
from typing import Any

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Conversation, Turn
from ...requests.parts import own
from .dialects import ANTHROPIC_LIKE
from .history_parts import PartsAdapted
from .result import Findings, Problem
from .system_prompts import SYSTEM, joined, system_after_user, system_alone, system_first
from .turn_order import (
    after_results,
    alternate,
    answered,
    pair_calls,
    user_first,
    with_one_text,
    without_begun,
    without_last_space,
)


def adapt_turns(c: Conversation, can: Capabilities, found: Findings, provider: str) -> dict[str, Any]:
    """The fields to change."""
    history = PartsAdapted(can, found, provider)
    turns: list[Turn] = []
    for turn in c.turns:
        fit = history.turn(turn)
        if _says_something(turn, fit):
            turns.append(fit)
    if can.developer_prompts is False:
        turns = [evolve(turn, role="system") if turn.role == "developer" else turn for turn in turns]
    if can.system_prompts == "after_user":
        turns = system_after_user(alternate(turns), found)
    elif can.system_prompts in ("no", "first"):
        turns = system_first(turns, can, found)
        if provider == "openai_chat":  # whose templates take one
            turns = [*joined(turns)]
    if can.turns_alternate:
        turns = alternate(turns)
        if all(turn.role in SYSTEM for turn in turns):
            turns = system_alone(turns, found)
    if can.prefill is False:
        turns = without_begun(turns, found)
    if can.turns_alternate:
        turns = user_first(turns, found)
        if provider in ANTHROPIC_LIKE:
            turns = without_last_space(turns, found)
        pair_calls(turns, found)
    else:
        turns = after_results(turns)
    if can.user_after_results is False:
        turns = answered(turns, found)
    if can.joined_texts and provider == "openai_chat":
        turns = [*map(with_one_text, turns)]
    adapted = tuple(turns)
    is_kept = provider == "openai_responses" and "prompt" in own(c.extras, provider)
    if not adapted and not found.problems and not is_kept:
        found.problems.append(
            Problem(found.names.get("messages", "messages"), "there must be a message that says something")
        )
    if len(adapted) == len(c.turns) and all(map(operator.is_, adapted, c.turns)):
        return {}
    return {"turns": adapted}


def _says_something(old: Turn, new: Turn) -> bool:
    """Whether `new`, made from `old`, has anything left of it; what was empty before is kept."""
    return bool(new.parts) or (not old.parts and bool(new.extras or not old.extras))

"""How a model is asked to think: by words for the effort, by a budget of tokens, or as it sees fit."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ....compiler.plan import Capabilities
from ...requests.conversation import Conversation, ThinkingWanted, ToolChoice, Turn
from ...requests.parts import Thinking, ToolCall, own
from .dialects import RESTS
from .result import Findings

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the most."""

BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 65536}
"""What an effort means in tokens; up to `high` as Google's OpenAI service has it."""

ROOM_TO_ANSWER = 4096
"""Tokens for the answer after the thoughts, where nobody says a limit."""


def thinks_while(c: Conversation, can: Capabilities) -> bool:
    """Whether the model thinks when it answers `c`, as far as that is known."""
    if c.thinking is not None:
        return not c.thinking.is_off or (can.thinks == "effort" and _knows_no_rest(can))
    own_word = own(c.extras, "openai_chat").get(can.rests_by or "")
    return bool(can.thinks_unasked) and (own_word is None or own_word != RESTS[can.rests_by or ""])


def _knows_no_rest(can: Capabilities) -> bool:
    """Whether the least effort of the model is one still."""
    return bool(can.efforts) and "none" not in (can.efforts or ())


def only_in_responses(c: Conversation, can: Capabilities) -> bool:
    """Whether OpenAI takes `c` in its responses alone: all that some models are asked, and of others
    functions while they think."""
    if can.chat_endpoint is False:
        return True
    return bool(c.tools) and can.chat_tools_with_thoughts is False and thinks_while(c, can)


def adapt_thinking(
    c: Conversation, can: Capabilities, found: Findings, longest: int | None, client: str, provider: str
) -> dict[str, Any]:
    """The fields to change. longest: the limit of the answer with its thoughts."""
    wanted = c.thinking
    if wanted is None:
        return {}
    if client == provider == "anthropic" and wanted.mode is None and can.thinks != "no":
        # there, an effort is about the whole answer, whether the model thinks or not
        if can.efforts == ():
            found.note("reasoning_effort", "left out: the model has none")
            return {"thinking": None}
        return {"thinking": evolve(wanted, effort=_nearest(wanted.effort, can, found))}
    if wanted.is_off:
        return {"thinking": _rest(wanted, can, found)}
    match can.thinks:
        case None:
            return {"thinking": evolve(wanted, effort=_nearest(wanted.effort, can, found))}
        case "no":
            if wanted.mode == "adaptive":  # as it sees fit, which is not at all
                found.note("reasoning_effort", "left out: the model does not think")
            elif wanted.effort is not None or wanted.mode is not None:
                found.refuse("reasoning_effort", "the model does not think")
            return {"thinking": None}
        case "effort" | "level":
            effort = _nearest(_effort(wanted), can, found)
            if provider == "bedrock" and effort == "high" and longest is not None:  # Nova's reference
                found.note(
                    "reasoning_effort", "`high` sent as `medium`: it takes no limit of the answer beside it"
                )
                effort = "medium"
            return {"thinking": evolve(wanted, mode=None, budget=None, effort=effort)}
        case "adaptive":
            effort = _nearest(_effort(wanted), can, found)
            return {"thinking": evolve(wanted, mode="adaptive", budget=None, effort=effort)}
        case "budget":
            return _budget(wanted, can, found, longest, provider)


def rest_for_tools(c: Conversation, can: Capabilities, found: Findings) -> dict[str, Any]:
    """The fields to change for a model that takes functions only while it does not think."""
    if not thinks_while(c, can):
        return {}
    why = "at this endpoint, the model takes no functions while it thinks"
    if can.can_rest is False or (can.efforts is not None and "none" not in can.efforts):
        found.refuse("tools", why)
        return {"tools": (), "tool_choice": None, "parallel_tool_calls": None}
    if c.thinking is None:
        found.note("reasoning_effort", f"sent as `none`: {why}")
    else:
        found.refuse("reasoning_effort", f"{why}: ask for `none`, or let it be asked in responses")
    return {"thinking": ThinkingWanted(effort="none")}


def rest_for_calls(
    c: Conversation, can: Capabilities, found: Findings, changed: dict[str, Any]
) -> dict[str, Any]:
    """The fields to change for a model that, while it thinks, takes no calls back whose thoughts are lost, or
    is told nothing about which functions it calls: it does not think where that is the only way."""
    if not thinks_while(c, can):
        return {}
    choice: ToolChoice | None = changed.get("tool_choice", c.tool_choice)
    is_forced = c.thinking is None and choice is not None and choice.mode == "required"
    if is_forced and can.forced_tools_with_thoughts is False and can.can_rest is not False:
        why = "it can be made to call a function only then"
    elif can.calls_need_thoughts and any(map(_has_lost_thoughts, changed.get("turns", c.turns))):
        why = "thoughts before calls in the conversation are lost"
    elif choice is not None and choice.mode != "required" and can.tool_choice_with_thoughts is False:
        return {"tool_choice": None} | ({"tools": ()} if choice.mode == "none" else {})
    else:
        return {}
    found.note("reasoning_effort", f"sent as `none`: {why}")
    return {"thinking": ThinkingWanted(effort="none")}


def _has_lost_thoughts(turn: Turn) -> bool:
    calls = any(isinstance(part, ToolCall) for part in turn.parts)
    return calls and not any(isinstance(part, Thinking) and part.text for part in turn.parts)


def _rest(wanted: ThinkingWanted, can: Capabilities, found: Findings) -> ThinkingWanted | None:
    """Not to think."""
    if can.thinks == "no":
        return None
    if can.can_rest is False:
        found.refuse("reasoning_effort", "the model cannot be told not to think")
        return None
    if can.thinks == "effort":
        if can.efforts is not None and "none" not in can.efforts:
            return evolve(wanted, mode=None, effort=_nearest("none", can, found), budget=None)
        return evolve(wanted, mode=None, effort="none", budget=None)
    return evolve(wanted, mode="off", effort=None, budget=None)


def _effort(wanted: ThinkingWanted) -> str | None:
    """The effort that is meant, in words."""
    if wanted.effort is not None or wanted.budget is None:
        return wanted.effort
    return next((word for word in ("low", "medium", "high") if BUDGETS[word] >= wanted.budget), "high")


def _nearest(effort: str | None, can: Capabilities, found: Findings) -> str | None:
    """The effort that the model knows and that is nearest; the lesser of two. More than the least is never
    `none`: who asks a model to think is not answered without thoughts."""
    if effort is None or can.efforts is None or effort in can.efforts:
        return effort
    known = [word for word in EFFORTS if word in can.efforts]
    if effort not in EFFORTS:
        if known:
            found.refuse("reasoning_effort", f"it must be {', '.join(known)}")
        return None
    wish = EFFORTS.index(effort)
    near = min(
        (word for word in known if word != "none" or effort == "minimal"),
        key=lambda word: (abs(EFFORTS.index(word) - wish), EFFORTS.index(word)),
        default=None,
    )
    if near is not None:
        found.note("reasoning_effort", f"`{effort}` sent as `{near}`, the nearest that the model knows")
    elif known:
        found.note("reasoning_effort", "left out: the model knows no effort but `none`")
    return near


def _budget(
    wanted: ThinkingWanted, can: Capabilities, found: Findings, longest: int | None, provider: str
) -> dict[str, Any]:
    effort = wanted.effort if wanted.budget is not None and can.efforts else None
    budget = wanted.budget
    if budget is None:
        budget = BUDGETS.get(wanted.effort or "medium")
        if budget is None:
            found.refuse("reasoning_effort", f"it must be {', '.join(EFFORTS)}")
            return {"thinking": None}
    budget = min(max(budget, can.least_thinking or 0), can.most_thinking or budget)
    changed: dict[str, Any] = {}
    if longest is None:
        if provider == "anthropic":  # whose limit is never unsaid
            changed["max_tokens"] = budget + ROOM_TO_ANSWER
    elif budget >= longest:
        budget = longest - 1
        if budget < (can.least_thinking or 1):
            found.refuse(
                "reasoning_effort", f"thinking takes more than the {longest} tokens of the whole answer"
            )
            return {"thinking": None}
    return changed | {"thinking": evolve(wanted, mode="budget", budget=budget, effort=effort)}

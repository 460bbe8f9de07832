"""Functions that are declared among what is said, as Codex does: others get them beside it.

Source: https://github.com/router-for-me/CLIProxyAPI/issues/4219, and OpenAI's reference, `additional_tools`.
"""

from __future__ import annotations

from attrs import evolve

from ...requests.conversation import Conversation, Tool
from ...requests.parts import Part, Sealed
from ..openai_responses.items import DIALECT
from ..openai_responses.read_request import read_tools

_ITEM = "additional_tools"


def with_declared_tools(c: Conversation, provider: str) -> Conversation:
    """`c` with all of its tools beside what is said, for who has no item that declares them."""
    if provider == DIALECT or not any(_declares(part) for turn in c.turns for part in turn.parts):
        return c
    tools: list[Tool] = [*c.tools]
    turns = []
    for turn in c.turns:
        kept: list[Part] = []
        for part in turn.parts:
            if isinstance(part, Sealed) and _declares(part):
                tools += read_tools(part.value.get("tools"), (*part.at, "tools"))
            else:
                kept.append(part)
        if kept or not turn.parts:
            turns.append(evolve(turn, parts=tuple(kept)))
    return evolve(c, tools=tuple(tools), turns=tuple(turns))


def _declares(part: Part) -> bool:
    return isinstance(part, Sealed) and part.dialect == DIALECT and part.value.get("type") == _ITEM

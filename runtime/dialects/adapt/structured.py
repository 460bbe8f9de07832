"""What structured output takes where a provider wants more than to be asked for it.

The question must speak of JSON. In an answer, a call that stands for JSON is turned back into text; those
after the first are left out where one was wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from ...requests import events as e
from ...requests.conversation import Conversation, Turn
from ...requests.parts import Text
from .result import Findings

ASK_FOR_JSON = "Answer in JSON."

INSTRUCTIONS = ("instructions",)
"""Where those of responses stand."""


def speak_of_json(c: Conversation, changed: dict[str, Any], found: Findings, provider: str) -> dict[str, Any]:
    """The turns, with a word about JSON where it is wanted and nobody says so: OpenAI refuses that.

    In responses the input has to say so: instructions stand beside it.
    """
    format = changed.get("format", c.format)
    turns: tuple[Turn, ...] = changed.get("turns", c.turns)
    if format is None or format.kind != "json":
        return {}
    first = int(provider == "openai_responses" and bool(turns) and turns[0].at == INSTRUCTIONS)
    texts = (part.text for turn in turns[first:] for part in turn.parts if isinstance(part, Text))
    if any("json" in text.lower() for text in texts):
        return {}
    found.note("response_format", f"sent with `{ASK_FOR_JSON}`: the provider wants a message to say so")
    said = Text(ASK_FOR_JSON)
    for index in range(len(turns) - 1, first - 1, -1):
        turn = turns[index]
        if turn.role != "assistant" and turn.parts and all(isinstance(part, Text) for part in turn.parts):
            return {"turns": (*turns[:index], evolve(turn, parts=(*turn.parts, said)), *turns[index + 1 :])}
    return {"turns": (*turns[:first], Turn("system", (said,)), *turns[first:])}


def is_of_later_call(event: e.Event) -> bool:
    """Whether `event` is of a call after the first of its answer.

    The model can make that call again when it has the result of the first.
    """
    return isinstance(event, e.ToolCallBegun | e.ToolCallDelta | e.ToolCallDone) and event.call > 0


class AsJsonText:
    """Goes over the events of one answer. tool: the function that stands for the answer."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._calls: set[tuple[int, int]] = set()

    def convert(self, event: e.Event) -> Iterator[e.Event]:
        """What becomes of `event`: the call is told as text, and what the model says beside it is not."""
        match event:
            case e.ToolCallBegun(name=self._tool):
                self._calls.add((event.choice, event.call))
            case e.ToolCallDelta() if (event.choice, event.call) in self._calls:
                yield e.TextDelta(event.arguments, event.choice)
            case e.ToolCallDone() if (event.choice, event.call) in self._calls:
                yield e.PartEnded(event.choice)
            case e.TextDelta():
                pass
            case e.Finished(reason="tool_calls"):
                yield e.Finished("stop", event.choice, extras=event.extras)
            case _:
                yield event

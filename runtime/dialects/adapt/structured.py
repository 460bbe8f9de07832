"""Calls in an answer that the client did not ask for.

One that stands for JSON is turned back into text; those after the first are left out where one was wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...requests import events as e


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


def as_json_text(events: Iterable[e.Event], tool: str) -> Iterator[e.Event]:
    """`events` of an answer that was asked for as a call of `tool`."""
    filter = AsJsonText(tool)
    for event in events:
        yield from filter.convert(event)

"""What a model says, kept to be held to the client's schemas when all of it is there."""

from __future__ import annotations

from collections import defaultdict

from ...requests import events as e
from .result import Checked


class HeldAnswer:
    """Goes over the events of one answer. checks: of the answer, and of calls of functions.

    Held are the choices that the model has ended itself: not what was cut off, or refused. A choice that
    calls functions is no answer, and its calls alone are held.
    """

    def __init__(self, *checks: Checked) -> None:
        self._answer = next((each for each in checks if each.tool is None), None)
        self._of_calls = {each.tool: each for each in checks if each.tool is not None}
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._calls: dict[tuple[int, int], tuple[Checked, list[str]]] = {}
        self._ended: dict[int, e.Reason] = {}
        self._refused: set[int] = set()

    def see(self, event: e.Event) -> None:
        """Keep what `event` says of the answer, which is JSON text."""
        match event:
            case e.TextDelta() if self._answer is not None:
                self._texts[event.choice].append(event.text)
            case e.ToolCallBegun() if (checked := self._of_calls.get(event.name)) is not None:
                self._calls[event.choice, event.call] = checked, []
            case e.ToolCallDelta() if (call := self._calls.get((event.choice, event.call))) is not None:
                call[1].append(event.arguments)
            case e.RefusalDelta():
                self._refused.add(event.choice)
            case e.Finished(reason="stop" | "tool_calls" as reason):
                self._ended[event.choice] = reason

    def check(self) -> None:
        """Raises InvalidAnswer where something does not fit, and BadRequest where that cannot be told.

        It may take seconds: not on the event loop.
        """
        from .enforcement import hold_to_schema  # slow to import, and most requests need none of it

        for choice, reason in self._ended.items():
            if self._answer is not None and reason == "stop" and choice not in self._refused:
                hold_to_schema("".join(self._texts[choice]), self._answer)
        for (choice, _), (checked, pieces) in self._calls.items():
            if choice in self._ended:
                hold_to_schema("".join(pieces) or "{}", checked)

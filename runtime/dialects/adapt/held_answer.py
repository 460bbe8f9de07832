"""What a model says, kept to be held to the client's schema when all of it is there."""

from __future__ import annotations

from collections import defaultdict

from ...requests import events as e
from .result import Checked


class HeldAnswer:
    """Goes over the events of one answer.

    Held are the choices that the model has ended itself: not what was cut off, refused, or calls functions.
    """

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._ended: list[int] = []
        self._refused: set[int] = set()

    def see(self, event: e.Event) -> None:
        """Keep what `event` says of the answer, which is JSON text."""
        match event:
            case e.TextDelta():
                self._texts[event.choice].append(event.text)
            case e.RefusalDelta():
                self._refused.add(event.choice)
            case e.Finished(reason="stop"):
                self._ended.append(event.choice)

    def check(self) -> None:
        """Raises InvalidAnswer where a choice does not fit, and BadRequest where that cannot be told.

        It may take seconds: not on the event loop.
        """
        from .enforcement import hold_to_schema  # slow to import, and most requests need none of it

        for choice in self._ended:
            if choice not in self._refused:
                hold_to_schema("".join(self._texts[choice]), self._checked)

"""The events of an answer in an order in which one block follows the other, as Anthropic's clients need it.

Others go on with a call after they began another, or think and talk while they call. What comes while a call
is not complete waits until it is.
Sources: https://github.com/musistudio/claude-code-router/issues/1725, Anthropic's reference, streaming.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...requests import events as e
from ..json_end import JsonEnd

_BETWEEN = (e.Started, e.UsageKnown, e.FieldsMade)
"""What stands in no block."""
_LAST = (e.Finished, e.Failed)


class BlockOrder:
    """Hands events on at once, unless a call is open and they are not about it."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._end = JsonEnd()
        self._closed: set[int] = set()
        self._waiting: list[e.Event] = []

    def put(self, event: e.Event) -> Iterator[e.Event]:
        """What can be told now."""
        match event:
            case e.ToolCallDone(call=call) if call in self._closed:
                return
            case e.ToolCallDelta(call=call) | e.ToolCallDone(call=call) if call == self._open:
                yield self._tell(event)
            case _ if self._open is None or isinstance(event, _BETWEEN):
                yield self._tell(event)
            case _:
                self._waiting.append(event)
        if self._waiting and (isinstance(event, _LAST) or self._is_complete()):
            yield from self._go_on()

    def _is_complete(self) -> bool:
        """Whether the open call has all its arguments, as far as that can be told."""
        return self._open is None or self._end.is_whole

    def _go_on(self) -> Iterator[e.Event]:
        """Tell what has waited, as far as it can be."""
        waiting, self._waiting = self._waiting, []
        if self._open is not None:
            yield self._tell(e.ToolCallDone(self._open))
        for event in waiting:
            yield from self.put(event)

    def _tell(self, event: e.Event) -> e.Event:
        match event:
            case e.ToolCallBegun(call=call):
                self._open, self._end = call, JsonEnd()
            case e.ToolCallDelta(arguments=arguments):
                self._end.feed(arguments)
            case e.ToolCallDone(call=call):
                self._open = None
                self._closed.add(call)
        return event

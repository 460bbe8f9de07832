"""What goes to a client at once counts for the attempt that it is of, and is kept until it says something."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests.answer import Chunk
from ..requests.sink import Sink
from .attempt import Attempt
from .first_content import has_content

MOST_HELD = 64
"""Chunks without content that are held back: a stream that goes on so is the client's."""


class CountedSink:
    """`sink`, of what comes of `attempt`. held: what is held back of that."""

    __slots__ = ("_attempt", "_held", "_pass_on", "_sink", "takes")

    def __init__(self, sink: Sink, attempt: Attempt, held: list[Chunk]) -> None:
        self._sink = sink
        self._attempt = attempt
        self._held = held
        self._pass_on = sink.pass_on
        self.takes = sink.takes

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool:
        """As of all sinks."""
        attempt = self._attempt
        if attempt.is_held_back:
            held = self._held
            if len(held) + len(chunks) < MOST_HELD and not any(map(has_content, chunks)):
                held += chunks
            elif self._sink.send([*held, *chunks], more):
                held.clear()
                attempt.is_held_back = False
            else:
                return False
        elif not self._sink.send(chunks, more):
            return False
        for chunk in chunks:
            attempt.saw(chunk)
        return True

    def pass_on(self, piece: bytes, count: int, size: int) -> bool:
        """As of all sinks. count, size: how many events `piece` is, and bytes of their data."""
        attempt = self._attempt
        if attempt.is_held_back or not self._pass_on(piece):
            return False
        attempt.passed(count, size)
        return True

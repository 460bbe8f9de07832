"""What goes to a client at once counts for the attempt that it is of."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests.answer import Chunk
from ..requests.sink import Sink
from .attempt import Attempt


class CountedSink:
    """`sink`, of what comes of `attempt`."""

    __slots__ = ("_attempt", "_pass_on", "_sink", "takes")

    def __init__(self, sink: Sink, attempt: Attempt) -> None:
        self._sink = sink
        self._attempt = attempt
        self._pass_on = sink.pass_on
        self.takes = sink.takes

    def send(self, chunks: Sequence[Chunk]) -> bool:
        """As of all sinks."""
        if not self._sink.send(chunks):
            return False
        for chunk in chunks:
            self._attempt.saw(chunk)
        return True

    def pass_on(self, piece: bytes, size: int) -> bool:
        """As of all sinks."""
        if not self._pass_on(piece, size):
            return False
        self._attempt.passed(size)
        return True

"""Where the chunks of a stream may go at once, past the generators between who reads and who writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .answer import Chunk


class Sink(Protocol):
    """The client of a stream, whose next chunk is waited for.

    Who looks at chunks on their way keeps it from those that it asks: chunks that go there pass nobody else.
    """

    def takes(self) -> bool:
        """Whether a chunk may go there now: all that came before is sent, and the client reads."""
        ...

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool:
        """Send `chunks`, in one write; False where they have to go the usual way.

        more: what follows them is already here.
        """
        ...

    def pass_on(self, piece: bytes, size: int) -> bool:
        """Send one event in OpenAI's shape, as a chunk of HTTP/1.1; False where it has to go another way.

        size: bytes of its data. Ask `takes` before the first one.
        """
        ...

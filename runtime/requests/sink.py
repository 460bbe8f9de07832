"""Where the chunks of a stream may go at once, past the generators between who reads and who writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def pass_on(self, piece: bytes, /) -> bool:
        """Send events in OpenAI's shape, each a chunk of HTTP/1.1; False where they have to go another way.

        Ask `takes` before the first ones.
        """
        ...


class RelaySink(Protocol):
    """The same for who relays what its provider sends: all of it is counted. takes, send: as of a `Sink`."""

    @property
    def takes(self) -> Callable[[], bool]: ...

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool: ...

    def pass_on(self, piece: bytes, count: int, size: int) -> bool:
        """As of a `Sink`. count, size: how many events, and bytes of their data."""
        ...

"""What serves one request: the one interface behind which a replica may be anything, anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@frozen
class Usage:
    """What a request consumed, in tokens.

    cached_tokens: those of the prompt that the provider had cached. reasoning_tokens: those of the
    completion that the model thought in.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@frozen
class ChatRequest:
    """A chat request in OpenAI's shape, parsed; `body["model"]` is the name the client used."""

    body: dict[str, Any]
    stream: bool


@frozen
class EmbedRequest:
    """Texts to embed, at least one."""

    texts: tuple[str, ...]


Request = ChatRequest | EmbedRequest


@frozen
class ChatChunk:
    """A piece of a chat answer: JSON bytes in OpenAI's shape.

    Unary: the one whole `chat.completion`. Streamed: one `chat.completion.chunk`, or nothing where
    only the usage is told, which the client did not ask for.
    more: the next chunk is already here, so that a writer may put both into one packet.
    """

    data: bytes
    usage: Usage | None = None
    more: bool = False


@frozen
class EmbedChunk:
    """The vectors of an `EmbedRequest`: float32 [texts, dimensions], in the order of the texts."""

    vectors: NDArray[numpy.float32]
    usage: Usage


Chunk = ChatChunk | EmbedChunk


class Replica(Protocol):
    """Takes a request and a deadline, gives a stream of chunks and a usage."""

    async def start(self) -> None:
        """Become ready to serve. Raises StartError."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice, and after a failed start."""

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer to `request` in pieces; unary answers are one piece.

        deadline: in the time of the running loop. Closing the generator cancels the request and
        frees all it held. Raises RequestError.
        """
        ...

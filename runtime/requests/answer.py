"""What clients get: one class for each task, in pieces where the answer is streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from .events import Event
from .tensor import Tensor
from .upstream import Upstream
from .usage import Usage

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class ChatChunk(NamedTuple):
    """A piece of a chat answer: JSON bytes in OpenAI's shape.

    Unary: the one whole `chat.completion`. Streamed: one `chat.completion.chunk`, or nothing where
    only the usage is told, which the client did not ask for.
    more: the next chunk is already here, so that a writer may put both into one packet.
    upstream: of the first chunk, where a provider answers; all other chunks have it, too.
    """

    data: bytes
    usage: Usage | None = None
    more: bool = False
    upstream: Upstream | None = None


class ChatEvents(NamedTuple):
    """A piece of a chat answer that a provider gave in another shape than OpenAI's, or that was changed.

    native: the same as the client's own dialect has it, where that is the provider's, and it passes as it
    came; empty elsewhere. usage, more: as of a `ChatChunk`.
    """

    events: tuple[Event, ...]
    usage: Usage | None = None
    more: bool = False
    upstream: Upstream | None = None
    native: bytes = b""


@frozen
class EmbedChunk:
    """The vectors of an `EmbedRequest`: float32 [texts, dimensions], in the order of the texts."""

    vectors: NDArray[numpy.float32]
    usage: Usage
    upstream: Upstream | None = None


@frozen
class TensorChunk:
    """The outputs of a `TensorRequest`, in the order in which it names them, or the model does."""

    outputs: tuple[Tensor, ...]
    usage: Usage | None = None
    upstream: Upstream | None = None


@frozen
class RerankChunk:
    """The scores of a `RerankRequest`, 0 to 1: floats [documents], in the order of the documents."""

    scores: NDArray[numpy.floating[Any]]
    usage: Usage
    upstream: Upstream | None = None


@frozen
class Label:
    """One class; index: its place in what the model gives."""

    label: str
    index: int
    score: float


@frozen
class ClassifyChunk:
    """The labels of each row of a `ClassifyRequest`, the best first."""

    rows: tuple[tuple[Label, ...], ...]
    usage: Usage
    upstream: Upstream | None = None


Chunk = ChatChunk | ChatEvents | EmbedChunk | RerankChunk | ClassifyChunk | TensorChunk

"""What clients get: one class for each task, in pieces where the answer is streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from ...compiler.plan.record import frozen, new_tuple
from .events import Event
from .packed_vectors import PackedVectors
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
    says: whether it is more than who speaks, or a count of tokens; None: it has to be read.
    """

    data: bytes
    usage: Usage | None = None
    more: bool = False
    upstream: Upstream | None = None
    says: bool | None = None


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


class PassedChunk(NamedTuple):
    """A piece of the answer to a `PassedRequest`; the type is that of the whole. usage, more: as above."""

    data: bytes
    content_type: str
    usage: Usage | None = None
    more: bool = False
    upstream: Upstream | None = None


@frozen
class EmbedChunk:
    """The vectors of an `EmbedRequest`, in the order of the texts: float32 [texts, dimensions].

    array: the vectors; None: they are `packed`, as they came. is_sparse: most of their numbers are 0.
    tokens: in place of vectors, one for each token of each text.
    """

    array: NDArray[numpy.float32] | None
    usage: Usage
    upstream: Upstream | None = None
    is_sparse: bool = False
    tokens: tuple[NDArray[numpy.float32], ...] = ()
    packed: PackedVectors | None = None

    @property
    def vectors(self) -> NDArray[numpy.float32]:
        """Those that were packed are decoded each time."""
        if self.array is not None:
            return self.array
        assert self.packed is not None
        return self.packed.numbers()

    @property
    def dimensions(self) -> int:
        """Numbers of each vector."""
        return self.vectors.shape[1] if self.packed is None else self.packed.dimensions


@frozen
class TensorChunk:
    """The outputs of a `TensorRequest`, in the order in which it names them, or the model does."""

    outputs: tuple[Tensor, ...]
    usage: Usage | None = None
    upstream: Upstream | None = None


@frozen
class RerankChunk:
    """The scores of a `RerankRequest`: floats [documents], in the order of the documents.

    raw: what they were made of, where documents whose scores are equal may still differ by it.
    """

    scores: NDArray[numpy.floating[Any]]
    usage: Usage
    upstream: Upstream | None = None
    raw: NDArray[numpy.floating[Any]] | None = None


@frozen
class Label:
    """One class; index: its place in what the model gives."""

    label: str
    index: int
    score: float


@frozen
class LabelledSpan:
    """A part of a text with its label. start, end: characters of the text."""

    label: str
    score: float
    text: str
    start: int
    end: int


@frozen
class ClassifyChunk:
    """The labels of each row of a `ClassifyRequest`, the best first; or the spans of each text."""

    rows: tuple[tuple[Label, ...], ...]
    usage: Usage
    upstream: Upstream | None = None
    spans: tuple[tuple[LabelledSpan, ...], ...] | None = None


Chunk = ChatChunk | ChatEvents | PassedChunk | EmbedChunk | RerankChunk | ClassifyChunk | TensorChunk


def with_upstream(chunk: Chunk, upstream: Upstream) -> Chunk:
    """`chunk`, the first one of an answer, with what the provider says beside it."""
    if type(chunk) is ChatChunk:
        data, usage, more, _, says = chunk
        return new_tuple(ChatChunk, (data, usage, more, upstream, says))
    if isinstance(chunk, ChatChunk | ChatEvents | PassedChunk):
        return chunk._replace(upstream=upstream)
    if type(chunk) is EmbedChunk:
        return EmbedChunk(chunk.array, chunk.usage, upstream, chunk.is_sparse, chunk.tokens, chunk.packed)
    return evolve(chunk, upstream=upstream)

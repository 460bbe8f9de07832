"""What serves one request: the one interface behind which a replica may be anything, anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from ..compiler.plan import OnnxServingPlan


@frozen
class Usage:
    """What a request consumed, in tokens.

    cached_tokens: those of the prompt that the provider had cached. reasoning_tokens: those of the
    completion that the model thought in. cache_write_tokens: those of the prompt that it wrote to its cache,
    of which it keeps `cache_write_1h_tokens` for an hour.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0


@frozen
class ChatRequest:
    """A chat request in OpenAI's shape, parsed; `body["model"]` is the name the client used."""

    body: dict[str, Any]
    stream: bool


@frozen
class CompletionRequest:
    """A text to continue, in the shape of OpenAI's completions; otherwise as a `ChatRequest`."""

    body: dict[str, Any]
    stream: bool


@frozen
class EmbedRequest:
    """Texts to embed, at least one. dimensions: how many numbers of each vector; None is all."""

    texts: tuple[str, ...]
    dimensions: int | None = None


@frozen
class TensorInfo:
    """An input or output of a model.

    datatype: in the words of the Open Inference Protocol, "FP32". shape: None where any size fits; None as a
    whole where any number of dimensions does.
    """

    name: str
    datatype: str
    shape: tuple[int | None, ...] | None


@frozen
class Tensor:
    """Named values. BF16: the bits, as uint16. BYTES: an array of `bytes` objects."""

    name: str
    datatype: str
    values: NDArray[Any]


@frozen
class TensorRequest:
    """Inputs of a model as they are. outputs: the names of those wanted, empty for all."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()


@frozen
class RerankRequest:
    """Documents, at least one, to be scored by what they say about `query`."""

    query: str
    documents: tuple[str, ...]


@frozen
class ClassifyRequest:
    """Texts, or the inputs of a model that takes no text, to be classified.

    top_k: how many labels are wanted; None is as the deployment says.
    """

    texts: tuple[str, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    top_k: int | None = None


Request = ChatRequest | CompletionRequest | EmbedRequest | RerankRequest | ClassifyRequest | TensorRequest


class ChatChunk(NamedTuple):
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


@frozen
class TensorChunk:
    """The outputs of a `TensorRequest`, in the order in which it names them, or the model does."""

    outputs: tuple[Tensor, ...]
    usage: Usage | None = None


@frozen
class RerankChunk:
    """The scores of a `RerankRequest`, 0 to 1: float32 [documents], in the order of the documents."""

    scores: NDArray[numpy.float32]
    usage: Usage


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


Chunk = ChatChunk | EmbedChunk | RerankChunk | ClassifyChunk | TensorChunk


@frozen
class ReplicaStatus:
    """How a replica is.

    providers: what a local model really runs on, in order. missing: those that were asked for and are not
    there. warnings: what is not as it was asked for. inputs, outputs: of a local model. run_sizes: how
    many of its runs had so many rows, or texts.
    """

    ready: bool
    providers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    run_sizes: Mapping[int, int] = field(factory=dict)


HeadersObserver = Callable[[Mapping[str, str]], None]
"""Told the headers of each answer of a provider, which say what is left of its limits."""


class Replica(Protocol):
    """Takes a request and a deadline, gives a stream of chunks and a usage."""

    async def start(self) -> None:
        """Become ready to serve. Raises StartError."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice, and after a failed start."""

    def status(self) -> ReplicaStatus:
        """How it is now. Quick: asked for by every health check."""
        ...

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer to `request` in pieces; unary answers are one piece.

        deadline: in the time of the running loop. Closing the generator cancels the request and
        frees all it held. Raises RequestError.
        """
        ...


@runtime_checkable
class Answering(Protocol):
    """A replica that gives an answer of one chunk without the cost of a stream."""

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        """The whole answer to a request that wants no stream; otherwise as `stream`. Raises RequestError."""
        ...


@runtime_checkable
class Reloadable(Protocol):
    """A replica whose model can be replaced while it serves."""

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve `plan` from now on. Raises StartError, and goes on with what it served before."""

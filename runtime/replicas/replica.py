"""What serves one request: the one interface behind which a replica may be anything, anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import field

from ...compiler.plan.record import frozen
from ..requests.answer import Chunk
from ..requests.request import ChatRequest, Request
from ..requests.sink import RelaySink
from ..requests.tensor import TensorInfo

if TYPE_CHECKING:
    from ...compiler.plan import OnnxServingPlan

LOAD_TIMEOUT = 300.0
"""Seconds that a model on this machine has to be loaded, unless it is said otherwise, and to run once."""


class RunSizes(Counter[int]):
    """How many runs had so many rows, or texts. in_place: how many of all were made on the event loop."""

    in_place = 0


@frozen
class ReplicaStatus:
    """How a replica is.

    providers: what a local model really runs on, in order. missing: those that were asked for and are not
    there. warnings: what is not as it was asked for. inputs, outputs: of a local model. run_sizes: how
    many of its runs had so many rows, or texts. credential: another number when the key that it shows has
    changed.
    """

    ready: bool
    providers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    run_sizes: RunSizes = field(factory=RunSizes)
    credential: int = 0


HeadersObserver = Callable[[Mapping[str, str]], None]
"""Told the headers of each answer of a provider that say what is left of its limits."""


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
class Relaying(Protocol):
    """A replica whose chunks may go to the client at once."""

    def relay(self, request: Request, deadline: float | None, sink: RelaySink) -> AsyncGenerator[Chunk, None]:
        """As `stream`, without the chunks that went to `sink`."""
        ...


class Adapted(Protocol):
    """A chat request as one model takes it."""

    @property
    def changes(self) -> tuple[str, ...]:
        """The places of what was changed in it or left out, in the client's words."""
        ...


@runtime_checkable
class Adapting(Protocol):
    """A replica whose model does not take every chat as it comes; all of a deployment adapt alike."""

    def fit_at_once(self, request: ChatRequest) -> Adapted | None:
        """As `fit`; None where that takes longer than the event loop may be held."""
        ...

    def fit(self, request: ChatRequest) -> Adapted:
        """`request` as the model takes it, found once. Raises Incapable where the model cannot answer it."""
        ...


@runtime_checkable
class Omitting(Protocol):
    """A replica whose model is not told all that requests other than chats may say."""

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` of which it is told nothing. Raises BadRequest."""
        ...


@runtime_checkable
class Reloadable(Protocol):
    """A replica whose model can be replaced while it serves."""

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve `plan` from now on. Raises StartError, and goes on with what it served before."""

    async def unload(self) -> None:
        """Serve nothing until the next `reload`, and give back what was taken."""

"""What clients ask for: one class for each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import field

from ...compiler.plan.record import frozen
from .conversation import Conversation, Turn
from .tensor import Tensor

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})

OPENAI_CHAT = "openai_chat"
"""The dialect of bodies in OpenAI's shape."""

InOpenai = tuple[dict[str, Any], tuple[str, ...], tuple[Turn, ...]]
"""A body in OpenAI's shape, the places of what it does not say, and the turns that are in it."""


@frozen
class Said:
    """What a client asked in another dialect than OpenAI's chat completions.

    conversation: what it says. as_openai: the same in OpenAI's shape. native: the body as it came; None where
    something was changed since. headers: what stood beside it for a provider of the same dialect.
    """

    dialect: str
    conversation: Conversation
    native: dict[str, Any] | None = field(repr=False)
    as_openai: Callable[[Conversation], InOpenai] = field(repr=False)
    headers: Mapping[str, str] = NO_OPTIONS


@frozen
class ChatRequest:
    """A chat request, as its client sent it.

    body: in OpenAI's shape, parsed; `body["model"]` is the name the client used. Of what was `said` in
    another dialect it is written when it is asked for; all else is `given`. kept: what has been found out
    about the request, such as how each provider is asked.
    """

    given: dict[str, Any] | None
    stream: bool
    said: Said | None = None
    kept: dict[str, Any] = field(factory=dict, init=False, eq=False, repr=False)

    @property
    def dialect(self) -> str:
        """Of the client."""
        return OPENAI_CHAT if self.said is None else self.said.dialect

    @property
    def body(self) -> dict[str, Any]:
        if self.given is not None:
            return self.given
        return self._written[0]

    @property
    def lost(self) -> tuple[str, ...]:
        """The places of what `body` does not say, where somebody needed it."""
        return self._written[1] if _WRITTEN in self.kept else ()

    @property
    def turns(self) -> tuple[Turn, ...] | None:
        """Those in `body`, each with its place in the client's request; None where `body` is that request."""
        return None if self.said is None else self._written[2]

    @property
    def _written(self) -> InOpenai:
        assert self.said is not None
        found: InOpenai | None = self.kept.get(_WRITTEN)
        if found is None:
            found = self.kept[_WRITTEN] = self.said.as_openai(self.said.conversation)
        return found


_WRITTEN = "body"


@frozen
class CompletionRequest:
    """A text to continue, in the shape of OpenAI's completions; otherwise as a `ChatRequest`."""

    body: dict[str, Any]
    stream: bool


@frozen
class Part:
    """A part of a form. head: its headers, without the empty line after them. name: of its field."""

    name: str
    head: bytes
    content: bytes


@frozen
class PassedRequest:
    """A request that passes as it came, with another name of the model, to who speaks OpenAI's protocol.

    path: below the endpoint of the provider. model: the name that the client used. body: a JSON object, or
    form: of which it is one. The answer is handed on as it comes.
    """

    path: str
    model: str
    body: Mapping[str, Any] = NO_OPTIONS
    form: tuple[Part, ...] = ()
    stream: bool = field(default=True, init=False)


@frozen
class EmbedRequest:
    """Texts to embed, at least one, or token ids instead. dimensions: how many numbers of each vector; None
    is all.

    options: what else the client says, under its own names: whoever answers does it, or refuses it by name.
    """

    texts: tuple[str, ...] = ()
    dimensions: int | None = None
    token_ids: tuple[tuple[int, ...], ...] = ()
    options: Mapping[str, Any] = NO_OPTIONS

    @property
    def inputs(self) -> tuple[str, ...] | tuple[tuple[int, ...], ...]:
        """What is embedded: a vector for each."""
        return self.token_ids or self.texts


@frozen
class TensorRequest:
    """Inputs of a model as they are. outputs: the names of those wanted, empty for all."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()


@frozen
class RerankRequest:
    """Documents, at least one, to be scored by what they say about `query`. options: as of `EmbedRequest`."""

    query: str
    documents: tuple[str, ...]
    options: Mapping[str, Any] = NO_OPTIONS


@frozen
class ClassifyRequest:
    """Texts, or the inputs of a model that takes no text, to be classified.

    top_k: how many labels are wanted; None is as the deployment says.
    """

    texts: tuple[str, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    top_k: int | None = None


Request = (
    ChatRequest
    | CompletionRequest
    | PassedRequest
    | EmbedRequest
    | RerankRequest
    | ClassifyRequest
    | TensorRequest
)

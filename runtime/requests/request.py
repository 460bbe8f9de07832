"""What clients ask for: one class for each task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from .tensor import Tensor

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


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


Request = ChatRequest | CompletionRequest | EmbedRequest | RerankRequest | ClassifyRequest | TensorRequest

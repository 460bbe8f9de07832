"""A client's request, read: what is asked of whom, and how the answer is written for that client."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from ...compiler.plan.record import frozen
from ..requests.answer import EmbedChunk, RerankChunk
from ..requests.request import EmbedRequest, RerankRequest

Request = TypeVar("Request")
Chunk = TypeVar("Chunk")


@frozen
class Asked(Generic[Request, Chunk]):
    """model: None where the client names none. write: an answer, which names the model, in pieces."""

    model: str | None
    request: Request
    write: Callable[[Chunk, str], Iterable[bytes | memoryview]]


EmbedAsked = Asked[EmbedRequest, EmbedChunk]
RerankAsked = Asked[RerankRequest, RerankChunk]


def best_first(chunk: RerankChunk, most: int | None) -> list[tuple[int, float]]:
    """The numbers of the `most` best documents with their scores."""
    scores: list[float] = chunk.scores.tolist()
    raw: list[float] = scores if chunk.raw is None else chunk.raw.tolist()
    return sorted(enumerate(scores), key=lambda each: -raw[each[0]])[:most]

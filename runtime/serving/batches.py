"""Texts to embed that are more than a model takes in one request: sent in several, answered as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from attrs import evolve

from ..requests.answer import Chunk, EmbedChunk
from ..requests.call import Call
from ..requests.request import EmbedRequest, Request
from ..requests.usage import Usage

AT_ONCE = 4
"""Requests that are sent at the same time, where slots are free."""


BYTES_PER_TOKEN = 3
"""Of a text that is dense; one with other letters than ASCII has a token for each."""


def batches(request: Request, most: int | None, tokens: int | None = None) -> tuple[EmbedRequest, ...]:
    """The requests that stand for `request`, of `most` inputs each that have no more than about `tokens`
    together; none where it goes out as it is."""
    if not isinstance(request, EmbedRequest) or len(request.inputs) < 2:
        return ()
    inputs: Sequence[str | tuple[int, ...]] = request.inputs
    if (most is None or len(inputs) <= most) and (
        tokens is None or sum(map(len, inputs)) + len(inputs) <= tokens  # no text has more
    ):
        return ()
    parts: list[slice] = []
    start = size = 0
    for at, each in enumerate(inputs):
        more = _tokens(each) if tokens is not None else 0
        if at - start == most or (tokens is not None and at > start and size + more > tokens):
            parts.append(slice(start, at))
            start, size = at, 0
        size += more
    if not parts:
        return ()
    return tuple(
        evolve(request, texts=request.texts[part], token_ids=request.token_ids[part])
        for part in (*parts, slice(start, None))
    )


def _tokens(each: str | tuple[int, ...]) -> int:
    """How many tokens it has at most, about."""
    if not isinstance(each, str):
        return len(each)
    return len(each) // BYTES_PER_TOKEN + 1 if each.isascii() else len(each)


async def embed_in_batches(
    parts: tuple[EmbedRequest, ...], call: Call, width: int, answer: Callable[[Call], Awaitable[Chunk]]
) -> EmbedChunk:
    """All vectors in order, asked for with `width` requests at a time. Raises the first RequestError."""
    import numpy

    found: list[EmbedChunk | None] = [None] * len(parts)
    numbers = iter(range(len(parts)))

    async def work() -> None:
        for number in numbers:
            chunk = await answer(evolve(call, request=parts[number]))
            assert isinstance(chunk, EmbedChunk)
            found[number] = chunk

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(width, len(parts), AT_ONCE)):
                workers.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    chunks = [chunk for chunk in found if chunk is not None]
    vectors = numpy.concatenate([chunk.vectors for chunk in chunks])
    return EmbedChunk(vectors, Usage.total(chunk.usage for chunk in chunks))

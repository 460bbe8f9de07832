"""Texts to embed that are more than a model takes in one request: sent in several, answered as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from attrs import evolve

from ..requests.answer import Chunk, EmbedChunk
from ..requests.call import Call
from ..requests.request import EmbedRequest, Request
from ..requests.usage import Usage

AT_ONCE = 4
"""Requests that are sent at the same time, where slots are free."""


def batches(request: Request, most: int | None) -> tuple[EmbedRequest, ...]:
    """The requests that stand for `request`, of `most` inputs each; none where it goes out as it is."""
    if most is None or not isinstance(request, EmbedRequest) or len(request.inputs) <= most:
        return ()
    starts = range(0, len(request.inputs), most)
    return tuple(
        evolve(request, texts=request.texts[at : at + most], token_ids=request.token_ids[at : at + most])
        for at in starts
    )


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

"""An answer up to its first content: until then, another member may still give it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson

from ...compiler.plan.record import frozen
from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.events import PartEnded, Started, UsageKnown

_QUIET = (Started, UsageKnown, PartEnded)
Chunks = AsyncGenerator[Chunk, None]


@frozen
class Opened:
    """The chunks that came, of which the last one has content, and those that will come."""

    first: list[Chunk]
    rest: Chunks

    async def chunks(self) -> Chunks:
        """All of them."""
        async with aclosing(self.rest) as rest:
            for chunk in self.first:
                yield chunk
            async for chunk in rest:
                yield chunk


async def open_answer(chunks: Chunks) -> Opened:
    """Read up to the first content, or to the end of an answer that has none. Raises RequestError."""
    first: list[Chunk] = []
    async for chunk in chunks:
        first.append(chunk)
        if has_content(chunk):
            break
    return Opened(first, chunks)


def has_content(chunk: Chunk) -> bool:
    """Whether `chunk` is more than the role of who speaks, or a count of tokens."""
    if type(chunk) is ChatChunk and chunk.says is not None:
        return chunk.says
    if isinstance(chunk, ChatEvents):
        return not all(isinstance(event, _QUIET) for event in chunk.events)
    if not isinstance(chunk, ChatChunk):
        return True
    if not chunk.data:
        return False
    body = orjson.loads(chunk.data)
    if not isinstance(body, dict):
        return True
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or choice.get("finish_reason") is not None:
            return True  # a whole answer, a piece of a completion, or the end
        for name, value in delta.items():
            if value and name != "role":
                return True
    return False

"""An answer up to its first content: until then, another member may still give it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from ...compiler.plan.record import frozen
from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.events import PartEnded, Started, UsageKnown

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
    if isinstance(chunk, ChatEvents):
        return not all(isinstance(event, Started | UsageKnown | PartEnded) for event in chunk.events)
    if not isinstance(chunk, ChatChunk):
        return True
    return bool(chunk.data) and any(map(_says_something, _choices_of(chunk.data)))


def _choices_of(data: bytes) -> list[Any]:
    """The choices in a chat answer, or in a piece of one; what is no such thing counts as one."""
    body = orjson.loads(data)
    choices = body.get("choices") if isinstance(body, dict) else [None]
    return choices if isinstance(choices, list) else []


def _says_something(choice: Any) -> bool:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(delta, dict) or choice.get("finish_reason") is not None:
        return True  # a whole answer, a piece of a completion, or the end
    return any(value for name, value in delta.items() if name != "role")

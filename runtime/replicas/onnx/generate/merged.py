"""Several streams as one: what each gives goes on as soon as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

from .....compiler.plan.record import frozen
from ....concurrency.tasks import end_tasks

Item = TypeVar("Item")


@frozen
class _Piece(Generic[Item]):
    """What a stream gave; nothing at its end."""

    items: tuple[Item, ...]
    error: Exception | None = None


async def merged(streams: Sequence[AsyncGenerator[Item, None]]) -> AsyncGenerator[Item, None]:
    """All that `streams` give. The first that fails ends the others; so does closing this."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for item in only:
                yield item
        return
    there: asyncio.Queue[_Piece[Item]] = asyncio.Queue(len(streams))

    async def pump(stream: AsyncGenerator[Item, None]) -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    await there.put(_Piece((item,)))
        except Exception as error:
            await there.put(_Piece((), error))
        else:
            await there.put(_Piece(()))

    tasks = [asyncio.create_task(pump(stream)) for stream in streams]
    try:
        going = len(tasks)
        while going:
            piece = await there.get()
            if piece.error is not None:
                raise piece.error
            going -= not piece.items
            for item in piece.items:
                yield item
    finally:
        await end_tasks(tasks)

"""What nobody needs any more is gone after the checks, young or old."""

from __future__ import annotations

import asyncio
import weakref

from inferc.editor.garbage import Garbage


class Circle:
    """What only a search finds, once nobody has it."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_found_after_a_check_or_after_fifty() -> None:
    async def check(times: int) -> None:
        for _ in range(times):
            garbage.collect_soon()
            await asyncio.sleep(0)

    async def scenario() -> None:
        young, old = Circle(), Circle()
        was_young, was_old = weakref.ref(young), weakref.ref(old)
        del young
        await check(1)
        assert was_young() is None
        await check(2)
        del old
        await check(50)
        assert was_old() is None

    garbage = Garbage()
    asyncio.run(scenario())


def test_old_garbage_is_looked_for_less_often_where_there_is_little_and_soon_where_there_was_much() -> None:
    async def old(count: int) -> list[weakref.ref[Circle]]:
        """Circles that nobody has any more, and that outlived what is young."""
        circles = [Circle() for _ in range(count)]
        await check(2)
        return [weakref.ref(each) for each in circles]

    async def check(times: int) -> None:
        for _ in range(times):
            garbage.collect_soon()
            await asyncio.sleep(0)

    async def scenario() -> None:
        await check(50)
        found = await old(10_000)
        await check(50)
        assert found[0]() is not None
        await check(1_000)
        assert found[0]() is None
        found = await old(10)
        await check(1_000)
        assert found[0]() is None

    garbage = Garbage()
    asyncio.run(scenario())

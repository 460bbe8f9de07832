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

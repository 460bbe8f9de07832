from __future__ import annotations

import asyncio

import pytest

from inferc.runtime.concurrency.timeouts import Timeouts
from inferc.runtime.concurrency.virtual_time import run_virtual

GRAIN = 0.1


def test_a_wait_that_lasts_too_long_is_a_timeout_at_most_a_grain_late() -> None:
    async def main() -> float:
        loop, timeouts = asyncio.get_running_loop(), Timeouts(GRAIN)
        with pytest.raises(TimeoutError), timeouts.until(loop.time() + 5):
            await asyncio.sleep(60)
        return loop.time()

    assert 5 <= run_virtual(main()) <= 5 + GRAIN + 1e-6


def test_each_wait_has_its_own_limit_and_waits_in_time_are_left_alone() -> None:
    async def main() -> list[str]:
        loop, timeouts = asyncio.get_running_loop(), Timeouts(GRAIN)

        async def wait(seconds: float, limit: float) -> str:
            for _ in range(3):
                try:
                    with timeouts.until(loop.time() + limit):
                        await asyncio.sleep(seconds)
                except TimeoutError:
                    return "late"
            return "in time"

        return await asyncio.gather(wait(1, 2), wait(2, 1), wait(30, 31), wait(0, 0.5))

    assert run_virtual(main()) == ["in time", "late", "in time", "in time"]


def test_a_cancellation_from_outside_stays_one() -> None:
    async def main() -> bool:
        timeouts = Timeouts(GRAIN)

        async def wait() -> None:
            with timeouts.until(asyncio.get_running_loop().time() + 5):
                await asyncio.sleep(60)

        task = asyncio.create_task(wait())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(main())


def test_an_error_in_time_passes_through_and_nothing_is_left_ticking() -> None:
    async def main() -> bool:
        timeouts = Timeouts(GRAIN)
        with pytest.raises(KeyError), timeouts.until(asyncio.get_running_loop().time() + 5):
            raise KeyError
        await asyncio.sleep(2 * GRAIN)
        return timeouts._timer is None

    assert run_virtual(main())

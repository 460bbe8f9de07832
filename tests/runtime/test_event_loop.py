"""What goes on on the event loop, and its end, and that of the process with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.concurrency.tasks import repeated
from inferc.runtime.concurrency.virtual_time import run_virtual

STUCK = """
import asyncio, threading
from inferc.runtime.concurrency.event_loop import run_async

async def main():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    print("done", flush=True)

run_async(main(), lingering=0.2)
"""


def test_a_thread_that_does_not_come_back_does_not_keep_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_process_whose_loop_has_closed_goes_on() -> None:
    async def main() -> int:
        return await asyncio.to_thread(int, "7")

    assert run_async(main(), lingering=0.2) == 7
    time.sleep(0.4)  # long enough for a timer that was forgotten


def test_generators_that_nobody_has_closed_are_closed_with_the_loop() -> None:
    closed = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def main() -> AsyncGenerator[int, None]:
        left, read = numbers(), numbers()
        assert [number async for number in read] == [await anext(left)]
        assert closed == [True]
        return left

    left = run_async(main())
    assert closed == [True, True]
    assert left.ag_frame is None


def test_what_is_looked_at_now_and_then_is_looked_at_again_after_it_has_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks = []

    async def look() -> None:
        looks.append(asyncio.get_running_loop().time())
        if len(looks) == 1:
            raise RuntimeError("can't start new thread")

    async def scenario() -> None:
        async with repeated(look, 10, "the certificate"):
            await asyncio.sleep(35)

    run_virtual(scenario())
    assert len(looks) == 3
    assert caplog.messages == ["the certificate: this failed, and is tried again"]

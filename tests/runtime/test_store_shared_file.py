"""Limits and circuits that workers of one machine share in a file, on a clock of its own."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from inferc.compiler.plan import RateLimits
from inferc.runtime.concurrency.tasks import end_tasks
from inferc.runtime.limits.rate_limiters import SharedRateLimiter, StrictRateLimiter
from inferc.runtime.limits.store.protocol import Opening
from inferc.runtime.limits.store.shared_file import FILE, SharedFile
from inferc.runtime.limits.store.sqlite import SqliteStore
from inferc.runtime.policies.shared_window import LEASE, SharedWindow

from ..support.remote import until

Limiter = StrictRateLimiter | SharedRateLimiter


@asynccontextmanager
async def workers(folder: Path, count: int, limits: RateLimits) -> AsyncIterator[list[Limiter]]:
    """Limiters of as many processes, as far as the file can tell."""
    async with AsyncExitStack() as stack:
        made: list[Limiter] = []
        for _ in range(count):
            store = SqliteStore(folder, several=True)
            await store.start()
            stack.push_async_callback(store.stop)
            assert store.limits is not None
            kind = StrictRateLimiter if limits.strict else SharedRateLimiter
            made.append(kind("the account", limits, "key", store.limits))
        for limiter in made:
            await limiter.start()
            stack.push_async_callback(limiter.stop)
        yield made


async def granted(limiters: list[Limiter], each: int, wanted: int) -> int:
    """How many of `each` requests per worker are let through, once `wanted` are and some time has passed."""
    asked = [asyncio.create_task(one.acquire(1, None)) for one in limiters for _ in range(each)]

    def through() -> int:
        return sum(task.done() for task in asked)

    await until(lambda: through() >= wanted, 30)
    await asyncio.sleep(0.3)
    found = through()
    await end_tasks(asked)
    return found


async def test_workers_keep_strict_limits_exactly(tmp_path: Path) -> None:
    async with workers(tmp_path, 3, RateLimits(requests_per_minute=20, strict=True)) as limiters:
        assert await granted(limiters, 15, wanted=20) == 20
    async with workers(tmp_path, 3, RateLimits(requests_per_minute=20, strict=True)) as limiters:
        assert await granted(limiters, 1, wanted=0) == 0, "also those that are started anew"


async def test_workers_share_what_is_not_strict_and_send_no_more(tmp_path: Path) -> None:
    async with workers(tmp_path, 3, RateLimits(requests_per_minute=30)) as limiters:
        assert 10 <= await granted(limiters, 30, wanted=10) <= 30


async def test_requests_in_flight_are_counted_over_all_workers(tmp_path: Path) -> None:
    async with workers(tmp_path, 2, RateLimits(concurrent_requests=1, strict=True)) as (one, other):
        permit = await one.acquire(1, None)
        waiting = asyncio.create_task(other.acquire(1, None))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        one.finish(permit, 1)
        other.finish(await waiting, 1)


def test_what_a_worker_holds_that_is_gone_is_free_within_seconds() -> None:
    limits = RateLimits(requests_per_minute=100, concurrent_requests=1)
    window = SharedWindow()
    assert window.share(limits, "gone", 1, (0, 0), 10.0)[0] == 100
    assert window.share(limits, "other", 1, (0, 0), 11.0)[0] == 0
    assert window.acquire(limits, [(1, "lease")], 11.0)[0] == 0, "its share holds all"
    window.settle(10.0 + LEASE)
    granted, bucket, _ = window.acquire(limits, [(1, "lease"), (1, "next")], 10.0 + LEASE)
    assert (granted, bucket) == (1, 150)
    again = SharedWindow.decode(window.encode(), 20.0)
    assert again == window
    assert SharedWindow.decode(window.encode(), 3.0) == SharedWindow(), "the machine was started anew"


async def test_workers_hear_of_circuits_and_holds_and_one_probes(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path, several=True), SqliteStore(tmp_path, several=True)
    await one.start()
    await other.start()
    assert one.health is not None
    assert other.health is not None
    await one.health.open("endpoint", Opening(30, 30))
    await one.health.hold("account", 50)
    await one.health.hold("account", 5)
    [opening], [held] = await other.health.heard(["endpoint"], ["account"])
    assert opening is not None
    assert (0 < opening.seconds <= 30, opening.open_for, 40 < held <= 50) == (True, 30, True)
    await one.health.close("endpoint")
    assert await other.health.heard(["endpoint"], []) == ([None], [])
    await one.health.open("endpoint", Opening(0, 30))
    assert await one.health.probe("endpoint", "one") is True
    assert await other.health.probe("endpoint", "other") is False
    await one.health.release("endpoint", "one")
    assert await other.health.probe("endpoint", "other") is True
    await one.stop()
    await other.stop()


@pytest.mark.parametrize("damage", ["header", "page", "half", "text"])
async def test_a_damaged_file_begins_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def opened() -> SqliteStore:
        store = SqliteStore(tmp_path, several=True)
        await store.start()
        return store

    store = await opened()
    assert store.health is not None
    for number in range(30):
        await store.health.open(f"{number} {'x' * 500}", Opening(50, 50))
    await store.stop()
    path = tmp_path / FILE
    whole = path.read_bytes()
    match damage:
        case "header":
            path.write_bytes(b"\0" * 100 + whole[100:])
        case "page":
            path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
        case "half":
            path.write_bytes(whole[: len(whole) // 2])
        case _:
            path.write_text("this is no database, and long enough to look at" * 50)
    with caplog.at_level(logging.WARNING):
        one, other = await opened(), await opened()
        assert one.health is not None
        assert other.health is not None
        await one.health.open("endpoint", Opening(30, 30))
        [opening], _ = await other.health.heard(["endpoint"], [])
    assert opening is not None
    [said] = caplog.messages
    assert "shared.sqlite3 are damaged (" in said
    assert "they begin anew with what each process knows" in said
    assert one.problems.past == [said]
    await one.stop()
    await other.stop()


async def test_a_damaged_file_is_taken_away_by_one_process_while_no_other_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several workers that started at it, some ended: theirs was taken away while they opened it."""
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    others_wait: list[bool] = []

    def step(name: str) -> Callable[..., object]:
        real = getattr(SharedFile, name)

        def run(*args: object) -> object:
            folder = os.open(tmp_path, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                others_wait.append(False)
            except BlockingIOError:
                others_wait.append(True)
            finally:
                os.close(folder)
            return real(*args)

        return run

    for name in ("_connect", "_remove"):
        monkeypatch.setattr(SharedFile, name, step(name))
    stores = [SqliteStore(tmp_path, several=True) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    assert others_wait == [True] * 6  # one opens it, takes it away and opens its own; three open that
    assert len([said for store in stores for said in store.problems.past]) == 1
    for store in stores:
        await store.stop()


async def test_a_file_that_is_damaged_while_it_is_used_begins_anew(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path, several=True), SqliteStore(tmp_path, several=True)
    await one.start()
    await other.start()
    assert one.health is not None
    assert other.health is not None
    await one.health.open("endpoint", Opening(30, 30))
    for path in (tmp_path / FILE, tmp_path / f"{FILE}-wal"):  # in place: others have it in their memory
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(b"\xff" * size)
    for store in (one, other):
        assert store.health is not None
        await store.health.heard(["endpoint"], [])
    assert one.problems.past + other.problems.past
    await one.health.open("endpoint", Opening(30, 30))
    [opening], _ = await other.health.heard(["endpoint"], [])
    assert opening is not None
    await one.stop()
    await other.stop()

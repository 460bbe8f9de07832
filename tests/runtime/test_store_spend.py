"""Spend in a real SQLite file and on a real Redis server."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from inferc.runtime.limits.spend import SpendRecorder

from inferc.compiler.plan import Budget, BudgetAction, Money, Price, SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.limits.store import Store, StoreError, open_store
from inferc.runtime.limits.store.sqlite import FILE, SqliteStore
from inferc.runtime.policies.budget import DAY, Ledger
from inferc.runtime.requests.errors import BudgetExceeded, StartError
from inferc.runtime.requests.request import ChatRequest

from ..support.redis_server import RedisServer
from ..support.remote import eventually, mock_provider, plan_of, remote_plan

NOW = 30_000_000


@pytest.fixture(params=["sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where state is kept: a directory that does not exist yet, or a server."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "state")
    server: RedisServer = request.getfixturevalue("redis")
    return server.url


@asynccontextmanager
async def opened(state: str) -> AsyncIterator[Store]:
    store = open_store(state)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def test_what_was_spent_is_there_after_a_restart(state: str) -> None:
    async with opened(state) as store:
        await store.add_spend("gpt", {NOW: 5, NOW + 1: 7}, NOW - DAY)
        await store.add_spend("gpt", {NOW: -2}, NOW - DAY)
        await store.add_spend("claude", {NOW: 1}, NOW - DAY)
    async with opened(state) as store:
        assert await store.spend("gpt", NOW) == {NOW: 3, NOW + 1: 7}
        assert await store.spend("gpt", NOW + 1) == {NOW + 1: 7}
        assert await store.spend("nobody", 0) == {}


async def test_what_is_older_than_a_day_is_forgotten(state: str) -> None:
    async with opened(state) as store:
        await store.add_spend("gpt", {NOW: 5}, NOW - DAY)
        await store.add_spend("gpt", {NOW + DAY + 1: 1}, NOW + 1)
        assert await store.spend("gpt", 0) == {NOW + DAY + 1: 1}


async def test_amounts_of_a_large_budget_stay_exact(state: str) -> None:
    million = 10**6 * 10**12
    async with opened(state) as store:
        for _ in range(3):
            await store.add_spend("gpt", {NOW: million + 1}, 0)
        assert await store.spend("gpt", 0) == {NOW: 3 * million + 3}


async def test_processes_that_share_a_store_see_what_each_other_spends(state: str) -> None:
    async with opened(state) as one, opened(state) as other:
        ledgers = Ledger(), Ledger()
        epoch = NOW * 60.0
        keepers = [
            SpendRecorder("gpt", ledger, store, epoch)
            for ledger, store in zip(ledgers, (one, other), strict=True)
        ]
        for keeper in keepers:
            await keeper.start()
        minute = int((asyncio.get_running_loop().time() + epoch) / 60)
        for _ in range(10):
            for ledger in ledgers:
                ledger.add(minute, 1)
                await asyncio.sleep(0.01)
        await eventually(lambda: [ledger.day.total for ledger in ledgers] == [20, 20])
        for keeper in keepers:
            await keeper.stop()


PRICED: dict[str, Any] = {
    "price": Price(Money("1"), Money("10")),
    "budget": Budget(BudgetAction.REJECT, None, Money("0.01025")),
}
CHAT = ChatRequest({"messages": [{"role": "user", "content": "Hello"}]}, stream=False)


async def test_a_spent_budget_stays_spent_after_a_restart(
    state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEY", "key")
    async with mock_provider() as mock:
        plan = plan_of(remote_plan("gpt", mock.endpoint, key=SecretRef.env("KEY"), **PRICED))
        executor = Executor(plan, tmp_path, state=state)
        await executor.start()
        await anext(executor.stream("gpt", CHAT))
        await executor.stop()
        executor = Executor(plan, tmp_path, state=state)
        await executor.start()
        try:
            with pytest.raises(BudgetExceeded):
                await anext(executor.stream("gpt", CHAT))
        finally:
            await executor.stop()


def test_spend_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from inferc.runtime.limits.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path({str(tmp_path)!r}))
    await store.start()
    for amount in range(1000):
        await store.add_spend("gpt", {{{NOW}: 1}}, 0)
        print(amount + 1, flush=True)

asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        while int(process.stdout.readline()) < 50:
            pass
        process.send_signal(signal.SIGKILL)
        said = [int(line) for line in process.stdout.read().splitlines()]

    async def spent() -> dict[int, int]:
        async with opened(str(tmp_path)) as store:
            return await store.spend("gpt", 0)

    assert asyncio.run(spent())[NOW] >= max(said, default=50)


@pytest.mark.parametrize("damage", ["header", "page", "empty table", "text"])
async def test_a_damaged_file_is_kept_aside_and_counting_starts_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE
    async with opened(str(tmp_path)) as store:
        for minute in range(0, 2000, 100):
            await store.add_spend("gpt", {NOW + minute + i: 10**15 for i in range(100)}, 0)
    whole = path.read_bytes()
    match damage:
        case "header":
            path.write_bytes(b"\0" * 100 + whole[100:])
        case "page":
            path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
        case "empty table":
            path.write_bytes(whole[: len(whole) // 2])
        case _:
            path.write_text("this is no database, and long enough to look at" * 50)
    with caplog.at_level(logging.WARNING):
        async with opened(str(tmp_path)) as store:
            assert await store.spend("gpt", 0) == {}
            await store.add_spend("gpt", {NOW: 1}, 0)
    kept = [name for name in os.listdir(tmp_path) if ".damaged-" in name and "wal" not in name]
    assert len(kept) == 1
    assert len(caplog.messages) == 1
    assert f"it is kept as {kept[0]}, and counting starts anew" in caplog.messages[0]


async def test_a_directory_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StartError, match=r"the state in .*file.* cannot be used"):
            await SqliteStore(place).start()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StartError, match="another version of inferc"):
        await SqliteStore(tmp_path).start()
    assert [name for name in os.listdir(tmp_path) if "damaged" in name] == []


async def test_a_redis_that_goes_away_is_said_once_and_nothing_is_lost(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(redis.url) as store:
        ledger = Ledger()
        keeper = SpendRecorder("gpt", ledger, store, NOW * 60.0)
        await keeper.start()
        redis.stop()
        ledger.add(NOW, 3)
        with caplog.at_level(logging.WARNING):
            await eventually(lambda: len(caplog.messages) > 0)
            await asyncio.sleep(0.6)
        assert len(caplog.messages) == 1
        assert f"the state at redis://127.0.0.1:{redis.port}/0 cannot be used" in caplog.messages[0]
        redis.start()
        await asyncio.sleep(0.6)
        await keeper.stop()
        assert sum((await store.spend("gpt", 0)).values()) == 3


async def test_a_redis_that_is_down_is_an_error_of_each_use_that_shows_no_password() -> None:
    store = open_store("redis://:secret@127.0.0.1:9/0")
    await store.start()
    with pytest.raises(StoreError, match=r"the state at redis://127\.0\.0\.1:9/0 cannot be used") as caught:
        await store.spend("gpt", 0)
    assert "secret" not in str(caught.value)
    await store.stop()

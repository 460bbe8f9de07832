"""Spend in a real SQLite file and on a real Redis server, with real processes that are killed and stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from redis.asyncio import Redis

from inferc.compiler.plan import Budget, BudgetAction, Money, Price, SecretRef, UnavailableAction
from inferc.runtime.executor import Executor
from inferc.runtime.limits import idle_budgets, shared_budget
from inferc.runtime.limits.idle_budgets import IdleBudgets
from inferc.runtime.limits.shared_budget import SharedBudget
from inferc.runtime.limits.store import SharedSpend, Store, StoreError, file_thread, open_store
from inferc.runtime.limits.store.protocol import Change
from inferc.runtime.limits.store.sqlite import FILE, SqliteStore
from inferc.runtime.policies.budget import Exceeded, Reservation
from inferc.runtime.policies.lease import Granted, SpendState
from inferc.runtime.requests.errors import BudgetExceeded, StartError, StoreUnavailable
from inferc.runtime.requests.request import ChatRequest

from ..support.redis_server import RedisServer, redis_server
from ..support.remote import mock_provider, plan_of, remote_plan, until
from ..support.spenders import spenders, spent_by

NOW = 1.8e9
MINUTE = int(NOW / 60)
DOLLAR = 10**12
CENT = DOLLAR // 100


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes tell each other what they spent ten times as often."""
    for module in (shared_budget, idle_budgets):
        monkeypatch.setattr(module, "SYNC", 0.1)
        monkeypatch.setattr(module, "RETRY", 0.05)


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


def spend_of(store: Store) -> SharedSpend:
    assert store.spend is not None
    return store.spend


async def add(store: Store, account: str, amounts: dict[int, int]) -> None:
    def change(state: SpendState, now: float) -> Granted:
        spend = {m: state.spend.get(m, 0) + amounts.get(m, 0) for m in state.spend.keys() | amounts.keys()}
        return Granted(0, SpendState(spend, state.leases, state.identity), now)

    await spend_of(store).update(account, change)


async def kept(store: Store, account: str) -> SpendState:
    granted = await spend_of(store).update(account, lambda state, now: Granted(0, state, now))
    return granted.state


@asynccontextmanager
async def budgets(
    state: str,
    count: int,
    *,
    action: BudgetAction = BudgetAction.REJECT,
    unavailable: UnavailableAction = UnavailableAction.REFUSE,
    ceiling: str = "1",
    apart: float = 0.0,
) -> AsyncIterator[list[SharedBudget]]:
    """What as many processes have of one budget of so many dollars a day. apart: seconds by which the clock
    was set back between their starts."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            store = await stack.enter_async_context(opened(state))
            began = epoch() + apart * (count - 1 - number)
            config = Budget(action, None, Money(ceiling))
            budget = SharedBudget(config, "gpt", "shop/gpt", IdleBudgets(spend_of(store)), unavailable, began)
            await budget.start()
            stack.push_async_callback(budget.stop)
            made.append(budget)
        yield made


def epoch() -> float:
    return time.time() - asyncio.get_running_loop().time()


async def reserve(budget: SharedBudget, amount: int = CENT) -> Reservation | Exceeded:
    outcome = budget.reserve(time.time(), amount)
    return outcome if outcome is not None else await budget.acquire(amount, None)


async def spend_all(budget: SharedBudget, attempts: int = 1000) -> int:
    """How many requests of a cent pass until one is refused."""
    for passed in range(attempts):
        held = await reserve(budget)
        if isinstance(held, Exceeded):
            return passed
        await asyncio.sleep(0)
        budget.settle(held, CENT)
    return attempts


async def test_what_was_spent_is_there_after_a_restart(state: str) -> None:
    async with opened(state) as store:
        await add(store, "shop/gpt", {MINUTE: 5, MINUTE + 1: 7})
        await add(store, "blog/gpt", {MINUTE: 1})
    async with opened(state) as store:
        assert (await kept(store, "shop/gpt")).spend == {MINUTE: 5, MINUTE + 1: 7}
        assert (await kept(store, "blog/gpt")).spend == {MINUTE: 1}
        assert (await kept(store, "shop/other")).spend == {}


async def test_amounts_of_a_large_budget_stay_exact(state: str) -> None:
    million = 10**6 * DOLLAR
    async with opened(state) as store:
        for _ in range(3):
            await add(store, "shop/gpt", {MINUTE: million + 1})
        assert (await kept(store, "shop/gpt")).spend == {MINUTE: 3 * million + 3}


async def test_many_changes_at_once_all_count(state: str) -> None:
    async with opened(state) as one, opened(state) as other:
        await asyncio.gather(
            *(add(store, "shop/gpt", {MINUTE: 1}) for store in (one, other) for _ in range(20))
        )
        assert (await kept(one, "shop/gpt")).spend == {MINUTE: 40}


async def test_spend_that_the_first_version_kept_counts(state: str) -> None:
    if state.startswith("redis"):
        async with Redis.from_url(state) as client:
            await client.hset("inferc:spend:gpt", str(MINUTE), 5)
    else:
        os.makedirs(state)
        connection = sqlite3.connect(Path(state) / FILE)
        connection.execute("CREATE TABLE spend (account, minute, picodollars, PRIMARY KEY (account, minute))")
        connection.execute("INSERT INTO spend VALUES ('gpt', ?, 5)", (MINUTE,))
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
        connection.close()
    async with opened(state) as store:
        await add(store, "shop/gpt", {MINUTE: 1})
        assert (await kept(store, "shop/gpt")).spend == {MINUTE: 6}


async def test_processes_that_share_a_budget_spend_it_once_and_all_of_it(state: str) -> None:
    async with budgets(state, 4) as shared:
        passed = await asyncio.gather(*map(spend_all, shared))
        assert sum(passed) <= 100
        async with asyncio.timeout(60):
            while sum(passed) < 95:  # who was just refused is refused for a moment
                await asyncio.sleep(0.05)
                passed += await asyncio.gather(*map(spend_all, shared))
        assert sum(passed) <= 100
        await until(lambda: all(each.spent(time.time())["day"] >= 0.95 for each in shared))
    async with budgets(state, 1) as (again,):
        assert await spend_all(again) + sum(passed) <= 100


async def test_what_is_reserved_elsewhere_is_refused_only_for_a_moment(state: str) -> None:
    async with budgets(state, 2) as (one, other):
        held = await reserve(one, 90 * CENT)
        assert isinstance(held, Reservation)
        outcome = await reserve(other, 20 * CENT)
        assert isinstance(outcome, Exceeded)
        assert outcome.retry_after == shared_budget.SYNC
        one.settle(held, CENT)
        deadline = time.monotonic() + 30
        while not isinstance(await reserve(other, 20 * CENT), Reservation):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def test_a_look_tells_what_has_changed_since_the_last_one(state: str) -> None:
    async with opened(state) as here, opened(state) as elsewhere:
        names = [f"shop/{number}" for number in range(600)]
        looking = spend_of(here)
        assert (await looking.look(names)).keys() == set(names)
        assert await looking.look(names) == {}
        await add(elsewhere, "shop/5", {MINUTE: 5})
        await add(here, "shop/7", {MINUTE: 7})
        changed = await looking.look(names)
        assert {name: found.spend for name, found in changed.items()} == {
            "shop/5": {MINUTE: 5},
            "shop/7": {MINUTE: 7},
        }
        assert (await looking.look(["shop/5", "shop/8"])) == {}
        assert (await looking.look(["shop/7"])).keys() == {"shop/7"}  # it was not among the last ones


async def test_a_look_at_a_file_in_which_nobody_has_written_reads_no_budget(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as store:
        assert isinstance(store, SqliteStore)
        names = [f"shop/{number}" for number in range(1000)]
        await store.look(names)
        statements: list[str] = []
        assert store._connection is not None
        store._connection.set_trace_callback(statements.append)
        await store.look(names)
        assert statements == ["BEGIN", "PRAGMA data_version", "COMMIT"]


async def test_budgets_that_are_drawn_on_at_the_same_time_share_a_transaction(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as store:
        assert isinstance(store, SqliteStore)
        statements: list[str] = []
        assert store._connection is not None
        store._connection.set_trace_callback(statements.append)
        await asyncio.gather(*(add(store, f"shop/{number}", {MINUTE: number}) for number in range(300)))
        assert statements.count("COMMIT") == 3
        found = await asyncio.gather(*(kept(store, f"shop/{number}") for number in range(300)))
        assert [each.spend for each in found[1:]] == [{MINUTE: number} for number in range(1, 300)]


async def test_who_asks_after_the_work_for_all_was_cancelled_is_answered(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as store:
        assert isinstance(store, SqliteStore)
        first = asyncio.create_task(add(store, "shop/one", {MINUTE: 1}))
        await asyncio.sleep(0)
        doing = store._budgets._doing
        assert doing is not None
        doing.cancel()
        await asyncio.wait([doing])
        first.cancel()
        async with asyncio.timeout(60):
            await add(store, "shop/other", {MINUTE: 2})


async def test_what_cannot_be_read_of_one_budget_is_no_error_of_those_beside_it(tmp_path: Path) -> None:
    async with opened(str(tmp_path)) as store:
        await add(store, "shop/one", {MINUTE: 1})
        await add(store, "shop/other", {MINUTE: 2})
        with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
            connection.execute("UPDATE budgets SET state = '{' WHERE account = 'shop/one'")
        asked = [kept(store, name) for name in ("shop/one", "shop/other")]
        broken, whole = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(broken, StoreError)
        assert isinstance(whole, SpendState)
        assert whole.spend == {MINUTE: 2}


async def test_a_request_dearer_than_the_budget_is_refused_without_asking(state: str) -> None:
    async with budgets(state, 1) as (budget,):
        outcome = budget.reserve(time.time(), 2 * DOLLAR)
        assert isinstance(outcome, Exceeded)
        assert outcome.retry_after is None


@pytest.mark.parametrize("action", [BudgetAction.WARN, BudgetAction.THROTTLE])
async def test_budgets_that_refuse_nothing_count_what_all_processes_spend(
    action: BudgetAction, tmp_path: Path
) -> None:
    async with budgets(str(tmp_path), 2, action=action) as (one, other):
        held = await reserve(one, 3 * DOLLAR)
        assert isinstance(held, Reservation)
        assert not one.is_throttled(time.time())
        one.settle(held, 2 * DOLLAR)
        await until(lambda: other.spent(time.time())["day"] == 2.0)
        assert other.is_throttled(time.time()) == (action is BudgetAction.THROTTLE)
        after = await reserve(other)
        assert isinstance(after, Reservation)
        assert after.notice is not None


async def test_a_request_that_stops_waiting_takes_no_money_along(state: str) -> None:
    async with budgets(state, 1) as (budget,):
        for moment in range(10):
            waiting = [asyncio.create_task(reserve(budget, 30 * CENT)) for _ in range(3)]
            await asyncio.sleep(moment / 2000)
            for task in waiting:
                task.cancel()
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                if isinstance(outcome, Reservation):
                    budget.settle(outcome, 0)
        await asyncio.sleep(0.2)
        assert await spend_all(budget) == 100


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


async def test_a_budget_that_rejects_needs_a_price(tmp_path: Path) -> None:
    plan = plan_of(remote_plan("gpt", budget=PRICED["budget"], price=None))
    with pytest.raises(StartError, match=r"the price of .* is not known, so its budget cannot be kept"):
        await Executor(plan, tmp_path).start()


async def recorded(state: str) -> int:
    """All that counts for the budget of real processes."""
    async with opened(state) as store:
        found = await kept(store, "shop/gpt")
    return sum(found.spend.values()) + sum(lease.amount for lease in found.leases.values())


def test_real_processes_spend_no_more_than_the_budget(state: str) -> None:
    with spenders(state, 4, ceiling="1", pause=0.005, attempts=80) as processes:
        spent = spent_by(processes)
    assert 0.95 * DOLLAR <= spent <= DOLLAR
    assert asyncio.run(recorded(state)) == spent


def test_processes_that_are_killed_lose_nothing_that_they_spent(state: str) -> None:
    total = 0
    for _ in range(3):
        with spenders(state, 2, ceiling="1", pause=0.002, attempts=10_000) as processes:
            time.sleep(0.1)
            for process in processes:
                process.send_signal(signal.SIGKILL)
            total += spent_by(processes)
        assert total <= asyncio.run(recorded(state)) <= DOLLAR
    with spenders(state, 1, ceiling="1", pause=0.002, attempts=300) as alone:
        total += spent_by(alone)
    assert total <= DOLLAR


def test_a_process_that_was_stopped_for_long_spends_no_more_than_is_left(tmp_path: Path) -> None:
    state = str(tmp_path)
    with spenders(state, 2, ceiling="1", pause=0.005, attempts=500, lease=1) as (stopped, running):
        stopped.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        stopped.send_signal(signal.SIGCONT)
        assert spent_by([stopped, running]) <= DOLLAR


@pytest.mark.parametrize("damage", ["header", "page", "empty table", "text"])
async def test_a_damaged_file_is_kept_aside_and_counting_starts_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE
    async with opened(str(tmp_path)) as store:
        for name in range(20):
            await add(store, f"shop/{name}", {MINUTE + i: 10**15 for i in range(100)})
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
            assert (await kept(store, "shop/1")).spend == {}
            await add(store, "shop/1", {MINUTE: 1})
            assert store.problems.past == caplog.messages
    aside = [name for name in os.listdir(tmp_path) if ".damaged-" in name and "wal" not in name]
    assert len(aside) == 1
    assert len(caplog.messages) == 1
    assert f"it is kept as {aside[0]}, and counting starts anew" in caplog.messages[0]


async def test_a_directory_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StartError, match=r"the state in .*file.* cannot be used"):
            await SqliteStore(place).start()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StartError, match="newer version of inferc"):
        await SqliteStore(tmp_path).start()
    assert [name for name in os.listdir(tmp_path) if "damaged" in name] == []


async def test_processes_that_start_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    for number in range(5):
        stores = [SqliteStore(tmp_path / str(number)) for _ in range(6)]
        await asyncio.gather(*(store.start() for store in stores))
        await asyncio.gather(*(add(store, "shop/gpt", {MINUTE: 1}) for store in stores))
        assert (await kept(stores[0], "shop/gpt")).spend == {MINUTE: 6}
        await asyncio.gather(*(store.stop() for store in stores))


async def test_a_state_of_an_unknown_kind_is_said_at_the_start() -> None:
    with pytest.raises(StartError, match="postgres://"):
        open_store("postgres://localhost/db")


async def test_a_folder_that_is_removed_is_made_anew_with_what_is_known_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    async with budgets(str(folder), 2) as (one, other):
        for budget in (one, other):
            held = await reserve(budget, 30 * CENT)
            assert isinstance(held, Reservation)
            budget.settle(held, 30 * CENT)
        await until(lambda: [each.spent(time.time())["day"] for each in (one, other)] == [0.6, 0.6])
        with caplog.at_level(logging.WARNING):
            folder.rename(tmp_path / "elsewhere")
            await until(
                lambda: sum("was removed while it was in use" in each for each in caplog.messages) == 2
            )
        async with budgets(str(folder), 1) as (new,):
            await until(lambda: new.spent(time.time())["day"] >= 0.6)  # both have told the new file
            passed = 0
            async with asyncio.timeout(20):
                while passed < 40:  # a lease that the others remember is theirs until they say that it is not
                    passed += await spend_all(new)
                    await asyncio.sleep(0.05)
            assert passed + await spend_all(new) == 40


async def test_a_folder_that_cannot_be_used_for_a_while_is_used_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    async with budgets(str(folder), 1) as (budget,):
        for _ in range(2):
            held = await reserve(budget, 30 * CENT)
            assert isinstance(held, Reservation)
            folder.rename(tmp_path / "elsewhere")
            folder.touch()
            budget.settle(held, 30 * CENT)
            await until(lambda: "File exists" in budget._lost)
            folder.unlink()
            (tmp_path / "elsewhere").rename(folder)
            await until(lambda: not budget._lost)
        assert "was removed" not in caplog.text
    async with opened(str(folder)) as store:
        assert sum((await kept(store, "shop/gpt")).all_spend().values()) == 60 * CENT


async def test_processes_of_before_and_after_the_clock_was_set_count_what_they_spend_once(state: str) -> None:
    async with budgets(state, 2, apart=3600) as both:
        held = [await reserve(each, 10 * CENT) for each in (*both, *both)]
        assert len([each for each in held if isinstance(each, Reservation)]) == 4
        for number, each in enumerate(held):
            assert isinstance(each, Reservation)
            both[number % 2].settle(each, 5 * CENT)
    async with opened(state) as store:
        assert sum((await kept(store, "shop/gpt")).all_spend().values()) == 20 * CENT


async def test_a_file_that_is_damaged_while_it_is_used_is_kept_aside_and_told_what_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with budgets(str(tmp_path), 2) as both:
        for budget in both:
            held = await reserve(budget, 30 * CENT)
            assert isinstance(held, Reservation)
            budget.settle(held, 30 * CENT)
        await until(lambda: [each.spent(time.time())["day"] for each in both] == [0.6, 0.6])
        with caplog.at_level(logging.WARNING):
            for path in (tmp_path / FILE, tmp_path / f"{FILE}-wal"):  # in place, as a disk does it
                size = path.stat().st_size
                with path.open("r+b") as file:
                    file.write(b"\xff" * size)
            passed = 0
            async with asyncio.timeout(20):
                while passed < 40:
                    passed += await spend_all(both[0])
                    await asyncio.sleep(0.05)
            assert passed == 40
            await until(lambda: both[1].spent(time.time())["day"] == 1.0)
            assert await spend_all(both[1]) == 0
    assert sum("is damaged (" in each for each in caplog.messages) == 1
    assert len([name for name in os.listdir(tmp_path) if name.startswith(f"{FILE}.damaged-")]) >= 1


async def test_nobody_opens_a_file_while_a_damaged_one_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written to a file of which a part is put aside then would be lost."""
    async with opened(str(tmp_path)) as store:
        await add(store, "shop/gpt", {MINUTE: 1})
    for name in (FILE, f"{FILE}-wal"):
        (tmp_path / name).write_bytes(b"\xff" * 8192)
    one, other = SqliteStore(tmp_path), SqliteStore(tmp_path)
    opens = [threading.Thread(target=lambda: asyncio.run(other.start()))]
    rename = Path.rename

    def slowly(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        for thread in opens:
            if not thread.ident:
                thread.start()
            thread.join(0.1)
        return moved

    monkeypatch.setattr(Path, "rename", slowly)
    await one.start()
    await asyncio.to_thread(opens[0].join)
    try:
        await add(one, "shop/gpt", {MINUTE: 2})
        await add(other, "shop/gpt", {MINUTE: 3})
        for store in (one, other, one):
            assert (await kept(store, "shop/gpt")).spend == {MINUTE: 5}
    finally:
        await one.stop()
        await other.stop()
    names = sorted(os.listdir(tmp_path))
    assert sum(name.startswith(f"{FILE}.damaged-") and name.count("-") == 2 for name in names) == 1, names


async def test_nobody_waits_for_a_disk_for_long_nor_does_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_thread, "PATIENCE", 0.05)
    goes_on = threading.Event()

    def change(state: SpendState, now: float) -> Granted:
        goes_on.wait(60)
        return Granted(0, evolve(state, spend={MINUTE: 1}), now)

    async with opened(str(tmp_path)) as store:
        try:
            with pytest.raises(StoreError, match=r"cannot be used: it does not answer within 0\.05 s"):
                await spend_of(store).update("shop/gpt", change)
            for _ in range(3):
                with pytest.raises(StoreError):
                    await spend_of(store).look(["shop/gpt"])
                with pytest.raises(StoreError):
                    await store.values.put("a", "b", 9)
            await asyncio.to_thread(int)  # such as the look-up of a name
        finally:
            goes_on.set()
        monkeypatch.setattr(file_thread, "PATIENCE", 60)
        assert (await kept(store, "shop/gpt")).spend == {MINUTE: 1}
        assert await store.values.get("a") is None  # nobody waited for that any more


async def test_what_was_found_too_late_for_who_looked_is_told_with_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def change(state: SpendState, now: float) -> Granted:
        goes_on.wait(60)
        return Granted(0, state, now)

    async with opened(str(tmp_path)) as store:
        spend = spend_of(store)
        await add(store, "shop/gpt", {MINUTE: 5})
        monkeypatch.setattr(file_thread, "PATIENCE", 0.05)
        both = asyncio.gather(
            spend.update("shop/a", change), spend.look(["shop/gpt"]), return_exceptions=True
        )
        assert [type(each) for each in await both] == [StoreError] * 2
        goes_on.set()
        monkeypatch.setattr(file_thread, "PATIENCE", 60)
        found = await spend.look(["shop/gpt"])
        assert found["shop/gpt"].spend == {MINUTE: 5}
        assert await spend.look(["shop/gpt"]) == {}


def test_a_process_ends_while_a_disk_hangs() -> None:
    script = """
import asyncio, time
from pathlib import Path
from inferc.runtime.concurrency.native_work import end_process
from inferc.runtime.limits.store import StoreError, file_thread

async def main():
    file_thread.PATIENCE = 0.1
    thread = file_thread.FileThread(Path("spend.sqlite3"))
    assert await thread.do(int, "5") == 5
    try:
        await thread.do(time.sleep, 1000)
    except StoreError:
        await thread.end(int)
        return 3

raise SystemExit(end_process(asyncio.run(main())))
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 3


class Threads(ThreadPoolExecutor):
    """There are no more of them while `are_none` is set."""

    are_none = False

    def submit(self, *args: Any, **named: Any) -> Future[Any]:
        if self.are_none:
            raise RuntimeError("can't start new thread")
        return super().submit(*args, **named)


async def test_a_budget_is_kept_again_once_there_are_threads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_thread, "ThreadPoolExecutor", Threads)
    async with budgets(str(tmp_path), 1) as (budget,):
        monkeypatch.setattr(Threads, "are_none", True)
        with pytest.raises(StoreUnavailable, match="can't start new thread"):
            await reserve(budget)
        monkeypatch.setattr(Threads, "are_none", False)
        await until(lambda: not budget._lost)
        assert await spend_all(budget) == 100


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY])
async def test_what_could_not_be_written_is_written_again_by_another_connection(
    code: int, tmp_path: Path
) -> None:
    error = sqlite3.OperationalError("disk I/O error, or attached databases must use the same text encoding")
    error.sqlite_errorcode = code
    store, used = SqliteStore(tmp_path), list[sqlite3.Connection]()
    await store.start()

    def write(connection: sqlite3.Connection) -> None:
        used.append(connection)
        if connection is used[0]:
            raise error

    store.transact([write])
    assert len(used) == 2
    assert store.problems.past == []
    await store.stop()


@pytest.mark.parametrize(
    "kept",
    [
        b"\xff\xfe",
        b"no state",
        b'{"leases":{},"spend":{"1":1e999},"id":"x"}',
        b'{"leases":{"a":[1,1e999,1]},"spend":{},"lost":[],"id":"x"}',
    ],
)
async def test_what_cannot_be_read_in_redis_is_told_of_its_budget_alone(
    redis: RedisServer, kept: bytes
) -> None:
    async with opened(redis.url) as store, Redis.from_url(redis.url) as client:
        spend = spend_of(store)
        await add(store, "good", {1: 5})
        await client.set("inferc:budget:bad", kept)
        found = await spend.look(["bad", "good"])
        assert (found["bad"].spend, found["good"].spend) == ({}, {1: 5})
        with pytest.raises(StoreError, match="what Redis keeps as inferc:budget:bad cannot be read"):
            await add(store, "bad", {1: 5})
        await add(store, "good", {1: 5})
        assert (await spend.look(["good"]))["good"].spend == {1: 10}


async def test_a_redis_that_goes_away_is_said_once_and_nothing_is_lost(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with budgets(redis.url, 1) as (budget,):
        held = await reserve(budget)
        assert isinstance(held, Reservation)
        redis.stop()
        budget.settle(held, CENT)
        with caplog.at_level(logging.WARNING):
            await until(lambda: len(caplog.messages) > 0)
            for _ in range(3):
                with pytest.raises(StoreUnavailable, match="its budget: the state at redis://127"):
                    await reserve(budget, 50 * CENT)
        assert len(caplog.messages) == 1
        assert f"the state at redis://127.0.0.1:{redis.port}/0 cannot be used" in caplog.messages[0]
        redis.start()
        await until(lambda: not budget._lost)
        assert await spend_all(budget) == 99


@asynccontextmanager
async def refusing_writes(state: str) -> AsyncIterator[None]:
    """What is kept at `state` can be read, and nothing written."""
    if state.startswith("redis://"):
        async with Redis.from_url(state) as client:
            await client.acl_setuser("default", enabled=True, nopass=True, commands=["-evalsha", "-eval"])
            yield
            await client.acl_setuser("default", enabled=True, nopass=True, categories=["+@all"])
    else:
        full = "SELECT RAISE(FAIL, 'the disk is full')"
        with closing(sqlite3.connect(Path(state) / FILE, isolation_level=None)) as other:
            other.execute(f"CREATE TRIGGER full BEFORE INSERT ON budgets BEGIN {full}; END")
            yield
            other.execute("DROP TRIGGER full")


async def test_a_store_that_can_be_read_and_not_written_is_away_until_it_can(
    state: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(idle_budgets, "SYNC", 0.01)
    monkeypatch.setattr(shared_budget, "RETRY", 0.01)
    async with opened(state) as store:
        spend, asked = spend_of(store), 0
        look, update = spend.look, spend.update

        async def counted_look(accounts: Sequence[str]) -> Mapping[str, SpendState]:
            nonlocal asked
            asked += 1
            return await look(accounts)

        async def counted_update(account: str, change: Change) -> Granted:
            nonlocal asked
            asked += 1
            return await update(account, change)

        monkeypatch.setattr(spend, "look", counted_look)
        monkeypatch.setattr(spend, "update", counted_update)
        ceiling = Budget(BudgetAction.REJECT, None, Money("1"))
        refuse = UnavailableAction.REFUSE
        budget = SharedBudget(ceiling, "gpt", "shop/gpt", IdleBudgets(spend), refuse, epoch())
        await budget.start()
        async with refusing_writes(state):
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await reserve(budget)
                before = asked
                await until(lambda before=before: asked > before + 5)
                assert budget._lost
                assert store.problems.now.keys() == {"budgets"}
            assert len(caplog.messages) == 1
        await until(lambda: not budget._lost)
        assert isinstance(await reserve(budget), Reservation)
        assert store.problems.now == {}
        await budget.stop()


async def test_without_its_store_a_budget_may_be_kept_by_what_is_known_here(redis: RedisServer) -> None:
    async with budgets(redis.url, 1, unavailable=UnavailableAction.SERVE) as (budget,):
        before = await reserve(budget, 40 * CENT)
        assert isinstance(before, Reservation)
        budget.settle(before, 40 * CENT)
        redis.stop()
        await until(lambda: bool(budget._lost))
        passed = await spend_all(budget)
        assert passed == 60
        redis.start()
        await until(lambda: not budget._lost)
        async with budgets(redis.url, 1) as (other,):
            assert other.spent(time.time())["day"] >= 1.0
            assert await spend_all(other) == 0


@pytest.mark.parametrize("unavailable", UnavailableAction)
async def test_a_redis_that_is_away_at_the_start_refuses_unless_it_is_told_to_serve(
    unavailable: UnavailableAction, redis: RedisServer
) -> None:
    redis.stop()
    async with budgets(redis.url, 1, unavailable=unavailable) as (budget,):
        if unavailable is UnavailableAction.REFUSE:
            with pytest.raises(StoreUnavailable):
                await reserve(budget)
        else:
            assert isinstance(await reserve(budget), Reservation)
        redis.start()
        await until(lambda: not budget._lost)
        assert isinstance(await reserve(budget), Reservation)


async def test_a_redis_that_lost_its_memory_is_told_what_was_spent(redis: RedisServer) -> None:
    async def is_told(state: str) -> bool:
        async with opened(state) as store:
            found = await kept(store, "shop/gpt")
        leased = sum(lease.amount for lease in found.leases.values())
        return sum(found.all_spend().values()) == 60 * CENT and leased >= 20 * CENT

    async with budgets(redis.url, 2) as (one, other):
        for budget in (one, other):
            held = await reserve(budget, 30 * CENT)
            assert isinstance(held, Reservation)
            budget.settle(held, 30 * CENT)
        in_flight = await reserve(one, 20 * CENT)
        assert isinstance(in_flight, Reservation)
        await until(lambda: [each.spent(time.time())["day"] for each in (one, other)] == [0.6, 0.6])
        redis.stop()
        redis.start()
        async with asyncio.timeout(60):
            while not await is_told(redis.url):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        async with budgets(redis.url, 1) as (new,):
            passed = 0
            async with asyncio.timeout(60):
                while passed < 20:
                    passed += await spend_all(new)
                    await asyncio.sleep(0.05)
            assert passed + await spend_all(new) == 20


@pytest.mark.parametrize("redis", [2.0], indirect=True)
async def test_a_redis_that_is_full_or_slow_holds_up_traffic_for_no_longer_than_that(
    redis: RedisServer,
) -> None:
    async with budgets(redis.url, 1, ceiling="1000") as (budget,), Redis.from_url(redis.url) as client:
        await reserve(budget)
        await client.config_set("maxmemory-policy", "noeviction")
        await client.config_set("maxmemory", "1")
        await until(lambda: bool(budget._lost))
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            await reserve(budget, DOLLAR)
        await client.config_set("maxmemory", "0")
        await until(lambda: not budget._lost, 5)
        assert isinstance(await reserve(budget, DOLLAR), Reservation)
        with redis.stopped():
            await until(lambda: bool(budget._lost))
        await until(lambda: not budget._lost, 5)
        assert isinstance(await reserve(budget, DOLLAR), Reservation)


async def test_budgets_are_looked_at_together_on_a_redis_in_the_mode_of_a_cluster(tmp_path: Path) -> None:
    with redis_server(tmp_path, ("--cluster-enabled", "yes")) as server:
        server.command("CLUSTER", "ADDSLOTS", *map(str, range(16384)))
        async with opened(server.url) as store, Redis.from_url(server.url) as client:
            deadline = time.monotonic() + 60
            while (await client.execute_command("CLUSTER INFO"))["cluster_state"] != "ok":
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            names = [f"shop/{number}" for number in range(600)]
            await add(store, "shop/5", {MINUTE: 5})
            found = await spend_of(store).look(names)
            assert found.keys() == set(names)
            assert found["shop/5"].spend == {MINUTE: 5}
            assert await spend_of(store).look(names) == {}


async def test_a_redis_that_is_down_is_an_error_of_each_use_that_shows_no_password() -> None:
    store = open_store("redis://:secret@127.0.0.1:9/0")
    await store.start()
    with pytest.raises(StoreError, match=r"the state at redis://127\.0\.0\.1:9/0 cannot be used") as caught:
        await kept(store, "shop/gpt")
    assert "secret" not in str(caught.value)
    assert store.problems.now == {"what is spent": str(caught.value)}
    await store.stop()

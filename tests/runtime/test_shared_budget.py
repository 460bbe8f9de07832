"""Processes that share a budget, in virtual time, over a store that may be slow or away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import pytest
from attrs import define, field

from inferc.compiler.plan import Budget, BudgetAction, Money, UnavailableAction
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.limits.idle_budgets import IdleBudgets
from inferc.runtime.limits.shared_budget import SYNC, SharedBudget
from inferc.runtime.limits.store import StoreError
from inferc.runtime.policies.budget import Exceeded, Reservation
from inferc.runtime.policies.lease import Granted, SpendState
from inferc.runtime.requests.errors import ShuttingDown, StoreUnavailable

DOLLAR = 10**12
EPOCH = 1.8e9


@define
class Store:
    """What processes share, `delay` seconds away. fails: what is done and not answered, or not even done."""

    delay: float = 0.002
    fails: str = ""
    state: SpendState = field(factory=SpendState)
    asked: int = 0
    looks: int = 0

    async def update(self, account: str, change: Callable[[SpendState, float], Granted]) -> Granted:
        self.asked += 1
        now = asyncio.get_running_loop().time() + EPOCH
        await asyncio.sleep(self.delay)
        if self.fails == "not done":
            raise StoreError("it is away")
        granted = change(self.state, now)
        self.state = granted.state
        await asyncio.sleep(self.delay)
        if self.fails:
            raise StoreError("its answer is lost")
        return granted

    async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
        self.looks += 1
        await asyncio.sleep(self.delay)
        if self.fails:
            raise StoreError("it is away")
        return dict.fromkeys(accounts, self.state)


def process(
    store: Store, hour: str, unavailable: UnavailableAction = UnavailableAction.REFUSE
) -> SharedBudget:
    """What a process has that keeps no other budget."""
    config = Budget(BudgetAction.REJECT, Money(hour))
    return SharedBudget(config, "gpt", "shop/gpt", IdleBudgets(store), unavailable, EPOCH)


async def reserve(budget: SharedBudget, amount: int) -> Reservation | Exceeded:
    outcome = budget.reserve(asyncio.get_running_loop().time() + EPOCH, amount)
    return outcome if outcome is not None else await budget.acquire(amount, None)


def test_hours_of_traffic_of_processes_that_die_use_the_budget_and_never_more() -> None:
    """Each process sends up to a cent about every six seconds; one dies every seventeen minutes."""
    spent: list[tuple[float, int]] = []

    async def work(budget: SharedBudget, random: Random) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(random.random() * 12)
            held = await reserve(budget, DOLLAR // 100)
            if isinstance(held, Reservation):
                cost = random.randrange(DOLLAR // 200, DOLLAR // 100)
                spent.append((loop.time(), cost))
                await asyncio.sleep(random.random() * 2)
                budget.settle(held, cost)

    async def main() -> None:
        store = Store(delay=0.024)  # a request is as likely to come while another waits as at a higher rate
        tasks: list[tuple[SharedBudget, asyncio.Task[None]]] = []
        for number in range(7):
            budget = process(store, "5")
            await budget.start()
            tasks.append((budget, asyncio.create_task(work(budget, Random(number)))))
            if len(tasks) > 3:
                dead, task = tasks.pop(0)
                task.cancel()
                assert dead._task is not None
                dead._task.cancel()
            await asyncio.sleep(1040)
        for budget, task in tasks:
            task.cancel()
            await budget.stop()

    run_virtual(main())
    for hour in range(2):
        begins = hour * 3660.0
        total = sum(cost for when, cost in spent if begins <= when < begins + 3600)
        assert 0.9 * 5 * DOLLAR <= total <= 5 * DOLLAR
    most = max(
        sum(cost for when, cost in spent if begins <= when < begins + 3600) for begins in range(0, 5400, 60)
    )
    assert most <= 5 * DOLLAR


def test_the_store_is_asked_seldom_while_the_budget_is_large() -> None:
    async def main() -> int:
        store = Store()
        budget = process(store, "1000")
        await budget.start()
        for _ in range(2000):
            held = await reserve(budget, DOLLAR // 1000)
            assert isinstance(held, Reservation)
            await asyncio.sleep(0.01)
            budget.settle(held, DOLLAR // 1000)
        await budget.stop()
        return store.asked

    assert run_virtual(main()) < 20 * 5


@pytest.mark.parametrize("fails", ["not done", "done"])
def test_a_store_that_fails_for_a_while_neither_loses_nor_invents_money(
    fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> SpendState:
        store = Store()
        budget = process(store, "1")
        await budget.start()
        held = await reserve(budget, DOLLAR // 10)
        assert isinstance(held, Reservation)
        store.fails = fails
        with pytest.raises(StoreUnavailable):
            await reserve(budget, DOLLAR // 2)
        budget.settle(held, DOLLAR // 20)
        await asyncio.sleep(3)
        store.fails = ""
        await asyncio.sleep(3)
        held = await reserve(budget, DOLLAR * 95 // 100)
        assert isinstance(held, Reservation)
        budget.settle(held, 0)
        await budget.stop()
        return store.state

    with caplog.at_level(logging.WARNING):
        state = run_virtual(main())
    assert sum(state.spend.values()) == DOLLAR // 20
    assert sum(lease.amount for lease in state.leases.values()) == 0
    assert len(caplog.messages) == 2  # once when it was lost, once when it was back


def test_a_request_waits_no_longer_for_the_store_than_it_has_time() -> None:
    async def main() -> None:
        store = Store(delay=60)
        budget = process(store, "1")
        starting = asyncio.create_task(budget.start())
        await starting
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(StoreUnavailable, match="does not answer in time"):
            await budget.acquire(1, began + 2)
        assert loop.time() - began == pytest.approx(2)
        await budget.stop()

    run_virtual(main())


def test_stopping_refuses_those_who_wait_and_gives_back_what_is_leased() -> None:
    async def main() -> None:
        store = Store()
        budget = process(store, "1")
        await budget.start()
        waiting = asyncio.create_task(budget.acquire(DOLLAR, None))
        await asyncio.sleep(0)
        await budget.stop()
        with pytest.raises(ShuttingDown):
            await waiting
        with pytest.raises(ShuttingDown):
            await budget.acquire(1, None)
        other = process(store, "1")
        await other.start()
        assert isinstance(await reserve(other, DOLLAR), Reservation)
        await other.stop()

    run_virtual(main())


def test_an_idle_process_keeps_no_money_from_others() -> None:
    async def main() -> None:
        store = Store()
        one, other = process(store, "1"), process(store, "1")
        for budget in (one, other):
            await budget.start()
        for _ in range(5):
            held = await reserve(one, DOLLAR // 50)
            assert isinstance(held, Reservation)
            one.settle(held, 0)
        await asyncio.sleep(3 * SYNC)
        held = await reserve(other, DOLLAR)
        assert isinstance(held, Reservation)
        other.settle(held, 0)
        for budget in (one, other):
            await budget.stop()

    run_virtual(main())


def test_a_hundred_budgets_that_nobody_draws_on_ask_together_once_a_second() -> None:
    async def main() -> tuple[int, int, int]:
        store = Store()
        idle = IdleBudgets(store)
        config = Budget(BudgetAction.REJECT, Money("1"))
        budgets = [
            SharedBudget(config, f"gpt{n}", f"shop/gpt{n}", idle, UnavailableAction.REFUSE, EPOCH)
            for n in range(100)
        ]
        for budget in budgets:
            await budget.start()
        started = store.asked
        store.looks = 0
        await asyncio.sleep(60)
        idle_looks = store.looks
        for _ in range(10):
            held = await reserve(budgets[7], DOLLAR // 100)
            assert isinstance(held, Reservation)
            await asyncio.sleep(1)
            budgets[7].settle(held, DOLLAR // 100)
        for budget in budgets:
            await budget.stop()
        return started, idle_looks, store.asked - started

    started, looks, asked = run_virtual(main())
    assert started == 100
    assert 59 <= looks <= 60
    assert asked <= 10 * 3 + 3  # the one that is drawn on, and what it gives back at the end


def test_an_idle_budget_shows_what_others_spend_and_hold_until_their_leases_end() -> None:
    async def main() -> list[float]:
        store = Store()
        one, other = process(store, "5"), process(store, "5")
        shown = []

        def show() -> None:
            shown.append(round(other.spent(asyncio.get_running_loop().time() + EPOCH)["hour"], 2))

        for budget in (one, other):
            await budget.start()
        held = await reserve(one, DOLLAR)
        assert isinstance(held, Reservation)
        await asyncio.sleep(2 * SYNC)
        show()
        one.settle(held, DOLLAR // 2)
        await asyncio.sleep(3 * SYNC)
        show()
        assert isinstance(await reserve(one, DOLLAR), Reservation)
        assert one._task is not None
        one._task.cancel()  # it dies with a dollar in flight
        await asyncio.sleep(1800)
        show()
        await asyncio.sleep(1900)
        show()
        await other.stop()
        return shown

    assert run_virtual(main()) == [1.5, 0.5, 1.5, 0]  # at first it has leased half as much ahead


def test_a_store_that_forgets_is_told_by_budgets_that_nobody_draws_on() -> None:
    async def main() -> int:
        store = Store()
        one, other = process(store, "1"), process(store, "1")
        for budget in (one, other):
            await budget.start()
        held = await reserve(one, DOLLAR // 2)
        assert isinstance(held, Reservation)
        one.settle(held, DOLLAR // 2)
        await asyncio.sleep(5 * SYNC)
        await one.stop()
        store.state = SpendState()
        await asyncio.sleep(2 * SYNC)
        await other.stop()
        return sum(store.state.all_spend().values())

    assert run_virtual(main()) == DOLLAR // 2


def test_idle_budgets_know_that_the_store_is_away_and_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> int:
        store = Store()
        budget = process(store, "1")
        await budget.start()
        store.fails = "not done"
        await asyncio.sleep(2 * SYNC)
        asked, began = store.asked, asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailable):
            await reserve(budget, DOLLAR // 2)
        assert asyncio.get_running_loop().time() == began  # nobody waits for what is known to be away
        store.fails = ""
        await asyncio.sleep(2 * SYNC)
        assert store.asked == asked
        held = await reserve(budget, DOLLAR // 2)
        assert isinstance(held, Reservation)
        budget.settle(held, 0)
        await budget.stop()
        return sum(lease.amount for lease in store.state.leases.values())

    with caplog.at_level(logging.WARNING):
        assert run_virtual(main()) == 0
    assert len(caplog.messages) == 2  # once when it was lost, once when it was back


def test_what_an_old_look_says_of_a_budget_that_was_drawn_on_meanwhile_does_not_count() -> None:
    @define
    class SlowToLook(Store):
        async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
            found = dict.fromkeys(accounts, self.state)
            await asyncio.sleep(10 * SYNC)
            return found

    async def main() -> list[float]:
        store = SlowToLook()
        idle = IdleBudgets(store)
        config = Budget(BudgetAction.REJECT, Money("5"))
        budget, beside = (
            SharedBudget(config, "gpt", "shop/gpt", idle, UnavailableAction.REFUSE, EPOCH) for _ in range(2)
        )
        for each in (budget, beside):
            await each.start()
        await asyncio.sleep(2 * SYNC)  # a look is under way, which ends at eleven seconds
        held = await reserve(budget, DOLLAR)
        assert isinstance(held, Reservation)
        budget.settle(held, DOLLAR)
        await asyncio.sleep(9.5 * SYNC)
        shown = [each.spent(asyncio.get_running_loop().time() + EPOCH)["hour"] for each in (budget, beside)]
        for each in (budget, beside):
            await each.stop()
        return shown

    assert run_virtual(main()) == [1, 0]


def test_nothing_asks_a_store_any_more_when_the_last_budget_has_stopped() -> None:
    @define
    class Deaf(Store):
        async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
            with suppress(asyncio.CancelledError):  # as libraries do
                await asyncio.sleep(SYNC)
            return await super().look(accounts)

    async def main() -> list[str]:
        store = Deaf()
        one, other = process(store, "5"), process(store, "5")
        for budget in (one, other):
            await budget.start()
        await asyncio.sleep(1.5 * SYNC)
        for budget in (one, other):
            await budget.stop()
        return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert run_virtual(main()) == []

"""Budgets of many gateways, on a virtual clock: the product's own leases, and Redis servers far away.

Played are the network, the servers and the traffic. Gateways are `SharedBudget`; the store is `RedisSpend`,
whose commands reach a server that keeps texts, and compares them as its script does. A region is what inferc
does not have: a store whose gateways lease of it, and which leases from a store above it, with the same
`LeaseHolder` and the same `renew`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from random import Random
from typing import Any

from attrs import define, evolve, field

from inferc.compiler.plan import Budget as BudgetConfig, BudgetAction, Money, UnavailableAction
from inferc.runtime.limits.idle_budgets import IdleBudgets
from inferc.runtime.limits.shared_budget import SYNC, SharedBudget
from inferc.runtime.limits.store.protocol import Change
from inferc.runtime.limits.store.redis_spend import RedisSpend
from inferc.runtime.policies.budget import MINUTE, Exceeded, Reservation
from inferc.runtime.policies.lease import LEASE, Granted, Lease, SpendState, renew
from inferc.runtime.policies.lease_holder import LeaseHolder
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.usage import PICODOLLARS

EPOCH = 1_700_000_000.0
SPAN = 60
"""Minutes of the window that has a ceiling."""
_ACCOUNT = "gateway/"
_TRIES = 3
"""How often a region asks above for what a gateway needs, where others take it first."""


@define
class Server:
    """A Redis server. rtt: seconds to it and back. swaps: changes that it did. lost: those too late."""

    rtt: float
    texts: dict[str, str] = field(factory=dict)
    commands: int = 0
    swaps: int = 0
    lost: int = 0
    sent: int = 0

    def client(self) -> Any:
        return _Client(self)

    async def call(self, act: Callable[[], Any]) -> Any:
        self.commands += 1
        await asyncio.sleep(self.rtt / 2)
        done = act()
        await asyncio.sleep(self.rtt / 2)
        return done

    def swap(self, key: str, was: str, text: str) -> int:
        """As the script of `RedisSpend` does it."""
        before = self.texts.get(key)
        if ("" if before is None else sha1(before.encode(), usedforsecurity=False).hexdigest()) != was:
            self.lost += 1
            return 0
        self.texts[key] = text
        self.swaps += 1
        self.sent += len(text)
        return 1


@define
class _Client:
    """What `RedisSpend` uses of a client."""

    server: Server

    @asynccontextmanager
    async def pipeline(self, *, transaction: bool) -> AsyncIterator[_Pipeline]:
        yield _Pipeline(self.server)

    def register_script(self, script: str) -> Callable[..., Awaitable[Any]]:
        def run(keys: Sequence[str], args: Sequence[Any]) -> Awaitable[Any]:
            return self.server.call(lambda: self.server.swap(keys[0], args[0], args[1]))

        return run

    async def mget(self, keys: Sequence[str]) -> list[str | None]:
        found = await self.server.call(lambda: [self.server.texts.get(key) for key in keys])
        assert isinstance(found, list)
        return found

    async def hgetall(self, key: str) -> dict[str, str]:
        return {}


@define
class _Pipeline:
    server: Server
    key: str = ""

    def time(self) -> None:
        pass

    def get(self, key: str) -> None:
        self.key = key

    async def execute(self) -> Any:
        def both() -> Any:
            now = EPOCH + asyncio.get_running_loop().time()
            return (int(now), int(now % 1 * 1e6)), self.server.texts.get(self.key)

        return await self.server.call(both)


async def _do(command: Awaitable[Any]) -> Any:
    return await command


def spend_at(server: Server) -> RedisSpend:
    """The store of budgets at a server."""
    return RedisSpend(server.client(), _do, _do)


class Far:
    """A store that is asked over a network, and does one change after the other beside its server."""

    def __init__(self, store: RedisSpend, rtt: float) -> None:
        self._store, self._rtt = store, rtt
        self._changing = asyncio.Lock()

    async def update(self, account: str, change: Change) -> Granted:
        await asyncio.sleep(self._rtt / 2)
        async with self._changing:
            granted = await self._store.update(account, change)
        await asyncio.sleep(self._rtt / 2)
        return granted


class Region:
    """A store whose gateways spend no more than it has leased itself from a store above.

    All that its own state counts, spend and leases, is reserved in its lease above before it is granted.
    """

    def __init__(self, name: str, own: RedisSpend, above: Far, ceiling: int) -> None:
        self._own, self._above, self._ceiling = own, above, ceiling
        self._lease = LeaseHolder(name, [(SPAN, ceiling)])
        self._told: dict[int, int] = {}
        self._changing, self._exchanging = asyncio.Lock(), asyncio.Lock()
        self._short: list[tuple[int, object]] = []
        self._low = asyncio.Event()

    async def update(self, account: str, change: Change) -> Granted:
        granted, short = await self._change(account, change)
        for _ in range(_TRIES):
            if short <= 0 or granted.amount:
                break
            mine = (short, object())
            self._short.append(mine)
            async with self._exchanging:
                if mine in self._short:  # else whoever was before has asked for all who waited
                    await self._exchange()
            granted, short = await self._change(account, change)
        if short > 0 or self._lease.free < self._lease.low:
            self._low.set()
        return granted

    async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
        return await self._own.look(accounts)

    async def run(self) -> None:
        """Tell the store above what was spent, and lease ahead."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SYNC):
                    await self._low.wait()
            self._low.clear()
            async with self._exchanging:
                await self._exchange()

    async def _change(self, account: str, change: Change) -> tuple[Granted, int]:
        """What is done within the lease, and what that was short of."""
        short, counted = 0, 0

        def within(state: SpendState, now: float) -> Granted:
            nonlocal short, counted
            minute = int(now / MINUTE)
            before = state.total(minute, SPAN)
            granted = change(state, now)
            short = granted.state.total(minute, SPAN) - before - max(self._lease.free, 0)
            if short > 0:
                elsewhere = Lease(self._ceiling - before - max(self._lease.free, 0), now + LEASE, 0)
                granted = change(evolve(state, leases={**state.leases, "": elsewhere}), now)
                kept = {who: each for who, each in granted.state.leases.items() if who}
                granted = evolve(granted, state=evolve(granted.state, leases=kept))
            counted = granted.state.total(minute, SPAN) - before
            return granted

        async with self._changing:
            granted = await self._own.update(account, within)
            self._count(granted, counted)
        return granted, short

    def _count(self, granted: Granted, counted: int) -> None:
        """Take from the lease above what the region counts more, or give back what it counts less."""
        if counted > 0 and not self._lease.take(asyncio.get_running_loop().time(), counted):
            self._lease.overdraw(counted)  # what is spent is spent, and counted above as soon as may be
        elif counted < 0:
            self._lease.settle(0, -counted, 0)
        for minute, amount in granted.state.spend.items():
            more = amount - self._told.get(minute, 0)
            if more > 0:
                self._told[minute] = amount
                self._lease.settle(minute, more, more)

    async def _exchange(self) -> None:
        now, free = asyncio.get_running_loop().time(), max(self._lease.free, 0)
        short, self._short = [each for each, _ in self._short], []
        ask = self._lease.ask(now, [short[0] + free, *short[1:]] if short else ())
        granted = await self._above.update(_ACCOUNT, lambda state, at: renew(state, at, ask))
        self._lease.heard(granted)


@define
class Seen:
    """What happened, by seconds. waits: for money, until `enough` dollars were spent; late: afterwards.

    early: requests that were refused before. failed: those that waited too long, or had no store.
    """

    seconds: int
    cost: float
    spent: list[float] = field(init=False)
    refused: list[int] = field(init=False)
    asked: list[int] = field(init=False)
    top: list[int] = field(init=False)
    regional: list[float] = field(init=False)
    enough: float = 0.0
    waits: list[float] = field(factory=list)
    late: list[float] = field(factory=list)
    early: int = 0
    failed: int = 0
    total: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.spent, self.refused, self.asked = ([0.0] * self.seconds, [0] * self.seconds, [0] * self.seconds)
        self.top, self.regional = [0] * self.seconds, [0.0] * self.seconds


def p99(waits: list[float]) -> float:
    """What all but one of a hundred did not wait for longer."""
    return sorted(waits)[int(len(waits) * 0.99)] if waits else 0.0


async def play(
    *,
    regions: int,
    gateways: int,
    far: float,
    near: float | None,
    seconds: int,
    rate: float,
    dollars: float,
    seed: int,
) -> tuple[Seen, Server, list[Server]]:
    """Each gateway takes `rate` requests a second; those of the first region, as many as all others together.

    far: seconds between regions. near: seconds to the store of a region; None: there is but one, `far` away.
    """
    random, top = Random(seed), Server(far if near is None else near)
    above = Far(spend_at(top), far)
    config = BudgetConfig(on_exceeded=BudgetAction.REJECT, max_spend_per_hour=Money(dollars))
    servers: list[Server] = []
    stores: list[Any] = []
    loops: list[Any] = []
    for number in range(regions):
        if near is None:
            stores.append(spend_at(top))
            continue
        servers.append(Server(near))
        region = Region(f"region {number}", spend_at(servers[-1]), above, int(dollars * PICODOLLARS))
        stores.append(region)
        loops.append(asyncio.create_task(region.run()))
    seen = Seen(seconds, 0.01, enough=0.9 * dollars)
    budgets = [
        (number, _budget(config, stores[number])) for number in range(regions) for _ in range(gateways)
    ]
    await asyncio.gather(*(budget.start() for _, budget in budgets))
    begin = asyncio.get_running_loop().time()
    traffic = [
        asyncio.create_task(
            _gateway(
                budget,
                rate * (max(regions - 1, 1) if number == 0 else 1),
                Random(random.random()),
                seen,
                begin,
            )
        )
        for number, budget in budgets
    ]
    before, below = top.swaps + top.lost, [each.swaps for each in servers]
    for second in range(seconds):
        await asyncio.sleep(begin + second + 1 - asyncio.get_running_loop().time())
        seen.top[second] = top.swaps + top.lost - before
        before = top.swaps + top.lost
        if servers:
            now = [each.swaps for each in servers]
            seen.regional[second] = max(n - b for n, b in zip(now, below, strict=True))
            below = now
        seen.spent[second] = seen.total
    for task in (*traffic, *loops):
        task.cancel()
    await asyncio.gather(*traffic, *loops, return_exceptions=True)
    return seen, top, servers


def _budget(config: BudgetConfig, store: Any) -> SharedBudget:
    return SharedBudget(config, "all", _ACCOUNT, IdleBudgets(store), UnavailableAction.REFUSE, EPOCH)


async def _gateway(budget: SharedBudget, rate: float, random: Random, seen: Seen, begin: float) -> None:
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            await asyncio.sleep(random.expovariate(rate))
            task = asyncio.create_task(_request(budget, random, seen, begin))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(budget: SharedBudget, random: Random, seen: Seen, begin: float) -> None:
    """It may cost twice what it does on average, and takes a second or so."""
    loop = asyncio.get_running_loop()
    came, most = loop.time(), int(2 * seen.cost * PICODOLLARS)
    second = min(int(came - begin), seen.seconds - 1)
    seen.asked[second] += 1
    try:
        outcome = budget.reserve(came + EPOCH, most)
        if outcome is None:
            outcome = await budget.acquire(most, None)
    except RequestError:
        seen.failed += 1
        return
    (seen.waits if seen.total < seen.enough else seen.late).append(loop.time() - came)
    if isinstance(outcome, Exceeded):
        seen.refused[second] += 1
        seen.early += seen.total < seen.enough
        return
    assert isinstance(outcome, Reservation)
    await asyncio.sleep(random.expovariate(1.0))
    cost = int(random.uniform(0, 2 * seen.cost) * PICODOLLARS)
    budget.settle(outcome, cost)
    seen.total += cost / PICODOLLARS

"""Limits that processes share through a real Redis server."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest

from inferc.compiler.plan import RateLimits, UnavailableAction
from inferc.runtime.concurrency.tasks import end_tasks
from inferc.runtime.limits.accounts import Accounts
from inferc.runtime.limits.rate_limiters import LocalRateLimiter, SharedRateLimiter, StrictRateLimiter, shared
from inferc.runtime.limits.store import SharedLimits, StoreError, redis_limits
from inferc.runtime.limits.store.protocol import Ask, Return
from inferc.runtime.limits.store.redis import RedisStore
from inferc.runtime.policies.rate_limit import Permit
from inferc.runtime.policies.sliding_window import MARGIN, SPAN
from inferc.runtime.requests.errors import RateLimited, ShuttingDown, StoreUnavailable

from ..support.forked import PATIENCE, ROOT, forked_program
from ..support.redis_server import RedisServer
from ..support.remote import eventually, plan_of, remote_plan, until

PermitsT = TypeVar("PermitsT", StrictRateLimiter, SharedRateLimiter)
MINUTE = SPAN + MARGIN


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process holds stays its own however long it sleeps."""
    monkeypatch.setattr(redis_limits, "LEASE", 600)


def strict(
    redis: RedisServer, count: int, minute: float = MINUTE, **limits: Any
) -> AbstractAsyncContextManager[list[StrictRateLimiter]]:
    """The limiters of `count` processes, as far as the server can tell. minute: how many seconds it has."""
    limited = RateLimits(**limits, strict=True)
    return several(
        redis, count, lambda store: StrictRateLimiter("the account", limited, "key", limits_of(store)), minute
    )


def approximate(
    redis: RedisServer, count: int, **limits: Any
) -> AbstractAsyncContextManager[list[SharedRateLimiter]]:
    """The same with shares."""
    limited = RateLimits(**limits)
    return several(
        redis, count, lambda store: SharedRateLimiter("the account", limited, "key", limits_of(store))
    )


def limits_of(store: RedisStore) -> SharedLimits:
    assert store.limits is not None
    return store.limits


@asynccontextmanager
async def several(
    redis: RedisServer, count: int, make: Callable[[RedisStore], PermitsT], minute: float = MINUTE
) -> AsyncIterator[list[PermitsT]]:
    """Started limiters, each over a store of its own."""
    stores = [RedisStore(redis.url, span=minute) for _ in range(count)]
    made = [make(store) for store in stores]
    for limiter in made:
        await limiter.start()
    try:
        yield made
    finally:
        for limiter, store in zip(made, stores, strict=True):
            await limiter.stop()
            await store.stop()


def soon(seconds: float = 0.3) -> float:
    return asyncio.get_running_loop().time() + seconds


def in_time() -> float:
    """Before a minute has passed, on a busy machine."""
    return soon(40)


async def granted(
    limiters: list[StrictRateLimiter] | list[SharedRateLimiter], each: int, wanted: int
) -> list[Permit]:
    """What of `each` requests per process is let through, once `wanted` are and some time has passed."""
    tasks = [asyncio.create_task(one.acquire(1, None)) for one in limiters for _ in range(each)]
    await until(lambda: sum(task.done() for task in tasks) >= wanted)
    if wanted < len(tasks):
        await asyncio.sleep(0.2)
    permits = [task.result() for task in tasks if task.done()]
    await end_tasks(tasks)
    return permits


async def test_processes_share_strict_limits_exactly(redis: RedisServer) -> None:
    async with strict(redis, 4, requests_per_minute=50) as limiters:
        assert len(await granted(limiters, 40, wanted=50)) == 50


async def test_a_strict_minute_opens_again_when_it_has_passed(redis: RedisServer) -> None:
    async with strict(redis, 2, minute=2.0, requests_per_minute=3) as (one, other):
        began = time.monotonic()
        for limiter in (one, other, one):
            await limiter.acquire(1, None)
        await other.acquire(1, None)
        assert 2.0 <= time.monotonic() - began < 32


async def test_strict_requests_of_a_process_pass_in_the_order_of_their_arrival(redis: RedisServer) -> None:
    async with strict(redis, 1, concurrent_requests=1) as (limiter,):
        order: list[int] = []

        async def one(number: int) -> None:
            permit = await limiter.acquire(1, None)
            order.append(number)
            limiter.finish(permit, 1)

        await asyncio.gather(*(one(number) for number in range(10)))
        assert order == list(range(10))
        assert (limiter.running, limiter.waiting) == (0, 0)


async def test_tokens_are_corrected_for_all_processes(redis: RedisServer) -> None:
    async with strict(redis, 2, tokens_per_minute=100) as (one, other):
        permit = await one.acquire(90, None)
        with pytest.raises(RateLimited):
            await other.acquire(50, soon())
        one.finish(permit, 10)
        await other.acquire(50, in_time())


async def test_requests_in_flight_are_counted_over_all_processes(redis: RedisServer) -> None:
    async with strict(redis, 2, concurrent_requests=2) as (one, other):
        permits = [await one.acquire(1, None), await one.acquire(1, None)]
        with pytest.raises(RateLimited):
            await other.acquire(1, soon())
        one.finish(permits[0], 1)
        await other.acquire(1, in_time())


async def test_cancelled_requests_leave_nothing_behind_wherever_they_were(redis: RedisServer) -> None:
    async with strict(redis, 1, requests_per_minute=1000, concurrent_requests=5) as (limiter,):

        async def one() -> None:
            permit = await limiter.acquire(1, None)
            try:
                await asyncio.sleep(0.01)
            finally:
                limiter.finish(permit, 1)

        for moment in range(20):
            tasks = [asyncio.create_task(one()) for _ in range(10)]
            await asyncio.sleep(moment / 4000)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await eventually(lambda: (limiter.running, limiter.waiting) == (0, 0))
        await asyncio.wait_for(asyncio.gather(*(limiter.acquire(1, None) for _ in range(5))), 60)


async def test_strict_limits_refuse_everything_while_redis_is_down(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with strict(redis, 1, requests_per_minute=100) as (limiter,):
        await limiter.acquire(1, None)
        redis.stop()
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                with pytest.raises(StoreUnavailable, match="the limits of the account") as caught:
                    await limiter.acquire(1, None)
        assert (caught.value.status, caught.value.code) == (503, "store_unavailable")
        assert len(caplog.messages) == 1
        redis.start()
        await limiter.acquire(1, None)


async def test_stopping_refuses_those_who_wait_for_strict_permits(redis: RedisServer) -> None:
    async with strict(redis, 1, requests_per_minute=1) as (limiter,):
        await limiter.acquire(1, None)
        waiting = asyncio.create_task(limiter.acquire(1, None))
        await asyncio.sleep(0.05)
        await limiter.stop()
        with pytest.raises(ShuttingDown):
            await waiting
        with pytest.raises(ShuttingDown):
            await limiter.acquire(1, None)


async def test_approximate_limits_are_not_overspent_while_the_store_answers(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "SYNC", 0.05)
    async with approximate(redis, 4, requests_per_minute=60) as limiters:
        assert len(await granted(limiters, 60, wanted=50)) <= 60


async def test_one_of_many_processes_gets_what_the_others_leave(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "SYNC", 0.05)
    async with approximate(redis, 4, requests_per_minute=60, tokens_per_minute=1000) as limiters:
        for one in limiters:
            one.finish(await one.acquire(1, None), 1)
        permit = await limiters[0].acquire(800, in_time())  # more than a fourth
        limiters[0].finish(permit, 10)
        assert 40 <= len(await granted(limiters[:1], 60, wanted=40)) <= 55


async def test_approximate_limits_go_on_while_redis_is_down_with_a_part_for_each_process(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared, "SYNC", 0.05)
    async with approximate(redis, 3, requests_per_minute=60) as limiters:
        before = len(await granted(limiters, 5, wanted=15))
        await until(lambda: all(one._members == 3 for one in limiters))
        redis.stop()
        with caplog.at_level(logging.WARNING):
            after = len(await granted(limiters, 60, wanted=30))
            await until(lambda: len(caplog.messages) >= 3)
            await asyncio.sleep(0.2)
        assert before == 15
        assert before + after <= 2 * 60
        assert len(caplog.messages) == 3
        assert all("this process keeps to 1/3 of the limits" in message for message in caplog.messages)
        redis.start()
        await eventually(lambda: not any(one._lost for one in limiters))


async def test_the_kind_of_permits_follows_from_the_plan_and_the_store(redis: RedisServer) -> None:
    plans = [
        remote_plan("none"),
        remote_plan("exact", model="a", rate_limits=RateLimits(requests_per_minute=1, strict=True)),
        remote_plan("near", model="b", rate_limits=RateLimits(requests_per_minute=1)),
    ]
    store = RedisStore(redis.url)
    accounts = Accounts(plan_of(*plans), store)
    kinds = [type(accounts.limiter(plan, 0)) for plan in plans]
    assert kinds == [LocalRateLimiter, StrictRateLimiter, SharedRateLimiter]
    await store.stop()


WORKER = """
import asyncio, json, sys, time
from inferc.compiler.plan import RateLimits, UnavailableAction
from inferc.runtime.limits.rate_limiters import StrictRateLimiter
from inferc.runtime.limits.store import SharedLimits, StoreError, redis_limits
from inferc.runtime.limits.store.protocol import Ask, Return
from inferc.runtime.limits.store.redis import RedisStore

async def main(url, limit, minute):
    store = RedisStore(url, span=minute)
    limits = RateLimits(requests_per_minute=limit, strict=True)
    limiter = StrictRateLimiter("the account", limits, "key", store.limits)
    await limiter.start()
    sent, stalls = [], []

    async def client():
        for _ in range(5):
            permit = await limiter.acquire(1, None)
            sent.append(time.monotonic())
            limiter.finish(permit, 1)

    async def watch():
        while True:
            before = time.monotonic()
            try:
                await asyncio.sleep(0.01)
            finally:
                stalls.append(time.monotonic() - before)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(client() for _ in range(20)))
    watching.cancel()
    await asyncio.wait([watching])
    await limiter.stop()
    await store.stop()
    print(json.dumps([sent, max(stalls)]))

asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
"""
"""Prints when each of a hundred requests was sent, and for how long the process got no further at most."""


def test_real_processes_never_send_more_than_the_strict_limit_within_any_minute(redis: RedisServer) -> None:
    limit, minute = 100, 1.0
    arguments = [redis.url, str(limit), str(minute)]
    processes = [
        forked_program(WORKER, *arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)
    ]
    try:
        answers = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            with suppress(ValueError):
                process.communicate()
    sent = sorted(moment for moments, _ in answers for moment in moments)
    # A process may stall between its permit and its note of the time; in production the margin covers it.
    sure = 0.8 * minute - 2 * max(stall for _, stall in answers)
    most = max(bisect_left(sent, moment + sure) - index for index, moment in enumerate(sent))
    assert most <= limit
    assert len(sent) == 4 * limit


async def test_the_share_of_a_process_that_died_is_free_within_seconds(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_limits, "LEASE", 0.5)
    began = time.monotonic()
    limits = RateLimits(requests_per_minute=10)
    store = RedisStore(redis.url)
    dead, other = (limits_of(store).account("key", limits) for _ in range(2))
    assert (await dead.share(1, (0, 0), ())).requests == 10
    await dead.share(1, (3, 0), ())  # seven are left, and nobody hears of it again
    share = await other.share(1, (0, 0), ())
    while not share.requests:
        await asyncio.sleep(0.05)
        share = await other.share(1, (0, 0), ())
    assert share.requests == 7
    assert 0.4 < time.monotonic() - began < 30
    await store.stop()


async def test_slots_of_a_process_that_died_are_free_within_seconds(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = RateLimits(concurrent_requests=1, strict=True)
    store = RedisStore(redis.url)
    dead, other = (limits_of(store).account("key", limits) for _ in range(2))
    assert (await dead.acquire([Ask(1, "a")], (), ())).granted == 1
    assert (await other.acquire([Ask(1, "b")], (), ())).granted == 0
    monkeypatch.setattr(redis_limits, "LEASE", 0.3)
    await dead.acquire((), (), ["a"])  # nobody hears of it again
    began = time.monotonic()
    while not (await other.acquire([Ask(1, "b")], (), ())).granted:
        assert time.monotonic() - began < 30
        await asyncio.sleep(0.05)
    await store.stop()


@pytest.mark.parametrize("redis", [2.0], indirect=True)
async def test_a_grant_whose_answer_was_lost_is_given_back(redis: RedisServer) -> None:
    """The server does what it was asked, but too late for who asked."""
    strict_limits = RateLimits(requests_per_minute=10, concurrent_requests=3, strict=True)
    store = RedisStore(redis.url)
    account = limits_of(store).account("strict", strict_limits)
    shares = limits_of(store).account("shares", RateLimits(requests_per_minute=10))
    first = await account.acquire([Ask(1, "first")], (), ())
    assert (await shares.share(1, (0, 0), ())).requests == 10
    with redis.stopped():
        back = [Return(first.bucket, 1, 1, "first")]
        with pytest.raises(StoreError):
            await account.acquire([Ask(1, "second"), Ask(1, "third")], back, ())
        with pytest.raises(StoreError):
            await shares.share(1, (4, 0), ())
    asks = [Ask(1, str(number)) for number in range(12)]
    grant = await account.acquire(asks, (), ())
    assert grant.granted == 3  # slots; `first` gave back its own, and nobody has those of the others
    done = [Return(grant.bucket, 0, 0, str(number)) for number in range(3)]
    assert (await account.acquire(asks[3:], done, ())).granted == 3
    assert (await shares.share(1, (0, 0), ())).requests == 6
    await store.stop()


@pytest.mark.parametrize("kind", ["strict", "shares"])
async def test_a_redis_that_lost_its_memory_is_told_what_was_sent_and_what_is_in_flight(
    kind: str, redis: RedisServer
) -> None:
    limits = RateLimits(requests_per_minute=20, tokens_per_minute=1000, concurrent_requests=4, strict=True)
    store = RedisStore(redis.url)
    one, other = (limits_of(store).account("key", limits) for _ in range(2))
    if kind == "strict":
        for account, name in ((one, "a"), (other, "b")):
            assert (await account.acquire([Ask(100, f"{name}{x}") for x in range(2)], (), ())).granted == 2
    else:
        for account in (one, other):
            await account.share(100, (0, 0), ())
            await account.share(0, (2, 200), ())
    redis.stop()
    redis.start()
    if kind == "strict":
        assert (await one.acquire((), (), ["a0", "a1"])).granted == 0
        assert (await other.acquire((), (), ["b0", "b1"])).granted == 0
        assert (await one.acquire([Ask(1, "c")], (), ["a0", "a1"])).granted == 0
    for account in (one, other):
        await account.share(0, (0, 0), ())
    share = await one.share(1, (0, 0), ())
    assert (share.requests, share.tokens) == (16, 600)
    await store.stop()


@pytest.mark.parametrize("redis", [2.0], indirect=True)
async def test_shares_are_back_at_the_full_rate_seconds_after_redis_was_away(redis: RedisServer) -> None:
    async with approximate(redis, 2, requests_per_minute=1000) as limiters:
        assert len(await granted(limiters, 10, wanted=20)) == 20
        with redis.stopped():
            await until(lambda: all(one._lost for one in limiters))
        began = time.monotonic()
        await until(lambda: not any(one._lost for one in limiters))
        assert len(await granted(limiters, 100, wanted=200)) == 200
        assert time.monotonic() - began < 30


async def test_strict_limits_are_kept_by_each_process_where_it_is_to_serve(redis: RedisServer) -> None:
    limits = RateLimits(requests_per_minute=5, strict=True)
    store = RedisStore(redis.url)
    limiter = StrictRateLimiter("the account", limits, "key", limits_of(store), UnavailableAction.SERVE)
    await limiter.start()
    redis.stop()
    outcomes = await asyncio.gather(*(limiter.acquire(1, None) for _ in range(8)), return_exceptions=True)
    permits = [outcome for outcome in outcomes if isinstance(outcome, Permit)]
    assert len(permits) == 5
    for permit in permits:
        limiter.finish(permit, 1)
    assert limiter.running == 0
    redis.start()
    await limiter.acquire(1, in_time())
    await limiter.stop()
    await store.stop()

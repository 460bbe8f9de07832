"""Open circuits and holds that processes share through a real Redis server, with a real mock provider."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inferc.compiler.plan import CircuitBreakerConfig, Duration, RateLimits, RetryPolicy, SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.limits import shared_circuits as health
from inferc.runtime.limits.replica_policies import ReplicaPolicies
from inferc.runtime.limits.store import redis_health
from inferc.runtime.mock_provider import Fault, MockOptions
from inferc.runtime.mock_provider.faults import FaultKind
from inferc.runtime.requests.errors import CircuitOpen, RateLimited, RequestError, RequestTimeout, ServerError
from inferc.runtime.requests.request import ChatRequest

from ..support.redis_server import RedisServer
from ..support.remote import Mock, eventually, mock_provider, plan_of, remote_plan, until

CHAT = ChatRequest({"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}, stream=False)
OPEN_FOR = 0.4


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """News in no time; but what a process says that it probes holds however long this one sleeps."""
    monkeypatch.setattr(health, "SYNC", 0.03)
    monkeypatch.setattr(redis_health, "PROBING", 600)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> SecretRef:
    monkeypatch.setenv("TEST_KEY", "key")
    return SecretRef.env("TEST_KEY")


@asynccontextmanager
async def processes(
    redis: RedisServer, key: SecretRef, count: int, *faults: Fault, middleware: Any = None, **fields: Any
) -> AsyncIterator[tuple[list[Executor], Mock]]:
    """As many executors that know nothing of each other, in front of one mock provider."""
    breaker = CircuitBreakerConfig(failure_threshold=2, open_duration=Duration(OPEN_FOR))
    values = {"retry": RetryPolicy(max_retries=0), "circuit_breaker": breaker} | fields
    async with AsyncExitStack() as stack:
        mock = await stack.enter_async_context(mock_provider(MockOptions(gap=0, faults=faults), middleware))
        plan = plan_of(remote_plan("gpt", mock.endpoint, key=key, **values))
        executors = [Executor(plan, Path.cwd(), state=redis.url) for _ in range(count)]
        for executor in executors:
            await executor.start()
            stack.push_async_callback(executor.stop)
        yield executors, mock


async def ask(executor: Executor) -> RequestError | None:
    """What goes wrong with a request, if anything does."""
    try:
        async for _ in executor.stream("gpt", CHAT):
            pass
    except RequestError as error:
        return error
    return None


async def ask_until_let(
    executor: Executor, unless: Callable[[], bool] = lambda: False
) -> RequestError | None:
    """The same, as soon as the circuit lets a request pass, or it is not to be asked any more."""
    error: RequestError | None = None
    for _ in range(1000):
        error = await ask(executor)
        if not isinstance(error, CircuitOpen) or unless():
            break
        await asyncio.sleep(0.02)
    return error


def policies_of(executor: Executor) -> ReplicaPolicies:
    policies = executor.deployment("gpt").policies[0]
    assert policies is not None
    return policies


def is_closed(executor: Executor) -> bool:
    return policies_of(executor).breaker.is_closed


async def held(executor: Executor, until: float) -> None:
    """Wait until it leaves the provider alone, as the provider asked; or until nobody does any more."""
    loop = asyncio.get_running_loop()
    limiter = policies_of(executor).limiter
    await eventually(lambda: limiter.held_for(loop.time()) > 0 or loop.time() > until)


async def open_everywhere(executors: list[Executor]) -> None:
    """Let the first process see the failures that open its circuit, and the others hear of it."""
    for _ in range(2):
        assert isinstance(await ask(executors[0]), ServerError)
    await eventually(lambda: not any(map(is_closed, executors)))


async def test_a_circuit_that_one_process_opens_is_open_for_all(redis: RedisServer, key: SecretRef) -> None:
    breaker = CircuitBreakerConfig(failure_threshold=2, open_duration=Duration(60))
    async with processes(redis, key, 3, Fault(500, count=None), circuit_breaker=breaker) as (executors, mock):
        await open_everywhere(executors)
        for executor in executors:
            error = await ask(executor)
            assert isinstance(error, CircuitOpen)
            assert error.retry_after is not None
            assert 0 < error.retry_after <= 60
        assert mock.stats.requests == 2


async def test_a_circuit_that_an_operator_opens_stays_open_for_all_until_one_closes_it(
    redis: RedisServer, key: SecretRef
) -> None:
    async with processes(redis, key, 2) as ((one, other), _mock):
        now = asyncio.get_running_loop().time()
        policies_of(one).breaker.open_for_operator(now + 600, 600)
        await until(lambda: not is_closed(other))
        await asyncio.sleep(0.1)
        assert isinstance(await ask(one), CircuitOpen), "nobody says that it is closed"
        policies_of(other).breaker.close_for_operator(now)
        await until(lambda: is_closed(one))
        assert await ask(one) is None


async def test_all_processes_together_send_one_probe_and_its_success_closes_the_circuit_for_all(
    redis: RedisServer, key: SecretRef
) -> None:
    probes, others_are_refused = [], asyncio.Event()

    @web.middleware
    async def hold_probes(request: web.Request, handler: Any) -> Any:
        if mock.stats.requests == 2:
            probes.append(request)
            await others_are_refused.wait()
        return await handler(request)

    async with processes(redis, key, 3, Fault(500, count=2), middleware=hold_probes) as (executors, mock):
        await open_everywhere(executors)
        tasks = [
            asyncio.create_task(ask_until_let(executor, unless=lambda: bool(probes)))
            for executor in executors
            for _ in range(4)
        ]
        await eventually(lambda: sum(task.done() for task in tasks) >= 11)
        others_are_refused.set()
        outcomes = await asyncio.gather(*tasks)
        assert sum(outcome is None for outcome in outcomes) == 1
        assert sum(isinstance(outcome, CircuitOpen) for outcome in outcomes) == 11
        assert len(probes) == 1
        await eventually(lambda: all(map(is_closed, executors)))
        assert [await ask(executor) for executor in executors] == [None] * 3


async def test_a_probe_that_fails_opens_the_circuit_for_all_for_twice_as_long(
    redis: RedisServer, key: SecretRef
) -> None:
    breaker = CircuitBreakerConfig(failure_threshold=2, open_duration=Duration(300))
    async with processes(redis, key, 2, Fault(500), circuit_breaker=breaker) as (executors, mock):
        one = policies_of(executors[0]).breaker
        began = asyncio.get_running_loop().time()
        one.open_for_operator(began + 0.1, 300)  # nearly five minutes ago
        await eventually(lambda: not any(map(is_closed, executors)))
        assert isinstance(await ask_until_let(executors[1]), ServerError)
        await eventually(lambda: (one.open_until or 0) > began + 300)
        error = await ask(executors[0])
        assert isinstance(error, CircuitOpen)
        assert error.retry_after is not None
        assert 300 < error.retry_after <= 600
        assert mock.stats.requests == 1


async def test_a_cancelled_probe_makes_room_for_one_of_another_process(
    redis: RedisServer, key: SecretRef
) -> None:
    faults = (Fault(500, count=2), Fault(kind=FaultKind.SLOW, seconds=30))
    async with processes(redis, key, 2, *faults) as (executors, mock):
        await open_everywhere(executors)
        probe = asyncio.create_task(ask_until_let(executors[0]))
        await eventually(lambda: mock.stats.open == 1)
        assert isinstance(await ask(executors[1]), CircuitOpen)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert await ask_until_let(executors[1]) is None


async def test_a_process_that_vanishes_while_it_probes_makes_room_for_another(
    redis: RedisServer, key: SecretRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with processes(redis, key, 2, Fault(500, count=2)) as (executors, _):
        await open_everywhere(executors)
        store = executors[1].state and executors[1].state.health
        assert store is not None
        endpoint = "\n".join(("openai", executors[0].plan.deployments[0].endpoint))  # type: ignore[union-attr]
        for _ in range(1000):
            if await store.probe(endpoint, "gone") is True:
                break
            await asyncio.sleep(0.02)
        for _ in range(20):
            assert isinstance(await ask(executors[0]), CircuitOpen)
            await asyncio.sleep(0.02)
        monkeypatch.setattr(redis_health, "PROBING", 0.1)
        assert await store.probe(endpoint, "gone"), "it goes on"
        assert await ask_until_let(executors[0]) is None


async def test_a_provider_that_asks_one_process_to_wait_is_left_alone_by_all(
    redis: RedisServer, key: SecretRef
) -> None:
    fault = Fault(429, retry_after=1)
    async with processes(redis, key, 2, fault) as (executors, mock):
        began = asyncio.get_running_loop().time()
        assert isinstance(await ask(executors[0]), RateLimited)
        await held(executors[1], until=began + 1)
        assert await ask(executors[1]) is None
        assert 0.9 < asyncio.get_running_loop().time() - began < 20
        assert mock.stats.requests == 2


async def test_no_process_leaves_a_provider_alone_for_longer_than_the_bound(
    redis: RedisServer, key: SecretRef
) -> None:
    fault = Fault(429, retry_after=3e7)
    limits = RateLimits(max_hold=Duration(1))
    async with processes(redis, key, 2, fault, rate_limits=limits) as (executors, mock):
        began = asyncio.get_running_loop().time()
        assert isinstance(await ask(executors[0]), RateLimited)
        await held(executors[1], until=began + 1)
        assert await ask(executors[1]) is None
        assert 0.9 < asyncio.get_running_loop().time() - began < 20
        assert mock.stats.requests == 2


async def test_a_wait_of_years_in_the_store_is_not_believed(redis: RedisServer, key: SecretRef) -> None:
    async with processes(redis, key, 1, rate_limits=RateLimits(max_hold=Duration(0.2))) as ([executor], _):
        policies = policies_of(executor)
        account = next(iter(executor.now.policies._accounts._circuits.limiters))  # type: ignore[union-attr]
        health_of = executor.state and executor.state.health
        assert health_of is not None
        await health_of.hold(account, 3e7)
        await eventually(lambda: policies.limiter.held_for(asyncio.get_running_loop().time()) > 0)
        assert policies.limiter.held_for(asyncio.get_running_loop().time()) <= 0.2


async def test_while_redis_is_down_each_process_goes_by_what_it_knows(
    redis: RedisServer, key: SecretRef, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="inferc.runtime.limits.shared_circuits")

    def said() -> list[str]:
        return [each.getMessage() for each in caplog.records if each.name == health.log.name]

    breaker = CircuitBreakerConfig(failure_threshold=2, open_duration=Duration(600))
    async with processes(redis, key, 2, Fault(500, count=2), circuit_breaker=breaker) as (executors, _):
        redis.stop()
        for _ in range(2):
            assert isinstance(await ask(executors[0]), ServerError)
        assert isinstance(await ask(executors[0]), CircuitOpen)
        assert await ask(executors[1]) is None
        policies_of(executors[0]).breaker.open_for_operator(asyncio.get_running_loop().time() + 0.1, 600)
        assert await ask_until_let(executors[0]) is None
        await eventually(lambda: len(said()) >= 2)
        await asyncio.sleep(0.1)
        assert len(said()) == 2  # once for each process
        assert "this process learns of failing providers by itself" in said()[0]


async def test_what_was_learnt_while_redis_was_down_is_told_when_it_is_back(
    redis: RedisServer, key: SecretRef
) -> None:
    breaker = CircuitBreakerConfig(failure_threshold=1, open_duration=Duration(20.0))
    async with processes(redis, key, 2, Fault(504), circuit_breaker=breaker) as (executors, _):
        redis.stop()
        assert isinstance(await ask(executors[0]), RequestTimeout)
        redis.start()
        await eventually(lambda: not is_closed(executors[1]))
        assert isinstance(await ask(executors[1]), CircuitOpen)

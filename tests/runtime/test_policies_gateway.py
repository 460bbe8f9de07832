"""Policies as clients of the gateway see them, in front of a real mock provider."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    CircuitBreakerConfig,
    Duration,
    Money,
    Price,
    RateLimits,
    RetryPolicy,
    SecretRef,
)
from inferc.runtime.mock_provider import Fault, MockOptions

from ..support.remote import Mock, eventually, executor_of, gateway_of, mock_provider, remote_plan

CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello there"}]}
ONCE = RetryPolicy(max_retries=0)


@frozen
class House:
    """A gateway with one deployment in front of a mock provider."""

    url: str
    mock: Mock
    http: aiohttp.ClientSession

    async def ask(self, **headers: str) -> tuple[int, Any, Any]:
        url = f"{self.url}/v1/chat/completions"
        async with self.http.post(url, json=CHAT, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> SecretRef:
    monkeypatch.setenv("TEST_KEY", "key")
    return SecretRef.env("TEST_KEY")


@asynccontextmanager
async def house(key: SecretRef, *faults: Fault, **fields: Any) -> AsyncIterator[House]:
    async with mock_provider(MockOptions(gap=0, faults=faults)) as mock:
        plan = remote_plan("gpt", mock.endpoint, key=key, **({"retry": ONCE} | fields))
        async with (
            executor_of(plan) as executor,
            gateway_of(executor) as url,
            aiohttp.ClientSession() as http,
        ):
            yield House(url, mock, http)


async def test_a_spent_budget_is_a_quota_that_clients_do_not_retry(key: SecretRef) -> None:
    fields = {
        "price": Price(Money("1"), Money("10")),
        "budget": Budget(BudgetAction.REJECT, Money("0.01026")),
    }
    async with house(key, **fields) as served:
        assert (await served.ask())[0] == 200
        status, body, headers = await served.ask()
        assert status == 429
        assert (body["error"]["type"], body["error"]["code"]) == ("insufficient_quota", "budget_exceeded")
        assert "per hour are spent or reserved" in body["error"]["message"]
        assert headers["x-should-retry"] == "false"
        assert 3600 <= int(headers["Retry-After"]) <= 3660
        assert served.mock.stats.requests == 1


async def test_an_open_circuit_is_a_503_that_says_when_to_come_back(key: SecretRef) -> None:
    breaker = CircuitBreakerConfig(2, Duration(30))
    async with house(key, Fault(500, count=None), circuit_breaker=breaker) as served:
        assert [(await served.ask())[0] for _ in range(2)] == [502, 502]
        status, body, headers = await served.ask()
        assert status == 503
        assert (body["error"]["type"], body["error"]["code"]) == ("server_error", "circuit_open")
        assert headers["Retry-After"] == "30"
        assert served.mock.stats.requests == 2


async def test_a_429_of_the_provider_holds_other_requests_back_too(key: SecretRef) -> None:
    async with house(key, Fault(429, retry_after=0.3)) as served:
        assert (await served.ask())[0] == 429
        began = asyncio.get_running_loop().time()
        assert (await served.ask())[0] == 200
        assert asyncio.get_running_loop().time() - began > 0.2


async def test_a_wait_that_the_provider_asks_for_is_bounded_for_clients_and_shows(key: SecretRef) -> None:
    async with house(key, Fault(429, retry_after=3e7)) as served:
        for _ in range(2):
            status, _, headers = await served.ask()
            assert (status, int(headers["Retry-After"])) == (429, 300)
        assert served.mock.stats.requests == 1
        async with served.http.get(f"{served.url}/healthz") as answer:
            [deployment] = (await answer.json())["deployments"]
        assert 295 < deployment["replicas"][0]["held_seconds"] <= 300
        async with served.http.get(f"{served.url}/metrics") as answer:
            [held] = re.findall(
                r'^inferc_hold_seconds{deployment="gpt",replica="0"} (.*)$', await answer.text(), re.MULTILINE
            )
        assert 295 < float(held) <= 300


async def test_a_client_that_disconnects_while_it_waits_for_a_permit_leaves_the_queue(key: SecretRef) -> None:
    limits = RateLimits(requests_per_minute=1)
    async with mock_provider() as mock:
        plan = remote_plan("gpt", mock.endpoint, key=key, rate_limits=limits)
        async with executor_of(plan) as executor, gateway_of(executor) as url:
            deployment = executor.deployment("gpt")
            async with aiohttp.ClientSession() as http:
                served = House(url, mock, http)
                assert (await served.ask())[0] == 200
                waiting = asyncio.create_task(served.ask())
                await asyncio.sleep(0.1)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            await eventually(lambda: deployment.running == 0)
            assert mock.stats.requests == 1


async def test_a_client_says_how_long_it_waits(key: SecretRef) -> None:
    async with house(key) as served:
        for value in ("soon", "0", "-1s", "2d", "inf", "1e3", ""):
            status, body, _ = await served.ask(**{"x-inferc-deadline": value})
            assert (status, body["error"]["param"]) == (400, "x-inferc-deadline"), value
        for value in ("30", "1.5m", "200000ms", "2h"):
            assert (await served.ask(**{"x-inferc-deadline": value}))[0] == 200
        status, body, _ = await served.ask(**{"x-inferc-deadline": "0.001ms"})
        assert status in (408, 429, 504), body


@pytest.mark.parametrize("value", ["urgent", "1000", "1.5"])
async def test_a_priority_that_is_none_is_a_bad_request(key: SecretRef, value: str) -> None:
    async with house(key) as served:
        status, body, _ = await served.ask(**{"x-inferc-priority": value})
        assert status == 400
        message = "the header `x-inferc-priority` must be a whole number from -100 to 100"
        assert body["error"]["message"] == message
        assert (await served.ask(**{"x-inferc-priority": "-5"}))[0] == 200

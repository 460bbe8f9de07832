"""Faults of providers, and what the client of the gateway sees of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from inferc.compiler.plan import Duration, RetryPolicy
from inferc.runtime.mock_provider import MockOptions, parse_fault

from ..support.remote import Mock, executor_of, gateway_of, impatient, mock_provider
from ..support.wires import WIRES, wire_plan, wires_of

ONCE = RetryPolicy(max_retries=0)


@frozen
class House:
    url: str
    mock: Mock
    http: aiohttp.ClientSession

    async def ask(self, wire: str, *, stream: bool = False) -> tuple[int, dict[str, Any], Any]:
        body = {"model": wire, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
        async with self.http.post(f"{self.url}/v1/chat/completions", json=body) as response:
            return response.status, (await response.json())["error"], response.headers


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Open:
    """The wire of the test, or all."""
    monkeypatch.setenv("TEST_KEY", "k-secret")
    wires = wires_of(request)

    @asynccontextmanager
    async def opened(*faults: str, **fields: Any) -> AsyncIterator[House]:
        options = MockOptions(gap=0, faults=tuple(parse_fault(fault) for fault in faults))
        settings = {"retry": ONCE, "timeouts": impatient("".join(faults[:1]), 0.25)} | fields
        async with (
            mock_provider(options) as mock,
            executor_of(*(wire_plan(wire, mock.url, **settings) for wire in wires)) as executor,
            gateway_of(executor) as url,
            aiohttp.ClientSession() as http,
        ):
            yield House(url, mock, http)

    return opened


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("400", 400, {"openai": "invalid_request", "*": "bad_request"}),
        ("401:count=all", 401, "invalid_api_key"),
        ("402", 403, {"anthropic": "insufficient_quota", "*": "forbidden"}),
        ("403", 403, "forbidden"),
        ("404", 502, "model_not_found"),
        ("408", 504, "timeout"),
        ("413", 413, "request_too_large"),
        ("429:retry_after=2", 429, "rate_limit_exceeded"),
        ("500", 502, "server_error"),
        ("503", 502, {"anthropic": "server_error", "*": "server_is_overloaded"}),
        ("504", 504, "timeout"),
        ("529", 502, {"anthropic": "server_is_overloaded", "*": "server_error"}),
        ("slow:seconds=5", 504, "timeout"),
        ("error:after=0,status=529", 502, {"anthropic": "server_is_overloaded", "*": "server_error"}),
    ],
)
async def test_a_fault_has_its_status_and_code(
    house: Open, wire: str, stream: bool, fault: str, status: int, code: str | dict[str, str]
) -> None:
    async with house(fault) as it:
        seen, error, headers = await it.ask(wire, stream=stream)
        expected = code if isinstance(code, str) else code.get(wire, code.get("*"))
        assert (seen, error["code"]) == (status, expected)
        assert f"{'gemini' if wire == 'vertex' else wire} (deployment `{wire}`)" in error["message"]
        if "retry_after" in fault:
            assert headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("fault", "status", "code", "says"),
    [
        ("cut", 502, "network_error", "broke off in the middle"),
        ("stall", 504, "timeout", "fell silent for 0.25 s"),
        ("malformed", 502, "server_error", "no JSON"),
    ],
)
@pytest.mark.parametrize("wire", WIRES)
async def test_a_whole_answer_that_goes_wrong_is_an_error(
    house: Open, wire: str, fault: str, status: int, code: str, says: str
) -> None:
    async with house(fault) as it:
        seen, error, _ = await it.ask(wire)
        assert (seen, error["code"]) == (status, code)
        assert says in error["message"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("cut", "network_error"),
        ("stall", "timeout"),
        ("malformed", "server_error"),
        ("error:status=500", "server_error"),
    ],
)
@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_that_goes_wrong_ends_with_the_error(
    house: Open, wire: str, fault: str, code: str
) -> None:
    async with house(f"{fault}{',' if ':' in fault else ':'}after=4") as it:
        body = {"model": wire, "messages": [{"role": "user", "content": "a b c d e"}], "stream": True}
        async with it.http.post(f"{it.url}/v1/chat/completions", json=body) as response:
            assert response.status == 200
            events = (await response.text()).split("\n\n")
        assert "You" in "".join(events)
        assert f'"code":"{code}"' in events[-2]
        assert "[DONE]" not in "".join(events)
        assert it.mock.stats.requests == 1


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["429:retry_after=0.01", "500", "529", "slow:seconds=1", "error:after=0"])
async def test_what_may_pass_is_tried_again(house: Open, wire: str, fault: str) -> None:
    by_the_clock = fault.startswith("slow")  # and on a busy machine, an answer that is not may seem so, too
    policy = RetryPolicy(max_retries=20 if by_the_clock else 1, initial_backoff=Duration(0.01))
    async with house(fault, retry=policy) as it:
        body = {"model": wire, "messages": [{"role": "user", "content": "hello"}]}
        async with it.http.post(f"{it.url}/v1/chat/completions", json=body) as response:
            assert response.status == 200
        assert it.mock.stats.requests == 2 or (by_the_clock and it.mock.stats.requests > 2)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["400", "402", "403", "404", "413", "429:code=insufficient_quota"])
async def test_what_stays_wrong_is_tried_once(house: Open, wire: str, fault: str) -> None:
    if wire in ("anthropic", "bedrock") and "quota" in fault:
        fault = "402"  # where its quota ends; Amazon has no word for it
    async with house(fault, retry=RetryPolicy(max_retries=3, initial_backoff=Duration(0.01))) as it:
        await it.ask(wire)
        assert it.mock.stats.requests == 1


@pytest.mark.parametrize("form", ["seconds", "ms", "date"])
async def test_the_time_to_wait_reaches_the_client_in_any_form(house: Open, form: str) -> None:
    async with house(f"429:retry_after=90,form={form}") as it:
        began = time.time()
        _, _, headers = await it.ask("openai")
        assert 89 - (time.time() - began) <= int(headers["Retry-After"]) <= 90


async def test_a_quota_of_the_day_is_final_for_gemini(house: Open) -> None:
    async with house("429:code=insufficient_quota,retry_after=40") as it:
        status, error, headers = await it.ask("gemini")
        assert (status, error["code"], headers["Retry-After"]) == (429, "insufficient_quota", "40")


async def test_a_request_that_cannot_be_translated_is_refused_before_it_is_sent(house: Open) -> None:
    async with house() as it:
        body = {"model": "anthropic", "messages": [{"role": "user", "content": "x"}], "n": 3}
        async with it.http.post(f"{it.url}/v1/chat/completions", json=body) as response:
            error = (await response.json())["error"]
            assert (response.status, error["code"], error["param"]) == (400, "unsupported_parameter", "n")
        assert it.mock.stats.requests == 0

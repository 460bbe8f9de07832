"""A changed plan is taken over while requests are answered; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from attrs import evolve, frozen

from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    Cors,
    Duration,
    KeyLimits,
    KeyPlan,
    KeySecret,
    Money,
    Plan,
    Price,
    RateLimits,
    SecretRef,
    SecretSource,
    Size,
    SourceRef,
    Timeouts,
)
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.serve import Service
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.plan_changes import changes
from inferc.runtime.reload import UNUSABLE, Reloader, hangups, reloading_on_hangup
from inferc.runtime.requests.errors import StartError

from ..support.pipelines import Graph, fallback, plan_with
from ..support.remote import Mock, eventually, mock_provider, remote_plan

PRICE = Price(Money("0"), Money("10"))
KEY = SecretRef.env("PROVIDER_KEY")
MISSING = SecretRef.env("NO_SUCH_KEY")
PAGE = "https://page.example"


@pytest.fixture(autouse=True)
def keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVIDER_KEY", "A", "B"):
        monkeypatch.setenv(name, f"sk-{name}")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)


def key(name: str, **fields: Any) -> KeyPlan:
    return KeyPlan(name, (KeySecret(SecretSource.ENV, name),), **fields)


@frozen
class House:
    service: Service
    server: HttpServer
    mock: Mock
    http: aiohttp.ClientSession

    @property
    def executor(self) -> Executor:
        return self.service.executor

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"

    async def ask(self, model: str, secret: str = "", **body: Any) -> tuple[int, str]:
        """The status, and the code of an error."""
        chat = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100, **body}
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        async with self.http.post(self.url("/v1/chat/completions"), json=chat, headers=headers) as answer:
            await answer.read()
            return answer.status, "" if answer.ok else (await answer.json())["error"]["code"]


Made = Callable[[str], Plan]


@asynccontextmanager
async def house(made: Made, options: MockOptions | None = None) -> AsyncIterator[House]:
    """A gateway that serves what `made` makes of the endpoint of a mock provider."""
    async with mock_provider(options) as mock, aiohttp.ClientSession() as http:
        plan = made(mock.endpoint)
        executor = Executor(plan, Path.cwd())
        await executor.start()
        server = HttpServer(build_app(executor), bind("127.0.0.1", 0, advice=""), advice="", grace=1)
        await server.start()
        try:
            yield House(Service(executor, server.app, server), server, mock, http)
        finally:
            await server.stop()
            await executor.stop()


def gpt(endpoint: str, name: str = "gpt", **fields: Any) -> Any:
    return remote_plan(name, endpoint, key=KEY, price=PRICE, **fields)


async def test_everything_that_a_plan_says_is_taken_over() -> None:
    async with house(lambda url: plan_with(gpt(url), gpt(url, "old"), fallback("r", "old"))) as it:
        kept, gone = it.executor.deployment("gpt"), it.executor.deployment("old")
        assert [await it.ask(name) for name in ("gpt", "old", "r")] == [(200, "")] * 3
        graph = Graph()
        graph.call("answer", "gpt", message="message")
        new = gpt(it.mock.endpoint, "new")
        parts = (gpt(it.mock.endpoint), new, fallback("r", "new"), graph.pipeline("answer"))
        await it.service.take_over(plan_with(*parts))
        assert [await it.ask(name) for name in ("gpt", "new", "r", "p")] == [(200, "")] * 4
        assert await it.ask("old") == (404, "model_not_found")
        assert it.executor.deployment("gpt") is kept
        assert it.executor.routes["r"].counters.outcomes["ok"] == 2
        await eventually(lambda: not gone.is_ready())
        await it.service.take_over(plan_with(gpt(it.mock.endpoint), keys=(key("A", models=("g*",)),)))
        assert await it.ask("gpt") == (401, "invalid_api_key")
        assert await it.ask("gpt", "sk-A") == (200, "")
        assert await it.ask("r", "sk-A") == (404, "model_not_found")
        await it.service.take_over(plan_with(gpt(it.mock.endpoint), max_body=Size(50)))
        assert await it.ask("gpt") == (413, "request_too_large")


async def test_a_deployment_that_has_changed_goes_on_counting_also_what_it_does_not_let_in() -> None:
    def plan(url: str, **changes: Any) -> Plan:
        return plan_with(gpt(url, **changes))

    async with house(plan) as it:
        before = it.executor.deployment("gpt")
        for read in (3, 4):
            assert await it.ask("gpt") == (200, "")
            async with it.http.post(it.url("/v1/embeddings"), json={"model": "gpt", "input": "a"}) as answer:
                assert answer.status == 400
            changed = plan(it.mock.endpoint, timeouts=Timeouts(read=Duration(read)))
            await it.service.take_over(changed)
        after = it.executor.deployment("gpt")
        assert after is not before
        assert after.counters.outcomes == {"ok": 2, "bad_request": 2}
        assert sum(after.counters.durations.buckets) == 4


async def test_a_page_that_asks_again_in_the_same_words_is_let_in_by_the_rules_of_now() -> None:
    async with house(lambda url: plan_with(gpt(url), cors=Cors((PAGE,)))) as it:
        chat = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
        statuses = []
        for cors in (Cors((PAGE,)), Cors((PAGE,)), Cors(("https://other.example",)), Cors((PAGE,))):
            await it.service.take_over(plan_with(gpt(it.mock.endpoint), cors=cors))
            for _ in range(2):
                asked = it.http.post(it.url("/v1/chat/completions"), json=chat, headers={"Origin": PAGE})
                async with asked as answer:
                    await answer.read()
                    statuses.append(answer.status)
        assert statuses == [200, 200, 200, 200, 403, 403, 200, 200]


async def test_what_has_but_moved_in_its_file_goes_on() -> None:
    async with house(lambda url: plan_with(gpt(url))) as it:
        kept = it.executor.deployment("gpt")
        for line in (7, 9):
            plan = plan_with(gpt(it.mock.endpoint, source=SourceRef("test.infer", line, 1)))
            await it.service.take_over(plan)
            assert it.executor.deployment("gpt") is kept
            assert changes(it.executor.plan, plan) == []


async def test_what_is_in_flight_ends_as_it_began() -> None:
    async with house(lambda url: plan_with(gpt(url)), MockOptions(gap=0.02)) as it:
        old = it.executor.deployment("gpt")
        chat = {"model": "gpt", "stream": True, "messages": [{"role": "user", "content": "a b c d e f g h"}]}
        async with it.http.post(it.url("/v1/chat/completions"), json=chat) as answer:
            await answer.content.readany()
            await it.service.take_over(plan_with(gpt(it.mock.endpoint, "other")))
            assert await it.ask("gpt") == (404, "model_not_found")
            assert old.is_ready()
            assert (await answer.text()).endswith("data: [DONE]\n\n")
        await eventually(lambda: not old.is_ready())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: plan_with(gpt(url), remote_plan("new", url, key=MISSING)), "NO_SUCH_KEY is not set"),
        (
            lambda url: plan_with(gpt(url), keys=(KeyPlan("A", (KeySecret(SecretSource.FILE, "no"),)),)),
            "no is not",
        ),
        (lambda url: plan_with(gpt(url), host="0.0.0.0"), "nobody is asked for a token"),
        (lambda url: plan_with(gpt(url), host="192.0.2.1"), "is no address of this machine"),
    ],
)
async def test_a_bad_plan_changes_nothing_and_says_why(change: Made, says: str) -> None:
    async with house(lambda url: plan_with(gpt(url), fallback("r", "gpt"))) as it:
        before, deployments = it.executor.now, dict(it.executor.deployments)
        bad = change(it.mock.endpoint)
        if bad.gateway.host == "192.0.2.1":
            bad = evolve(bad, gateway=evolve(bad.gateway, open=True))
        problems = await Reloader(it.executor, lambda: bad, it.service.take_over).reload("a test")
        assert says in "\n".join(problems)
        assert it.executor.reload_problems == problems
        assert it.executor.now is before
        assert dict(it.executor.deployments) == deployments
        assert [await it.ask(name) for name in ("gpt", "r")] == [(200, "")] * 2


async def test_what_reading_refuses_is_a_problem_of_the_file_and_no_defect() -> None:
    def reread() -> Plan:
        raise StartError("gateway: take `workers` out of the file")

    async with house(lambda url: plan_with(gpt(url))) as it:
        reloader = Reloader(it.executor, reread)
        assert await reloader.reload("a test") == ("gateway: take `workers` out of the file",)
        assert await reloader.difference() == ([], ("gateway: take `workers` out of the file",))
        assert await it.ask("gpt") == (200, "")


async def test_limits_and_budgets_go_on_counting_where_they_have_not_changed() -> None:
    limits, budget = RateLimits(2), Budget(BudgetAction.REJECT, Money("0.0011"))
    keys = (key("A", rate_limits=KeyLimits(3)), key("B", budget=budget))

    def plan(url: str, **changes: Any) -> Plan:
        return plan_with(
            gpt(url, rate_limits=limits), gpt(url, "other", idempotent=False, **changes), keys=keys
        )

    async with house(plan) as it:
        await it.service.take_over(plan(it.mock.endpoint))
        assert [await it.ask("other", "sk-A") for _ in range(2)] == [(200, "")] * 2
        await it.service.take_over(plan(it.mock.endpoint, timeouts=Timeouts(read=Duration(3))))
        assert await it.ask("other", "sk-A") == (429, "rate_limited")  # the account's, of which 2 are spent
        more = evolve(
            plan(it.mock.endpoint).gateway,
            keys=(keys[0], key("B", budget=evolve(budget, max_spend_per_hour=Money("1")))),
        )
        richer = plan_with(gpt(it.mock.endpoint), keys=more.keys)
        await it.service.take_over(richer)
        kept = it.executor.deployment("gpt")
        assert await it.ask("gpt", "sk-B", max_tokens=5000) == (200, "")
        poorer = evolve(keys[1], budget=Budget(BudgetAction.REJECT, Money("0.000001")))
        await it.service.take_over(plan_with(gpt(it.mock.endpoint), keys=(poorer,)))
        assert it.executor.deployment("gpt") is kept
        assert await it.ask("gpt", "sk-B") == (429, "budget_exceeded")


async def test_the_gateway_moves_to_another_address_and_keeps_its_connections() -> None:
    async with house(lambda url: plan_with(gpt(url))) as it:
        assert await it.ask("gpt") == (200, "")
        before = it.server.port
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        plan = plan_with(gpt(it.mock.endpoint))
        await it.service.take_over(evolve(plan, gateway=evolve(plan.gateway, port=port)))
        assert it.server.port == port
        chat = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
        async with it.http.post(f"http://127.0.0.1:{before}/v1/chat/completions", json=chat) as answer:
            assert answer.status == 200  # over the connection that is open
        async with aiohttp.ClientSession() as fresh:
            with pytest.raises(aiohttp.ClientConnectorError):
                await fresh.get(f"http://127.0.0.1:{before}/livez")
        assert await it.ask("gpt") == (200, "")


async def test_grpc_is_turned_on_and_off() -> None:
    async with house(lambda url: plan_with(gpt(url))) as it:
        plan = plan_with(gpt(it.mock.endpoint), grpc="127.0.0.1:0")
        await it.service.take_over(plan)
        first = it.service.rpc
        assert first is not None
        async with grpc.aio.insecure_channel(f"127.0.0.1:{first.port}") as channel:
            await asyncio.wait_for(channel.channel_ready(), 60)
        await it.service.take_over(plan)
        assert it.service.rpc is first
        await it.service.take_over(plan_with(gpt(it.mock.endpoint)))
        assert it.service.rpc is None


async def test_no_request_fails_over_many_reloads_under_load() -> None:
    def plan(url: str, number: int) -> Plan:
        route = fallback("r", "gpt", f"n{number}")
        return plan_with(gpt(url, idempotent=number % 2 == 0), gpt(url, f"n{number}"), route)

    async with house(lambda url: plan(url, 0), MockOptions(gap=0.001)) as it:
        seen: list[tuple[int, str]] = []
        stop = asyncio.Event()

        async def keep_asking(stream: bool) -> None:
            while not stop.is_set():
                seen.append(await it.ask("r", stream=stream))

        askers = [asyncio.create_task(keep_asking(number % 2 == 0)) for number in range(8)]
        for number in range(1, 21):
            await it.service.take_over(plan(it.mock.endpoint, number))
            before = len(seen)
            await eventually(lambda before=before: len(seen) >= before + 3)  # type: ignore[misc]
        stop.set()
        await asyncio.gather(*askers)
        assert set(seen) == {(200, "")}


async def test_a_hangup_reads_the_plan_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with house(lambda url: plan_with(gpt(url))) as it:
        results = [None, plan_with(gpt(it.mock.endpoint, "other"))]
        reloader = Reloader(it.executor, lambda: results.pop(0))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        signal.raise_signal(signal.SIGHUP)  # before it starts
        asked = hangups()
        await asyncio.wait_for(asked.wait(), 30)
        asked.clear()
        os.kill(os.getpid(), signal.SIGHUP)  # while it starts
        async with reloading_on_hangup(reloader, asked):
            await eventually(lambda: it.executor.reload_problems == (UNUSABLE,))
            assert "everything is served as before" in caplog.text
            os.kill(os.getpid(), signal.SIGHUP)
            await eventually(lambda: list(it.executor.deployments) == ["other"])
        assert it.executor.reload_problems == ()
        os.kill(os.getpid(), signal.SIGHUP)  # while what is in flight finishes
        await eventually(lambda: "nothing is reloaded any more" in caplog.text)
        assert list(it.executor.deployments) == ["other"]


def test_the_difference_between_two_plans_is_said_in_words() -> None:
    old = plan_with(gpt("http://a/v1"), gpt("http://a/v1", "gone"), fallback("r", "gpt"), keys=(key("A"),))
    new = plan_with(
        gpt("http://b/v1", replicas=2), gpt("http://a/v1", "new"), keys=(key("A", priority=1),), max_body=5
    )
    assert changes(old, new) == [
        "deployment `gpt` has changed: replicas, endpoint",
        "deployment `gone` is gone",
        "deployment `new` is new",
        "route `r` is gone",
        "key `A` has changed: priority",
        "the gateway has changed: max_body",
    ]
    assert changes(old, old) == []

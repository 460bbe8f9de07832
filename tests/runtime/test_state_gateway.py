"""What the gateway does, and shows, while the state that processes share cannot be reached."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import evolve, frozen

from inferc.cli.commands.status import _show
from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    Money,
    Price,
    RateLimits,
    RetryPolicy,
    SecretRef,
    StatePlan,
    UnavailableAction,
)
from inferc.runtime.executor import Executor

from ..support.redis_server import RedisServer
from ..support.remote import gateway_of, mock_provider, plan_of, remote_plan

CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1000}
BUDGET: dict[str, Any] = {
    "price": Price(Money("0"), Money("10")),
    "budget": Budget(BudgetAction.REJECT, Money("1000")),
}


@frozen
class Served:
    """A gateway over a deployment `gpt`."""

    url: str
    http: aiohttp.ClientSession

    async def ask(self) -> tuple[int, str]:
        """The status, and the code of an error."""
        async with self.http.post(f"{self.url}/v1/chat/completions", json=CHAT) as answer:
            return answer.status, (await answer.json()).get("error", {}).get("code", "")

    async def health(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/healthz") as answer:
            assert answer.status == 200
            health: dict[str, Any] = await answer.json()
            return health

    async def metric(self, name: str) -> float:
        async with self.http.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    async def becomes(self, status: str) -> None:
        """Wait until the health is `status`."""
        for _ in range(500):
            if (await self.health())["status"] == status:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it did not become {status}")


@asynccontextmanager
async def served(
    state: str, action: UnavailableAction = UnavailableAction.REFUSE, name: str = "shop", **fields: Any
) -> AsyncIterator[Served]:
    async with mock_provider() as mock, aiohttp.ClientSession() as http:
        deployment = remote_plan(
            "gpt", mock.endpoint, key=SecretRef.env("KEY"), retry=RetryPolicy(max_retries=0), **fields
        )
        plan = evolve(plan_of(deployment), state=StatePlan(name, action))
        executor = Executor(plan, Path.cwd(), state=state)
        await executor.start()
        try:
            async with gateway_of(executor) as url:
                yield Served(url, http)
        finally:
            await executor.stop()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "key")


@pytest.mark.parametrize("action", UnavailableAction)
@pytest.mark.parametrize("depends", [BUDGET, {"rate_limits": RateLimits(600, strict=True)}])
async def test_a_store_that_is_away_at_the_start_is_shown_and_traffic_is_back_with_it(
    action: UnavailableAction,
    depends: dict[str, Any],
    redis: RedisServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    redis.stop()
    async with served(redis.url, action, **depends) as gateway:
        expected = (200, "") if action is UnavailableAction.SERVE else (503, "store_unavailable")
        assert [await gateway.ask() for _ in range(3)] == [expected] * 3
        await gateway.becomes("degraded")
        health = await gateway.health()
        assert health["state"]["where"] == redis.url
        assert not health["state"]["available"]
        assert "cannot be used" in health["state"]["warnings"][0]
        _show(health)
        assert f"warning: the state at {redis.url} cannot be used" in capsys.readouterr().out
        assert await gateway.metric("inferc_state_available ") == 0
        redis.start()
        await gateway.becomes("ok")
        for _ in range(100):
            outcome = await gateway.ask()
            if outcome[0] == 200:
                break
            await asyncio.sleep(0.02)
        assert [await gateway.ask() for _ in range(3)] == [(200, "")] * 3
        assert await gateway.metric("inferc_state_available ") == 1


async def test_limits_that_are_not_strict_go_on_while_the_store_is_away(redis: RedisServer) -> None:
    redis.stop()
    async with served(redis.url, rate_limits=RateLimits(600)) as gateway:
        assert [await gateway.ask() for _ in range(3)] == [(200, "")] * 3
        await gateway.becomes("degraded")


async def test_a_folder_that_was_removed_shows(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with served(str(folder), **BUDGET) as gateway:
        assert await gateway.ask() == (200, "")
        shutil.rmtree(folder)
        for _ in range(500):
            health = await gateway.health()
            if health["state"]["warnings"]:
                break
            await asyncio.sleep(0.02)
        assert "was removed while it was in use" in health["state"]["warnings"][0]
        assert await gateway.ask() == (200, "")
    async with served(str(folder), **BUDGET) as again:
        assert await again.metric("inferc_budget_spent_dollars{") > 0


async def test_the_same_deployment_of_another_project_has_a_budget_of_its_own(tmp_path: Path) -> None:
    small = BUDGET | {"budget": Budget(BudgetAction.REJECT, Money("0.01"))}
    async with (
        served(str(tmp_path), name="shop", **small) as shop,
        served(str(tmp_path), name="blog", **small) as blog,
    ):
        assert [await shop.ask(), await blog.ask()] == [(200, ""), (200, "")]
        assert await blog.ask() == (429, "budget_exceeded")
    async with served(str(tmp_path), name="shop", **small) as shop:
        assert await shop.ask() == (429, "budget_exceeded")


async def test_without_anything_shared_nothing_is_said_of_a_store() -> None:
    async with mock_provider() as mock, aiohttp.ClientSession() as http:
        plan = plan_of(remote_plan("gpt", mock.endpoint, key=SecretRef.env("KEY")))
        executor = Executor(plan, Path.cwd())
        await executor.start()
        try:
            async with gateway_of(executor) as url:
                gateway = Served(url, http)
                assert (await gateway.health())["state"] == {
                    "where": "memory",
                    "available": True,
                    "warnings": [],
                }
        finally:
            await executor.stop()

"""Keys: who may call, what they may ask for, how much of it, and what is known of them afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import pytest
from attrs import frozen

from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    ClientProtocol,
    KeyLimits,
    KeyPlan,
    KeySecret,
    Money,
    Price,
    SecretRef,
    SecretSource,
)
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Held, Keys, Shown
from inferc.runtime.gateway.telemetry.accounting import MOST_NAMES, MOST_USERS, OTHERS, Accounting, grouped
from inferc.runtime.issued_keys.file import IssuedKey, change_keys, issue, path_of, revoked
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.requests.errors import StartError, Unauthorized
from inferc.runtime.requests.trace import Span
from inferc.runtime.requests.usage import Usage
from inferc.runtime.secrets.secret import Secret

from ..support.anthropic_client import anthropic_client
from ..support.pipelines import Graph, plan_with
from ..support.redis_server import RedisServer
from ..support.remote import Mock, mock_provider, remote_plan, serving

OPERATOR = "sk-operator"


@pytest.fixture(autouse=True)
def provider_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")


def key(name: str, secret: str = "", **fields: Any) -> KeyPlan:
    """A key whose secret is `sk-NAME`, known by its hash."""
    digest = hashlib.sha256((secret or f"sk-{name}").encode()).hexdigest()
    return KeyPlan(name, (KeySecret(SecretSource.HASH, f"sha256:{digest}"),), **fields)


@frozen
class Gateway:
    url: str
    http: aiohttp.ClientSession
    mock: Mock

    async def ask(self, secret: str, model: str = "gpt", **body: Any) -> tuple[int, str]:
        """The status, and the code of an error."""
        chat = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100, **body}
        async with self.http.post(
            f"{self.url}/v1/chat/completions", json=chat, headers=bearer(secret)
        ) as answer:
            await answer.read()
            return answer.status, "" if answer.ok else (await answer.json())["error"]["code"]

    async def get(self, path: str, secret: str) -> tuple[int, Any]:
        async with self.http.get(f"{self.url}{path}", headers=bearer(secret)) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


@asynccontextmanager
async def served(
    *keys: KeyPlan, state: str | None = None, gap: float = 0, parts: tuple[Any, ...] = ()
) -> AsyncIterator[Gateway]:
    """Deployments `gpt` and `mini` behind these keys, and the token of the operator."""
    async with mock_provider(MockOptions(gap=gap)) as mock, aiohttp.ClientSession() as http:
        price = Price(Money("0"), Money("10"))
        deployments = [
            remote_plan(name, mock.endpoint, price=price, key=SecretRef.env("KEY"))
            for name in ("gpt", "mini")
        ]
        plan = plan_with(*deployments, *parts, keys=keys)
        executor = Executor(plan, Path.cwd(), state=state)
        await executor.start()
        try:
            app = build_app(executor, Secret(OPERATOR, "a test"), plan.gateway, Keys(keys, Path.cwd()))
            async with serving(app) as url:
                yield Gateway(url, http, mock)
        finally:
            await executor.stop()


async def test_only_who_shows_a_key_is_answered_and_only_for_what_it_may_ask() -> None:
    limited = key("a", models=("gp*",), protocols=(ClientProtocol.OPENAI,))
    async with served(limited, key("b")) as gateway:
        assert await gateway.ask("sk-a") == (200, "")
        assert await gateway.ask("sk-b", "mini") == (200, "")
        assert await gateway.ask(OPERATOR, "mini") == (200, "")
        assert await gateway.ask("sk-a", "mini") == (403, "model_not_allowed")
        assert await gateway.ask("sk-a", "what") == (404, "model_not_found")
        assert await gateway.ask("sk-c") == (401, "invalid_api_key")
        assert await gateway.ask("") == (401, "invalid_api_key")
        for secret, names in (("sk-a", ["gpt"]), ("sk-b", ["gpt", "mini"])):
            _, models = await gateway.get("/v1/models", secret)
            assert [each["id"] for each in models["data"]] == names
        assert (await gateway.get("/v1/models/mini", "sk-a"))[0] == 403
        assert (await gateway.get("/metrics", "sk-a"))[0] == 403
        assert "deployments" not in (await gateway.get("/healthz", "sk-a"))[1]
        client = anthropic_client(gateway.url, "sk-a")
        with pytest.raises(anthropic.PermissionDeniedError, match="only in `openai`"):
            await client.messages.create(
                model="gpt", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
            )
        await client.close()


async def test_what_a_key_may_ask_of_a_name_with_a_star() -> None:
    async with mock_provider(MockOptions()) as mock, aiohttp.ClientSession() as http:
        keys = (
            key("all", models=("gpt-*",)),
            key("one", models=("gpt-5",)),
            key("some", models=("gpt-5*", "other")),
            key("none", models=("gpt",)),
            key("end", models=("*-mini",)),
            key("below", models=("open/*-mini",)),
            key("whole", models=("op*",)),
            key("rest", models=("open/*",)),
            key("within", models=("*gpt*",)),
            key("parts", models=("*-5*",)),
        )
        names = ("gpt-*", "gpt", "gpt/*", "other")
        deployments = [remote_plan(name, mock.endpoint, key=SecretRef.env("KEY")) for name in names]
        deployments.append(remote_plan("open", mock.endpoint, model="*", key=SecretRef.env("KEY")))
        plan = plan_with(*deployments, keys=keys)
        executor = Executor(plan, Path.cwd())
        await executor.start()
        try:
            app = build_app(executor, Secret(OPERATOR, "a test"), plan.gateway, Keys(keys, Path.cwd()))
            async with serving(app) as url:
                gateway = Gateway(url, http, mock)
                may = {
                    each.name: ["gpt-5", "gpt-5-mini", "gpt-4o", "gpt/x", "open/x-mini", "open/x"]
                    for each in keys
                }
                asked = {
                    who: [name for name in names if (await gateway.ask(f"sk-{who}", name))[0] == 200]
                    for who, names in may.items()
                }
                listed = {
                    who: [each["id"] for each in (await gateway.get("/v1/models", f"sk-{who}"))[1]["data"]]
                    for who in may
                }
                assert (await gateway.get("/v1/models/gpt-5", "sk-one"))[1]["id"] == "gpt-5"
                assert await gateway.ask("sk-one", "gpt-4o") == (403, "model_not_allowed")
                _, refused = await gateway.get("/v1/models/gpt", "sk-end")
                assert "it may ask `gpt-*-mini`, `gpt/*-mini`" in refused["error"]["message"]
        finally:
            await executor.stop()
    assert asked == {
        "all": ["gpt-5", "gpt-5-mini", "gpt-4o"],
        "one": ["gpt-5"],
        "some": ["gpt-5", "gpt-5-mini"],
        "none": [],
        "end": ["gpt-5-mini"],
        "below": ["open/x-mini"],
        "whole": ["open/x-mini", "open/x"],
        "rest": ["open/x-mini", "open/x"],
        "within": ["gpt-5", "gpt-5-mini", "gpt-4o", "gpt/x"],
        "parts": ["gpt-5", "gpt-5-mini"],
    }
    assert listed == {
        "all": ["gpt-*"],
        "one": ["gpt-5"],
        "some": ["other", "gpt-5*"],
        "none": ["gpt"],
        "end": ["gpt-*-mini", "gpt/*-mini"],
        "below": ["open/*-mini"],
        "whole": ["open"],
        "rest": ["open/*"],
        "within": ["gpt-*", "gpt", "gpt/*"],
        "parts": ["gpt-*-5*", "gpt/*-5*"],
    }


async def test_a_long_name_is_not_repeated_whole(caplog: pytest.LogCaptureFixture) -> None:
    long = "m" * 100_000
    async with served(key("a", models=("gp*", "m*")), key("b")) as gateway:
        for secret in ("sk-a", "sk-b", OPERATOR):
            body = {"model": long, "messages": [{"role": "user", "content": "hello"}]}
            url = f"{gateway.url}/v1/chat/completions"
            async with gateway.http.post(url, json=body, headers=bearer(secret)) as answer:
                assert answer.status == 404
                assert len(await answer.read()) < 1000
    assert long not in caplog.text


async def test_a_pipeline_is_run_for_those_who_may_and_charged_to_them() -> None:
    graph = Graph()
    graph.call("answer", "gpt", message="message")
    rich = key("a", models=("p",), budget=Budget(BudgetAction.REJECT, Money("1")))
    poor = key("b", budget=Budget(BudgetAction.REJECT, Money("0.000001")))
    async with served(rich, poor, key("c", models=("gpt",)), parts=(graph.pipeline("answer"),)) as gateway:
        body = {"message": "hello"}
        outcomes = []
        for secret in ("sk-a", "sk-b", "sk-c"):
            for query in ("", "?stream=true"):
                url = f"{gateway.url}/v1/pipelines/p{query}"
                async with gateway.http.post(url, json=body, headers=bearer(secret)) as answer:
                    outcomes.append((answer.status, "budget" in await answer.text()))
        assert outcomes == [(200, False)] * 2 + [(429, True)] * 2 + [(403, False)] * 2
        assert await gateway.ask("sk-a", "p") == (200, "")
        assert await gateway.ask("sk-a") == (403, "model_not_allowed")
        assert [each["name"] for each in (await gateway.get("/v1/pipelines", "sk-c"))[1]["data"]] == []


async def test_the_limits_of_a_key_hold_for_its_requests_alone() -> None:
    async with served(key("a", rate_limits=KeyLimits(requests_per_minute=2)), key("b")) as gateway:
        assert [await gateway.ask("sk-a") for _ in range(3)] == [(200, ""), (200, ""), (429, "rate_limited")]
        assert await gateway.ask("sk-b") == (200, "")
        streamed = await gateway.ask("sk-a", stream=True)
        assert streamed == (429, "rate_limited")
        assert gateway.mock.stats.requests == 3


async def test_each_answer_says_what_is_left_of_the_limits_of_its_key() -> None:
    limits = KeyLimits(requests_per_minute=3, tokens_per_minute=5000)
    async with served(key("a", rate_limits=limits), key("b")) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        chat: dict[str, Any] = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
        told = []
        for stream in (False, True):
            async with gateway.http.post(
                url, json={**chat, "stream": stream}, headers=bearer("sk-a")
            ) as answer:
                await answer.read()
                told.append(answer.headers["x-ratelimit-remaining-requests"])
                assert answer.headers["x-ratelimit-limit-requests"] == "3"
                assert 0 < float(answer.headers["x-ratelimit-reset-requests"].rstrip("s")) < 62
                assert 0 < int(answer.headers["x-ratelimit-remaining-tokens"]) < 5000
        async with gateway.http.post(
            f"{gateway.url}/v1/messages", json={**chat, "max_tokens": 9}, headers=bearer("sk-a")
        ) as answer:
            told.append(answer.headers["anthropic-ratelimit-requests-remaining"])
            assert answer.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        async with gateway.http.post(url, json=chat, headers=bearer("sk-a")) as answer:
            assert answer.status == 429
            told.append(answer.headers["x-ratelimit-remaining-requests"])
        assert told == ["2", "1", "0", "0"]
        async with gateway.http.post(url, json=chat, headers=bearer("sk-b")) as answer:
            assert "x-ratelimit-remaining-requests" not in answer.headers


@pytest.mark.parametrize("limited", ["requests", "tokens"])
async def test_an_answer_tells_of_one_limit_alone_also_as_the_last_of_its_connection(limited: str) -> None:
    limits = KeyLimits(**{f"{limited}_per_minute": 5000})
    async with served(key("a", rate_limits=limits)) as gateway:
        chat = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
        told = []
        for more in ({}, {"Connection": "close"}):
            async with gateway.http.post(
                f"{gateway.url}/v1/chat/completions", json=chat, headers=bearer("sk-a") | more
            ) as answer:
                assert (await answer.json())["choices"]
                assert answer.content_type == "application/json"
                told.append({name.lower() for name in answer.headers if "ratelimit" in name.lower()})
                assert answer.headers[f"x-ratelimit-limit-{limited}"] == "5000"
                assert 0 < int(answer.headers[f"x-ratelimit-remaining-{limited}"]) < 5000
        names = {f"x-ratelimit-{about}-{limited}" for about in ("limit", "remaining", "reset")}
        assert told == [names, names]


async def test_a_request_that_is_broken_off_gives_its_place_back() -> None:
    async with served(key("a", rate_limits=KeyLimits(concurrent_requests=1)), gap=0.05) as gateway:
        chat = {
            "model": "gpt",
            "stream": True,
            "messages": [{"role": "user", "content": "a b c d e f g h " * 50}],
        }
        async with gateway.http.post(
            f"{gateway.url}/v1/chat/completions", json=chat, headers=bearer("sk-a")
        ) as answer:
            await answer.content.readany()
            assert await gateway.ask("sk-a") == (429, "rate_limited")
            answer.close()
        for _ in range(100):
            if await gateway.ask("sk-a") == (200, ""):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the place was not given back")


@pytest.mark.parametrize("shared", [False, True])
async def test_what_a_key_spends_stays_below_its_budget(shared: bool, redis: RedisServer) -> None:
    """A request may cost $0.001, and costs 40 times less: money is set aside, and given back."""
    budget = Budget(BudgetAction.REJECT, Money("0.0011"))
    state = redis.url if shared else None
    async with served(key("a", budget=budget), key("b"), state=state) as gateway:
        assert [await gateway.ask("sk-a", model) for model in ("gpt", "mini")] == [(200, "")] * 2
        assert await gateway.ask("sk-a", max_tokens=200) == (429, "budget_exceeded")
        assert await gateway.ask("sk-b", max_tokens=200) == (200, "")
        at_once = await asyncio.gather(*(gateway.ask("sk-a") for _ in range(5)))
        assert sorted(at_once)[0] == (200, "")
        assert (429, "budget_exceeded") in at_once


async def test_a_key_that_has_expired_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(key("a", expires="2027-01-31T00:00:00+00:00")) as gateway:
        monkeypatch.setattr(time, "time", lambda: 1801353599.0)
        assert await gateway.ask("sk-a") == (200, "")
        monkeypatch.setattr(time, "time", lambda: 1801353600.0)
        assert await gateway.ask("sk-a") == (401, "expired_api_key")


async def test_a_secret_in_a_file_is_exchanged_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "a.key"
    file.write_text("sk-old\n")
    keys = Keys([KeyPlan("a", (KeySecret(SecretSource.FILE, "a.key"),))], tmp_path)
    assert keys.find(Shown("sk-old")) == Held("a")
    file.write_text("sk-newer\n")
    keys._next_look = 0
    for _, live in keys._live:
        live._next_look = 0
    assert (keys.find(Shown("sk-old")), keys.find(Shown("sk-newer"))) == (None, Held("a"))


def test_all_that_is_wrong_with_secrets_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "sk-same")
    monkeypatch.setenv("B", "sk-same")
    monkeypatch.delenv("C", raising=False)
    plans = [KeyPlan(name, (KeySecret(SecretSource.ENV, name),)) for name in ("A", "B", "C")]
    with pytest.raises(StartError) as error:
        Keys(plans, tmp_path)
    assert error.value.problems == (
        "key `C`: the environment variable C is not set: set it to the key (export C=…)",
        "key `B`: its secret is that of the key `A`, too",
    )
    assert "sk-same" not in str(error.value)


async def test_metrics_say_what_each_key_has_spent() -> None:
    async with served(key("a", rate_limits=KeyLimits(requests_per_minute=1))) as gateway:
        await gateway.ask("sk-a")
        await gateway.ask("sk-a")
        _, text = await gateway.get("/metrics", OPERATOR)
        assert 'inferc_key_requests_total{key="a",outcome="ok"} 1.0' in text
        assert 'inferc_key_requests_total{key="a",outcome="rate_limited"} 1.0' in text
        assert 'inferc_spent_tokens_total{deployment="gpt",key="a",kind="completion",model="gpt"} 3.0' in text
        assert 'inferc_spent_dollars_total{deployment="gpt",key="a",model="gpt"} 3e-05' in text


def test_users_are_told_apart_up_to_a_number_and_old_hours_are_forgotten() -> None:
    now = 0.0
    accounting = Accounting(lambda: now)
    for user in range(MOST_USERS + 5):
        accounting.add("a", "gpt", f"user {user}", [Span(None, "gpt", 0, 1, Usage(1, 2), 7)], {"gpt"})
    rows = accounting.since(3600)
    assert len(rows) == MOST_USERS + 1
    assert rows["a", "gpt", "gpt", OTHERS].requests == 5
    [(group, spend)] = grouped(rows, ["key"])
    assert (group, spend.cost, spend.requests) == (("a",), 7 * (MOST_USERS + 5), MOST_USERS + 5)
    now = 33 * 86400.0
    accounting.add("a", "gpt", "", [Span(None, "gpt", 0, 1, Usage(1, 2), 7)], {"gpt"})
    assert len(accounting.since(40 * 86400.0)) == 1


def test_what_was_spent_counts_in_its_own_hour_whenever_it_is_read() -> None:
    clock = [0.0]
    accounting = Accounting(lambda: clock[-1])
    for moment in (0.0, 0.0, 7200.0):
        clock.append(moment)
        accounting.add("a", "gpt", "", [Span(None, "gpt", 0, 1, Usage(1, 2), 7)], {"gpt"})
    row = ("a", "gpt", "gpt", "")
    assert accounting.since(0)[row].requests == 1
    assert accounting.since(7200)[row].requests == 3
    assert accounting.totals["a", "gpt", "gpt"].cost == 21
    assert [each[0] for each in accounting.as_json()] == [2, 0]


def test_what_is_counted_while_accounts_are_written_is_lost_nowhere() -> None:
    accounting = Accounting()

    class WrittenMeanwhile(int):
        """A cost in the midst of whose count another thread writes the accounts."""

        def __radd__(self, before: int) -> int:
            written.extend(accounting.as_json())
            return before + int(self)

    written: list[object] = []
    span = Span(None, "gpt", 0, 1, Usage(1, 2), WrittenMeanwhile(7))
    for _ in range(2):
        accounting.add("a", "gpt", "", [span], {"gpt"})
    assert accounting.totals["a", "gpt", "gpt"].cost == 14
    assert accounting.since(0)["a", "gpt", "gpt", ""].cost == 14
    assert written == []
    assert [each[-2] for each in accounting.as_json()] == [14]


def test_names_that_clients_make_up_are_told_apart_up_to_a_number_and_those_of_the_plan_always_are() -> None:
    accounting = Accounting()
    for name in [*(f"made up {number}" for number in range(MOST_NAMES + 5)), "gpt"]:
        accounting.add("a", name, "", [Span(None, "*", 0, 1, Usage(1, 2), 7)], {"gpt"})
    assert len(accounting.totals) == MOST_NAMES + 2
    assert accounting.totals["a", OTHERS, "*"].requests == 5
    assert accounting.totals["a", "gpt", "*"].requests == 1


async def test_a_response_that_is_kept_is_seen_by_its_key_alone() -> None:
    async with served(key("a"), key("b")) as gateway:
        ask = {"model": "gpt", "input": "hello"}
        url = f"{gateway.url}/v1/responses"
        async with gateway.http.post(url, json=ask, headers=bearer("sk-a")) as answer:
            id = (await answer.json())["id"]
        for secret, status in (("sk-a", 200), ("sk-b", 404)):
            assert (await gateway.get(f"/v1/responses/{id}", secret))[0] == status
        more = {**ask, "previous_response_id": id}
        for secret, status in (("sk-b", 400), ("sk-a", 200)):
            async with gateway.http.post(url, json=more, headers=bearer(secret)) as answer:
                assert answer.status == status


async def test_a_key_that_was_made_for_somebody_has_what_its_key_has_until_it_is_revoked(
    tmp_path: Path,
) -> None:
    plan = key("a", models=("gpt",))
    keys = Keys([plan], tmp_path)
    made, secret = issue("a", "ada", None, NOW)
    stray, elsewhere = issue("gone", "", None, NOW)
    old, expired = issue("a", "", NOW, NOW)
    file = path_of(tmp_path)
    for new in (made, stray, old):
        change_keys(file, lambda known, new=new: [*known, new])  # type: ignore[misc]
    assert secret not in file.read_text()
    keys._next_look = 0
    assert keys.find(Shown(secret)) == Held("a", None, "ada")
    assert keys.find(Shown(elsewhere)) is None
    with pytest.raises(Unauthorized, match="has expired"):
        keys.find(Shown(expired))
    file.write_text("{}")
    keys._next_look = 0
    assert keys.find(Shown(secret)) is not None  # what cannot be read changes nothing
    change_keys_to(file, [revoked(made, NOW)])
    keys._next_look = 0
    with pytest.raises(Unauthorized, match="`a` of ada has expired"):
        keys.find(Shown(secret))


def change_keys_to(file: Path, keys: list[IssuedKey]) -> None:
    file.unlink()
    change_keys(file, lambda _: keys)


NOW = datetime(2026, 1, 1, tzinfo=UTC)

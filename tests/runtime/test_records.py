"""What is known of requests afterwards: access lines, stories, costs, and what operators may do."""

from __future__ import annotations

import asyncio
import io
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from inferc.compiler.plan import (
    CircuitBreakerConfig,
    KeyPlan,
    KeySecret,
    Money,
    Price,
    SecretRef,
    SecretSource,
)
from inferc.runtime import admin
from inferc.runtime.admin import AdminSocket, Refused
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Keys
from inferc.runtime.gateway.commands import Commands
from inferc.runtime.gateway.exchange import Exchange
from inferc.runtime.gateway.serve import Service
from inferc.runtime.gateway.telemetry.access_log import MOST_LINES, AccessLog, LogForm
from inferc.runtime.gateway.telemetry.request_records import Records
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.mock_provider.faults import parse_fault

from ..support.pipelines import fallback, plan_with
from ..support.remote import eventually, mock_provider, remote_plan

KEY = SecretRef.env("PROVIDER_KEY")


@frozen
class House:
    url: str
    http: aiohttp.ClientSession
    records: Records
    commands: Commands
    out: io.BytesIO

    async def ask(self, model: str = "r", name: str = "", **body: Any) -> tuple[int, str]:
        """The status, and the id of the request."""
        chat = {"model": model, "messages": [{"role": "user", "content": "hello"}], "user": "ada", **body}
        headers = {"Authorization": "Bearer sk-a"} | ({"x-request-id": name} if name else {})
        async with self.http.post(f"{self.url}/v1/chat/completions", json=chat, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers["x-request-id"]

    async def lines(self) -> list[str]:
        """The access log, all of it."""
        await self.records.stop()
        return self.out.getvalue().decode().splitlines()


@asynccontextmanager
async def house(
    form: LogForm = LogForm.JSON, faults: tuple[str, ...] = (), rpm: int | None = None
) -> AsyncIterator[House]:
    """A route over `gone`, where nobody is, and `gpt`, which is asked with a key."""
    options = MockOptions(gap=0, faults=tuple(map(parse_fault, faults)), rpm=rpm)
    async with mock_provider(options) as mock, aiohttp.ClientSession() as http:
        keys = (KeyPlan("team_a", (KeySecret(SecretSource.ENV, "A"),)),)
        price = Price(Money("1"), Money("10"))
        breaker = CircuitBreakerConfig(failure_threshold=100)
        gone = remote_plan("gone", key=KEY, price=price, circuit_breaker=breaker)
        gpt = remote_plan("gpt", mock.endpoint, key=KEY, price=price)
        executor = Executor(plan_with(gone, gpt, fallback("r", "gone", "gpt"), keys=keys), Path.cwd())
        await executor.start()
        out = io.BytesIO()
        records = Records(AccessLog(out, form))
        app = build_app(executor, keys=Keys(keys, Path.cwd()), records=records)
        server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=1)
        await server.start()
        service = Service(executor, app, server)
        commands = Commands(service)
        try:
            yield House(f"http://127.0.0.1:{server.port}", http, records, commands, out)
        finally:
            await server.stop()
            await executor.stop()


@pytest.fixture(autouse=True)
def keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "sk-provider")
    monkeypatch.setenv("A", "sk-a")


async def test_what_ends_while_the_gateway_stops_is_written_down_once() -> None:
    out = io.BytesIO()
    records = Records(AccessLog(out, LogForm.JSON))
    exchange = Exchange(Executor(plan_with(remote_plan("gpt", key=KEY)), Path.cwd()), "req_a")
    records.end_soon(exchange, ("POST", "/v1/chat/completions", 200, "ok", None), True)
    await records.stop()
    await asyncio.sleep(0)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == ["req_a"]
    assert [each["id"] for each in records.recent(10)] == ["req_a"]


async def test_what_was_answered_is_known_at_once() -> None:
    async with house() as it:
        for asked in range(1, 4):
            _, name = await it.ask("gpt")
            assert (await it.commands.why({"id": name}))["outcome"] == "ok"
            rows = (await it.commands.cost({"by": ["key"], "seconds": 3600}))["rows"]
            assert [(each["group"], each["requests"]) for each in rows] == [(["team_a"], asked)]


async def test_each_request_has_a_line_that_says_who_asked_who_answered_and_what_it_took() -> None:
    async with house() as it:
        await it.ask("gpt", "one")
        await it.ask("r", "two", stream=True)
        await it.ask("nope", "three")
        one, two, three = (json.loads(line) for line in await it.lines())
    assert {
        name: one[name]
        for name in ("id", "key", "method", "path", "asked", "user", "deployment", "replica", "attempts")
    } == {
        "id": "one",
        "key": "team_a",
        "method": "POST",
        "path": "/v1/chat/completions",
        "asked": "gpt",
        "user": "ada",
        "deployment": "gpt",
        "replica": 0,
        "attempts": 1,
    }
    assert (one["status"], one["outcome"], one["prompt_tokens"], one["completion_tokens"]) == (
        200,
        "ok",
        1,
        3,
    )
    assert one["cost"] == pytest.approx(3.1e-5)
    assert 0 <= one["waited"] <= one["first"] <= one["seconds"] < 5
    assert (two["asked"], two["deployment"], two["attempts"]) == ("r", "gpt", 4)
    assert (three["status"], three["outcome"]) == (404, "model_not_found")
    assert "nope" in three["error"]
    assert "sk-" not in str([one, two, three])


async def test_a_line_has_each_attempt_and_what_the_provider_said_of_its_limits() -> None:
    async with house(faults=("503:retry_after=0.01",), rpm=10) as it:
        await it.ask("gpt")
        (line,) = (json.loads(each) for each in await it.lines())
    failed, answered = line["tries"]
    assert (failed["deployment"], failed["ok"], failed["status"], failed["retry_after"]) == (
        "gpt",
        False,
        503,
        0.01,
    )
    assert failed["waited"] + failed["seconds"] <= answered["waited"] <= answered["first"] <= line["seconds"]
    assert (answered["ok"], answered["completion_tokens"]) == (True, 3)
    assert line["limits"]["x-ratelimit-limit-requests"] == "10"


async def test_people_read_one_short_line_and_no_line_of_a_clients_making() -> None:
    async with house(LogForm.PEOPLE) as it:
        await it.ask("r", "mine")
        async with it.http.get(f"{it.url}/v1/models/a%C2%9Bb", headers={"Authorization": "Bearer sk-a"}):
            pass
        first, second = await it.lines()
    assert " 200 " in first
    assert "r -> gpt key=team_a attempts=4 tokens=1+3 $3.1e-05" in first
    assert first.endswith(" mine")
    assert "\x9b" not in second


async def test_a_reader_who_does_not_read_costs_lines_and_no_requests() -> None:
    async with house() as it:
        access = it.records.access
        assert access is not None
        access._thread = Thread()  # which reads nothing
        for _ in range(MOST_LINES):
            access._waiting.put(None)
        assert (await it.ask("gpt"))[0] == 200
        assert access._waiting.qsize() == MOST_LINES
        access._thread = None


async def test_the_story_of_a_request_says_what_happened_in_its_order() -> None:
    async with house() as it:
        _, name = await it.ask("r")
        story = await it.commands.why({"id": name})
        told = [
            event.get("text") or f"{event['deployment']} {'ok' if event['ok'] else 'no'}"
            for event in story["events"]
        ]
        assert told[0] == "gone no"
        assert told[1].startswith("gone #0: failed: openai (deployment `gone`) cannot be reached")
        assert told[2].startswith("gone: tries again in ")
        assert told[-2:] == ["route r: gone failed, another member is asked", "gpt ok"]
        assert (story["attempts"], story["outcome"]) == (4, "ok")
        assert [each["id"] for each in (await it.commands.why({}))["requests"]] == [name]
        with pytest.raises(Refused, match="no request never is remembered"):
            await it.commands.why({"id": "never"})


async def test_an_answer_that_breaks_off_is_no_success() -> None:
    async with house(faults=("cut",)) as it:
        await it.ask("gpt", "cut", stream=True)
        [line] = await it.lines()
    assert json.loads(line)["outcome"] == "broken_off"


async def test_costs_are_told_by_who_asked_what_and_whom() -> None:
    async with house() as it:
        for _ in range(2):
            await it.ask("r")
        answer = await it.commands.cost({"by": ["key", "asked", "user"], "seconds": 3600})
        [row] = answer["rows"]
        assert (row["group"], row["requests"], row["completion_tokens"]) == (["team_a", "r", "ada"], 2, 6)
        assert row["cost"] == pytest.approx(6.2e-5)
        for wrong in (
            {"by": ["colour"], "seconds": 1},
            {"by": [], "seconds": 1},
            {"by": [["key"]], "seconds": 1},
            {"by": ["key"], "seconds": -1},
        ):
            with pytest.raises(Refused):
                await it.commands.cost(wrong)


async def test_operators_open_circuits_hold_accounts_and_drain_deployments() -> None:
    async with house() as it:
        await it.commands.drain({"name": "gpt"})
        assert (await it.ask("gpt"))[0] == 503
        assert (await it.commands.status({}))["deployments"][1]["drained"]
        await it.commands.drain({"name": "gpt", "undo": True})
        assert (await it.ask("gpt"))[0] == 200
        await it.commands.drain({"name": "gone"})
        _, name = await it.ask("r")
        assert (await it.commands.why({"id": name}))["attempts"] == 1  # routes pass it over
        await it.commands.breaker({"name": "gpt", "seconds": 60})
        assert (await it.ask("gpt"))[0] == 503
        await it.commands.breaker({"name": "gpt"})
        assert (await it.ask("gpt"))[0] == 200
        await it.commands.hold({"name": "gpt", "seconds": 60})
        assert (await it.commands.status({}))["deployments"][1]["replicas"][0]["held_seconds"] == 60
        for wrong in (
            {"name": "nope", "seconds": 1},
            {"name": "gpt", "seconds": 1e9},
            {"name": "gpt", "seconds": "x"},
        ):
            with pytest.raises(Refused):
                await it.commands.hold(wrong)


async def test_the_admin_socket_is_the_users_alone_and_believes_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def done(asked: Any) -> dict[str, Any]:
        if asked.get("bad"):
            raise Refused("it is bad")
        return {"done": True}

    path = tmp_path / "it.sock"

    async def say(line: bytes) -> Any:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line + b"\n")
        answer = await reader.read()
        writer.close()
        return json.loads(answer) if answer else None

    async with AdminSocket(path, {}, {"change": done}):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await say(b'{"command": "change", "name": "x"}') == {"done": True}
        assert await say(b'{"command": "change", "bad": 1}') == {"refused": "it is bad"}
        for wrong in (b"no", b"[]", b"{}", b'{"command": 3}', b'{"command": "' + b"x" * 1000 + b'"}'):
            assert "refused" in await say(wrong)
        assert await say(b"x" * 100_000) is None
        assert await say(b"[" * 50_000) == {"refused": "this is no JSON"}
        async with AdminSocket(path, {}, {"other": done}):
            assert await say(b'{"command": "other"}') == {"done": True}
    assert not path.exists()
    assert "change name='x'" in caplog.text
    assert "change bad=1: refused: it is bad" in caplog.text


async def test_who_does_not_read_what_the_admin_socket_says_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = asyncio.Event()

    def is_serving(task: asyncio.Task[Any]) -> bool:
        return "AdminSocket._serve" in repr(task)

    async def say_much(_: Any) -> dict[str, Any]:
        served.set()
        return {"much": "x" * (4 << 20)}

    monkeypatch.setattr(admin, "PATIENCE", 0.2)
    path = tmp_path / "it.sock"
    async with AdminSocket(path, {"say": say_much}, {}):
        _, deaf = await asyncio.open_unix_connection(path, limit=1)
        deaf.write(b'{"command": "say"}\n')
        await eventually(served.is_set)
        await eventually(lambda: not [task for task in asyncio.all_tasks() if is_serving(task)])
        deaf.close()


async def test_streams_are_measured_to_their_first_token_and_between_tokens() -> None:
    async with house() as it:
        await it.ask("gpt", stream=True, stream_options={"include_usage": True})
        deployments = it.commands._service.executor.deployments
        counters = deployments["gpt"].counters
        assert [sum(each.buckets) for each in (counters.waits, counters.firsts, counters.per_token)] == [
            1
        ] * 3

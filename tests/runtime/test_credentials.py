"""Keys: how they are shown, followed when they change, and shown once more when they are refused."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from attrs import define, field

from inferc.compiler.plan import AuthScheme, RetryPolicy, SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.replicas.remote.auth import api_key as auth
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import Unauthorized
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.secrets.secret import LOOK_EVERY, LiveSecret, Secret, read_secret

from ..support.remote import eventually, executor_of, gateway_of, remote_plan, serving

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
ANSWER = {"choices": [CHOICE], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
FILE = SecretRef.file("key")


@define
class Provider:
    """Notes the keys that it sees, and accepts some. gate: what every answer waits for."""

    accepted: set[str]
    seen: list[str] = field(factory=list)
    gate: asyncio.Event = field(factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        shown = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append(shown)
        await self.gate.wait()
        if shown in self.accepted:
            return web.json_response(ANSWER)
        return web.json_response({"error": {"message": f"no: {shown}"}}, status=401)


@asynccontextmanager
async def provider_of(
    folder: Path, *accepted: str, key: SecretRef = FILE, **fields: Any
) -> AsyncIterator[tuple[Provider, Executor]]:
    """A provider that accepts some keys, and an executor that talks to it."""
    provider, app = Provider(set(accepted)), web.Application()
    provider.gate.set()
    app.router.add_post("/v1/chat/completions", provider.answer)
    async with serving(app) as url:
        values = {"key": key, "retry": RetryPolicy(max_retries=0)} | fields
        plan = remote_plan("gpt", f"{url}/v1", **values)
        async with executor_of(plan, base_dir=folder) as executor:
            yield provider, executor


async def ask(executor: Executor) -> bytes:
    request = ChatRequest({"model": "gpt", "messages": []}, stream=False)
    async with aclosing(executor.stream("gpt", request)) as chunks:
        chunk = await anext(chunks)
    assert isinstance(chunk, ChatChunk)
    return chunk.data


@pytest.fixture(autouse=True)
def _only_a_refusal_makes_it_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", 1000.0)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("old-key\n")
    return path


def replace(path: Path, text: str) -> None:
    """Another file of the same name, as secret managers make it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        (AuthScheme.BEARER, {"Authorization": "Bearer k"}),
        (AuthScheme.API_KEY, {"api-key": "k"}),
        (AuthScheme.X_API_KEY, {"x-api-key": "k"}),
        (AuthScheme.X_GOOG_API_KEY, {"x-goog-api-key": "k"}),
        (AuthScheme.GOOGLE_OAUTH, {"Authorization": "Bearer k"}),
    ],
)
def test_each_scheme_has_its_header(scheme: AuthScheme, headers: dict[str, str]) -> None:
    authorization = auth.Authorization.of(scheme, Secret("k", "x"))
    assert authorization.headers == headers
    assert "Bearer k" not in repr(authorization)


async def test_a_key_that_is_refused_is_read_again_and_shown_once_more(
    tmp_path: Path, key_file: Path
) -> None:
    async with provider_of(tmp_path, "old-key") as (provider, executor):
        await ask(executor)
        replace(key_file, "new-key")
        provider.accepted = {"new-key"}
        assert json.loads(await ask(executor)) == ANSWER
        await ask(executor)
        assert provider.seen == ["old-key", "old-key", "new-key", "new-key"]


async def test_a_key_that_stays_refused_is_shown_once_for_each_request(
    tmp_path: Path, key_file: Path
) -> None:
    async with provider_of(tmp_path) as (provider, executor):
        for seen in (1, 2, 3):
            with pytest.raises(Unauthorized, match="does not accept the key from the file key") as caught:
                await ask(executor)
            assert "old-key" not in str(caught.value)
            assert len(provider.seen) == seen
        replace(key_file, "new-key")
        provider.accepted.add("new-key")
        await ask(executor)
        assert provider.seen[3:] == ["old-key", "new-key"]


async def test_all_requests_that_a_refused_key_met_are_sent_once_more(tmp_path: Path, key_file: Path) -> None:
    async with provider_of(tmp_path, "new-key") as (provider, executor):
        provider.gate.clear()
        asking = [asyncio.create_task(ask(executor)) for _ in range(8)]
        await eventually(lambda: len(provider.seen) == 8)
        replace(key_file, "new-key")
        provider.gate.set()
        await asyncio.gather(*asking)
        assert sorted(provider.seen) == ["new-key"] * 8 + ["old-key"] * 8


async def test_a_server_that_wants_a_key_from_one_that_has_none_is_asked_once(tmp_path: Path) -> None:
    app, seen = web.Application(), []

    async def refuse(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({}, status=401)

    app.router.add_post("/v1/chat/completions", refuse)
    async with serving(app) as url, executor_of(remote_plan("gpt", f"{url}/v1")) as executor:
        with pytest.raises(Unauthorized, match="it wants a key"):
            await ask(executor)
    assert seen == [None]


async def test_requests_in_flight_finish_on_the_key_they_began_with(
    tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", 0.0)
    async with provider_of(tmp_path, "old-key", "new-key") as (provider, executor):
        provider.gate.clear()
        first = asyncio.create_task(ask(executor))
        await eventually(lambda: len(provider.seen) == 1)
        replace(key_file, "new-key")
        second = asyncio.create_task(ask(executor))
        await eventually(lambda: len(provider.seen) == 2)
        provider.gate.set()
        await asyncio.gather(first, second)
        assert provider.seen == ["old-key", "new-key"]


async def test_each_replica_has_its_own_key_of_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_A", "a")
    monkeypatch.setenv("KEY_B", "b")
    keys = (SecretRef.env("KEY_A"), SecretRef.env("KEY_B"))
    async with provider_of(tmp_path, "a", "b", replicas=2, api_key=keys) as (provider, executor):
        provider.gate.clear()
        asking = [asyncio.create_task(ask(executor)) for _ in range(4)]
        await eventually(lambda: len(provider.seen) == 4)
        provider.gate.set()
        await asyncio.gather(*asking)
        assert sorted(provider.seen) == ["a", "a", "b", "b"]


def live(folder: Path) -> LiveSecret:
    return LiveSecret(FILE, folder, lambda: read_secret(FILE, folder, "deployment `gpt`"))


def test_a_file_is_looked_at_once_a_second(
    tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", LOOK_EVERY)
    secret = live(tmp_path)
    assert not secret.look(100.0)
    replace(key_file, "new-key")
    assert not secret.look(100.9)
    assert secret.secret.reveal() == "old-key"
    assert secret.look(101.0)
    assert secret.secret.reveal() == "new-key"
    assert not secret.look(102.0)


def test_a_file_that_is_written_over_in_place_is_seen(tmp_path: Path, key_file: Path) -> None:
    secret = live(tmp_path)
    key_file.write_text("another-key")
    assert secret.look(1.0)
    assert secret.secret.reveal() == "another-key"


def test_a_file_that_breaks_keeps_its_last_key_and_is_named_once(
    tmp_path: Path, key_file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", LOOK_EVERY)
    secret = live(tmp_path)
    key_file.unlink()
    for second in range(1, 5):
        assert not secret.look(float(second))
    assert secret.secret.reveal() == "old-key"
    assert caplog.messages == [
        "deployment `gpt`: the file key is not there: put the key into it; "
        "the key that was there before stays in use"
    ]
    key_file.write_text("new-key")
    assert secret.look(5.0)
    assert secret.secret.reveal() == "new-key"


async def test_no_key_is_in_a_log_or_an_error(
    tmp_path: Path, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with provider_of(tmp_path) as (_, executor):
        replace(key_file, "new-key")
        with pytest.raises(Unauthorized) as caught:
            await ask(executor)
    assert not {"old-key", "new-key"} & set(f"{caught.value} {vars(caught.value)} {caplog.text}".split())
    assert "-key" not in f"{caught.value!r}{caplog.text}"


async def test_of_two_keys_the_one_that_is_refused_is_left_out_until_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", 0.0)
    good, other = tmp_path / "good", tmp_path / "other"
    good.write_text("good")
    other.write_text("revoked")
    shown: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        shown.append(key)
        if key == "revoked":
            return web.json_response({"error": {"message": "no"}}, status=401)
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    keys = (SecretRef.file(str(other)), SecretRef.file(str(good)))
    async with serving(app) as url:
        plan = remote_plan("gpt", f"{url}/v1", replicas=2, api_key=keys)
        async with executor_of(plan) as executor:
            for _ in range(6):
                await ask(executor)
            refusals = shown.count("revoked")
            async with gateway_of(executor) as gateway, ClientSession() as session:
                body = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
                async with session.post(f"{gateway}/v1/chat/completions", json=body) as answered:
                    assert answered.headers["x-inferc-replica"] == "1"
                async with session.get(f"{gateway}/metrics") as metrics:
                    text = await metrics.text()
                assert 'inferc_key_refused{deployment="gpt",replica="0"} 1.0' in text
                async with session.get(f"{gateway}/healthz") as health:
                    [deployment] = (await health.json())["deployments"]
                assert [each["key_refused"] for each in deployment["replicas"]] == [True, False]
            assert 1 <= refusals <= 2  # a refused key is read again, and shown once more
            other.write_text("renewed")
            for _ in range(6):
                await ask(executor)
    assert shown.count("revoked") == refusals
    assert "renewed" in shown

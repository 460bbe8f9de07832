"""Access tokens of Google, against a token server that checks what is signed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from attrs import define, field

from inferc.compiler.plan import AuthScheme, RetryPolicy, SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.http.connection_rules import RULES, ConnectionRules
from inferc.runtime.replicas.remote.auth.google import SCOPES
from inferc.runtime.requests.errors import NetworkError, StartError, Unauthorized
from inferc.runtime.requests.request import ChatRequest

from ..support.google import TokenServer, private_key, token_server
from ..support.remote import eventually, executor_of, remote_plan, serving

ACCOUNT = SecretRef.file("account.json")


@define
class House:
    """An executor with one deployment, its provider, which notes the tokens, and the token server."""

    executor: Executor
    tokens: TokenServer
    seen: list[str] = field(factory=list)
    refused: set[str] = field(factory=set)

    async def ask(self) -> None:
        request = ChatRequest({"model": "gpt", "messages": []}, stream=False)
        async with aclosing(self.executor.stream("gpt", request)) as chunks:
            await anext(chunks)


@asynccontextmanager
async def house(
    folder: Path, *, credentials: SecretRef | None = ACCOUNT, **account: str
) -> AsyncIterator[House]:
    app = web.Application()
    app[RULES] = ConnectionRules(idle=100_000)  # the clock jumps, and the connection is to stay

    async def answer(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        it.seen.append(token)
        if token in it.refused:
            return web.json_response({"error": {"message": f"not {token}"}}, status=401)
        choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    app.router.add_post("/v1/chat/completions", answer)
    async with serving(app) as url, token_server() as tokens:
        (folder / "account.json").write_text(tokens.account(**account))
        plan = remote_plan(
            "gpt",
            f"{url}/v1",
            auth=AuthScheme.GOOGLE_OAUTH,
            credentials=credentials,
            retry=RetryPolicy(max_retries=0),
        )
        async with executor_of(plan, base_dir=folder) as executor:
            it = House(executor, tokens)
            yield it


async def test_a_service_account_signs_for_a_token_that_serves_until_it_ends(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        await asyncio.gather(*(it.ask() for _ in range(5)))
        await it.ask()
        assert it.seen == ["token-1"] * 6
        (grant,) = it.tokens.grants
        assert grant["iss"] == "tests@shop-42.iam.gserviceaccount.com"
        assert grant["scope"] == " ".join(SCOPES)


async def test_a_token_is_renewed_before_it_ends_without_anyone_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as it:
        await it.ask()
        pass_time(3600 - 451, monkeypatch)
        await it.ask()
        assert it.seen == ["token-1", "token-1"]
        pass_time(152, monkeypatch)
        await it.ask()
        assert it.seen == ["token-1", "token-1", "token-1"]
        await eventually(lambda: len(it.tokens.grants) == 2)
        for _ in range(100):  # it has been asked for, and has yet to come
            await it.ask()
            if it.seen[-1] == "token-2":
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the new token is not shown")


async def test_a_token_that_has_ended_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as it:
        await it.ask()
        pass_time(3601, monkeypatch)
        await it.ask()
        assert it.seen == ["token-1", "token-2"]


async def test_while_no_new_token_comes_the_last_one_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as it:
        await it.ask()
        it.tokens.status, it.tokens.error = 400, "invalid_grant"
        pass_time(3400, monkeypatch)
        await it.ask()
        await eventually(lambda: bool(caplog.messages))
        await it.ask()
        assert it.seen == ["token-1"] * 3
        assert caplog.messages == [
            "deployment `gpt`: Google's token server gives no access token: invalid_grant "
            "(asked with the file account.json); the last access token is still good"
        ]


async def test_a_token_that_is_refused_is_renewed_and_the_request_sent_once_more(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.refused = {"token-1"}
        await it.ask()
        assert it.seen == ["token-1", "token-2"]
        it.refused = {"token-2"}
        with pytest.raises(Unauthorized, match=r"not accept the key from the file account\.json") as caught:
            await it.ask()
        assert "token-2" not in str(caught.value)
        assert len(it.tokens.grants) == 2


async def test_another_service_account_in_the_file_is_picked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferc.runtime.secrets.secret.LOOK_EVERY", 0.0)
    async with house(tmp_path) as it:
        await it.ask()
        (tmp_path / "account.json").write_text(it.tokens.account("others"))
        await it.ask()
        assert it.seen == ["token-1", "token-2"]
        assert it.tokens.grants[1]["iss"] == "others@shop-42.iam.gserviceaccount.com"


async def test_an_account_that_gets_no_token_is_unauthorized(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        it.tokens.status, it.tokens.error = 400, "invalid_grant"
        with pytest.raises(Unauthorized, match="gives no access token: invalid_grant") as caught:
            await it.ask()
        assert private_key()[100:120] not in f"{caught.value!r} {vars(caught.value)}"
        assert it.seen == []
        it.tokens.status = 200
        await it.ask()
        assert it.seen == ["token-2"]


async def test_a_token_server_that_is_not_there_is_a_network_error(tmp_path: Path) -> None:
    async with house(tmp_path, token_uri="http://127.0.0.1:9/token") as it:
        with pytest.raises(NetworkError, match="Google's token server cannot be reached"):
            await it.ask()


async def test_an_account_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with token_server() as tokens:
        monkeypatch.setenv("ACCOUNT", tokens.account("env"))
        async with house(tmp_path, credentials=SecretRef.env("ACCOUNT")) as it:
            await it.ask()
        assert tokens.grants[0]["iss"].startswith("env@")


async def test_without_credentials_the_application_default_ones_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    async with house(tmp_path, credentials=None) as it:
        await it.ask()
        assert it.seen == ["token-1"]


async def test_missing_application_default_credentials_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(
        StartError, match=r"^deployment `gpt`: Google's application default credentials are not"
    ):
        async with house(tmp_path, credentials=None):
            pass


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("sk-not-json-at-all", "it holds no JSON"),
        ("[1]", 'its `type` is not "service_account"'),
        (json.dumps({"type": "authorized_user", "refresh_token": "sk-not"}), 'its `type` is not "service'),
        (json.dumps({"type": "service_account", "private_key": "sk-not"}), "it has no `client_email`"),
        (
            json.dumps(
                {"type": "service_account", "client_email": "a", "private_key": "sk-not", "token_uri": "b"}
            ),
            "its `private_key` is no key",
        ),
    ],
)
async def test_a_file_that_is_no_service_account_is_named_without_what_it_holds(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(StartError) as caught:
        async with house(tmp_path, credentials=SecretRef.file("bad.json")):
            pass
    assert str(caught.value).startswith(
        f"deployment `gpt`: the file bad.json is no service account: {reason}"
    )
    assert "sk-not" not in str(caught.value)


def pass_time(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock of the running loop jump."""
    loop: Any = asyncio.get_running_loop()
    before = loop.time
    monkeypatch.setattr(loop, "time", lambda: before() + seconds)

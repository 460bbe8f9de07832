"""Identities of workloads, exchanged for tokens: what providers are told, and what happens when they refuse.

The packages of Anthropic and OpenAI exchange with the same fake: what it wants is what they send.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.lib.credentials import WorkloadIdentityCredentials
from attrs import evolve
from openai.auth import WorkloadIdentityAuth

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import EndpointTls, RemotePoolPlan, SecretRef, dump_plan, load_plan
from inferc.runtime.replicas.remote.auth.workload_identity import ExchangedTokens
from inferc.runtime.requests.errors import NetworkError, RequestError, ServerError, StartError, Unauthorized
from inferc.runtime.requests.request import ChatRequest

from ..support.anthropic_client import anthropic_client
from ..support.remote import executor_of, gateway_of, plan_of
from ..support.token_endpoints import OWN, token_provider
from .test_tls import issue

ORGANIZATION = "00000000-0000-0000-0000-000000000000"
CLAUDE = (
    'anthropic { identity { token = file("own"), federation_rule = "fdrl_1", service_account = "svac_1", '
    f'organization = "{ORGANIZATION}" }}'
)
GPT = 'openai { identity { token = file("own"), identity_provider = "idp_1", service_account = "sa_1"'
MESSAGES: Any = [{"role": "user", "content": "Hello."}]


def compiled(folder: Path, runtime: str, model: str) -> RemotePoolPlan:
    (folder / "own").write_text(f"{OWN}\n")
    source = folder / "it.infer"
    source.write_text(f'deployment it {{\n  model = "{model}"\n  runtime {runtime}\n}}\n')
    checked = check_file(source.name, source)
    assert checked.ok, checked.diagnostics
    (plan,) = compile_checked(checked, folder).deployments
    assert isinstance(plan, RemotePoolPlan)
    return plan


def chat() -> ChatRequest:
    return ChatRequest({"model": "it", "messages": MESSAGES}, stream=False)


def claude(folder: Path, url: str, more: str = "") -> RemotePoolPlan:
    runtime = f'{CLAUDE}, endpoint = "{url}", retry {{ max_retries = 0 }}{more} }}'
    return compiled(folder, runtime, "claude-sonnet-5-5")


def gpt(folder: Path, url: str, more: str = "") -> RemotePoolPlan:
    there = f'token_endpoint = "{url}/oauth/token"{more} }}, endpoint = "{url}/v1"'
    return compiled(folder, f"{GPT}, {there}, retry {{ max_retries = 0 }} }}", "gpt-4o")


@asynccontextmanager
async def tokens_of(plan: RemotePoolPlan, folder: Path) -> AsyncIterator[ExchangedTokens]:
    """What exchanges tokens for `plan`, started."""
    assert plan.identity is not None
    source = ExchangedTokens(plan, plan.identity, folder)
    await source.start()
    yield source


@pytest.mark.parametrize("of", [claude, gpt])
async def test_a_workload_is_known_by_what_its_platform_says_of_it(tmp_path: Path, of: Any) -> None:
    async with token_provider() as it, executor_of(of(tmp_path, it.url), base_dir=tmp_path) as executor:
        for _ in range(3):
            await executor.answer("it", chat())
        assert [token for token, _ in it.shown] == ["token-1"] * 3
        assert len(it.exchanges) == 1


async def test_the_fake_takes_what_the_packages_of_both_send() -> None:
    async with token_provider() as it:
        async with anthropic.AsyncAnthropic(
            base_url=it.url,
            max_retries=0,
            credentials=WorkloadIdentityCredentials(
                identity_token_provider=lambda: OWN,
                federation_rule_id="fdrl_1",
                organization_id=ORGANIZATION,
                service_account_id="svac_1",
            ),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=False),
        ) as client:
            said = await client.messages.create(model="claude-sonnet-5-5", max_tokens=9, messages=MESSAGES)
        assert said.content[0].type == "text"
        auth = WorkloadIdentityAuth(
            workload_identity={
                "identity_provider_id": "idp_1",
                "service_account_id": "sa_1",
                "provider": {"token_type": "jwt", "get_token": lambda: OWN},
            },
            token_exchange_url=f"{it.url}/oauth/token",
        )
        assert await auth.get_token_async() == "token-2"
        it.own = "another"
        auth.invalidate_token()
        with pytest.raises(openai.OAuthError, match="no rule fits"):
            await auth.get_token_async()


async def test_what_a_client_wants_of_anthropic_stands_beside_what_the_token_needs(tmp_path: Path) -> None:
    async with (
        token_provider() as it,
        executor_of(
            claude(tmp_path, it.url, ', headers { "Anthropic-Beta" = "b-1" }'), base_dir=tmp_path
        ) as executor,
        gateway_of(executor) as url,
        anthropic_client(url) as client,
    ):
        for betas in ([], ["context-1m-2025-08-07", "b-2"]):
            await client.beta.messages.create(model="it", max_tokens=9, messages=MESSAGES, betas=betas)
        plain, asked = (betas for _, betas in it.shown)
        assert plain == "oauth-2025-04-20,b-1"
        assert asked == "oauth-2025-04-20,b-1,context-1m-2025-08-07,b-2"


async def test_a_refused_token_leads_to_one_new_exchange(tmp_path: Path) -> None:
    async with token_provider() as it, executor_of(gpt(tmp_path, it.url), base_dir=tmp_path) as executor:
        it.revoked = {"token-1"}
        await executor.answer("it", chat())
        assert [token for token, _ in it.shown] == ["token-1", "token-2"]
        it.revoked = {"token-2"}
        with pytest.raises(
            Unauthorized, match="not accept the key from an exchange of the file own"
        ) as caught:
            await executor.answer("it", chat())
        assert "token-2" not in str(caught.value)
        assert len(it.exchanges) == 2


async def test_each_exchange_shows_what_the_platform_says_then(tmp_path: Path) -> None:
    async with token_provider() as it, tokens_of(gpt(tmp_path, it.url), tmp_path) as source:
        token, life = await source.fetch()
        assert (token.reveal(), life) == ("token-1", 3600)
        it.own = "another-token-of-the-platform"
        (tmp_path / "own").write_text(it.own)
        assert (await source.fetch())[0].reveal() == "token-2"
        (tmp_path / "own").unlink()
        with pytest.raises(ServerError, match="the file own is not there: put the workload's token into it"):
            await source.fetch()
        assert len(it.exchanges) == 2


async def test_it_may_come_from_the_environment_and_be_of_another_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC", "from-the-environment")
    async with token_provider() as it:
        plan = gpt(tmp_path, it.url, ", token_type = id_token")
        assert plan.identity is not None
        plan = evolve(plan, identity=evolve(plan.identity, token=SecretRef.env("OIDC")))
        async with tokens_of(plan, tmp_path) as source:
            with pytest.raises(Unauthorized):  # the fake knows no such rule
                await source.fetch()
        assert it.exchanges[0]["subject_token"] == "from-the-environment"
        assert it.exchanges[0]["subject_token_type"] == "urn:ietf:params:oauth:token-type:id_token"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "retryable"),
    [
        (400, {}, Unauthorized, False),
        (401, {}, Unauthorized, False),
        (403, {}, Unauthorized, False),
        (404, {}, Unauthorized, False),
        (302, {"Location": "https://elsewhere.example/"}, ServerError, False),
        (408, {}, ServerError, True),
        (429, {"Retry-After": "7"}, ServerError, True),
        (503, {}, ServerError, True),
        (503, {"x-should-retry": "false"}, Unauthorized, False),
    ],
)
async def test_the_status_says_whether_another_try_helps(
    tmp_path: Path, status: int, headers: dict[str, str], kind: type[RequestError], retryable: bool
) -> None:
    async with token_provider() as it, tokens_of(gpt(tmp_path, it.url), tmp_path) as source:
        it.status, it.headers = status, headers
        it.body = {"error": "invalid_grant", "error_description": f"{OWN} is\nnot known here"}
        with pytest.raises(kind) as caught:
            await source.fetch()
        error = caught.value
        assert (error.retryable, error.retry_after) == (retryable, 7 if "Retry-After" in headers else None)
        assert error.message == (
            "deployment `it`: openai's token endpoint gave no access token: invalid_grant "
            f"(status {status}; asked with the file own): [secret] is not known here"
        )
        assert len(it.exchanges) == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "no `access_token`"),
        ({"expires_in": 60}, "no `access_token`"),
        ({"access_token": "", "expires_in": 60}, "no `access_token`"),
        ({"access_token": "x" * 20_000, "expires_in": 60}, "no `access_token`"),
        ({"access_token": "sec\r\nret-1", "expires_in": 60}, "an `access_token` that no header can carry"),
        ({"access_token": "secret-1", "expires_in": 60, "token_type": "DPoP"}, "none to show as `Bearer`"),
        ({"access_token": "secret-1"}, "no `expires_in` in seconds"),
        ({"access_token": "secret-1", "expires_in": "60"}, "no `expires_in` in seconds"),
        ({"access_token": "secret-1", "expires_in": True}, "no `expires_in` in seconds"),
        ({"access_token": "secret-1", "expires_in": -1}, "no `expires_in` in seconds"),
        ("x" * (300 << 10), "more than 256 KiB"),
    ],
)
async def test_an_answer_that_holds_no_token_is_not_believed(tmp_path: Path, body: Any, problem: str) -> None:
    async with token_provider() as it, tokens_of(gpt(tmp_path, it.url), tmp_path) as source:
        it.body = body
        with pytest.raises(ServerError, match=f"token endpoint sent .*{problem}") as caught:
            await source.fetch()
        assert "secret-1" not in str(caught.value)


async def test_a_token_is_believed_for_a_day_at_most(tmp_path: Path) -> None:
    async with token_provider() as it, tokens_of(gpt(tmp_path, it.url), tmp_path) as source:
        it.life = 1e12
        assert (await source.fetch())[1] == 86_400


async def test_errors_in_a_providers_own_form_are_read(tmp_path: Path) -> None:
    async with token_provider() as it, tokens_of(claude(tmp_path, it.url), tmp_path) as source:
        it.status = 401
        it.body = {"type": "error", "error": {"type": "authentication_error", "message": "no rule fits"}}
        with pytest.raises(Unauthorized, match=r"authentication_error \(status 401; .*\): no rule fits"):
            await source.fetch()


async def test_nobody_there_is_a_network_error(tmp_path: Path) -> None:
    async with tokens_of(gpt(tmp_path, "http://127.0.0.1:9"), tmp_path) as source:
        with pytest.raises(NetworkError, match="openai's token endpoint cannot be reached at http://127"):
            await source.fetch()


async def test_a_proxy_that_the_file_names_is_on_the_way_to_both(tmp_path: Path) -> None:
    async with token_provider() as it:
        plan = claude(tmp_path, "http://127.0.0.1:9", f', proxy = "{it.url}"')
        async with executor_of(plan, base_dir=tmp_path) as executor:
            await executor.answer("it", chat())
        assert (len(it.exchanges), len(it.shown)) == (1, 1)


async def test_authorities_of_the_file_are_trusted_for_the_exchange(tmp_path: Path) -> None:
    issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    token = b'{"access_token": "token-1", "expires_in": 60}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(token), token))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        plan = gpt(tmp_path, url)
        async with tokens_of(plan, tmp_path) as source:
            with pytest.raises(NetworkError, match="cannot be trusted at localhost"):
                await source.fetch()
        trusting = evolve(plan, tls=EndpointTls(ca=SecretRef.file("tls.crt")))
        async with tokens_of(trusting, tmp_path) as source:
            assert (await source.fetch())[0].reveal() == "token-1"


@pytest.mark.parametrize(
    ("own", "endpoint", "reason"),
    [
        ("", "", "the file own is empty: put the workload's token into it"),
        ("x" * 20_000, "", "holds 20000 characters that are no token"),
        ("-----BEGIN KEY-----\nabc\n", "", "characters that are no token"),
        (OWN, "http://auth.example.com/token", "would be shown to everybody on the way"),
        (OWN, "nonsense", "no address at which tokens are exchanged"),
    ],
)
async def test_what_cannot_be_exchanged_is_an_error_of_the_start(
    tmp_path: Path, own: str, endpoint: str, reason: str
) -> None:
    plan = gpt(tmp_path, "http://127.0.0.1:9")
    assert plan.identity is not None
    plan = evolve(plan, identity=evolve(plan.identity, endpoint=endpoint or plan.identity.endpoint))
    (tmp_path / "own").write_text(own)
    with pytest.raises(StartError, match=reason):
        async with executor_of(plan, base_dir=tmp_path):
            pass


async def test_no_token_is_in_the_plan_the_log_an_error_or_the_metrics(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    plan = claude(tmp_path, "http://127.0.0.1:9")
    text = dump_plan(plan_of(plan))
    (tmp_path / "it.json").write_text(text)
    assert load_plan(tmp_path / "it.json").deployments == (plan,)
    async with token_provider() as it:
        plan = claude(tmp_path, it.url)
        async with executor_of(plan, base_dir=tmp_path) as executor, gateway_of(executor, open=True) as url:
            await executor.answer("it", chat())
            async with httpx2.AsyncClient(verify=False) as client:
                seen = (await client.get(f"{url}/metrics")).text + (await client.get(f"{url}/status")).text
            it.revoked = {"token-1"}
            it.status, it.body = 400, {"error": "invalid_grant", "error_description": f"not {OWN}"}
            with pytest.raises(Unauthorized) as caught:
                await executor.answer("it", chat())
        assert it.shown
    for where in (text, seen, caplog.text, repr(caught.value), str(vars(caught.value)), repr(plan)):
        assert OWN not in where
        assert "token-1" not in where

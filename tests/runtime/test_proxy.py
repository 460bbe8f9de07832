"""Proxies between this machine and providers, as the environment names them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from inferc.compiler.plan import RetryPolicy
from inferc.runtime.replicas.remote.transport.proxy import NoProxy, proxy_for
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import NetworkError, ServerError, StartError
from inferc.runtime.requests.request import ChatRequest

from ..support.raw_server import raw_server
from ..support.remote import executor_of, remote_plan, serving
from .test_tls import issue

CHAT = ChatRequest({"model": "gpt", "messages": [{"role": "user", "content": "Hello."}]}, stream=False)
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
FAR = "http://provider.example/v1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def proxy(status: int = 200) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A proxy that answers for the provider; gives its host and port, and what came."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"choices": [CHOICE]}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with serving(app) as url:
        yield url.removeprefix("http://"), seen


async def test_requests_go_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with proxy() as (address, seen):
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:secret%21@{address}")
        async with executor_of(remote_plan(endpoint=FAR)) as executor:
            answer = await executor.answer("gpt", CHAT)
    assert isinstance(answer, ChatChunk)
    assert str(seen[0].url) == f"{FAR}/chat/completions"
    assert seen[0].headers["Proxy-Authorization"].startswith("Basic ")
    assert f"through the proxy {address}" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:9", "connection refused"), ("no-such-host.invalid:80", "there is no host")],
)
async def test_a_proxy_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str, reason: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
    plan = remote_plan(endpoint=FAR, retry=RetryPolicy(max_retries=0))
    async with executor_of(plan) as executor:
        with pytest.raises(NetworkError, match=f"cannot be reached at the proxy {address}"):
            await executor.answer("gpt", CHAT)
    assert f"cannot be reached: the proxy {address}: {reason}" in caplog.text


async def test_a_proxy_that_wants_a_password_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(lambda: [refusal]) as server:
        address = server.url.removeprefix("http://")
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:wrong@{address}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:wrong@{address}")
        for number, endpoint in enumerate((FAR, FAR.replace("http:", "https:")), 1):
            async with executor_of(remote_plan(endpoint=endpoint)) as executor:
                with pytest.raises(ServerError, match=r"the proxy .* wants another user") as caught:
                    await executor.answer("gpt", CHAT)
            assert "wrong" not in str(caught.value)
            assert server.requests == number


@pytest.mark.parametrize(
    ("told", "endpoint", "through"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://api.openai.com/v1", "proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "https://api.openai.com/v1", "proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://api.openai.com/v1", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "openai.com"}, "https://api.openai.com/v1", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, "https://api.openai.com/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.0.0.1:8000/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://localhost:8000/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://[::1]:8000/v1", None),
        ({"ALL_PROXY": "http://proxy:3128"}, "https://api.openai.com/v1", "proxy:3128"),
        ({"ALL_PROXY": "socks5://x", "HTTPS_PROXY": "http://proxy:3128"}, "https://a.b/v1", "proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128", "NO_PROXY": "a.b"}, "https://a.b/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "a.b, 10.0.0.0/8"}, "http://10.1.2.3/v1", None),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8"}, "http://11.1.2.3/v1", "proxy:3128"),
        (
            {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a.b:" + "9" * 5000},
            "https://a.b/v1",
            "proxy:3128",
        ),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "fd00::/8"}, "http://[fd00::1]:8000/v1", None),
        *[
            ({"ALL_PROXY": "http://proxy:3128", "NO_PROXY": listed}, endpoint, through)
            for listed, endpoint, through in [
                ("[fd00::1]", "http://[fd00::1]:8000/v1", None),
                ("[fd00::1]", "http://[fd00::2]:8000/v1", "proxy:3128"),
                ("[fd00::1]:8000", "http://[fd00::1]:8000/v1", None),
                ("[fd00::1]:8001", "http://[fd00::1]:8000/v1", "proxy:3128"),
                ("[fd00::]/8", "http://[fd00::1]:8000/v1", None),
                ("fd00:0::1", "http://[fd00::1]:8000/v1", None),
                ("10.1.2.3:8000", "http://10.1.2.3:8000/v1", None),
                ("10.1.2.3:8001", "http://10.1.2.3:8000/v1", "proxy:3128"),
                ("10.1.2.3", "http://10.1.2.34/v1", "proxy:3128"),
                ("*.a.b", "https://x.a.b/v1", None),
                ("*.a.b", "https://a.b/v1", "proxy:3128"),
                ("*.a.b", "https://xa.b/v1", "proxy:3128"),
                (".a.b", "https://x.a.b/v1", None),
                (".a.b", "https://a.b/v1", None),
                ("A.B.", "https://x.a.b/v1", None),
                ("a.b", "https://xa.b/v1", "proxy:3128"),
                ("a.b:443", "https://x.a.b/v1", None),
                ("a.b:80", "https://a.b/v1", "proxy:3128"),
                ("c.d a.b", "https://a.b/v1", None),
                ("c.d, *", "https://a.b/v1", None),
                ("*.", "https://a.b/v1", "proxy:3128"),
                (", ,:,[", "https://a.b/v1", "proxy:3128"),
                ("b\u00fccher.example", "https://xn--bcher-kva.example/v1", None),
                ("B\u00dcCHER.example:443", "https://b\u00fccher.example/v1", None),
                ("xn--bcher-kva.example", "https://api.b\u00fccher.example/v1", None),
                ("*.b\u00fccher.example", "https://api.xn--bcher-kva.example/v1", None),
                ("*.b\u00fccher.example", "https://b\u00fccher.example/v1", "proxy:3128"),
                ("b\u00fccher.example", "https://bucher.example/v1", "proxy:3128"),
                ("\u2028b\u00fc..cher", "https://b\u00fccher/v1", "proxy:3128"),
            ]
        ],
        ({"ALL_PROXY": "http://proxy:3128", "HTTPS_PROXY": ""}, "https://a.b/v1", None),
        ({"ALL_PROXY": "http://proxy:3128", "https_proxy": " "}, "https://a.b/v1", None),
        ({"ALL_PROXY": "http://proxy:3128", "HTTPS_PROXY": ""}, "http://a.b/v1", "proxy:3128"),
        ({"HTTPS_PROXY": "", "https_proxy": "http://proxy:3128"}, "https://a.b/v1", "proxy:3128"),
        ({}, "https://api.openai.com/v1", None),
    ],
)
def test_the_environment_says_who_is_reached_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], endpoint: str, through: str | None
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(endpoint)
    assert (None if found is None else found.where) == through


@pytest.mark.parametrize(
    "written",
    [
        "socks5://proxy:1080",
        "http://",
        "http://proxy:port",
        "http://me:12#secret@proxy:3128",
        "http://me:12/secret@proxy:3128",
        "me:12?secret@proxy:3128",
        "http://me:a[secret@proxy:3128",
    ],
)
async def test_what_is_no_proxy_is_an_error_of_the_start(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", written)
    with pytest.raises(NoProxy, match="HTTP_PROXY") as told:
        proxy_for(FAR)
    assert "secret" not in str(told.value)
    assert "@" not in written or "`%23` for `#`" in str(told.value)
    with pytest.raises(StartError, match="HTTP_PROXY"):
        async with executor_of(remote_plan(endpoint=FAR)):
            pass


async def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(tmp_path: Path) -> None:
    issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    plan = remote_plan(endpoint=f"https://localhost:{port}/v1", retry=RetryPolicy(max_retries=0))
    async with server, executor_of(plan) as executor:
        with pytest.raises(NetworkError, match=r"cannot be trusted at localhost.*SSL_CERT_FILE"):
            await executor.answer("gpt", CHAT)

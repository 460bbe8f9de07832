"""What stands beside an answer: names of the request, who answered, what it cost, what is left of limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anthropic
import pytest
from aiohttp import web

from inferc.compiler.plan import Money, Price
from inferc.runtime.dialects.rate_limit_headers import anthropic_limits, openai_limits, read_upstream, tighter
from inferc.runtime.requests.upstream import Remaining
from inferc.runtime.secrets.secret import Secret

from ..support.anthropic_client import anthropic_client
from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, remote_plan, serving

MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
LIMITS = {
    "x-request-id": "req_theirs",
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "58",
    "x-ratelimit-reset-requests": "42s",
}
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
PRICE = Price(Money("1"), Money("2"))  # dollars for a million tokens


@asynccontextmanager
async def gateway(*statuses: int) -> AsyncIterator[str]:
    """A gateway in front of a provider that answers with `statuses` first, and with 200 then."""
    left = list(statuses)

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        if left:
            return web.json_response({"error": {"message": "no"}}, status=left.pop(0), headers=LIMITS)
        if body.get("stream"):
            return web.Response(body=CHUNK, content_type="text/event-stream", headers=LIMITS)
        return web.json_response(COMPLETION, headers=LIMITS)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(app) as provider,
        executor_of(remote_plan("gpt", f"{provider}/v1", price=PRICE)) as executor,
        gateway_of(executor) as url,
    ):
        yield url


async def test_each_answer_has_an_id_of_its_own_and_the_providers_beside_it() -> None:
    ids: list[str | None] = []
    async with gateway() as url, openai_client(url, "any") as api:
        chat = api.chat.completions
        for stream in (False, True):
            raw = await chat.with_raw_response.create(model="gpt", messages=MESSAGES, stream=stream)
            ids.append(raw.headers["x-request-id"])
            assert raw.headers["x-inferc-upstream-request-id"] == "req_theirs"
            assert raw.headers["x-inferc-deployment"] == "gpt"
            assert raw.headers["x-ratelimit-remaining-requests"] == "58"
            assert raw.headers["x-ratelimit-limit-requests"] == "100"
        answer = await chat.create(model="gpt", messages=MESSAGES)
        ids.append(answer._request_id)
        assert all(ids)
        assert len(set(ids)) == 3


@pytest.mark.parametrize("path", ["/v1/models", "/livez", "/metrics", "/nowhere", "/v2", "/v1/messages"])
async def test_a_client_may_name_its_request_at_every_path(path: str) -> None:
    async with gateway() as url, aiohttp.ClientSession() as http:
        async with http.get(url + path, headers={"x-request-id": "mine-1"}) as answer:
            assert answer.headers["x-request-id"] == "mine-1"
        for name in ("m" * 129, "zwölf", "two words"):
            async with http.get(url + path, headers={"x-request-id": name}) as answer:
                assert answer.headers["x-request-id"].startswith("req_")


async def test_what_is_no_request_of_http_gets_an_id_too() -> None:
    async with gateway() as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert b"x-request-id: req_" in await reader.read()
        writer.close()


async def test_attempts_and_cost_are_told() -> None:
    async with gateway(500, 503) as url, openai_client(url, "any") as api:
        raw = await api.chat.completions.with_raw_response.create(model="gpt", messages=MESSAGES)
        assert raw.headers["x-inferc-attempts"] == "3"
        assert raw.headers["x-inferc-replica"] == "0"
        assert raw.headers["x-inferc-cost"] == "0.00002"


async def test_an_error_has_the_headers_of_an_answer() -> None:
    async with (
        gateway(400) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/chat/completions", json={"model": "gpt", "messages": MESSAGES}) as got,
    ):
        assert got.status == 400
        assert got.headers["x-request-id"].startswith("req_")
        assert got.headers["x-inferc-upstream-request-id"] == "req_theirs"
        assert got.headers["x-ratelimit-remaining-requests"] == "58"
        assert got.headers["x-inferc-attempts"] == "1"


async def test_anthropics_client_reads_ids_and_limits_in_its_own_words() -> None:
    async with gateway() as url, anthropic_client(url) as api:
        raw = await api.messages.with_raw_response.create(model="gpt", messages=MESSAGES, max_tokens=9)
        assert raw.request_id == raw.headers["x-request-id"] == raw.headers["request-id"]
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "58"
        assert raw.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        with pytest.raises(anthropic.NotFoundError) as failed:
            await api.messages.create(model="nobody", messages=MESSAGES, max_tokens=9)
        assert failed.value.body["request_id"] == failed.value.request_id  # type: ignore[index]


def test_of_a_key_and_a_provider_the_one_is_told_that_leaves_less() -> None:
    left = {"requests": Remaining(60, 100, 1, 5), "tokens": Remaining(10, 100, 1, 5)}
    assert tighter(left, LIMITS) == {"tokens": left["tokens"]}
    assert tighter(left, {"anthropic-ratelimit-requests-remaining": "61"}) == left


def test_what_a_provider_says_without_bounds_is_bounded() -> None:
    long = {**LIMITS, "x-ratelimit-reset-requests": "99999999999999d"}
    assert all("99999" not in value for value in anthropic_limits(long, 1.0).values())
    odd = {
        **LIMITS,
        "x-ratelimit-remaining-requests": "1" * 41,
        "x-ratelimit-reset-requests": "sk-0123456789",
    }
    assert openai_limits(odd) == {"x-ratelimit-limit-requests": "100"}
    anthropics = {
        "anthropic-ratelimit-requests-limit": "100",
        "anthropic-ratelimit-requests-remaining": "58",
        "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:42Z",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
    assert openai_limits(anthropics)["x-ratelimit-reset-requests"] == "42.000s"
    key = Secret("sk-0123456789abcdef", "env(KEY)")
    assert read_upstream({"x-request-id": "of sk-0123456789abcdef"}, key).request_id is None
    assert read_upstream({"x-request-id": "x" * 129}, None).request_id is None


async def test_what_the_clients_protocol_has_no_word_for_is_named_logged_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = {"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": "A"}}
    told = {"role": "assistant", "content": "hi", "annotations": [found]}
    answered = {**COMPLETION, "choices": [{"index": 0, "message": told, "finish_reason": "stop"}]}
    chunk = {**answered, "choices": [{"index": 0, "delta": told, "finish_reason": "stop"}], "related": ["x"]}

    async def answer(request: web.Request) -> web.Response:
        if not (await request.json()).get("stream"):
            return web.json_response(answered)
        body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
        return web.Response(text=body, content_type="text/event-stream")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(app) as provider,
        executor_of(remote_plan("gpt", f"{provider}/v1")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        asked = {"model": "gpt", "messages": MESSAGES, "max_tokens": 9}
        async with http.post(f"{url}/v1/messages", json=asked) as got:
            assert got.headers["x-inferc-untold"] == "citation"
        async with http.post(f"{url}/v1/chat/completions", json=asked) as got:
            assert "x-inferc-untold" not in got.headers
        async with http.post(f"{url}/v1/messages", json=asked | {"stream": True}) as got:
            assert b"message_stop" in await got.read()
        assert [r.getMessage().rpartition(": ")[2] for r in caplog.records if "no word" in r.message] == [
            "citation",
            "related, citation",
        ]
        async with http.get(f"{url}/metrics") as metrics:
            assert 'inferc_answers_untold_total{deployment="gpt"} 2.0' in await metrics.text()

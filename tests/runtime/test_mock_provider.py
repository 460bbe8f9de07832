from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest

from inferc.runtime.mock_provider import Fault, MockOptions, Stats, build_app, parse_fault
from inferc.runtime.mock_provider.answers import answer_text, pieces, vector

from ..support.remote import serving

USER = {"role": "user", "content": "hello  big\nworld"}


@pytest.fixture
async def api() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        serving(build_app(MockOptions(gap=0))) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as made,
    ):
        yield made


async def test_the_same_question_gets_the_same_answer(api: openai.AsyncOpenAI) -> None:
    answers = [
        await api.chat.completions.create(model="m", messages=[USER])  # type: ignore[list-item]
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0].choices[0].message.content == "You said: hello  big\nworld"
    assert answers[0].model == "m"


async def test_the_pieces_of_a_stream_make_up_the_unary_answer(api: openai.AsyncOpenAI) -> None:
    stream = await api.chat.completions.create(model="m", messages=[USER], stream=True)  # type: ignore[list-item]
    chunks = [chunk async for chunk in stream]
    contents = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(contents) == "You said: hello  big\nworld"
    assert len([content for content in contents if content]) == 5
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 6 + ["stop"]


def test_the_answer_quotes_the_last_thing_the_user_said() -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}]
    assert answer_text([USER, {"role": "user", "content": parts}, {"role": "system", "content": "s"}]) == (
        "You said: look"
    )
    assert answer_text([{"role": "system", "content": "s"}]) == "You said nothing."


@pytest.mark.parametrize("text", ["", "one", " a  b ", "a\n\nb", "é 😀"])
def test_pieces_join_to_the_whole(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_vectors_have_length_one_and_differ() -> None:
    assert math.hypot(*vector("a", 7)) == pytest.approx(1)
    assert vector("a", 7) == vector("a", 7)
    assert vector("a", 7) != vector("b", 7)


async def test_no_key_is_refused_and_any_key_is_good() -> None:
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        body = {"model": "m", "messages": [USER]}
        async with http.post(f"{url}/v1/chat/completions", json=body) as response:
            assert response.status == 401
            assert (await response.json())["error"]["code"] == "invalid_api_key"
        async with http.get(f"{url}/__mock__/stats") as response:
            counts = await response.json()
            assert (counts["requests"], counts["unauthorized"], counts["answered"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", b"{"),
        ("/v1/chat/completions", b"[]"),
        ("/v1/chat/completions", b'{"model": "m"}'),
        ("/v1/embeddings", b'{"model": "m", "input": []}'),
        ("/v1/embeddings", b'{"model": "m", "input": "a", "dimensions": 0}'),
    ],
)
async def test_what_the_real_provider_would_refuse_is_refused(path: str, body: bytes) -> None:
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        headers = {"Authorization": "Bearer k"}
        async with http.post(url + path, data=body, headers=headers) as response:
            assert response.status == 400
            assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_faults_come_first_in_their_order_and_number() -> None:
    options = MockOptions(faults=(Fault(429, count=2, retry_after=3), Fault(500, code="boom")))
    stats = Stats()
    async with serving(build_app(options, stats)) as url, aiohttp.ClientSession() as http:
        seen = []
        for _ in range(4):
            headers = {"Authorization": "Bearer k"}
            body = json.dumps({"model": "m", "messages": [USER]})
            async with http.post(f"{url}/v1/chat/completions", data=body, headers=headers) as response:
                error = (await response.json()).get("error") or {}
                seen.append((response.status, response.headers.get("Retry-After"), error.get("code")))
    assert seen == [(429, "3", ""), (429, "3", ""), (500, None, "boom"), (200, None, None)]
    assert (stats.faults, stats.answered) == (3, 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("500", Fault(500, 1, None, "server_error")),
        ("429:retry_after=1.5", Fault(429, 1, 1.5, "rate_limit_exceeded")),
        ("429:count=3,code=insufficient_quota", Fault(429, 3, None, "insufficient_quota")),
        ("418:count=all", Fault(418, None, None, "error")),
    ],
)
def test_a_fault_is_described_in_a_few_characters(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("200", "`200` is no error status"),
        ("oops", "`oops` is no error status"),
        ("", "`` is no error status"),
        ("429:often", "`often` is no setting of a fault: count, retry_after, code"),
        ("429:count=x", "`x` is no value for `count`"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_fault(text)


async def test_an_unknown_path_is_a_json_404() -> None:
    async with (
        serving(build_app()) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/v2") as response,
    ):
        assert (response.status, (await response.json())["error"]["code"]) == (404, "not_found")

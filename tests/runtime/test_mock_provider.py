from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from hypothesis import given, strategies as st

from inferc.runtime.mock_provider import (
    Fault,
    FaultKind,
    MockOptions,
    ScriptError,
    Stats,
    build_app,
    load_script,
    parse_fault,
)
from inferc.runtime.mock_provider.answers import pieces, vector
from inferc.runtime.mock_provider.embeddings import vertex_embeddings
from inferc.runtime.mock_provider.examples import example
from inferc.runtime.mock_provider.faults import RetryForm
from inferc.runtime.mock_provider.limits import MINUTE, Limiter
from inferc.runtime.mock_provider.scripted_answers import parse_script

from ..support.openai_client import openai_client
from ..support.remote import serving
from ..support.rows import each_row

USER = {"role": "user", "content": "hello  big\nworld"}
KEY = {"Authorization": "Bearer k"}
CHAT = {"model": "m", "messages": [USER]}


@pytest.fixture
async def api() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        serving(build_app(MockOptions(gap=0))) as url,
        openai_client(url) as made,
    ):
        yield made


async def post(
    http: aiohttp.ClientSession, url: str, body: object, headers: dict[str, str] = KEY
) -> tuple[int, Any, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(url, data=data, headers=headers) as response:
        return response.status, await response.json(), response.headers


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


CHOICES: list[tuple[str, list[str], list[str]]] = [
    ("auto", ["now", "later"], []),
    ("required", ["later", "now"], ["later"]),
    ("auto", ["later"], []),
    ("required", ["now"], ["now"]),
]


@pytest.mark.parametrize(("mode", "allowed", "called"), CHOICES)
async def test_tools_that_are_allowed_are_called_and_no_others(
    api: openai.AsyncOpenAI, mode: Any, allowed: list[str], called: list[str]
) -> None:
    named: list[Any] = [{"name": "later", "parameters": {}}, {"name": "now", "parameters": {}}]
    names = [{"name": name} for name in allowed]
    chats = await api.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "x"}],
        tools=[{"type": "function", "function": each} for each in named],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": mode,
                "tools": [{"type": "function", "function": each} for each in names],
            },
        },
    )
    calls: Any = chats.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called
    response = await api.responses.create(
        model="m",
        input="x",
        tools=[{"type": "function", **each} for each in named],
        tool_choice={
            "type": "allowed_tools",
            "mode": mode,
            "tools": [{"type": "function", **each} for each in names],
        },
    )
    assert [item.name for item in response.output if item.type == "function_call"] == called


async def test_who_wants_a_tool_of_free_text_is_understood(api: openai.AsyncOpenAI) -> None:
    answer = await api.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "x"}],
        tools=[{"type": "custom", "custom": {"name": "patch"}}],
        tool_choice={"type": "custom", "custom": {"name": "patch"}},
    )
    assert answer.choices[0].message.content


@pytest.mark.parametrize("text", ["", "one", " a  b ", "a\n\nb", "é 😀"])
def test_pieces_join_to_the_whole(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_vectors_have_length_one_and_differ() -> None:
    assert math.hypot(*vector("a", 7)) == pytest.approx(1)
    assert vector("a", 7) == vector("a", 7)
    assert vector("a", 7) != vector("b", 7)


@each_row(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "example"}),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": ["null", "string"]}, None),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 3}, 3),
        ({"anyOf": [{"type": "boolean"}, {"type": "string"}]}, True),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}, 0.5),
        ({}, {}),
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, Any], value: object) -> None:
    assert example(schema) == value


def test_an_example_of_a_schema_without_end_has_one() -> None:
    endless = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert "next" in example(endless)


@pytest.mark.parametrize(
    ("path", "header", "body", "wants", "kind"),
    [
        ("/v1/chat/completions", "Authorization", CHAT, "code", "invalid_api_key"),
        ("/openai/deployments/d/chat/completions", "api-key", CHAT, "code", "invalid_api_key"),
        (
            "/v1/messages",
            "x-api-key",
            CHAT | {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
            "type",
            "authentication_error",
        ),
        (
            "/v1beta/models/m:generateContent",
            "x-goog-api-key",
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
            "status",
            "UNAUTHENTICATED",
        ),
    ],
)
async def test_no_key_is_refused_and_any_key_is_good(
    path: str, header: str, body: dict[str, Any], wants: str, kind: str
) -> None:
    stats = Stats()
    version = {"anthropic-version": "2023-06-01"}
    async with serving(build_app(stats=stats)) as url, aiohttp.ClientSession() as http:
        status, answer, _ = await post(http, url + path, body, version)
        assert (status, answer["error"][wants]) == (401, kind)
        status, answer, _ = await post(http, url + path, body, {header: "any", **version})
        assert status == 200
    assert (stats.requests, stats.unauthorized, stats.answered) == (2, 1, 1)
    assert stats.statuses == {"401": 1, "200": 1}


async def test_keys_are_counted_and_never_shown() -> None:
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        for key in ("sk-one", "sk-one", "sk-two"):
            await post(http, f"{url}/v1/chat/completions", CHAT, {"Authorization": f"Bearer {key}"})
        async with http.get(f"{url}/__mock__/stats") as response:
            text = await response.text()
    counts = json.loads(text)
    assert sorted(counts["keys"].values()) == [1, 2]
    assert "sk-" not in text
    assert (counts["apis"], counts["models"]) == ({"openai": 3}, {"m": 3})
    assert (counts["prompt_tokens"], counts["completion_tokens"]) == (9, 15)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", b"{"),
        ("/v1/chat/completions", b"[]"),
        ("/v1/chat/completions", b'{"model": "m"}'),
        ("/v1/chat/completions", b'{"model": "m", "messages": [], "tools": [{}]}'),
        ("/v1/embeddings", b'{"model": "m", "input": []}'),
        ("/v1/embeddings", b'{"model": "m", "input": "a", "dimensions": 0}'),
    ],
)
async def test_what_the_real_provider_would_refuse_is_refused(path: str, body: bytes) -> None:
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        status, answer, _ = await post(http, url + path, body)
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


async def test_googles_vectors_are_as_long_as_is_asked_for() -> None:
    one = {"content": {"parts": [{"text": "a"}]}}
    asked = {"requests": [one, one | {"outputDimensionality": 128}]}
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        path, key = f"{url}/v1beta/models/m:batchEmbedContents", {"x-goog-api-key": "k"}
        _, answer, _ = await post(http, path, json.dumps(asked).encode(), key)
    plain, longer = (len(each["values"]) for each in answer["embeddings"])
    assert plain < longer == 128
    predicted, _ = vertex_embeddings(
        {"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 8}}
    )
    assert len(predicted["predictions"][0]["embeddings"]["values"]) == 8


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/messages", CHAT, "max_tokens"),
        ("/v1/chat/completions", CHAT | {"n": 1_000_000}, "`n` must be from 1 to 128"),
        ("/v1/messages", CHAT | {"max_tokens": 9, "n": 1}, "n: Extra inputs"),
        (
            "/v1/messages",
            {"model": "m", "max_tokens": 9, "messages": [{"role": "tool", "content": "x"}]},
            "Unexpected role",
        ),
        ("/v1beta/models/m:generateContent", {"contents": [], "n": 1}, "n: Extra inputs"),
        (
            "/v1beta/models/gemini-3-pro:generateContent",
            {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}]},
            "thought_signature",
        ),
    ],
)
async def test_the_foreign_apis_are_as_strict_as_the_real_ones(
    path: str, body: dict[str, Any], says: str
) -> None:
    headers = {
        "Authorization": "Bearer k",
        "x-api-key": "k",
        "x-goog-api-key": "k",
        "anthropic-version": "2023-06-01",
    }
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        status, answer, _ = await post(http, url + path, body, headers)
        assert status == 400
        assert says in answer["error"]["message"]


async def test_anthropic_wants_to_know_the_version() -> None:
    async with serving(build_app()) as url, aiohttp.ClientSession() as http:
        _, answer, _ = await post(http, f"{url}/v1/messages", CHAT, {"x-api-key": "k"})
        assert "anthropic-version" in answer["error"]["message"]


async def test_faults_come_first_in_their_order_and_number() -> None:
    options = MockOptions(faults=(Fault(429, count=2, retry_after=3), Fault(500, code="boom")))
    stats = Stats()
    async with serving(build_app(options, stats)) as url, aiohttp.ClientSession() as http:
        seen = []
        for _ in range(4):
            status, answer, headers = await post(http, f"{url}/v1/chat/completions", CHAT)
            seen.append((status, headers.get("Retry-After"), (answer.get("error") or {}).get("code")))
    limit = (429, "3", "rate_limit_exceeded")
    assert seen == [limit, limit, (500, None, "boom"), (200, None, None)]
    assert (stats.faults, stats.answered) == (3, 1)


async def test_a_key_can_be_refused_until_another_comes() -> None:
    options = MockOptions(faults=(parse_fault("401:until=new_key"),))
    async with serving(build_app(options)) as url, aiohttp.ClientSession() as http:
        seen = [
            (await post(http, f"{url}/v1/chat/completions", CHAT, {"Authorization": f"Bearer {key}"}))[0]
            for key in ("old", "old", "new", "old")
        ]
    assert seen == [401, 401, 200, 200]


@each_row(
    ("text", "fault"),
    [
        ("500", Fault(500)),
        ("429:retry_after=1.5", Fault(429, retry_after=1.5)),
        ("429:retry_after=2,form=date", Fault(429, retry_after=2, form=RetryForm.DATE)),
        ("429:count=3,code=insufficient_quota", Fault(429, 3, None, "insufficient_quota")),
        ("418:count=all", Fault(418, None)),
        ("cut:after=3", Fault(kind=FaultKind.CUT, after=3)),
        ("stall:seconds=0.5, after=1", Fault(kind=FaultKind.STALL, seconds=0.5, after=1)),
        ("error:status=529", Fault(529, kind=FaultKind.ERROR)),
        ("401:until=new_key", Fault(401, until_new_key=True)),
    ],
)
def test_a_fault_is_described_in_a_few_characters(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@each_row(
    ("text", "says"),
    [
        ("200", "`200` is no error status and no fault"),
        ("oops", "`oops` is no error status and no fault: .* slow, stall, cut, split, malformed, error"),
        ("", "`` is no error status"),
        ("status", "`status` is no error status"),
        ("429:often", "`often=` is no setting of a fault: count, retry_after, form"),
        ("429:count=x", "`x` is no value for `count`"),
        ("429:form=fax", "`fax` is no value for `form`"),
        ("429:until=noon", "`until=noon` is no setting"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_fault(text)


async def test_limits_are_enforced_for_each_key() -> None:
    stats = Stats()
    async with (
        serving(build_app(MockOptions(rpm=2, tpm=100), stats)) as url,
        aiohttp.ClientSession() as http,
    ):
        seen = []
        for key in ("a", "a", "a", "b"):
            headers = {"Authorization": f"Bearer {key}"}
            status, _, said = await post(http, f"{url}/v1/chat/completions", CHAT, headers)
            seen.append((status, said["x-ratelimit-remaining-requests"], said.get("Retry-After")))
            assert said["x-ratelimit-limit-tokens"] == "100"
    assert [each[:2] for each in seen] == [(200, "1"), (200, "0"), (429, "0"), (200, "1")]
    assert 50 < float(seen[2][2] or 0) <= 60
    assert stats.limited == 1


async def test_anthropic_says_its_limits_in_its_own_words() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    async with serving(build_app(MockOptions(rpm=5))) as url, aiohttp.ClientSession() as http:
        _, _, said = await post(http, f"{url}/v1/messages", body, headers)
    assert said["anthropic-ratelimit-requests-remaining"] == "4"
    assert said["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert "anthropic-ratelimit-tokens-limit" not in said


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(60, 150),
)
def test_no_minute_holds_more_than_the_limits(arrivals: list[tuple[float, int]], rpm: int, tpm: int) -> None:
    limiter = Limiter(rpm, tpm)
    now, taken = 0.0, []
    for gap, tokens in arrivals:
        now += gap
        wait = limiter.admit("k", now, tokens)
        if wait == 0:
            taken.append((now, tokens))
        else:
            retry = now + wait + 1e-6
            within = [each for each in taken if each[0] > retry - MINUTE]
            assert len(within) < rpm
            assert sum(count for _, count in within) + tokens <= tpm
    for start, _ in taken:
        minute = [(at, count) for at, count in taken if start <= at < start + MINUTE]
        assert len(minute) <= rpm
        assert sum(count for _, count in minute) <= tpm


async def test_a_script_says_what_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    call = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    script = {
        "gap_ms": 0,
        "tpm": 1000,
        "faults": ["503"],
        "answers": [
            {"when": "weather", "calls": [call], "times": 1},
            {"when": "long", "say": "on and on", "finish": "length", "usage": {"cached_tokens": 7}},
            {"when": "never", "fault": "500:code=boom"},
        ],
    }
    path.write_text(json.dumps(script))
    options = MockOptions(gap=1, rpm=9).following(load_script(path))
    assert (options.gap, options.rpm, options.tpm) == (0, 9, 1000)

    def about(text: str) -> dict[str, Any]:
        return {"model": "m", "messages": [{"role": "user", "content": text}]}

    async with serving(build_app(options)) as url, aiohttp.ClientSession() as http:
        chat = f"{url}/v1/chat/completions"
        assert (await post(http, chat, CHAT))[0] == 503
        _, answer, _ = await post(http, chat, about("the weather"))
        assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"city":"Oslo"}'
        _, answer, _ = await post(http, chat, about("the weather"))
        assert answer["choices"][0]["message"]["content"] == "You said: the weather"
        _, answer, _ = await post(http, chat, about("a long one"))
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 7
        status, answer, _ = await post(http, chat, about("never"))
        assert (status, answer["error"]["code"]) == (500, "boom")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ({"rpm": "many"}, r"invalid literal .* @ script\.rpm"),
        ({"faults": ["oops"]}, "`oops` is no error status"),
        ({"answer": []}, "unknown: answer @ script"),
        ([], "a script is a JSON object"),
    ],
)
def test_a_script_that_means_nothing_is_refused(script: object, says: str) -> None:
    with pytest.raises(ScriptError, match=says):
        parse_script(script)


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"none\.json: cannot be read: No such file"):
        load_script(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ScriptError, match=r"bad\.json: no JSON"):
        load_script(tmp_path / "bad.json")


async def test_a_reset_begins_anew_and_may_bring_a_script() -> None:
    stats = Stats()
    options = MockOptions(faults=(Fault(500),), rpm=2)
    async with serving(build_app(options, stats)) as url, aiohttp.ClientSession() as http:
        chat = f"{url}/v1/chat/completions"
        assert [(await post(http, chat, CHAT))[0] for _ in range(4)] == [500, 200, 200, 429]
        assert (await post(http, f"{url}/__mock__/reset", b""))[0] == 200
        assert (stats.requests, stats.keys) == (0, {})
        assert [(await post(http, chat, CHAT))[0] for _ in range(2)] == [500, 200]
        assert (await post(http, f"{url}/__mock__/reset", {"faults": ["418"]}))[0] == 200
        assert [(await post(http, chat, CHAT))[0] for _ in range(2)] == [418, 200]
        assert (await post(http, f"{url}/__mock__/reset", {"fault": []}))[0] == 400


async def test_an_unknown_path_is_a_json_404() -> None:
    async with (
        serving(build_app()) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/v2") as response,
    ):
        assert (response.status, (await response.json())["error"]["code"]) == (404, "not_found")

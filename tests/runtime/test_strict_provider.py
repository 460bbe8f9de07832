"""The strict mock provider: refuses and writes what the real ones do, and never fails itself."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, get_type_hints

import aiohttp
import pytest
from hypothesis import given
from openai.types import embedding_create_params
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from inferc.runtime.dialects.shapes import problems
from inferc.runtime.mock_provider import MockOptions, build_app, parse_fault
from inferc.runtime.mock_provider.strict import PROVIDERS, provider_of, table
from inferc.runtime.mock_provider.strict.needed import strings_of

from ..support.conversations import anthropic_bodies, openai_bodies
from ..support.openai_client import openai_client
from ..support.remote import serving
from ..support.rows import each_row

Json = dict[str, Any]

KEY = {
    "Authorization": "Bearer k",
    "x-api-key": "k",
    "x-goog-api-key": "k",
    "anthropic-version": "2023-06-01",
}
USER = {"role": "user", "content": "Hello."}
NOW = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
SAID = {"role": "user", "parts": [{"text": "Hello."}]}
STRUCTURED = {"format": {"type": "json_schema", "schema": OPEN}}


def chat(model: str, *messages: Json, **more: Any) -> Json:
    return {"model": model, "messages": list(messages) or [USER], **more}


def claude(model: str, *messages: Json, **more: Any) -> Json:
    return {"model": model, "max_tokens": 2000, "messages": list(messages) or [USER], **more}


def form(schema: Json, **more: Any) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, **more}}


OPENAI = "/v1/chat/completions"
ROUTER = "/api/v1/chat/completions"
CLAUDE = "/v1/messages"
FLASH = "/v1beta/models/gemini-2.5-flash:generateContent"
GEMINI3 = "/v1beta/models/gemini-3-flash:generateContent"
VERTEX = "/v1/projects/p/locations/l/publishers/google/models"

REFUSED = [
    (OPENAI, chat("gpt-4o", num_keep=1), 400, "Unrecognized request argument supplied: num_keep"),
    (OPENAI, chat("gpt-4o", {**USER, "id": 1}), 400, "Unknown parameter: 'messages[0].id'."),
    (OPENAI, {"model": "gpt-4o"}, 400, "Missing required parameter: 'messages'."),
    (OPENAI, chat("gpt-4o", temperature="1"), 400, "expected a decimal, but got a string instead."),
    (OPENAI, chat("gpt-4o", stop=list("abcde")), 400, "maximum length 4, but got an array with length 5"),
    (OPENAI, chat("gpt-5-mini", max_tokens=9), 400, "Use 'max_completion_tokens' instead."),
    (OPENAI, chat("o3", temperature=0.2), 400, "'temperature' does not support 0.2 with this model."),
    (OPENAI, chat("o3", stop=["x"]), 400, "Unsupported parameter: 'stop' is not supported with this model."),
    (OPENAI, chat("gpt-4o", reasoning_effort="low"), 400, "argument supplied: reasoning_effort"),
    (OPENAI, chat("gpt-5", reasoning_effort="none"), 400, "'reasoning_effort' does not support 'none'"),
    (OPENAI, chat("gpt-5.4", temperature=0.2, reasoning_effort="low"), 400, "'temperature' is not supported"),
    (OPENAI, chat("gpt-6", temperature=0.2), 400, "'temperature' does not support 0.2"),
    (OPENAI, chat("gpt-5.6", temperature=0.2), 400, "'temperature' does not support 0.2"),
    (OPENAI, chat("gpt-5.6", tools=[NOW]), 400, "use /v1/responses or set reasoning_effort to 'none'"),
    (OPENAI, chat("gpt-5.4", tools=[NOW], reasoning_effort="low"), 400, "use /v1/responses instead"),
    (OPENAI, chat("gpt-5-pro"), 404, "only supported in v1/responses"),
    (OPENAI, chat("gpt-4o", max_tokens=99999), 400, "max_tokens is too large: 99999."),
    (OPENAI, chat("gpt-4o", tool_choice="auto"), 400, "only allowed when 'tools' are specified."),
    (OPENAI, chat("gpt-4o", USER, CALLING, USER), 400, "did not have response messages: call_1"),
    (OPENAI, chat("gpt-4o", USER, ANSWERED), 400, "must be a response to a preceeding message"),
    (OPENAI, chat("gpt-4o", response_format={"type": "json_object"}), 400, "must contain the word 'json'"),
    (OPENAI, chat("gpt-4o", response_format=form(OPEN, strict=True)), 400, "'additionalProperties' is req"),
    (OPENAI, chat("gpt-4", response_format=form(OPEN)), 400, "of type 'json_schema' is not supported"),
    (OPENAI, chat("claude-opus-4-7"), 404, "The model `claude-opus-4-7` does not exist"),
    (OPENAI, chat("gpt-3.5-turbo", {"role": "user", "content": [IMAGE]}), 400, "image_url is only supported"),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": [""]}, 400, "'$.input' is invalid."),
    (
        "/v1/embeddings",
        {"model": "text-embedding-ada-002", "input": "x", "dimensions": 9},
        400,
        "dimensions.",
    ),
    (CLAUDE, claude("claude-opus-4-8", top_p=0.5), 400, "`top_p` is deprecated for this model."),
    (CLAUDE, claude("claude-haiku-4-5", temperature=0.1, top_p=1), 400, "cannot both be specified"),
    (CLAUDE, claude("claude-haiku-4-5", foo=1), 400, "foo: Extra inputs are not permitted"),
    (CLAUDE, chat("claude-haiku-4-5"), 400, "max_tokens: Field required"),
    (CLAUDE, claude("claude-haiku-4-5", metadata={"user_id": "a@b.org"}), 400, "contain an email address"),
    (CLAUDE, claude("claude-haiku-4-5", thinking={"type": "adaptive"}), 400, "adaptive thinking is not"),
    (CLAUDE, claude("claude-opus-4-7", thinking={"type": "enabled", "budget_tokens": 1024}), 400, "enabled"),
    (CLAUDE, claude("claude-haiku-4-5", output_config={"effort": "low"}), 400, "support the effort param"),
    (CLAUDE, claude("claude-sonnet-4", output_config=STRUCTURED), 400, "does not support output format."),
    (CLAUDE, claude("claude-opus-4-5", output_config=STRUCTURED), 400, "must be explicitly set to false"),
    (CLAUDE, claude("claude-haiku-4-5", {"role": "user", "content": ""}), 400, "must have non-empty content"),
    (CLAUDE, claude("claude-haiku-4-5", {"role": "user", "content": " "}), 400, "non-whitespace text"),
    (CLAUDE, claude("claude-haiku-4-5", {"role": "system", "content": "x"}), 400, "role 'system' is not"),
    (CLAUDE, claude("claude-opus-4-7", USER, {"role": "assistant", "content": "x"}), 400, "message prefill"),
    (CLAUDE, claude("claude-3-haiku-20240307") | {"max_tokens": 9999}, 400, "max_tokens: 9999 > 4096"),
    (FLASH, {"contents": [SAID], "foo": 1}, 400, 'Unknown name "foo": Cannot find field.'),
    (FLASH, {"contents": [SAID], "generationConfig": {"x": 1}}, 400, 'Unknown name "x" at \'generation_con'),
    (FLASH, {"contents": []}, 400, "contents is not specified"),
    (FLASH, {"contents": [{"role": "user", "parts": []}]}, 400, "contents.parts must not be empty."),
    (
        FLASH,
        {"contents": [{"role": "user", "parts": [{"text": ""}]}]},
        400,
        "must have one initialized field",
    ),
    (FLASH, {"contents": [{**SAID, "role": "assistant"}]}, 400, "Please use a valid role: user, model."),
    (
        FLASH,
        {"contents": [SAID, {"role": "model", "parts": [{"functionCall": {"name": "now"}}]}, SAID]},
        400,
        "number of function response parts is equal",
    ),
    (
        GEMINI3,
        {"contents": [SAID, {"role": "model", "parts": [{"functionCall": {"name": "now"}}]}]},
        400,
        "missing a thought_signature",
    ),
    (
        FLASH,
        {"contents": [SAID], "generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}},
        400,
        "Thinking level is not supported for this model.",
    ),
    (
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        {"requests": [{"model": "m", "content": SAID}] * 101},
        400,
        "at most 100 requests can be in one batch",
    ),
    (f"{VERTEX}/gemini-embedding-001:predict", {"instances": [{"content": "x"}] * 2}, 400, "one instance"),
    (
        f"{VERTEX}/gemini-2.5-flash:generateContent",
        {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://a/b"}}]}]},
        400,
        "mimeType",
    ),
    (OPENAI, chat("mistral-large-latest", {**USER, "name": "x"}), 422, "Extra inputs are not permitted"),
    (OPENAI, chat("mistral-large-latest", USER, CALLING, ANSWERED), 400, "Tool call id was call_1 but must"),
    (OPENAI, chat("deepseek-chat", response_format=form(OPEN)), 400, "type is unavailable now"),
    (
        OPENAI,
        chat("deepseek-chat", {"role": "developer", "content": "x"}),
        400,
        "unknown variant `developer`",
    ),
    (OPENAI, chat("grok-4", presence_penalty=0), 400, "Model grok-4 does not support parameter presencePe"),
    (OPENAI, chat("grok-4.20-multi-agent"), 400, "Multi Agent requests are not allowed on chat completions"),
    (OPENAI, chat("grok-4.7", search_parameters={"mode": "auto"}), 410, "Live search is deprecated"),
    (OPENAI, chat("grok-4.7", tools=[{"type": "live_search", "sources": []}]), 410, "Live search is deprec"),
    (ROUTER, chat("gpt-4o"), 400, "gpt-4o is not a valid model ID"),
    (ROUTER, chat("a/b", temperature=3), 400, "temperature: Too big: expected number to be <=2"),
    (ROUTER, chat("a/b", seed="1"), 400, "seed: Invalid input: expected int, received string"),
    (ROUTER, chat("a/b", reasoning={"effort": "x"}), 400, 'expected one of "max"|"xhigh"|"high"|"medium"'),
    (ROUTER, chat("a/b", provider={"only_from": 1}), 400, 'provider: Unrecognized key: "only_from"'),
    (ROUTER, chat("a/b", plugins=[{"id": "none"}]), 400, "plugins.0.id: Invalid input"),
    (ROUTER, chat("a/b", models=["a/b"] * 4), 400, "'models' array must have 3 items or fewer."),
    (
        ROUTER,
        chat("a/b", reasoning={"effort": "low", "max_tokens": 9}),
        400,
        'and "reasoning.max_tokens" can',
    ),
    (ROUTER, chat("openai/gpt-oss-120b", reasoning_effort="none"), 400, "Reasoning is mandatory"),
    (ROUTER, {"messages": [USER]}, 400, "No models provided"),
    (
        "/api/v1/embeddings",
        {"model": "a/b"},
        400,
        "input: Invalid input: expected string, received undefined",
    ),
    (
        "/openai/v1/chat/completions",
        chat(
            "llama-3.3-70b-versatile", USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}
        ),
        400,
        "('messages.1' : property 'reasoning_content' is unsupported)",
    ),
    ("/openai/v1/chat/completions", chat("llama-3.1-8b-instant", n=2), 400, "must be at most 1"),
    (OPENAI, chat("meta-llama/Llama-3.1-8B", top_logprobs=2), 400, "`logprobs` must be set to true."),
]
"""Path, body, status, and a part of what is said."""

TAKEN = [
    (ROUTER, chat("a/b", of_another=1, provider={"max_price": {"prompt": 1}}, plugins=[{"id": "web"}])),
    (OPENAI, chat("gpt-4o", USER, CALLING, ANSWERED, tools=[NOW], temperature=0.2, stop="x", user="u")),
    (OPENAI, chat("gpt-5-mini", max_completion_tokens=9, reasoning_effort="minimal", temperature=1)),
    (OPENAI, chat("gpt-5.6", temperature=0.2, reasoning_effort="none")),
    (OPENAI, chat("gpt-5.6", tools=[NOW], reasoning_effort="none")),
    (OPENAI, chat("gpt-5.4", tools=[NOW])),
    ("/openai/deployments/prod/chat/completions", {"messages": [USER]}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": [[1, 2], [3]], "dimensions": 8}),
    (CLAUDE, claude("claude-opus-4-8", thinking={"type": "adaptive"}, output_config={"effort": "xhigh"})),
    (CLAUDE, claude("claude-haiku-4-5", temperature=0.1, system=[{"type": "text", "text": "Be brief."}])),
    (FLASH, {"contents": [SAID], "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
    (OPENAI, chat("mistral-large-latest", safe_prompt=True, random_seed=1)),
    (OPENAI, chat("deepseek-reasoner", a_new_field=1)),
    ("/openai/v1/chat/completions", chat("openai/gpt-oss-20b", response_format=form(OPEN))),
    ("/api/v1/chat/completions", chat("openai/gpt-4o", provider={"sort": "price"})),
]


@asynccontextmanager
async def strict(**options: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    app = build_app(MockOptions(gap=0, strict=True, **options))
    async with serving(app) as url, aiohttp.ClientSession(headers=KEY) as http:
        yield http, url


async def post(path: str, body: Any, *, beta: str = "", **options: Any) -> tuple[int, Any]:
    headers = {"anthropic-beta": beta} if beta else {}
    async with strict(**options) as (http, url), http.post(url + path, json=body, headers=headers) as made:
        return made.status, await made.json()


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    REFUSED,
    ids=[f"{row[1].get('model', '')}: {row[3]}" for row in REFUSED],
)
async def test_what_a_provider_refuses_is_refused_in_its_words(
    path: str, body: Json, status: int, says: str
) -> None:
    found, answer = await post(path, body)
    assert says in json.dumps(answer).replace('\\"', '"')
    assert found == status


@pytest.mark.parametrize(("path", "body"), TAKEN)
async def test_what_a_provider_takes_is_answered(path: str, body: Json) -> None:
    status, answer = await post(path, body)
    assert status == 200, answer


def test_a_path_that_is_not_followed_without_its_strings_would_find_nothing() -> None:
    paths = {rule.row["find"]: rule for each in PROVIDERS for rule in table(each).rules if rule.path}
    bodies = [{}, *(body for _, body, *_ in (*REFUSED, *TAKEN))]
    found, followed = list[str](), 0
    for body in bodies:
        strings = strings_of(json.dumps(body))
        left_out = [rule for rule in paths.values() if not rule.needs <= strings]
        followed += len(paths) - len(left_out)
        found += [rule.row["find"] for rule in left_out if rule.path.match({"body": body})]
    assert found == []
    assert 0 < followed < len(bodies) * len(paths) // 4


@each_row("name", PROVIDERS)
def test_every_rule_says_what_it_refuses_and_who_says_so(name: str) -> None:
    for rule in table(name).rules:
        assert rule.row["source"].startswith("https://")
        assert rule.row["message"]
        assert ("find" in rule.row) != ("check" in rule.row)


@given(openai_bodies())
def test_openai_s_own_types_and_the_table_agree(body: Json) -> None:
    found = problems(body, table("openai").shapes, "chat")
    assert [each for each in found if each.kind in ("unknown", "type", "missing")] == []


@given(anthropic_bodies())
def test_anthropic_s_own_types_and_the_table_agree(body: Json) -> None:
    found = problems(body, table("anthropic").shapes, "chat")
    assert [each for each in found if each.kind in ("unknown", "type", "missing")] == []


def test_fields_are_those_that_the_packages_know() -> None:
    def fields(provider: str, shape: str) -> set[str]:
        return {name.rstrip("!") for name in table(provider).shapes[shape]["fields"]}

    streaming = {"stream"}
    assert fields("openai", "chat") == set(get_type_hints(CompletionCreateParamsBase)) | streaming
    assert fields("openai", "embed") == set(get_type_hints(embedding_create_params.EmbeddingCreateParams))


async def test_what_is_in_beta_is_taken_from_those_who_ask_for_it() -> None:
    body = claude("claude-opus-4-7", context_management={"edits": [{"type": "clear_tool_uses_20250919"}]})
    _, answer = await post(CLAUDE, body)
    assert answer["error"]["message"] == "context_management: Extra inputs are not permitted"
    status, _ = await post(CLAUDE, body, beta="context-management-2025-06-27")
    assert status == 200
    _, answer = await post(CLAUDE, body, beta="context-management-2025-06-28")
    assert "Unexpected value(s) `context-management-2025-06-28`" in answer["error"]["message"]
    tool = {"type": "function", "function": {"name": "now"}}
    _, answer = await post(CLAUDE, claude("claude-opus-4-7", tools=[tool]))
    assert answer["error"]["message"].startswith("tools.0: Input tag 'function' found using 'type' does not")


async def test_nothing_that_a_client_sends_makes_it_fail(caplog: pytest.LogCaptureFixture) -> None:
    random = Random(5)
    junk = [None, True, -1, 1.5, 1e400, "", "x" * 50, [], [[]], {}, {"type": 3}, [None], {"role": []}]
    async with strict() as (http, url):
        for path, body in [(row[0], row[1]) for row in REFUSED] + TAKEN:
            for _ in range(4):
                spoilt = json.dumps(_spoil(copy.deepcopy(body), random, junk))
                async with http.post(url + path, data=spoilt) as response:
                    await response.read()
                    assert response.status < 500, spoilt
        for raw in (b"", b"[", b"[1]", b"null", b'"x"', b"\xff", b"[" * 5000, b'{"messages": ' + b"[" * 900):
            for path in (OPENAI, CLAUDE, FLASH, "/v1/embeddings", "/v1/rerank", "/__mock__/faults"):
                async with http.post(url + path, data=raw) as response:
                    assert 400 <= response.status < 500
    assert caplog.records == []


def _spoil(value: Any, random: Random, junk: list[Any]) -> Any:
    """`value` with something in it replaced, taken out, or put in."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(list(value))
        value[name] = _spoil(value[name], random, junk)
        return value
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        value[place] = _spoil(value[place], random, junk)
        return value
    return random.choice(junk)


async def test_faults_are_set_and_cleared_while_it_runs() -> None:
    async with strict(faults=(parse_fault("500:count=all"),)) as (http, url):

        async def ask() -> int:
            async with http.post(url + OPENAI, json=chat("gpt-4o")) as response:
                return response.status

        assert await ask() == 500
        async with http.post(f"{url}/__mock__/faults", json={"faults": []}) as response:
            assert response.status == 200
        assert await ask() == 200
        async with http.post(f"{url}/__mock__/faults", json={"faults": ["429:count=all"]}) as response:
            assert await response.json() == {"faults": 1}
        assert await ask() == 429
        async with http.post(f"{url}/__mock__/reset", json={"faults": []}) as response:
            assert response.status == 200
        assert await ask() == 200
        async with http.post(f"{url}/__mock__/faults", json={"faults": ["nonsense"]}) as response:
            assert response.status == 400
        async with http.post(f"{url}/__mock__/faults", json={"faults": [{"status": 500}]}) as response:
            assert "a fault is a text" in (await response.json())["error"]["message"]
        async with http.post(f"{url}/__mock__/faults", json={}) as response:
            assert "`faults` is missing" in (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("named", "path", "body"),
    [
        ("", OPENAI, {"error": {"type": "invalid_request_error", "code": None, "param": None}}),
        ("/anthropic", CLAUDE, {"type": "error", "error": {"type": "authentication_error"}}),
        ("/groq", OPENAI, {"error": {"code": "invalid_api_key"}}),
        ("/mistral", OPENAI, {"detail": "Unauthorized"}),
        ("/vllm", OPENAI, {"error": "Unauthorized"}),
    ],
)
async def test_a_missing_key_is_refused_as_the_provider_does(named: str, path: str, body: Json) -> None:
    app = build_app(MockOptions(gap=0, strict=True))
    async with (
        serving(app) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}{named}{path}", json={"model": "m"}) as response,
    ):
        assert response.status == 401
        assert _holds(await response.json(), body)


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(k), v) for k, v in wanted.items())
    return bool(found == wanted)


@each_row(
    ("api", "path", "model", "has_api_key", "provider"),
    [
        ("openai", "/v1/chat/completions", "gpt-4o", False, "openai"),
        ("openai", "/v1/chat/completions", "mistral-small", False, "mistral"),
        ("openai", "/v1/chat/completions", "grok-4", False, "xai"),
        ("openai", "/v1/chat/completions", "Qwen/Qwen3-8B", False, "vllm"),
        ("openai", "/openai/v1/chat/completions", "llama-3.3", False, "groq"),
        ("openai", "/openai/v1/chat/completions", "prod", True, "azure"),
        ("openai", "/api/v1/chat/completions", "openai/gpt-4o", False, "openrouter"),
        ("gemini", VERTEX + "/x:predict", "", False, "vertex"),
    ],
)
def test_a_request_is_for_the_provider_that_its_path_or_its_model_tells(
    api: str, path: str, model: str, has_api_key: bool, provider: str
) -> None:
    assert provider_of(api, path, "", model, has_api_key) == provider
    assert provider_of(api, path, "vllm", model, has_api_key) == "vllm"


CACHED = {"role": "system", "content": "this is cached"}
"""Words of the system prompt count as cached where it says so."""


@pytest.mark.parametrize(
    "name", ["openai", "azure", "mistral", "cohere", "deepseek", "xai", "openrouter", "groq", "vllm"]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_openai_s_client_reads_the_answers_of_all(name: str, stream: bool) -> None:
    models = {"mistral": "mistral-large", "deepseek": "deepseek-chat", "xai": "grok-4", "openrouter": "a/b"}
    models["cohere"] = "command-a-03-2025"
    async with strict() as (_, url), AsyncExitStack() as on_exit:
        messages: Any = [USER]
        client = await on_exit.enter_async_context(openai_client(f"{url}/{name}".replace("/openai", "")))
        if not stream:
            answer = await client.chat.completions.create(model=models.get(name, "gpt-4o"), messages=messages)
            assert answer.choices[0].message.content == "You said: Hello."
            assert answer.usage is not None
            assert answer.usage.total_tokens == 4
            return
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model=models.get(name, "gpt-4o"), messages=messages, stream=True
            )
        ]
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said == "You said: Hello."
        always = name in ("mistral", "deepseek", "xai", "openrouter")
        assert (chunks[-1].usage is not None) == always


async def test_usage_has_each_provider_s_own_shape() -> None:
    thinking = chat("grok-3-mini", CACHED, USER, reasoning_effort="low")
    _, grok = await post(OPENAI, thinking)
    _, deepseek = await post(OPENAI, chat("deepseek-chat", CACHED, USER))
    _, groq = await post("/openai/v1/chat/completions", chat("llama-3.3-70b-versatile"))
    assert grok["usage"]["completion_tokens"] == 3  # those of the thoughts stand beside, not inside
    assert grok["usage"]["completion_tokens_details"]["reasoning_tokens"] == 8
    assert grok["usage"]["total_tokens"] == grok["usage"]["prompt_tokens"] + 3 + 8
    assert deepseek["usage"]["prompt_cache_hit_tokens"] == 3
    assert deepseek["usage"]["prompt_cache_miss_tokens"] == 1
    assert groq["usage"]["total_time"] > 0


async def test_mistral_s_calls_have_ids_of_nine_letters_and_come_in_one_piece() -> None:
    body = chat("mistral-large-latest", {"role": "user", "content": "now"}, tools=[NOW])
    _, answer = await post(OPENAI, body)
    [call] = answer["choices"][0]["message"]["tool_calls"]
    assert len(call["id"]) == 9
    async with strict() as (http, url), http.post(url + OPENAI, json=body | {"stream": True}) as response:
        lines = (await response.text()).split("\n\n")
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    calls = [
        c["choices"][0]["delta"]["tool_calls"] for c in chunks if c["choices"][0]["delta"].get("tool_calls")
    ]
    assert [[each["function"]["arguments"] for each in found] for found in calls] == [["{}"]]


async def test_groq_has_tools_of_its_own() -> None:
    path, model = "/openai/v1/chat/completions", "openai/gpt-oss-120b"
    async with strict() as (http, url):
        for kind, status in (("browser_search", 200), ("code_interpreter", 200), ("web_search", 400)):
            body = chat(model, tools=[{"type": kind}])
            async with http.post(url + path, json=body) as response:
                assert response.status == status, await response.text()


async def test_openrouter_breaks_off_with_a_last_chunk_that_holds_the_error() -> None:
    body = chat("openai/gpt-4o", stream=True)
    options: Any = {"faults": (parse_fault("error:status=429"),)}
    async with strict(**options) as (http, url), http.post(url + ROUTER, json=body) as response:
        lines = (await response.text()).split("\n\n")
    assert lines[0] == ": OPENROUTER PROCESSING"
    last = json.loads(lines[-2].removeprefix("data: "))
    assert (last["object"], last["provider"]) == ("chat.completion.chunk", "Mock")
    assert (last["error"]["code"], last["error"]["metadata"]) == (429, {"error_type": "rate_limit_exceeded"})
    assert last["choices"][0]["finish_reason"] == "error"


@pytest.mark.parametrize(("fault", "status"), [("no_done", 200), ("failed_choice:status=502", 200)])
async def test_a_success_may_be_none(fault: str, status: int) -> None:
    body = chat("openai/gpt-4o", stream=True)
    options: Any = {"faults": (parse_fault(fault),)}
    async with (
        strict(**options) as (http, url),
        http.post(f"{url}/api/v1/chat/completions", json=body) as response,
    ):
        text = await response.text()
        assert response.status == status
    if fault == "no_done":
        assert "[DONE]" not in text
        assert '"finish_reason":"stop"' in text
    else:
        assert '"finish_reason":"error"' in text
        assert '"code":502' in text

"""Chats made fit for the models that answer: over HTTP, through routes, and as their clients see them."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from attrs import evolve

from inferc.compiler.plan import (
    Duration,
    ProviderKind,
    RemotePoolPlan,
    RequestSettings,
    RetryPolicy,
    RoutePlan,
    UnsupportedAction,
)
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.request import ChatRequest

from ..support.pipelines import fallback, hedge
from ..support.remote import gateway_of, plan_of, running, serving
from ..support.wires import KEY, wire_plan

USER = {"role": "user", "content": "hi"}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "model": "claude", "stop_sequence": None}
OK = {**SAID, "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"} | {
    "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": None, "new_count": 7}
}
ONCE = RetryPolicy(max_retries=0)
DROP = RequestSettings(unsupported=UnsupportedAction.DROP)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "k")


class Provider:
    """Claude, which answers `says`, behind `/v1/messages`; and an OpenAI that is down."""

    def __init__(self, says: Any = OK) -> None:
        self.says = says
        self.claude: list[dict[str, Any]] = []
        self.openai: list[dict[str, Any]] = []
        self.betas: str | None = None
        self.profile: str | None = None

    async def messages(self, request: web.Request) -> web.StreamResponse:
        self.claude.append(await request.json())
        self.betas = request.headers.get("anthropic-beta")
        self.profile = request.headers.get("anthropic-user-profile-id")
        if isinstance(self.says, bytes):
            return web.Response(body=self.says, content_type="text/event-stream")
        return web.json_response(self.says)

    async def completions(self, request: web.Request) -> web.Response:
        self.openai.append(json.loads(await request.read(), parse_int=str))
        return web.json_response({"error": {"message": "down", "type": "server_error"}}, status=500)


class Client:
    """Asks the gateway at `url`."""

    def __init__(self, url: str, session: ClientSession) -> None:
        self._url = url
        self._session = session

    async def ask(
        self, model: str, path: str = "/v1/chat/completions", *, beta: str = "", **fields: Any
    ) -> tuple[int, Any, Any]:
        """Status, body and headers of the answer."""
        headers = {"anthropic-beta": beta, "anthropic-user-profile-id": "uprof_1"} if beta else {}
        body = {"model": model, "messages": [USER], **fields}
        async with self._session.post(self._url + path, json=body, headers=headers) as response:
            raw = await response.read()
            whole = response.content_type == "application/json"
            return response.status, json.loads(raw) if whole else raw, response.headers

    async def metrics(self) -> str:
        async with self._session.get(f"{self._url}/metrics") as response:
            return await response.text()


@asynccontextmanager
async def house(provider: Provider, *routes: RoutePlan, **claude: Any) -> AsyncIterator[Client]:
    """Two deployments, `claude` and `gpt`, in front of `provider`."""
    app = web.Application()
    app.router.add_post("/v1/messages", provider.messages)
    app.router.add_post("/v1/chat/completions", provider.completions)
    async with serving(app) as url:
        deployments: tuple[RemotePoolPlan, ...] = (
            evolve(wire_plan("anthropic", url, **{"retry": ONCE, **claude}), deployment="claude"),
            evolve(wire_plan("openai", url, retry=ONCE, model="gpt-4o-mini"), deployment="gpt"),
        )
        plan = evolve(plan_of(*deployments), routes=routes)
        async with running(plan) as executor, gateway_of(executor) as gateway, ClientSession() as session:
            yield Client(gateway, session)


async def test_what_was_left_out_is_named_in_a_header_and_counted() -> None:
    async with house(Provider()) as client:
        status, answer, headers = await client.ask("claude", seed=3, top_p=1, temperature=0.2)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "yes")
        assert headers["x-inferc-adapted"] == "seed"
        _, _, plain = await client.ask("claude")
        assert "x-inferc-adapted" not in plain
        assert 'inferc_requests_adapted_total{deployment="claude"} 1.0' in await client.metrics()


async def test_what_cannot_be_done_is_refused_in_the_clients_words_before_anything_is_sent() -> None:
    provider = Provider()
    async with house(provider) as client:
        status, answer, _ = await client.ask("claude", n=2)
        assert (status, answer["error"]["param"], answer["error"]["code"]) == (
            400,
            "n",
            "unsupported_parameter",
        )
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
        _, answer, _ = await client.ask("claude", tools=[tool])
        assert answer["error"]["param"] == "tools[0].function.parameters"
        thinking = {"type": "enabled", "budget_tokens": 1024}
        status, answer, _ = await client.ask("gpt", "/v1/messages", max_tokens=2000, thinking=thinking)
        assert (status, answer["type"]) == (400, "error")
        assert "`thinking`" in answer["error"]["message"]
    assert not provider.claude
    assert not provider.openai


async def test_a_file_may_let_it_be_left_out_instead() -> None:
    provider = Provider()
    async with house(provider, request=DROP) as client:
        status, _, headers = await client.ask("claude", n=2, logit_bias={"1": 2})
        assert (status, headers["x-inferc-adapted"]) == (200, "logit_bias, n")
    [sent] = provider.claude
    assert not {"n", "logit_bias"} & sent.keys()


@pytest.mark.parametrize("route", [fallback("r", "gpt", "claude"), hedge("r", "gpt", "claude")])
async def test_a_route_never_turns_a_transient_error_into_a_bad_request(route: RoutePlan) -> None:
    provider = Provider()
    async with house(provider, route) as client:
        status, answer, _ = await client.ask("r", logit_bias={"1": 2})
        assert status == 502
        assert "down" in answer["error"]["message"]
        assert "`logit_bias`" in answer["error"]["message"]
        status, answer, _ = await client.ask("r", temperature=0.2)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "yes")
    assert len(provider.claude) == 1


async def test_members_that_cannot_do_it_are_passed_over() -> None:
    provider = Provider()
    async with house(provider, fallback("r", "claude", "gpt")) as client:
        status, _, _ = await client.ask("r", logit_bias={"1": 2})
        assert status == 502
        assert 'reason="unsupported_parameter"' in await client.metrics()
    assert not provider.claude
    assert len(provider.openai) == 1


async def test_what_the_second_provider_refuses_does_not_hide_that_the_first_only_failed() -> None:
    provider = Provider({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})

    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response(provider.says, status=400)

    provider.messages = refuse  # type: ignore[method-assign]
    async with house(provider, fallback("r", "gpt", "claude")) as client:
        status, answer, _ = await client.ask("r")
        assert status == 502
        assert "down" in answer["error"]["message"]
        assert "answered 400" in answer["error"]["message"]


STREAM = b"".join(
    b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode())
    for each in (
        {"type": "message_start", "message": OK | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "something_new", "kept": True},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
)


async def test_between_a_client_and_a_provider_of_the_same_protocol_everything_goes_as_it_came() -> None:
    marked = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}, "new": [1]}
    asked = {"messages": [{"role": "user", "content": [marked]}], "max_tokens": 9, "container": {"id": "c"}}
    provider = Provider()
    async with house(provider) as client:
        _, answer, _ = await client.ask("claude", "/v1/messages", **asked)
        assert answer == OK
        provider.says = STREAM
        _, answer, _ = await client.ask("claude", "/v1/messages", **asked, stream=True)
        assert answer == STREAM
        cut = STREAM[: STREAM.index(b"event: message_delta") + 40]
        provider.says = cut
        _, answer, _ = await client.ask("claude", "/v1/messages", **asked, stream=True)
        assert answer.startswith(cut.rsplit(b"\n\n", 1)[0])
        assert b"event: error" in answer
        assert b"message_stop" not in answer
    model = wire_plan("anthropic").model
    assert provider.claude[0] == {"model": model, **asked}
    assert provider.claude[1] == {"model": model, **asked, "stream": True}


async def test_structured_output_that_a_model_has_not_comes_as_text_whole_and_streamed() -> None:
    call = {"type": "tool_use", "id": "t", "name": "answer", "input": {"a": 1}}
    provider = Provider(OK | {"content": [call], "stop_reason": "tool_use"})
    async with house(provider, model="claude-sonnet-4-0") as client:
        form = {"type": "json_object"}
        _, answer, _ = await client.ask("claude", response_format=form)
        choice = answer["choices"][0]
        assert (json.loads(choice["message"]["content"]), choice["finish_reason"]) == ({"a": 1}, "stop")
        provider.says = STREAM.replace(
            b'{"type": "text", "text": ""}', json.dumps(call | {"input": {}}).encode()
        ).replace(
            b'{"type": "text_delta", "text": "yes"}',
            b'{"type": "input_json_delta", "partial_json": "{\\"a\\": 1}"}',
        )
        _, raw, _ = await client.ask("claude", response_format=form, stream=True)
        lines = [line[6:] for line in raw.split(b"\n") if line.startswith(b"data: {")]
        deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
        assert json.loads("".join(delta.get("content") or "" for delta in deltas)) == {"a": 1}
        assert not any("tool_calls" in delta for delta in deltas)
    assert provider.claude[0]["tool_choice"] == {"type": "tool", "name": "answer"}


async def test_the_headers_of_a_client_reach_its_own_provider_and_no_other() -> None:
    provider = Provider()
    async with house(provider) as client:
        await client.ask("claude", "/v1/messages", beta="context-1, files-2", max_tokens=9)
        assert (provider.betas, provider.profile) == ("context-1, files-2", "uprof_1")
        await client.ask("claude", beta="context-1")
        assert (provider.betas, provider.profile) == (None, None)
        status, answer, _ = await client.ask("claude", "/v1/messages", beta="a;b", max_tokens=9)
        assert (status, "anthropic-beta" in answer["error"]["message"]) == (400, True)


async def test_the_numbers_of_a_call_keep_their_digits_on_the_way_to_another_protocol() -> None:
    many = 12345678901234567890123
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": many}}
    messages = [
        USER,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]},
    ]
    provider = Provider()
    async with house(provider) as client:
        await client.ask("gpt", "/v1/messages", messages=messages, max_tokens=9)
    [sent] = provider.openai
    assert sent["messages"][1]["tool_calls"][0]["function"]["arguments"] == f'{{"n":{many}}}'


async def test_a_conversation_of_many_parts_is_made_fit_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    fit = Chats.fit

    def noted(self: Chats, request: Any) -> Any:
        threads.append(threading.current_thread().name)
        return fit(self, request)

    monkeypatch.setattr(Chats, "fit", noted)
    turns = [{"role": role, "content": "x"} for _ in range(300) for role in ("assistant", "user")]
    provider = Provider()
    async with house(provider) as client:
        for path, more in (("/v1/chat/completions", {}), ("/v1/messages", {"max_tokens": 9})):
            status, _, _ = await client.ask("claude", path, messages=[USER, *turns], **more)
            assert status == 200
            assert threads[0] != "MainThread"
            threads.clear()
    assert [len(sent["messages"]) for sent in provider.claude] == [601, 601]


def saying(text: str) -> bytes:
    """The stream of an answer that is `text`."""
    return STREAM.replace(b'"text": "yes"', b'"text": ' + json.dumps(text).encode())


PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}
FORM = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
CLAUDES_FORM = {"format": {"type": "json_schema", "schema": PERSON}}


async def test_an_answer_is_held_to_the_bounds_that_its_provider_was_not_told() -> None:
    provider = Provider(OK | {"content": [{"type": "text", "text": '{"age": 7}'}]})
    async with house(provider, model="claude-sonnet-4-5") as client:
        status, answer, headers = await client.ask("claude", response_format=FORM)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, '{"age": 7}')
        assert headers["x-inferc-adapted"] == "response_format"
        for path, more in (
            ("/v1/chat/completions", {"response_format": FORM}),
            ("/v1/messages", {"output_config": CLAUDES_FORM, "max_tokens": 9}),
        ):
            provider.says = OK | {"content": [{"type": "text", "text": '{"age": -7}'}]}
            status, answer, _ = await client.ask("claude", path, **more)
            assert (status, "at `$.age`: `minimum` is 0" in answer["error"]["message"]) == (502, True)
            provider.says = OK | {"content": [{"type": "text", "text": '{"a'}], "stop_reason": "max_tokens"}
            status, _, _ = await client.ask("claude", path, **more)
            assert status == 200
        metrics = await client.metrics()
    assert 'inferc_requests_total{deployment="claude",outcome="invalid_answer"} 2.0' in metrics
    assert (
        'inferc_tokens_total{deployment="claude",kind="completion"} 10.0' in metrics
    )  # all five are paid for


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_stream_that_does_not_fit_ends_with_an_error_in_place_of_its_end(path: str) -> None:
    provider = Provider(saying('{"age": 7}'))
    more: dict[str, Any] = {"response_format": FORM}
    if path == "/v1/messages":
        more = {"output_config": CLAUDES_FORM, "max_tokens": 9}
    async with house(provider, model="claude-sonnet-4-5") as client:
        _, good, _ = await client.ask("claude", path, **more, stream=True)
        provider.says = saying('{"age": -7}')
        status, bad, _ = await client.ask("claude", path, **more, stream=True)
    assert good.rstrip().endswith((b"[DONE]", b'{"type": "message_stop"}'))
    assert b"error" not in good
    if status != 200:  # all of it came at once, before anything was told
        assert (status, "minimum" in bad["error"]["message"]) == (502, True)
        return
    assert b"-7" in bad
    assert b"minimum" in bad.split(b"\n\n")[-2]
    for end in (b"[DONE]", b"message_stop", b"end_turn", b'"finish_reason":"stop"'):
        assert end not in bad


async def test_a_call_that_stands_for_structured_output_is_held_to_the_schema() -> None:
    call = {"type": "tool_use", "id": "t", "name": "person", "input": {"age": 1}}
    provider = Provider(OK | {"content": [call], "stop_reason": "tool_use"})
    async with house(provider, model="claude-sonnet-4-0") as client:
        status, answer, _ = await client.ask("claude", response_format=FORM)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, '{"age":1}')
        provider.says = OK | {"content": [call | {"input": {"age": "old"}}], "stop_reason": "tool_use"}
        status, answer, _ = await client.ask("claude", response_format=FORM)
        assert (status, answer["error"]["code"]) == (502, "invalid_answer")
        provider.says = OK
        status, answer, _ = await client.ask("claude", response_format=FORM)
        assert (status, "no JSON" in answer["error"]["message"]) == (502, True)


async def test_calls_of_a_strict_function_are_held_to_what_the_provider_does_not_know() -> None:
    tool = {"type": "function", "function": {"name": "person", "strict": True, "parameters": PERSON}}
    call = {"type": "tool_use", "id": "t", "name": "person", "input": {"age": 7}}
    provider = Provider(OK | {"content": [call], "stop_reason": "tool_use"})
    async with house(provider, model="claude-sonnet-4-5") as client:
        status, answer, headers = await client.ask("claude", tools=[tool])
        [made] = answer["choices"][0]["message"]["tool_calls"]
        assert (status, made["function"]["arguments"]) == (200, '{"age":7}')
        assert headers["x-inferc-adapted"] == "tools[0].function.parameters"
        assert "minimum" not in provider.claude[0]["tools"][0]["input_schema"]["properties"]["age"]
        provider.says = OK | {"content": [call | {"input": {"age": -7}}], "stop_reason": "tool_use"}
        status, answer, _ = await client.ask("claude", tools=[tool])
        assert (status, answer["error"]["code"]) == (502, "invalid_answer")
        assert "the call of `person` does not fit" in answer["error"]["message"]


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    says = [OK | {"content": [{"type": "text", "text": text}]} for text in ('{"age": 7}', '{"age": -7}')]
    provider = Provider()

    async def answer_in_turn(request: web.Request) -> web.StreamResponse:
        return web.json_response(says.pop())

    provider.messages = answer_in_turn  # type: ignore[method-assign]
    again = RetryPolicy(max_retries=1, initial_backoff=Duration(0.001))
    async with house(provider, model="claude-sonnet-4-5", retry=again) as client:
        status, _, headers = await client.ask("claude", response_format=FORM)
    assert (status, headers["x-inferc-attempts"]) == (200, "2")


@pytest.mark.parametrize(
    ("provider", "role"), [(ProviderKind.OPENAI, "developer"), (ProviderKind.OPENAI_COMPATIBLE, "system")]
)
def test_the_developers_prompt_is_the_systems_where_the_server_is_not_openais(
    provider: ProviderKind, role: str
) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, USER]
    chats = Chats(wire_plan("openai", model="gpt-4o", provider=provider))
    fit = chats.fit(ChatRequest({"model": "m", "messages": messages}, stream=False))
    assert json.loads(fit.body)["messages"] == [{"role": role, "content": "Be brief."}, USER]
    assert fit.passes

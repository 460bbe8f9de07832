"""Clients of Anthropic's Messages and of OpenAI's Responses, unchanged, on any deployment that chats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest
from aiohttp import ClientSession

from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.secrets.secret import Secret

from ..support.anthropic_client import anthropic_client
from ..support.openai_client import openai_client
from ..support.remote import gateway_of, mock_provider, plan_of, running
from ..support.wires import KEY, wire_plan

SPOKEN = ("openai", "anthropic", "gemini")
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ASK = [{"role": "user", "content": "Good morning!"}]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "a-key-of-the-provider")


@asynccontextmanager
async def gateway(token: Secret | None = None) -> AsyncIterator[str]:
    """A gateway in front of deployments of three providers, each named after its wire."""
    async with mock_provider(MockOptions(gap=0)) as mock:
        plan = plan_of(*(wire_plan(wire, mock.url) for wire in SPOKEN))
        async with running(plan) as executor, gateway_of(executor, token) as url:
            yield url


@asynccontextmanager
async def messages(url: str, key: str = "any") -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic_client(url, key) as client:
        yield client


@asynccontextmanager
async def responses(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai_client(url) as client:
        yield client


@pytest.mark.parametrize("model", SPOKEN)
async def test_anthropics_client_chats_with_every_provider(model: str) -> None:
    ask: Any = ASK
    async with gateway() as url, messages(url) as client:
        whole = await client.messages.create(model=model, max_tokens=100, messages=ask, system="Be kind.")
        assert [block.text for block in whole.content if block.type == "text"] == ["You said: Good morning!"]
        assert (whole.role, whole.stop_reason) == ("assistant", "end_turn")
        assert whole.usage.output_tokens > 0
        async with client.messages.stream(model=model, max_tokens=100, messages=ask) as stream:
            said = "".join([text async for text in stream.text_stream])
            final = await stream.get_final_message()
        assert said == "You said: Good morning!"
        assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", whole.usage.output_tokens)


async def test_anthropics_client_calls_tools_and_sends_what_they_gave() -> None:
    tools: Any = [{"name": "weather", "description": "How it is there", "input_schema": WEATHER}]
    said: Any = [{"role": "user", "content": "How is the weather in Paris?"}]
    async with gateway() as url, messages(url) as client:
        choice: Any = {"type": "tool", "name": "weather"}
        called = await client.messages.create(
            model="openai", max_tokens=100, messages=said, tools=tools, tool_choice=choice
        )
        [call] = [block for block in called.content if block.type == "tool_use"]
        assert (called.stop_reason, call.name) == ("tool_use", "weather")
        said += [
            {"role": "assistant", "content": [block.model_dump() for block in called.content]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}],
            },
        ]
        answered = await client.messages.create(model="openai", max_tokens=100, messages=said, tools=tools)
        assert answered.stop_reason in ("end_turn", "tool_use")
        counted = await client.messages.count_tokens(model="openai", messages=said, tools=tools)
        assert counted.input_tokens > 10


async def test_errors_have_anthropics_shape_and_its_clients_show_their_key_as_always() -> None:
    ask: Any = ASK
    async with gateway(Secret("the-token", "the test")) as url:
        async with messages(url, "the-token") as client:
            with pytest.raises(anthropic.NotFoundError) as unknown:
                await client.messages.create(model="nobody", max_tokens=1, messages=ask)
            body: Any = unknown.value.body
            assert body["type"] == "error"
            assert body["error"]["type"] == "not_found_error"
            with pytest.raises(anthropic.BadRequestError):
                await client.messages.create(model="openai", max_tokens=1, messages=[])
        async with messages(url, "another") as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.messages.create(model="openai", max_tokens=1, messages=ask)


@pytest.mark.parametrize("model", SPOKEN)
async def test_who_goes_on_with_a_thread_is_asked_for_all_messages(model: str) -> None:
    ask: dict[str, Any] = {"model": model, "max_tokens": 100, "messages": ASK}
    async with gateway() as url, ClientSession() as http:
        for thread, status in (
            ({"type": "create"}, 200),
            (None, 200),
            ({"type": "continue", "previous_message_id": "m"}, 404),
            ("x", 400),
        ):
            async with http.post(f"{url}/v1/messages", json={**ask, "thread": thread}) as answer:
                shown = await answer.json()
                assert answer.status == status, shown
                if status == 404:
                    assert shown["error"]["details"] == {"error_code": "thread_not_found"}


@pytest.mark.parametrize("model", SPOKEN)
async def test_responses_are_answered_whole_and_streamed(model: str) -> None:
    async with gateway() as url, responses(url) as client:
        whole = await client.responses.create(model=model, input="Good morning!", instructions="Be kind.")
        assert (whole.output_text, whole.status) == ("You said: Good morning!", "completed")
        async with client.responses.stream(model=model, input="Good morning!") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert final.output_text == "You said: Good morning!"


@pytest.mark.parametrize("model", SPOKEN)
async def test_functions_of_a_namespace_are_called_by_every_model(model: str) -> None:
    look_up = {"type": "function", "name": "look_up", "parameters": WEATHER}
    crm: Any = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [look_up]}
    async with gateway() as url, responses(url) as client:
        asked = await client.responses.create(
            model=model, input="call look_up", tools=[crm], extra_body={"client_metadata": {"a": "b"}}
        )
        [call] = [item for item in asked.output if item.type == "function_call"]
        assert (call.name, call.namespace) == ("look_up", "crm")
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "Ada"}
        answer = await client.responses.create(
            model=model, input=[result], tools=[crm], previous_response_id=asked.id
        )
        assert "Ada" in answer.output_text
        assert answer.tools[0].type == "namespace"


@pytest.mark.parametrize("limit", [True, "5", 1.5])
async def test_a_limit_that_is_no_whole_number_is_refused(limit: object) -> None:
    async with gateway() as url, ClientSession() as http:
        body = {"model": "openai", "max_tokens": limit, "messages": ASK}
        async with http.post(f"{url}/v1/messages", json=body) as answer:
            assert answer.status == 400
            assert "`max_tokens` must be a whole number" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("model", SPOKEN)
@pytest.mark.parametrize("more", [{"previous_response_id": "resp_1"}, {"prompt": {"id": "pmpt_1"}}])
async def test_what_is_not_kept_here_is_refused_by_name(more: dict[str, Any], model: str) -> None:
    async with gateway() as url, responses(url) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(model=model, input="hi", extra_body=more)
        assert [refused.value.param] == [*more]


async def test_what_a_chat_completion_has_no_word_for_is_named_in_a_header() -> None:
    body = {"model": "openai", "max_tokens": 10, "messages": ASK, "context_management": {"edits": [1]}}
    async with gateway() as url, ClientSession() as client:
        async with client.post(f"{url}/v1/messages", json=body) as answered:
            assert answered.status == 200
            assert "context_management" in answered.headers["x-inferc-adapted"]
        async with client.post(f"{url}/v1/messages", data=b"{") as broken:
            assert (broken.status, json.loads(await broken.read())["type"]) == (400, "error")

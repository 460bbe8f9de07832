"""OpenAI's responses at the strict mock provider, as OpenAI's own client asks for them and reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from attrs import evolve

from inferc.compiler.plan import SecretRef
from inferc.runtime.mock_provider import MockOptions, parse_fault

from ..support.openai_client import openai_client
from ..support.remote import Mock, executor_of, gateway_of, mock_provider, remote_plan
from ..support.wires import known

NOW = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@asynccontextmanager
async def provider(**options: Any) -> AsyncIterator[tuple[Mock, openai.AsyncOpenAI]]:
    http = openai.DefaultAsyncHttpxClient(verify=False)
    given: dict[str, Any] = {"max_retries": 0, "http_client": http, "_strict_response_validation": True}
    async with (
        mock_provider(MockOptions(strict=True, gap=0, **options)) as mock,
        openai.AsyncOpenAI(api_key="k", base_url=mock.endpoint, **given) as client,
    ):
        yield mock, client


async def test_a_response_is_given_whole_and_streamed() -> None:
    async with provider() as (_, client):
        asked: Any = {"model": "gpt-5-mini", "input": "hello é", "reasoning": {"effort": "low"}}
        whole = await client.responses.create(**asked)
        assert (whole.output_text, whole.status) == ("You said: hello é", "completed")
        assert whole.usage.output_tokens_details.reasoning_tokens == 8
        async with client.responses.stream(**asked) as stream:
            events = [event async for event in stream]
            final = await stream.get_final_response()
        assert final.output_text == whole.output_text
        assert final.usage == whole.usage
        assert [event.type for event in events][:2] == ["response.created", "response.in_progress"]
        cut = await client.responses.create(model="gpt-4o", input="w " * 40, max_output_tokens=16)
        assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


async def test_functions_are_called_and_their_results_heard_with_the_thoughts_before_them() -> None:
    async with provider() as (_, client):
        asked: Any = {
            "model": "gpt-5",
            "tools": [NOW],
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "low"},
        }
        said: list[Any] = [{"role": "user", "content": "now"}]
        first = await client.responses.create(input=said, **asked)
        thought, call = first.output
        said += [item.model_dump(exclude_none=True) for item in (thought, call)]
        said.append({"type": "function_call_output", "call_id": call.call_id, "output": "noon"})
        assert "noon" in (await client.responses.create(input=said, **asked)).output_text
        said[1]["encrypted_content"] = "made up"
        with pytest.raises(openai.BadRequestError, match="could not be verified"):
            await client.responses.create(input=said, **asked)


async def test_an_answer_fits_its_schema() -> None:
    async with provider() as (_, client):
        form: Any = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
        answer = await client.responses.create(model="gpt-4o", input="where?", text=form)
        assert json.loads(answer.output_text) == {"city": "example"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": []}, "Unrecognized request argument supplied: messages"),
        ({"max_output_tokens": 1}, "Expected a value >= 16, but got 1"),
        (
            {"text": {"format": {"type": "json_schema", "schema": {}}}},
            "Missing required parameter: 'text.format.name'",
        ),
        ({"reasoning": {"effort": "low"}, "model": "gpt-4o"}, "'reasoning.effort' is not supported"),
        ({"temperature": 0.5, "model": "gpt-5"}, "'temperature' is not supported with this model"),
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found"),
        ({"tools": [NOW, NOW]}, "Tool names must be unique"),
        (
            {"input": [{"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}]},
            "No tool output found for function call c1",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c2", "output": "x"}]},
            "No tool call found for function call output with call_id c2",
        ),
    ],
)
async def test_what_openai_refuses_is_refused_in_its_words(fields: dict[str, Any], says: str) -> None:
    async with provider() as (_, client):
        body = {"model": "gpt-4o", "input": "x"} | fields
        with pytest.raises(openai.BadRequestError) as caught:
            await client.post("/responses", body=body, cast_to=object)
        assert says in str(caught.value)


async def test_a_stream_breaks_off_with_an_error_event() -> None:
    async with provider(faults=(parse_fault("error:after=3,status=500"),)) as (_, client):
        stream = await client.responses.create(model="gpt-4o", input="hello", stream=True)
        events = [event async for event in stream]
        assert len(events) == 4
        assert events[-1].type == "error"
        assert "This fault was asked for" in events[-1].message


async def test_a_deployment_that_is_asked_in_responses_is_taken_by_the_strict_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", "k")
    async with mock_provider(MockOptions(strict=True, gap=0)) as mock:
        plan = remote_plan(
            "gpt", mock.endpoint, key=SecretRef.env("TEST_KEY"), model="gpt-5-mini", responses=True
        )
        async with (
            executor_of(evolve(plan, capabilities=known("gpt-5-mini"))) as executor,
            gateway_of(executor) as url,
            openai_client(url) as client,
        ):
            asked: Any = {"model": "gpt", "tools": [NOW], "reasoning": {"effort": "low"}}
            said: list[Any] = [{"role": "user", "content": "now"}]
            first = await client.responses.create(input=said, **asked)
            said += [item.model_dump(exclude_none=True) for item in first.output]
            [call] = [item for item in first.output if item.type == "function_call"]
            said.append({"type": "function_call_output", "call_id": call.call_id, "output": "noon"})
            async with client.responses.stream(input=said, **asked) as stream:
                final = await stream.get_final_response()
            assert "noon" in final.output_text
            assert final.usage.output_tokens_details.reasoning_tokens == 8
        assert mock.stats.apis == {"responses": 2}

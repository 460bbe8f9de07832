"""Clients of OpenAI's responses in front of an endpoint that has them: what it sends comes as it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from aiohttp import web
from attrs import evolve, frozen

from inferc.compiler.plan import Capabilities, ProviderKind
from inferc.dsl.requests import RequestParameters, RequestSettings
from inferc.runtime.dialects import openai_responses
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.requests.events import SealedMade, TextDelta, UsageKnown

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, remote_plan, serving

SEARCH = {"type": "web_search"}
LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
CRM = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [LOOK_UP]}
CALLED = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "x"},
}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
CITED = {"type": "url_citation", "url": "https://a.org", "title": "A", "start_index": 0, "end_index": 2}
PART = {"type": "output_text", "text": "hi", "annotations": [CITED], "logprobs": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}
OUTPUT = [THOUGHT, CALLED, MESSAGE]
USAGE = {
    "input_tokens": 7,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 12,
}


def response(status: str, output: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_theirs",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-5",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [SEARCH],
        "error": None,
        "made_up_field": "kept",
        "usage": USAGE if status == "completed" else None,
        **more,
    }


def events(*told: tuple[str, dict[str, Any]]) -> str:
    lines = []
    for number, (kind, fields) in enumerate(told):
        value = {"type": f"response.{kind}", "sequence_number": number, **fields}
        lines.append(f"event: response.{kind}\ndata: {json.dumps(value)}\n\n")
    return "".join(lines)


BEGUN = (
    ("created", {"response": response("in_progress", [])}),
    ("in_progress", {"response": response("in_progress", [])}),
)
STREAM = events(
    *BEGUN,
    ("output_item.added", {"output_index": 0, "item": {**THOUGHT, "encrypted_content": ""}}),
    ("output_item.done", {"output_index": 0, "item": THOUGHT}),
    ("output_item.added", {"output_index": 1, "item": {**CALLED, "status": "in_progress"}}),
    ("web_search_call.searching", {"output_index": 1, "item_id": "ws_1"}),
    ("output_item.done", {"output_index": 1, "item": CALLED}),
    ("output_item.added", {"output_index": 2, "item": {**MESSAGE, "content": []}}),
    (
        "content_part.added",
        {"output_index": 2, "item_id": "msg_1", "content_index": 0, "part": {**PART, "text": ""}},
    ),
    (
        "output_text.delta",
        {"output_index": 2, "item_id": "msg_1", "content_index": 0, "delta": "hi", "logprobs": []},
    ),
    ("output_item.done", {"output_index": 2, "item": MESSAGE}),
    ("completed", {"response": response("completed", OUTPUT)}),
)
FAILED = events(
    *BEGUN, ("failed", {"response": response("failed", [], error={"code": "server_error", "message": "no"})})
)
COMPACTED = {
    "id": "resp_compacted",
    "object": "response.compaction",
    "created_at": 1,
    "output": [{"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}],
    "usage": USAGE,
}
THINKS = Capabilities(thinks="effort", refused_sampling=("temperature",))


@frozen
class Front:
    api: openai.AsyncOpenAI
    seen: list[dict[str, Any]]


@asynccontextmanager
async def front(stream: str = STREAM, **changes: Any) -> AsyncIterator[Front]:
    seen: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(body := await request.json())
        for name in ("previous_response_id", "conversation", "background"):
            assert name not in body
        if body["store"] is not False:
            return web.json_response({"error": {"message": "it would be kept twice"}}, status=400)
        if body.get("stream"):
            return web.Response(text=stream, content_type="text/event-stream")
        return web.json_response(response("completed", OUTPUT))

    async def compact(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response(COMPACTED)

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    app.router.add_post("/v1/responses/compact", compact)
    async with serving(app) as url:
        plan = remote_plan("gpt", f"{url}/v1", provider=ProviderKind.OPENAI, capabilities=THINKS)
        async with (
            executor_of(evolve(plan, **{"responses": True, **changes})) as executor,
            gateway_of(executor) as gateway,
            openai_client(gateway) as api,
        ):
            yield Front(api, seen)


async def test_hosted_tools_and_thoughts_come_as_they_are_and_go_back() -> None:
    async with front() as it:
        create = it.api.responses.create
        first = await create(model="gpt", input="one", tools=[SEARCH], reasoning={"effort": "low"})  # type: ignore[list-item]
        assert [item.type for item in first.output] == ["reasoning", "web_search_call", "message"]
        assert first.output_text == "hi"
        assert first.id != "resp_theirs"
        assert first.model_extra is not None
        assert first.model_extra["made_up_field"] == "kept"
        assert first.usage is not None
        assert first.usage.output_tokens_details.reasoning_tokens == 3
        assert it.seen[0]["tools"] == [SEARCH]
        assert it.seen[0]["include"] == ["reasoning.encrypted_content"]
        second = await create(model="gpt", input="two", previous_response_id=first.id)
        assert second.previous_response_id == first.id
        assert it.seen[1]["input"][1:4] == OUTPUT
        assert (await it.api.responses.retrieve(first.id)).output_text == "hi"
        await create(model="gpt", input="one", store=False)
        assert "include" not in it.seen[2]


async def test_items_that_are_kept_are_named_instead_of_sent() -> None:
    async with front() as it:
        create = it.api.responses.create
        first = await create(model="gpt", input="one")
        named: Any = [{"type": "item_reference", "id": item.id} for item in first.output]
        second = await create(model="gpt", input=[*named, {"role": "user", "content": "two"}])
        assert it.seen[1]["input"] == [*OUTPUT, {"role": "user", "content": "two"}]
        listed = await it.api.responses.input_items.list(second.id, order="asc")
        assert [item.type for item in listed.data] == [*(item["type"] for item in OUTPUT), "message"]
        for each in (first, second):
            await it.api.responses.delete(each.id)
        with pytest.raises(openai.BadRequestError, match="send the item itself") as refused:
            await create(model="gpt", input=[{"role": "user", "content": "two"}, *named])
        assert (refused.value.param, refused.value.code) == ("input[1].id", "item_not_found")


async def test_a_conversation_is_compacted_where_the_provider_does_that() -> None:
    async with front() as it:
        first = await it.api.responses.create(model="gpt", input="one")
        made = await it.api.responses.compact(
            model="gpt", previous_response_id=first.id, instructions="Be kind."
        )
        assert [item.type for item in made.output] == ["compaction"]
        said = {"type": "message", "role": "user", "content": "one"}
        assert it.seen[1] == {"model": "gpt-4o-mini", "instructions": "Be kind.", "input": [said, *OUTPUT]}
        items: Any = [item.model_dump(exclude_none=True) for item in made.output]
        await it.api.responses.create(model="gpt", input=[*items, {"role": "user", "content": "two"}])
        assert it.seen[2]["input"][0] == COMPACTED["output"][0]  # type: ignore[index]
    async with front(responses=False) as it:
        with pytest.raises(openai.BadRequestError, match="is not asked in responses"):
            await it.api.responses.compact(model="gpt", input="one")
        with pytest.raises(openai.BadRequestError, match="send what was said before it"):
            await it.api.responses.create(model="gpt", input=[*items, {"role": "user", "content": "two"}])


async def test_a_prompt_that_openai_keeps_passes_with_and_without_more_input() -> None:
    prompt: Any = {"id": "pmpt_1", "version": "2", "variables": {"city": "Oslo"}}
    async with front() as it:
        create = it.api.responses.create
        first = await create(model="gpt", prompt=prompt)
        assert it.seen[0]["prompt"] == prompt
        assert "input" not in it.seen[0]
        await create(model="gpt", prompt=prompt, previous_response_id=first.id)
        assert it.seen[1]["input"] == OUTPUT
        await create(model="gpt", prompt=prompt, input="one", instructions="Be kind.")
        assert (it.seen[2]["prompt"], it.seen[2]["input"]) == (prompt, "one")
        with pytest.raises(openai.BadRequestError) as refused:
            await create(model="gpt", input="one", prompt={})  # type: ignore[typeddict-item]
        assert refused.value.param == "prompt.id"
    async with front(request=RequestSettings(defaults=RequestParameters(max_tokens=50))) as it:
        await it.api.responses.create(model="gpt", prompt=prompt)
        assert it.seen[0]["prompt"] == prompt
        assert "input" not in it.seen[0]


async def test_a_stream_comes_event_by_event() -> None:
    async with front() as it:
        async with it.api.responses.stream(model="gpt", input="one") as stream:
            told = [event async for event in stream]
            final = await stream.get_final_response()
        assert [event.sequence_number for event in told] == list(range(len(told)))
        assert "response.web_search_call.searching" in [event.type for event in told]
        assert final.output_text == "hi"
        assert final.id.startswith("resp_")
        assert final.id != "resp_theirs"
        again = await it.api.responses.retrieve(final.id)
        assert again.output_text == "hi"


async def test_a_stream_in_the_background_is_numbered_from_its_own_beginning() -> None:
    async with front() as it:
        stream = await it.api.responses.create(model="gpt", input="one", background=True, stream=True)
        told = [event async for event in stream]
        assert [event.type for event in told][:3] == [
            "response.created",
            "response.queued",
            "response.in_progress",
        ]
        assert [event.sequence_number for event in told] == list(range(len(told)))
        id = told[0].response.id  # type: ignore[union-attr]
        rest = await it.api.responses.retrieve(id, stream=True, starting_after=4)
        assert [event async for event in rest] == told[5:]


async def test_a_stream_that_fails_or_is_cut_off_is_an_error() -> None:
    for stream in (FAILED, events(*BEGUN)):
        async with front(stream) as it:
            try:
                asked = await it.api.responses.create(model="gpt", input="one", stream=True)
            except openai.InternalServerError:  # where it came before anything was told
                continue
            told = [event async for event in asked]
            assert told[-1].type == "response.failed"


async def test_what_the_model_does_not_take_is_refused_and_what_the_file_says_is_added() -> None:
    async with front() as it:
        with pytest.raises(openai.BadRequestError) as refused:
            await it.api.responses.create(model="gpt", input="one", temperature=0.5)
        assert refused.value.param == "temperature"
    fields = RequestSettings(defaults=RequestParameters(max_tokens=50))
    async with front(request=fields) as it:
        await it.api.responses.create(model="gpt", input="one", instructions="Be kind.", tools=[SEARCH])  # type: ignore[list-item]
        assert it.seen[0] == {
            "model": "gpt-4o-mini",
            "instructions": "Be kind.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "one"}]}
            ],
            "tools": [SEARCH],
            "max_output_tokens": 50,
            "include": ["reasoning.encrypted_content"],
            "store": False,
        }


BODY: dict[str, Any] = {
    "model": "m",
    "instructions": "Be kind.",
    "input": [
        {"role": "developer", "content": "Be brief."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
                {"type": "input_file", "file_id": "file_1"},
            ],
        },
        THOUGHT,
        CALLED,
        MESSAGE,
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1.0}', "id": "fc_1"},
        {"type": "function_call_output", "call_id": "c", "output": "4"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "x"},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        SEARCH,
        CRM,
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "parallel_tool_calls": False,
    "text": {
        "format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "auto", "context": "x"},
    "max_output_tokens": 9,
    "temperature": 0.5,
    "top_logprobs": 2,
    "metadata": {"a": "b"},
    "user": "u",
    "stream": True,
    "store": False,
    "include": ["message.output_text.logprobs"],
    "truncation": "auto",
    "service_tier": "flex",
    "max_tool_calls": 3,
}


def test_reading_what_is_written_gives_the_same() -> None:
    read = openai_responses.read_request(loads(json.dumps(BODY).encode()))
    written = openai_responses.write_request(read)
    assert openai_responses.read_request(loads(dumps(written))) == read
    for field, value in BODY.items():
        if field not in ("input", "tools"):
            assert json.loads(dumps(written))[field] == value


def test_whole_and_streamed_answers_say_the_same() -> None:
    reader = openai_responses.ResponsesReader(PlainFailures())
    streamed = [event for each in SseParser().feed(STREAM.encode()) for event in reader.read(each)]
    assert reader.ended
    whole = openai_responses.ResponsesReader(PlainFailures()).read_whole(
        json.dumps(response("completed", OUTPUT)).encode()
    )
    for kind in (TextDelta, SealedMade, UsageKnown):
        assert [e for e in streamed if isinstance(e, kind)] == [e for e in whole if isinstance(e, kind)]
    assert streamed[-1] == whole[-1]

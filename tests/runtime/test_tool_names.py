"""Functions whose names a provider does not take: clients read their own names, whatever is sent for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from aiohttp import web

from inferc.compiler.plan.dialects import AT_OPENAI, KNOWN_OF
from inferc.runtime.dialects import openai_chat
from inferc.runtime.dialects.adapt import Adapted, Renamed, Unsuitable, adapt, named_back
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.replicas.remote.passthrough.rules import Straight
from inferc.runtime.requests.conversation import Conversation, FunctionTool
from inferc.runtime.requests.events import ToolCallBegun
from inferc.runtime.requests.parts import ToolCall

from ..support.anthropic_client import anthropic_client
from ..support.openai_client import openai_client
from ..support.remote import gateway_of, mock_provider, plan_of, running, serving
from ..support.wires import KEY, wire_plan

SPOKEN = ("openai", "azure", "anthropic", "gemini", "vertex", "bedrock")
LONG = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance_analyze_insight"
"""Too long for all but Anthropic."""
NAMES = (LONG, LONG[:66], "admin.tools/list", "read file", "a" * 200, "7th.näme")
ASK: Any = [{"role": "user", "content": "Do it."}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "a-key-of-the-provider")


@asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """A gateway in front of deployments that are named after their wire, and refuse what these refuse."""
    async with mock_provider(MockOptions(gap=0, strict=True)) as mock:
        plan = plan_of(*(wire_plan(wire, mock.url) for wire in SPOKEN))
        async with running(plan) as executor, gateway_of(executor) as url:
            yield url


@pytest.mark.parametrize("model", SPOKEN)
async def test_clients_of_chats_call_functions_of_any_name(model: str) -> None:
    tools: Any = [{"type": "function", "function": {"name": n, "parameters": PARAMETERS}} for n in NAMES]
    async with gateway() as url, openai_client(url) as client:
        for name in NAMES:
            choice: Any = {"type": "function", "function": {"name": name}}
            asked: Any = {"model": model, "extra_body": {"tools": tools, "tool_choice": choice}}
            whole = await client.chat.completions.create(messages=ASK, **asked)
            [call] = whole.choices[0].message.tool_calls or []
            assert call.type == "function"
            assert call.function.name == name
            stream = await client.chat.completions.create(messages=ASK, stream=True, **asked)
            begun = [
                each.function.name
                async for chunk in stream
                for choice in chunk.choices
                for each in choice.delta.tool_calls or ()
                if each.function and each.function.name
            ]
            assert begun == [name]
            told: Any = [*ASK, whole.choices[0].message.model_dump(exclude_none=True)]
            told.append({"role": "tool", "tool_call_id": call.id, "content": "done"})
            answer = await client.chat.completions.create(
                model=model, messages=told, extra_body={"tools": tools}
            )
            assert answer.choices[0].message


@pytest.mark.parametrize("model", SPOKEN)
async def test_clients_of_messages_call_functions_of_any_name(model: str) -> None:
    tools: Any = [{"name": name, "input_schema": PARAMETERS} for name in NAMES]
    async with gateway() as url, anthropic_client(url, "any") as client:
        for name in NAMES:
            choice: Any = {"type": "tool", "name": name}
            body: Any = {"tools": tools, "tool_choice": choice}
            asked: Any = {"model": model, "max_tokens": 100, "extra_body": body}
            whole = await client.messages.create(messages=ASK, **asked)
            [call] = [block for block in whole.content if block.type == "tool_use"]
            async with client.messages.stream(messages=ASK, **asked) as stream:
                final = await stream.get_final_message()
            assert (
                [block.name for block in final.content if block.type == "tool_use"] == [name] == [call.name]
            )
            result = {"type": "tool_result", "tool_use_id": call.id, "content": "done"}
            told: Any = [
                *ASK,
                {"role": "assistant", "content": [block.model_dump() for block in whole.content]},
            ]
            told.append({"role": "user", "content": [result]})
            del body["tool_choice"]
            assert await client.messages.create(messages=told, **asked)


@pytest.mark.parametrize("model", SPOKEN)
async def test_clients_of_responses_call_functions_of_any_name(model: str) -> None:
    tools: Any = [{"type": "function", "name": name, "parameters": PARAMETERS} for name in NAMES]
    async with gateway() as url, openai_client(url) as client:
        for name in NAMES:
            choice: Any = {"type": "function", "name": name}
            body: Any = {"tools": tools, "tool_choice": choice}
            asked: Any = {"model": model, "extra_body": body}
            whole = await client.responses.create(input=ASK, **asked)
            [call] = [item for item in whole.output if item.type == "function_call"]
            async with client.responses.stream(input=ASK, **asked) as stream:
                final = await stream.get_final_response()
            assert (
                [item.name for item in final.output if item.type == "function_call"] == [name] == [call.name]
            )
            result = {"type": "function_call_output", "call_id": call.call_id, "output": "done"}
            told: Any = [*ASK, call.model_dump(exclude_none=True), result]
            del body["tool_choice"]
            assert await client.responses.create(input=told, **asked)


async def test_tools_of_free_text_are_called_at_openai_by_any_name() -> None:
    async with gateway() as url, openai_client(url) as client:
        for name in (LONG, "admin.tools/list"):
            named = {"name": name}
            tools: Any = [{"type": "custom", "custom": named}, {"type": "custom", "custom": {"name": "ok"}}]
            choice: Any = {"type": "custom", "custom": named}
            asked: Any = {"model": "openai", "tools": tools}
            whole = await client.chat.completions.create(messages=ASK, tool_choice=choice, **asked)
            [call] = whole.choices[0].message.tool_calls or []
            assert call.type == "custom"
            assert call.custom.name == name
            told: Any = [*ASK, whole.choices[0].message.model_dump(exclude_none=True)]
            told.append({"role": "tool", "tool_call_id": call.id, "content": "done"})
            assert await client.chat.completions.create(messages=told, **asked)
            asked["tools"] = [{"type": "custom", **named}, {"type": "custom", "name": "ok"}]
            choice = {"type": "custom", **named}
            answer = await client.responses.create(input=ASK, tool_choice=choice, **asked)
            [item] = [item for item in answer.output if item.type == "custom_tool_call"]
            assert item.name == name
            result = {"type": "custom_tool_call_output", "call_id": item.call_id, "output": "done"}
            other = {"type": "custom_tool_call", "call_id": "o", "name": "ok", "input": "x"}
            told = [*ASK, item.model_dump(exclude_none=True), result]
            told += [other, {**result, "call_id": "o"}]
            assert await client.responses.create(input=told, **asked)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("begun", [False, True])
async def test_errors_tell_of_functions_by_the_names_of_the_client(streamed: bool, begun: bool) -> None:
    async def answer(request: web.Request) -> web.Response:
        sent = (await request.json())["tools"][0]["function"]["name"]
        assert sent != LONG
        error = {"message": f"Invalid schema for function '{sent}'", "type": "invalid_request_error"}
        if not begun:
            return web.json_response({"error": error}, status=400)
        if not streamed:
            return web.json_response({"error": error})
        return web.Response(
            text=f"data: {json.dumps({'error': error})}\n\n", content_type="text/event-stream"
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    tools: Any = [{"type": "function", "function": {"name": LONG}}]
    asked: Any = {"model": "openai", "messages": ASK, "tools": tools}
    async with (
        serving(app) as at,
        running(plan_of(wire_plan("openai", at))) as executor,
        gateway_of(executor) as url,
        openai_client(url) as client,
    ):

        async def ask() -> None:
            if not streamed:
                await client.chat.completions.create(**asked)
                return
            async for _ in await client.chat.completions.create(stream=True, **asked):
                pass

        with pytest.raises(openai.APIError, match=f"Invalid schema for function '{LONG}'"):
            await ask()


async def test_who_has_sent_another_name_says_so_in_a_header() -> None:
    tools: Any = [{"type": "function", "function": {"name": name}} for name in ("now", LONG)]
    async with gateway() as url, openai_client(url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="openai", messages=ASK, tools=tools
        )
        assert raw.headers["x-inferc-adapted"] == "tools[1].function.name"


def asked_with(*names: str, called: tuple[str, ...] = ()) -> Conversation:
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for i, name in enumerate(called)
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in calls]
    said = [{"role": "assistant", "tool_calls": calls}, *results] if calls else []
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return openai_chat.read_request({"model": "m", "messages": [*ASK, *said], "tools": tools})


def sent_names(c: Conversation, provider: str) -> tuple[list[str], list[str], dict[str, str]]:
    """Names of the functions and of the calls as they are sent, and the client's by those."""
    can = AT_OPENAI if provider == "openai_chat" else KNOWN_OF[provider]
    found = adapt(c, can, client="openai_chat", provider=provider)
    assert isinstance(found, Adapted), found
    adapted = found.conversation
    tools = [tool.name for tool in adapted.tools if isinstance(tool, FunctionTool)]
    calls = [part.name for turn in adapted.turns for part in turn.parts if isinstance(part, ToolCall)]
    return tools, calls, {note.sent: note.name for note in found.notes if isinstance(note, Renamed)}


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_each_name_has_one_that_is_sent_and_keeps_it_as_the_conversation_goes_on(provider: str) -> None:
    tools, _, names = sent_names(asked_with(*NAMES), provider)
    assert len({*tools}) == len(NAMES)
    assert [names.get(name, name) for name in tools] == [*NAMES]
    later, calls, _ = sent_names(asked_with(*reversed(NAMES), "new.one", called=NAMES), provider)
    assert [*reversed(later[:-1])] == tools == calls
    alone, calls, _ = sent_names(asked_with("now", called=NAMES[:1]), provider)  # it is declared no more
    assert (alone, calls) == (["now"], tools[:1])


def test_a_name_that_is_sent_for_another_is_no_function_of_the_client() -> None:
    [short], _, _ = sent_names(asked_with(LONG), "openai_chat")
    tools, _, names = sent_names(asked_with(LONG, short), "openai_chat")
    assert tools[1] == short != tools[0]
    assert names == {tools[0]: LONG}
    assert named_back(ToolCallBegun(0, "c", short), names) == ToolCallBegun(0, "c", short)
    assert named_back(ToolCallBegun(0, "c", tools[0]), names) == ToolCallBegun(0, "c", LONG)


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_a_function_without_a_name_is_refused(provider: str) -> None:
    can = AT_OPENAI if provider == "openai_chat" else KNOWN_OF[provider]
    found = adapt(asked_with("now", ""), can, client="openai_chat", provider=provider)
    assert isinstance(found, Unsuitable), found
    assert [problem.where for problem in found.problems] == ["tools[1].function.name"]


def test_names_that_are_taken_go_as_they_are() -> None:
    for name in ("now", "a" * 64, "mcp__server__tool-1"):
        for provider in ("openai_chat", "anthropic", "gemini", "bedrock"):
            assert sent_names(asked_with(name, called=(name,)), provider) == ([name], [name], {})


@pytest.mark.parametrize("name", NAMES)
def test_openai_gets_no_body_as_it_came_with_such_a_name(name: str) -> None:
    straight = Straight(AT_OPENAI, is_openais=True)
    tool = {"type": "function", "function": {"name": name}}
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c", "content": "x"}
    for body in _bodies(tool, call, result):
        assert not straight.takes(body)
        assert straight.takes(json.loads(json.dumps(body).replace(json.dumps(name), '"now"')))


def test_openai_gets_no_tool_of_free_text_as_it_came_with_such_a_name() -> None:
    straight = Straight(AT_OPENAI, is_openais=True)
    for name in NAMES:
        tool = {"type": "custom", "custom": {"name": name}}
        assert not straight.takes({"model": "m", "messages": ASK, "tools": [tool]})
    for flat in ({"type": "custom", "name": "now"}, {"type": "function", "name": "now"}):
        assert not straight.takes({"model": "m", "messages": ASK, "tools": [flat]})
    assert straight.takes(
        {"model": "m", "messages": ASK, "tools": [{"type": "custom", "custom": {"name": "now"}}]}
    )


def _bodies(tool: Any, call: Any, result: Any) -> Iterator[dict[str, Any]]:
    yield {"model": "m", "messages": ASK, "tools": [tool]}
    yield {
        "model": "m",
        "messages": [*ASK, {"role": "assistant", "content": None, "tool_calls": [call]}, result],
    }

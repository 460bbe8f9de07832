"""Tools of free text in chat completions: whoever answers, clients get calls of what they declared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import orjson
import pytest

from inferc.compiler.plan import ProviderKind
from inferc.compiler.plan.dialects import AT_OPENAI, AT_OTHERS
from inferc.runtime.dialects import openai_chat
from inferc.runtime.dialects.adapt import Adapted, Unsuitable, adapt
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.replicas.remote.passthrough.rules import Straight
from inferc.runtime.requests import events as e
from inferc.runtime.requests.conversation import FunctionTool, ToolChoice
from inferc.runtime.requests.parts import Text, ToolCall, ToolResult

from ..support.openai_client import openai_client
from ..support.openapi import faults
from ..support.remote import gateway_of, mock_provider, plan_of, remote_plan, running
from ..support.wires import KEY, wire_plan

Json = dict[str, Any]

ASK: Any = [{"role": "user", "content": "Do it."}]
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "s: X"}}
PATCH: Any = {"type": "custom", "custom": {"name": "patch", "description": "Patch it.", "format": GRAMMAR}}
NOW: Any = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
MUST: Any = {"type": "custom", "custom": {"name": "patch"}}
CALL: Any = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": 'a "b"'}}
SPOKEN = ("anthropic", "gemini", "bedrock", "other")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "a-key-of-the-provider")


@asynccontextmanager
async def client_of_chats() -> AsyncIterator[openai.AsyncOpenAI]:
    """In front of deployments that are named after their wire; `other` is a server like OpenAI."""
    async with mock_provider(MockOptions(gap=0, strict=True)) as mock:
        wires = [wire_plan(wire, mock.url) for wire in SPOKEN if wire != "other"]
        qwen: Json = {"provider": ProviderKind.VLLM, "model": "Qwen/Qwen2.5-7B-Instruct", "key": KEY}
        plan = plan_of(*wires, remote_plan("other", mock.endpoint, **qwen))
        async with running(plan) as executor, gateway_of(executor) as url, openai_client(url) as client:
            yield client


@pytest.mark.parametrize("model", SPOKEN)
async def test_a_tool_of_free_text_is_called_by_every_model_and_its_result_goes_back(model: str) -> None:
    async with client_of_chats() as client:
        asked: Any = {"model": model, "tools": [PATCH, NOW], "tool_choice": MUST}
        whole = await client.chat.completions.create(messages=ASK, **asked)
        [call] = whole.choices[0].message.tool_calls or []
        assert call.type == "custom"
        assert (call.custom.name, whole.choices[0].finish_reason) == ("patch", "tool_calls")
        assert call.custom.input
        assert not call.custom.input.startswith("{")
        stream = await client.chat.completions.create(messages=ASK, stream=True, **asked)
        pieces: list[Any] = [
            each.model_dump()
            async for chunk in stream
            for choice in chunk.choices
            for each in choice.delta.tool_calls or ()
        ]
        assert (pieces[0]["type"], pieces[0]["custom"]["name"]) == ("custom", "patch")
        assert "".join(piece["custom"]["input"] for piece in pieces) == call.custom.input
        told: Any = [*ASK, whole.choices[0].message.model_dump(exclude_none=True)]
        told.append({"role": "tool", "tool_call_id": call.id, "content": "done"})
        assert await client.chat.completions.create(model=model, messages=told, tools=[PATCH])


EVENTS: list[e.Event] = [
    e.Started("1", "m"),
    e.ToolCallBegun(0, "c", "patch"),
    e.ToolCallDelta(0, '{"input": "a \\"b'),
    e.ToolCallBegun(1, "d", "now"),
    e.ToolCallDelta(0, '\\""}'),
    e.ToolCallDelta(1, "{}"),
    e.Finished("tool_calls"),
]


def test_the_text_of_a_call_is_told_when_all_of_it_is_there_as_openai_tells_calls() -> None:
    body = {"model": "m", "messages": ASK, "tools": [PATCH, NOW]}
    asked, side = openai_chat.read_request(body), CLIENT_SIDES["openai_chat"]
    whole = loads(side.whole(asked, 1, fold(EVENTS)))
    told = whole["choices"][0]["message"]["tool_calls"]
    assert told == [CALL, {"id": "d", "type": "function", "function": {"name": "now", "arguments": "{}"}}]
    assert not [each for each in faults("answers", "/chat/completions", whole) if "tool_calls" in each]
    writer = side.stream(asked, 1)
    said = b"".join(map(writer.write, EVENTS)) + writer.end()
    chunks = [orjson.loads(line[6:]) for line in said.split(b"\n\n")[:-2]]
    pieces = [piece for chunk in chunks for piece in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [piece["custom"]["input"] for piece in pieces if piece["index"] == 0] == ["", 'a "b"']
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("provider", ["openai_chat", "openai_responses", "anthropic", "gemini", "bedrock"])
def test_such_a_tool_is_a_function_for_others_with_its_grammar_in_words(provider: str) -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": "x"}
    messages = [*ASK, {"role": "assistant", "tool_calls": [CALL]}, result]
    body: Json = {"model": "m", "messages": messages, "tools": [PATCH, NOW], "tool_choice": MUST}
    found = adapt(openai_chat.read_request(body), AT_OTHERS, client="openai_chat", provider=provider)
    assert isinstance(found, Adapted), found
    made = found.conversation.tools[0]
    assert isinstance(made, FunctionTool)
    assert made.description == "Patch it.\n\nThe input must fit this grammar (lark):\ns: X"
    assert found.conversation.tool_choice == ToolChoice("required", ("patch",))
    parts = [part for turn in found.conversation.turns[1:] for part in turn.parts]
    assert parts == [ToolCall("c", "patch", '{"input":"a \\"b\\""}'), ToolResult("c", (Text("x"),))]
    assert "tools[0]" in [note.where for note in found.notes]
    chosen = {"mode": "auto", "tools": [MUST, {"type": "function", "function": {"name": "now"}}]}
    body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": chosen}
    found = adapt(openai_chat.read_request(body), AT_OTHERS, client="openai_chat", provider="openai_chat")
    assert isinstance(found, Adapted), found
    assert found.conversation.tool_choice == ToolChoice("auto", ("patch", "now"))


def test_nobody_but_a_model_calls_a_tool() -> None:
    body: Json = {"model": "m", "messages": [{"role": "user", "content": [CALL]}], "tools": [PATCH]}
    found = adapt(openai_chat.read_request(body), AT_OTHERS, client="openai_chat", provider="anthropic")
    assert isinstance(found, Unsuitable), found
    assert [problem.where for problem in found.problems] == ["messages[0].content[0]"]


def test_openai_gets_it_as_it_came() -> None:
    body = {"model": "m", "messages": ASK, "tools": [PATCH], "tool_choice": MUST}
    asked = openai_chat.read_request(body)
    assert adapt(asked, AT_OPENAI, client="openai_chat", provider="openai_chat") == Adapted(asked)
    assert Straight(AT_OPENAI, is_openais=True).takes(body)
    assert not Straight(AT_OTHERS, is_openais=False).takes(body)


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_a_function_and_a_tool_of_free_text_of_one_name_are_told_apart_nowhere(provider: str) -> None:
    function = {"type": "function", "function": {"name": "patch"}}
    for tools in ([PATCH, function], [function, PATCH]):
        asked = openai_chat.read_request({"model": "m", "messages": ASK, "tools": tools})
        found = adapt(asked, AT_OTHERS, client="openai_chat", provider=provider)
        assert isinstance(found, Unsuitable), found
        assert [problem.where for problem in found.problems] == ["tools[1]"]
        assert "`patch`" in found.problems[0].why
    asked = openai_chat.read_request({"model": "m", "messages": ASK, "tools": [PATCH, PATCH]})
    found = adapt(asked, AT_OTHERS, client="openai_chat", provider=provider)
    assert isinstance(found, Adapted), found
    assert len(found.conversation.tools) == 1

"""What providers think, through the gateway and back: with the official clients of all three protocols, in
front of the strict mock provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from openai.lib.streaming.chat._completions import ChatCompletionStreamState

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import ProviderKind
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.openai_chat import OpenAIChatReader
from inferc.runtime.dialects.openai_responses import ResponsesReader, write_request
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.mock_provider import MockOptions, build_app
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.request import ChatRequest

from ..support.anthropic_client import anthropic_client
from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, serving
from ..support.wires import wire_plan

Json = dict[str, Any]

MODELS = {
    "mistral": "magistral-medium-2509",
    "openrouter": "anthropic/claude-sonnet-4.5",
    "deepseek": "deepseek-reasoner",
    "xai": "grok-3-mini",
    "groq": "openai/gpt-oss-20b",
}
NAMES = ("it", "team/other:1")
"""Deployments in front of the provider."""

SIGN = ("mistral", "openrouter")
"""Those who sign what they think."""

ASKED = {"role": "user", "content": "Hello."}
MORE = {"role": "user", "content": "Go on."}


@asynccontextmanager
async def behind(
    provider: str, monkeypatch: pytest.MonkeyPatch, more: str = ""
) -> AsyncIterator[tuple[str, list[Json]]]:
    """A gateway in front of the provider, and the bodies that reach it. more: fields of the deployment."""
    monkeypatch.setenv("KEY", "k")
    bodies: list[Json] = []

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        bodies.append(await request.json())
        return await handler(request)

    app = build_app(MockOptions(gap=0, strict=True))
    app.middlewares.append(note)
    async with serving(app) as url:
        runtime = f'runtime {provider} {{ endpoint = "{url}/{provider}/v1", api_key = env("KEY") {more} }}'
        text = "".join(
            f'deployment "{name}" {{ model = "{MODELS[provider]}"\n{runtime}\n}}' for name in NAMES
        )
        checked = check_file("it.infer", None, text=text)
        assert [each.message for each in checked.diagnostics if each.is_error] == []
        plans = compile_checked(checked, Path()).deployments
        async with executor_of(*plans) as executor, gateway_of(executor) as gateway:
            yield gateway, bodies


async def chat(url: str, messages: list[Any], *, stream: bool) -> Json:
    """The message that OpenAI's client keeps of an answer."""
    async with openai_client(url) as client:
        asked: Json = {"model": "it", "messages": messages, "reasoning_effort": "low"}
        if not stream:
            whole = await client.chat.completions.create(**asked)
            return whole.choices[0].message.model_dump(exclude_unset=True)
        state = ChatCompletionStreamState()
        async for chunk in await client.chat.completions.create(**asked, stream=True):
            state.handle_chunk(chunk)
        message = state.current_completion_snapshot.choices[0].message.model_dump(exclude_unset=True)
        return {name: value for name, value in message.items() if name != "parsed"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", MODELS)
async def test_clients_of_chats_are_told_what_every_provider_thinks(
    provider: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind(provider, monkeypatch) as (url, bodies):
        kept = await chat(url, [ASKED], stream=stream)
        assert kept["content"] == "You said: Hello."
        assert (kept.get("reasoning_content") or kept["reasoning"]) == "There are 1 words to think about."
        if provider == "openrouter" and stream:
            return  # OpenAI's client joins the formats of the pieces of one detail
        again = await chat(url, [ASKED, kept, MORE], stream=stream)
        assert again["content"] == "You said: Go on."
        if provider in SIGN:
            assert signed(provider, bodies[-1]["messages"][1]) == "There are 1 words to think about."


def signed(provider: str, message: Json) -> str:
    """What the provider gets back of its thought, which has a signature."""
    if provider == "mistral":
        [thought, words] = message["content"]
        assert thought["signature"]
        assert words == {"type": "text", "text": "You said: Hello."}
        [piece] = thought["thinking"]
        return str(piece["text"])
    details = message["reasoning_details"]
    assert any(each.get("signature") for each in details)
    return "".join(each.get("text") or "" for each in details)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", SIGN)
async def test_anthropics_client_keeps_what_others_signed(
    provider: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Json = {"model": "it", "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    async with (
        behind(provider, monkeypatch) as (url, bodies),
        anthropic_client(url) as client,
    ):
        if stream:
            async with client.messages.stream(**asked, messages=[ASKED]) as told:
                said = await told.get_final_message()
        else:
            said = await client.messages.create(**asked, messages=[ASKED])
        kept = {
            "role": "assistant",
            "content": [block.model_dump(exclude_unset=True) for block in said.content],
        }
        await client.messages.create(**asked, messages=[ASKED, kept, MORE])
        assert signed(provider, bodies[-1]["messages"][1]) == "There are 1 words to think about."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", SIGN)
async def test_items_of_responses_keep_what_others_signed(
    provider: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Json = {"model": "it", "reasoning": {"effort": "low"}, "store": False}
    asked["include"] = ["reasoning.encrypted_content"]
    async with (
        behind(provider, monkeypatch) as (url, bodies),
        openai_client(url) as client,
    ):
        if stream:
            async with client.responses.stream(**asked, input=[ASKED]) as told:
                said: Any = await told.get_final_response()
        else:
            said = await client.responses.create(**asked, input=[ASKED])
        kept = [item.model_dump(exclude_unset=True) for item in said.output]
        for item in kept:
            for part in item.get("content") or ():
                part.pop("parsed", None)
        await client.responses.create(**asked, input=[ASKED, *kept, MORE])
        assert signed(provider, bodies[-1]["messages"][1]) == "There are 1 words to think about."


NOW: Json = {
    "name": "get_time",
    "description": "The time.",
    "parameters": {"type": "object", "properties": {}},
}


@pytest.fixture
def at_responses(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model that takes functions in OpenAI's responses alone while it thinks."""
    monkeypatch.setitem(MODELS, "openai", "gpt-5.4")
    return behind("openai", monkeypatch, ", responses = true")


def thoughts(body: Json) -> list[str]:
    """What the provider gets back of its thoughts: it refuses what is not as it hid it."""
    return [item["encrypted_content"] for item in body["input"] if item["type"] == "reasoning"]


@pytest.mark.parametrize("stream", [False, True])
async def test_clients_of_chats_keep_what_openai_hides(at_responses: Any, stream: bool) -> None:
    async with at_responses as (url, bodies), openai_client(url) as client:
        asked: Json = {"tools": [{"type": "function", "function": NOW}], "reasoning_effort": "low"}
        asked["store"] = False  # which says nothing of thoughts
        question = {"role": "user", "content": "call get_time"}
        if stream:
            state = ChatCompletionStreamState()
            told = await client.chat.completions.create(
                model=NAMES[1], messages=[question], stream=True, **asked
            )
            async for chunk in told:
                state.handle_chunk(chunk)
            message = state.current_completion_snapshot.choices[0].message
        else:
            whole = await client.chat.completions.create(model=NAMES[1], messages=[question], **asked)
            message = whole.choices[0].message
        [call] = message.tool_calls or []
        kept = {"role": "assistant", "content": message.content, "tool_calls": [call.model_dump()]}
        messages = [question, kept, {"role": "tool", "tool_call_id": call.id, "content": "noon"}]
        for model, count in ((NAMES[1], 1), ("it", 0)):  # another account could not read it
            await client.chat.completions.create(model=model, messages=messages, **asked)
            assert len(thoughts(bodies[-1])) == count


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_client_keeps_what_openai_hides(at_responses: Any, stream: bool) -> None:
    asked: Json = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    asked["tools"] = [{"name": NOW["name"], "input_schema": NOW["parameters"]}]
    question = {"role": "user", "content": "call get_time"}
    async with at_responses as (url, bodies), anthropic_client(url) as client:
        if stream:
            async with client.messages.stream(model=NAMES[1], messages=[question], **asked) as told:
                said = await told.get_final_message()
        else:
            said = await client.messages.create(model=NAMES[1], messages=[question], **asked)
        content = [block.model_dump(exclude_unset=True) for block in said.content]
        [id] = [block["id"] for block in content if block["type"] == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": id, "content": "noon"}
        messages = [
            question,
            {"role": "assistant", "content": content},
            {"role": "user", "content": [result]},
        ]
        for model, count in ((NAMES[1], 1), ("it", 0)):
            await client.messages.create(model=model, messages=messages, **asked)
            assert len(thoughts(bodies[-1])) == count


SUMMED: Json = {"type": "summary_text", "text": "hm"}
HIDDEN: list[Json] = [
    {"type": "reasoning", "id": "rs_1", "summary": [SUMMED], "encrypted_content": "A="},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well."}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "B="},
    {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
]


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
def test_each_hidden_thought_goes_back_as_it_was(client: str) -> None:
    answer = {"id": "resp_1", "model": "m", "status": "completed", "output": HIDDEN, "usage": {}}
    told = fold(ResponsesReader(PlainFailures()).read_whole(orjson.dumps(answer)))
    side = CLIENT_SIDES[client]
    asked: Json = {"model": "m", "max_tokens": 9, "messages": [ASKED]}
    said = orjson.loads(side.whole(side.read_request(asked), 0, told))
    message = said["choices"][0]["message"] if client == "openai_chat" else said
    kept = {name: message[name] for name in ("role", "content", "tool_calls") if name in message}
    history = side.read_request({**asked, "messages": [ASKED, kept, MORE]})
    sent = write_request(history, origin="")["input"]
    assert sent[1:-1] == HIDDEN


def told_back(client: str, said: Any) -> list[Json]:
    """The items that stand for `said`, the answer in the history, in front of the deployment `it`."""
    history = CLIENT_SIDES[client].read_request(
        {"model": "m", "max_tokens": 9, "messages": [ASKED, said, MORE]}
    )
    return write_request(history, origin="it")["input"][1:-1]


@pytest.mark.parametrize(
    "thought",
    [
        {"type": "thinking", "thinking": "hm", "signature": "it/rs_1:A="},
        {"type": "thinking", "thinking": "hm", "signature": "it%2Fmore/rs_1:A="},
        {"type": "thinking", "thinking": "hm", "signature": "it/rs_1:"},
        {"type": "redacted_thinking", "data": "A="},
    ],
)
def test_thoughts_that_nothing_follows_or_that_others_wrote_do_not_reach_openai(thought: Json) -> None:
    extra = {"openai": {"thinking": [thought]}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    is_its_own = thought.get("signature") == "it/rs_1:A="
    said = {"role": "assistant", "content": None, "tool_calls": [{**call, "extra_content": extra}]}
    kinds = [item["type"] for item in told_back("openai_chat", said)]
    assert kinds == ["reasoning"] * is_its_own + ["function_call"]
    field = "data" if "data" in thought else "signature"
    of = ".redacted" if "data" in thought else ""
    sealed = {**thought, field: f"openai_responses{of}:{thought[field]}"}
    assert told_back("anthropic", {"role": "assistant", "content": [sealed]}) == []


def test_thoughts_between_a_call_and_words_are_lost_to_chats_streamed_or_not() -> None:
    output = [HIDDEN[2], HIDDEN[0], HIDDEN[1]]
    answer = {"id": "resp_1", "model": "m", "status": "completed", "output": output, "usage": {}}
    events = [*ResponsesReader(PlainFailures()).read_whole(orjson.dumps(answer))]
    side = CLIENT_SIDES["openai_chat"]
    asked = side.read_request({"model": "m", "messages": [ASKED]})
    writer = side.stream(asked, 0)
    assert b"encrypted" not in (told := b"".join(map(writer.write, events)))
    assert b"extra_content" not in told + side.whole(asked, 0, fold(events))


@pytest.mark.parametrize("odd", ["x", None, [1], {"thinking": 5}, {"thinking": "long"}, {"thinking": [{}]}])
@pytest.mark.parametrize("owner", ["anthropic", "openai"])
def test_what_other_servers_call_as_carriers_are_called_is_no_thought(owner: str, odd: Any) -> None:
    call: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    extra = {"extra_content": {owner: odd}}
    said = {"role": "assistant", "content": "Well.", "tool_calls": [{**call, **extra}], **extra}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": said}
    events = OpenAIChatReader(PlainFailures()).read_whole(orjson.dumps({"id": "1", "choices": [choice]}))
    side = CLIENT_SIDES["openai_chat"]
    asked = side.read_request({"model": "m", "messages": [ASKED]})
    [told] = orjson.loads(side.whole(asked, 0, fold(events)))["choices"]
    assert told["message"]["tool_calls"][0]["function"] == call["function"]
    messages = [ASKED, said, {"role": "tool", "tool_call_id": "c", "content": "ok"}]
    tools = [{"type": "function", "function": NOW}]
    for more in ({"model": "gpt-4.1"}, {"model": "x", "provider": ProviderKind.GROQ}):
        fit = Chats(wire_plan("openai", **more)).fit
        body = fit(ChatRequest({"model": "m", "messages": messages, "tools": tools}, False)).body
        assert b"extra_content" not in body

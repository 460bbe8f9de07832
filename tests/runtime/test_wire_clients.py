"""The OpenAI client against the gateway, with a deployment of every wire behind it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import openai
import pytest
import pytest_asyncio
from attrs import evolve, frozen

from inferc.compiler.plan import Budget, BudgetAction, Money, TaskKind
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.mock_provider import Fault, FaultKind, MockOptions
from inferc.runtime.mock_provider.answers import vector
from inferc.runtime.requests.request import ChatRequest

from ..support.openai_client import openai_client
from ..support.remote import Mock, executor_of, gateway_of, mock_provider
from ..support.wires import WIRES, wire_plan, wires_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRANSLATED = ("anthropic", "gemini", "vertex", "bedrock")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather somewhere",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}
PNG = "data:image/png;base64,iVBORw0K"
CITIES = 'get_weather {"city": "Oslo"} and get_weather {"city": "Café"} and get_time'


@frozen
class House:
    api: openai.AsyncOpenAI
    mock: Mock

    async def ask(self, wire: str, content: Any = "hello there", **fields: Any) -> Any:
        messages = [{"role": "user", "content": content}]
        return await self.api.chat.completions.create(model=wire, **{"messages": messages} | fields)

    async def stream(self, wire: str, content: Any = "hello there", **fields: Any) -> list[Any]:
        return [chunk async for chunk in await self.ask(wire, content, stream=True, **fields)]


Open = Callable[..., AbstractAsyncContextManager[House]]


EMBEDDERS = {"openai": "text-embedding-3-small", "gemini": "gemini-embedding-001"}


@asynccontextmanager
async def opened(options: MockOptions, wires: Sequence[str], **fields: Any) -> AsyncIterator[House]:
    """These wires before a mock provider. thinking: the model of `openai`."""
    more: dict[str, Any] = dict.fromkeys(wires, fields)
    if fields.get("task") is TaskKind.EMBED:
        more |= {wire: {**fields, "model": model} for wire, model in EMBEDDERS.items() if wire in wires}
    if (thinking := fields.pop("thinking", None)) and "openai" in wires:
        more["openai"] = {**fields, "model": thinking}
    async with (
        mock_provider(options) as mock,
        executor_of(*(wire_plan(wire, mock.url, **more[wire]) for wire in wires)) as executor,
        gateway_of(executor) as url,
        openai_client(url) as api,
    ):
        yield House(api, mock)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[False, True], ids=["lenient", "strict"])
async def plain(request: pytest.FixtureRequest) -> AsyncIterator[tuple[House, bool]]:
    """All wires before a provider that is, in every second run, as narrow as the real ones; whether it is."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEST_KEY", "k-secret")
        async with opened(MockOptions(gap=0, strict=request.param), WIRES) as house:
            yield house, request.param


@pytest.fixture
def house(plain: tuple[House, bool], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Open:
    """That of all tests, or one with settings of its own, where the test gives any."""
    shared, is_strict = plain
    monkeypatch.setenv("TEST_KEY", "k-secret")

    @asynccontextmanager
    async def given(options: MockOptions | None = None, **fields: Any) -> AsyncIterator[House]:
        if options is None and not fields:
            yield shared
            return
        provider = evolve(options or MockOptions(gap=0), strict=is_strict)
        async with opened(provider, wires_of(request), **fields) as own:
            yield own

    return given


def text_of(chunks: list[Any]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def calls_of(chunks: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """The tool calls of a stream, put together by their indices as clients do it."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for chunk in chunks:
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            if call.function.name:
                assert call.index not in names
                assert call.id
                names[call.index] = call.function.name
            arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert list(names) == list(range(len(names)))
    return [(name, json.loads(arguments[index])) for index, name in names.items()]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_text_is_answered(house: Open, wire: str) -> None:
    async with house() as it:
        answer = await it.ask(wire, "hällo 😀")
        assert answer.choices[0].message.content == "You said: hällo 😀"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.object == "chat.completion"
        assert answer.usage.total_tokens == 6


@pytest.mark.parametrize("wire", WIRES)
async def test_a_streamed_text_is_answered_piece_by_piece(house: Open, wire: str) -> None:
    async with house() as it:
        chunks = await it.stream(wire, "hällo 😀")
        chunks = [chunk for chunk in chunks if chunk.choices]  # Azure's first has none
        assert text_of(chunks) == "You said: hällo 😀"
        assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) == 4
        assert chunks[0].choices[0].delta.role == "assistant"
        assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
        assert len({chunk.id for chunk in chunks}) == 1
        assert [chunk.usage for chunk in chunks] == [None] * len(chunks)


@pytest.mark.parametrize("wire", WIRES)
async def test_system_prompts_and_earlier_turns_reach_the_model(house: Open, wire: str) -> None:
    messages = [
        {"role": "system", "content": "Be cached and kind."},
        {"role": "user", "content": "one two"},
        {"role": "assistant", "content": "three"},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "four"}]},
    ]
    async with house() as it:
        answer = await it.ask(wire, messages=messages)
        later = "" if wire in ("openai", "azure") else "Be brief. "  # who takes them at the beginning only
        assert answer.choices[0].message.content == f"You said: {later}four"
        assert answer.usage.prompt_tokens == 10
        assert answer.usage.prompt_tokens_details.cached_tokens == (4 if later else 6)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "bedrock"])  # it tells no number
async def test_thinking_is_counted_as_reasoning_tokens(house: Open, wire: str, stream: bool) -> None:
    async with house(thinking="gpt-5") as it:
        if stream:
            chunks = await it.stream(wire, reasoning_effort="high", stream_options={"include_usage": True})
            assert [bool(chunk.choices) for chunk in chunks][-2:] == [True, False]
            usage = chunks[-1].usage
        else:
            usage = (await it.ask(wire, reasoning_effort="high")).usage
        assert usage.completion_tokens == 4 + 32
        assert usage.completion_tokens_details.reasoning_tokens == 32
        assert usage.prompt_tokens_details.cached_tokens == 0


@pytest.mark.parametrize("wire", WIRES)
async def test_tools_are_called_in_parallel(house: Open, wire: str) -> None:
    async with house() as it:
        answer = await it.ask(wire, CITIES, tools=[WEATHER, CLOCK])
        calls = answer.choices[0].message.tool_calls
        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
            ("get_weather", {"city": "Oslo"}),
            ("get_weather", {"city": "Café"}),
            ("get_time", {}),
        ]
        assert len({call.id for call in calls}) == 3
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.content is None


@pytest.mark.parametrize("wire", WIRES)
async def test_streamed_tool_calls_have_indices_of_their_own(house: Open, wire: str) -> None:
    async with house() as it:
        chunks = await it.stream(wire, CITIES, tools=[WEATHER, CLOCK])
        assert calls_of(chunks) == [
            ("get_weather", {"city": "Oslo"}),
            ("get_weather", {"city": "Café"}),
            ("get_time", {}),
        ]
        assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("wire", WIRES)
async def test_what_tools_gave_goes_back_to_the_model(house: Open, wire: str) -> None:
    async with house() as it:
        question = {"role": "user", "content": CITIES}
        first = await it.ask(wire, messages=[question], tools=[WEATHER, CLOCK])
        said = first.choices[0].message
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": text}
            for call, text in zip(said.tool_calls, ("rain", "sun", '{"hour": 3}'), strict=True)
        ]
        messages = [question, said.model_dump(exclude_none=True), *results]
        answer = await it.ask(wire, messages=messages, tools=[WEATHER, CLOCK])
        told = '{"hour":3}' if wire in ("gemini", "vertex") else '{"hour": 3}'
        assert answer.choices[0].message.content == f"The tools said: rain; sun; {told}"


async def test_gemini_gets_its_thought_signature_back(house: Open) -> None:
    async with house() as it:
        answer = await it.ask("gemini", CITIES, tools=[WEATHER, CLOCK])
        calls = answer.choices[0].message.tool_calls
        extra = [call.model_dump().get("extra_content") for call in calls]
        assert extra[0]["google"]["thought_signature"]
        assert extra[1:] == [None, None]


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropic_gets_its_thoughts_back_with_the_results_of_tools(house: Open, stream: bool) -> None:
    async with house() as it:
        question = {"role": "user", "content": CITIES}
        fields = {"tools": [WEATHER, CLOCK], "reasoning_effort": "high"}
        if stream:
            chunks = await it.stream("anthropic", messages=[question], **fields)
            calls = streamed_calls(chunks)
        else:
            answer = await it.ask("anthropic", messages=[question], **fields)
            calls = [call.model_dump() for call in answer.choices[0].message.tool_calls]
        thought = calls[0]["extra_content"]["anthropic"]["thinking"][0]
        assert thought["thinking"].startswith("There are")
        assert thought["signature"]
        assert not any(call.get("extra_content") for call in calls[1:])
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in calls]
        spoken = {"role": "assistant", "content": "Let me see.", "tool_calls": calls}
        said = await it.ask("anthropic", messages=[question, spoken, *results], **fields)
        assert said.choices[0].message.content == "The tools said: rain; rain; rain [1 thoughts]"


def streamed_calls(chunks: list[Any]) -> list[dict[str, Any]]:
    """The tool calls that the deltas of a stream add up to."""
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for delta in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
            part = delta.model_dump(exclude_none=True)
            function = part.pop("function")
            call = calls.setdefault(part.pop("index"), {"function": {"arguments": ""}})
            call.update(part)
            call["function"] |= {"name": function["name"]} if "name" in function else {}
            call["function"]["arguments"] += function.get("arguments", "")
    return [calls[index] for index in sorted(calls)]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
    ],
)
async def test_the_choice_of_a_tool_is_the_clients(
    house: Open, wire: str, choice: Any, called: list[str]
) -> None:
    async with house() as it:
        answer = await it.ask(wire, "hi", tools=[WEATHER, CLOCK], tool_choice=choice)
        calls = answer.choices[0].message.tool_calls or []
        assert [call.function.name for call in calls] == called


@pytest.mark.parametrize("wire", WIRES)
async def test_one_call_at_a_time_where_the_client_wants_it(house: Open, wire: str) -> None:
    async with house() as it:
        answer = await it.ask(wire, CITIES, tools=[WEATHER, CLOCK], parallel_tool_calls=False)
        [call] = answer.choices[0].message.tool_calls
        assert json.loads(call.function.arguments) == {"city": "Oslo"}
        assert answer.choices[0].finish_reason == "tool_calls"
        chunks = await it.stream(wire, CITIES, tools=[WEATHER, CLOCK], parallel_tool_calls=False)
        assert calls_of(chunks) == [("get_weather", {"city": "Oslo"})]


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "bedrock"])  # which reads bytes alone
async def test_images_reach_the_model_as_bytes_and_as_urls(house: Open, wire: str) -> None:
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg"}},
    ]
    async with house() as it:
        answer = await it.ask(wire, content)
        seen = "[image/png, 6 bytes] [https://example.com/cat.jpg]"
        assert answer.choices[0].message.content == f"You said: look {seen}"


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_fits_the_schema_that_was_asked_for(house: Open, wire: str) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "integer"}}},
        "required": ["name", "tags"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, "strict": True}}
    async with house() as it:
        for each in (form, {"type": "json_object", "value": schema}):  # the other one is Hugging Face's
            answer = await it.ask(wire, response_format=each)
            assert json.loads(answer.choices[0].message.content) == {"name": "example", "tags": [1]}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("fields", "text", "finish"),
    [
        ({"max_tokens": 3}, "You said: one", "length"),
        ({"max_completion_tokens": 2}, "You said:", "length"),
        ({"stop": " two"}, "You said: one", "stop"),
        ({"stop": ["nothing", " one"]}, "You said:", "stop"),
    ],
)
async def test_answers_end_where_the_client_says(
    house: Open, wire: str, fields: dict[str, Any], text: str, finish: str
) -> None:
    async with house() as it:
        answer = await it.ask(wire, "one two three", **fields)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text, finish)
        chunks = await it.stream(wire, "one two three", **fields)
        assert (text_of(chunks), chunks[-1].choices[0].finish_reason) == (text, finish)


@pytest.mark.parametrize("wire", ["openai", "azure", "gemini", "vertex"])
async def test_several_answers_and_their_log_probabilities(house: Open, wire: str) -> None:
    async with house() as it:
        answer = await it.ask(wire, n=2, logprobs=True, top_logprobs=1, seed=7)
        assert [choice.index for choice in answer.choices] == [0, 1]
        tokens = answer.choices[1].logprobs.content
        assert [token.token for token in tokens] == ["You", " said:", " hello", " there"]
        assert (tokens[0].logprob, tokens[0].top_logprobs[0].token) == (-0.25, "You")
        chunks = await it.stream(wire, n=2)
        assert {chunk.choices[0].index for chunk in chunks if chunk.choices} == {0, 1}


@pytest.mark.parametrize("wire", TRANSLATED)
async def test_a_filtered_answer_says_so(house: Open, wire: str) -> None:
    from inferc.runtime.mock_provider.scripted_answers import ScriptedAnswer

    scripted = (ScriptedAnswer("bad", say="I will", finish="content_filter"),)
    async with house(MockOptions(gap=0, answers=scripted)) as it:
        assert (await it.ask(wire, "bad")).choices[0].finish_reason == "content_filter"


async def test_an_answer_that_fills_the_context_window_is_cut_by_length(house: Open) -> None:
    from inferc.runtime.mock_provider.scripted_answers import ScriptedAnswer

    scripted = (ScriptedAnswer(say="and so on", finish="context_window"),)
    async with house(MockOptions(gap=0, answers=scripted)) as it:
        assert (await it.ask("anthropic")).choices[0].finish_reason == "length"
        assert (await it.stream("anthropic"))[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("wire", WIRES)
async def test_characters_cut_apart_by_the_network_arrive_whole(house: Open, wire: str) -> None:
    split = Fault(kind=FaultKind.SPLIT, count=None)
    async with house(MockOptions(gap=0, faults=(split,))) as it:
        assert text_of(await it.stream(wire, "é 😀 ü")) == "You said: é 😀 ü"


@pytest.mark.parametrize("wire", WIRES)
async def test_the_key_is_shown_as_the_provider_wants_it(house: Open, wire: str) -> None:
    async with house(MockOptions(gap=0)) as it:
        await it.ask(wire)
        assert list(it.mock.stats.keys.values()) == [1]
        assert it.mock.stats.unauthorized == 0
        assert "k-secret" not in str(it.mock.stats.json())


@pytest.mark.parametrize("wire", ["openai", "azure", "gemini", "vertex"])
async def test_texts_are_embedded(house: Open, wire: str) -> None:
    async with house(task=TaskKind.EMBED) as it:
        answer = await it.api.embeddings.create(
            model=wire, input=["one", "two words"], encoding_format="float"
        )
        assert answer.data[1].embedding == pytest.approx(vector("two words", 32), abs=1e-6)


async def test_anthropic_embeds_nothing(house: Open) -> None:
    async with house(task=TaskKind.EMBED) as it:
        with pytest.raises(openai.InternalServerError, match="answers chats only") as caught:
            await it.api.embeddings.create(model="anthropic", input="a")
        assert (caught.value.status_code, caught.value.code) == (501, "unsupported")


@pytest.mark.parametrize("wire", WIRES)
async def test_the_policies_see_the_usage_of_a_stream_that_the_client_does_not(
    monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setenv("TEST_KEY", "k")
    budget = Budget(max_spend_per_day=Money(5), on_exceeded=BudgetAction.WARN)
    body = {"model": wire, "messages": [{"role": "user", "content": "hello there"}], "stream": True}
    request = ChatRequest(body, True)
    async with (
        mock_provider() as mock,
        executor_of(wire_plan(wire, mock.url, budget=budget)) as executor,
    ):
        chunks = [chunk async for chunk in executor.stream(wire, request)]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(2, 4)]
    writer = ChatWriter(request)
    assert b"prompt_tokens" not in b"".join(map(writer.write, chunks)) + writer.end()

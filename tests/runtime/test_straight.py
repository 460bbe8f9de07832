"""The straight way and the long one: what is not read would not have been changed, and says the same."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from itertools import product
from random import Random
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from pydantic import TypeAdapter

from inferc.compiler.plan import Capabilities
from inferc.compiler.plan.dialects import AT_OPENAI, AT_OTHERS
from inferc.runtime.dialects.adapt import Adapted, adapt
from inferc.runtime.dialects.chats import conversation_of, said_in
from inferc.runtime.dialects.chunks import streamed_answer
from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.dialects.openai_chat import OpenAIChatReader
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.mock_provider.answers import answer_to
from inferc.runtime.mock_provider.anthropic_api import AnthropicApi
from inferc.runtime.mock_provider.gemini_api import GeminiApi
from inferc.runtime.mock_provider.openai_api import OpenAIApi
from inferc.runtime.mock_provider.parsed_request import Asked
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.chat_answers import EventsReader, Fit, read_events
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.replicas.remote.passthrough.rules import Straight
from inferc.runtime.requests.answer import ChatChunk, ChatEvents
from inferc.runtime.requests.errors import BadRequest, Incapable, RequestError
from inferc.runtime.requests.request import ChatRequest

from ..support.conversations import openai_bodies
from ..support.examples import FEWER
from ..support.pieces import RANDOMS, cuts, in_pieces
from ..support.rows import each_row
from ..support.wires import known, wire_plan

Json = dict[str, Any]
USER = {"role": "user", "content": "hi"}
APIS = {"openai": OpenAIApi(), "anthropic": AnthropicApi(), "gemini": GeminiApi()}
MODELS = {
    "openai": ("gpt-4o-mini", "gpt-5-mini", "o3"),
    "anthropic": ("claude-sonnet-4-0", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"),
    "gemini": ("gemini-2.5-flash", "gemini-3-flash"),
}

EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
"""Of Anthropic's client."""

MANY = settings(max_examples=2 * settings().max_examples)
"""Each is tried with all models: making a request takes longer than that."""

ANY_SERVER = ("gpt-4o-mini", "gpt-5-mini", "o3", "mistral-large-latest", "deepseek-chat", "unknown")


@MANY
@given(body=openai_bodies())
def test_what_is_not_read_would_not_have_been_changed(body: Json) -> None:
    for model, is_openais in product(ANY_SERVER, (True, False)):
        can = known(model).over(AT_OPENAI if is_openais else AT_OTHERS)
        if not Straight(can, is_openais=is_openais).takes(body):
            continue
        asked = conversation_of(ChatRequest(body, False))
        found = adapt(asked, can, client="openai_chat", provider="openai_chat")
        assert found == Adapted(asked), model
        assert isinstance(found, Adapted)
        assert found.conversation is asked, model


def test_the_common_requests_are_not_read() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "f"}}
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    straight = Straight(known("gpt-4o-mini"), is_openais=True)
    for fields in (
        {},
        {"temperature": 0.2, "max_tokens": 10, "stream": True, "seed": 3, "new_field": [1]},
        {"tools": [tool], "tool_choice": "auto", "parallel_tool_calls": False},
        {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, image]}]},
    ):
        assert straight.takes({"model": "m", "messages": [USER], **fields}), fields


TOOL = {"type": "function", "function": {"name": "f"}}
ASKS_FOR_NOTHING: tuple[Json, ...] = (
    {"tools": [], "tool_choice": "auto", "parallel_tool_calls": False},
    {"tools": None, "tool_choice": None, "parallel_tool_calls": None},
    {"tools": [TOOL], "tool_choice": "auto"},
    {"functions": [], "function_call": "none"},
    {"response_format": {"type": "text"}, "modalities": ["text"], "verbosity": "medium", "n": 1},
    {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "min_p": 0},
    {"logprobs": False, "top_logprobs": 0, "logit_bias": {}},
    {"stop": [], "metadata": {}, "user": ""},
    {"stop": "", "max_tokens": 50, "max_completion_tokens": 50},
    {"thinking": None, "top_k": None, "seed": None, "audio": None, "reasoning_effort": None},
)


LONG: Json = {"type": "text", "text": "long"}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
CALL: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FREE_CALL: Json = {"id": "d", "type": "custom", "custom": {"name": "edit", "input": "x"}}
FREE: Json = {"type": "custom", "custom": {"name": "edit"}}


@pytest.mark.parametrize(
    "mark",
    [{"cache_control": {"type": "ephemeral"}}, {"cache_control": None}, {"prompt_cache_breakpoint": None}],
)
def test_marks_that_openai_does_not_know_and_those_that_are_null_do_not_reach_it(mark: Json) -> None:
    history: list[Json] = [
        {"role": "user", "content": [{**LONG, **mark}, {**IMAGE, **mark}], **mark},
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, **mark}, {**FREE_CALL, **mark}]},
        *({"role": "tool", "tool_call_id": id, "content": "ok", **mark} for id in "cd"),
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No.", **mark}]},
    ]
    plan = wire_plan("openai", model="gpt-4.1")
    for message in range(len(history)):
        kept = [{name: v for name, v in each.items() if name not in mark} for each in history[:message]]
        body: Json = {"model": "m", "messages": [*kept, *history[message:]]}
        body["tools"] = [{**TOOL, **mark}, {**FREE, **mark}]
        sent = Chats(plan).fit(ChatRequest(body, False)).body
        assert b"cache" not in sent
        assert b"edit" in sent


ODD: Json = {"status": "ok", "id": "1"}


@pytest.mark.parametrize("strict", [{}, {"capabilities": Capabilities(message_fields=("prefix",))}])
def test_fields_of_others_do_not_reach_who_refuses_them_wherever_they_stand(strict: Json) -> None:
    parsed = {**CALL, "function": {**CALL["function"], "parsed_arguments": {}}}
    history: list[Json] = [
        {"role": "user", "content": [{**LONG, **ODD}]},
        {"role": "assistant", "content": None, "tool_calls": [{**parsed, "status": "ok"}], "parsed": None},
        {"role": "tool", "tool_call_id": "c", "content": "x", "name": "f", **ODD},
        {"role": "assistant", "content": "Well.", **ODD},
        {"role": "user", "content": "And?", "status": "ok"},
    ]
    plan = wire_plan("openai", model="gpt-4o", **strict)
    fit = Chats(plan).fit(ChatRequest({"model": "m", "messages": history, "tools": [TOOL]}, False))
    [asked, said, result, answer, last] = loads(fit.body)["messages"]
    assert asked == {"role": "user", "content": "long"}
    assert said["tool_calls"][0] | {"id": "c"} == CALL
    assert {**result, "tool_call_id": "c"} == {
        "role": "tool",
        "tool_call_id": "c",
        "content": "x",
        "name": "f",
    }
    assert answer == {"role": "assistant", "content": "Well."}
    assert last == {"role": "user", "content": "And?"}
    assert {"messages[0].content[0].status", "messages[2].status", "messages[4].status"} <= {*fit.changes}


def test_pictures_go_to_openai_in_what_users_say_alone() -> None:
    fit = Chats(wire_plan("openai", model="gpt-4o")).fit
    called: Json = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    shown: Json = {"role": "tool", "tool_call_id": "c", "content": [LONG, IMAGE]}
    body: Json = {"model": "m", "messages": [USER, called, shown], "tools": [TOOL]}
    [_, _, result, beside] = loads(fit(ChatRequest(body, False)).body)["messages"]
    assert result["content"] == "long"
    assert beside == {"role": "user", "content": [IMAGE]}
    for role in ("assistant", "system"):
        body = {"model": "m", "messages": [USER, {"role": role, "content": [LONG, IMAGE]}, USER]}
        with pytest.raises(Incapable) as caught:
            fit(ChatRequest(body, False))
        assert "messages[1].content[1]" in caught.value.message


def test_a_choice_as_responses_have_it_is_written_as_chats_have_it() -> None:
    body = {
        "model": "m",
        "messages": [USER],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "f"},
    }
    for plan in (wire_plan("openai", model="gpt-4.1"), wire_plan("openai", model="unknown")):
        sent = loads(Chats(plan).fit(ChatRequest({**body}, False)).body)
        assert sent["tool_choice"] == TOOL
        for odd in (["function"], {}, None, "f"):
            with pytest.raises(BadRequest, match="tool_choice"):
                Chats(plan).fit(ChatRequest({**body, "tool_choice": {"type": odd}}, False))


@pytest.mark.parametrize("tools", [0, False, "", 5, "f", [0], [[]]])
def test_tools_that_are_no_list_of_objects_are_refused(tools: Any) -> None:
    with pytest.raises(BadRequest, match="tools"):
        Chats(wire_plan("openai", model="gpt-4.1")).fit(
            ChatRequest({"model": "m", "messages": [USER], "tools": tools}, False)
        )


@each_row("fields", ASKS_FOR_NOTHING, ids=" ".join)
@each_row(("provider", "model"), [(p, model) for p in MODELS for model in MODELS[p]])
def test_what_asks_for_nothing_is_never_refused(provider: str, model: str, fields: Json) -> None:
    request = ChatRequest({"model": "m", "messages": [USER], **fields}, False)
    fit = Chats(wire_plan(provider, model=model)).fit(request)
    complaints = table(provider).complaints("chat", model, json.loads(fit.body))
    assert [error.message for error in complaints] == []


@cache
def recorded(provider: str, *, tools: bool) -> bytes:
    asked = Asked(model="m", stream=True, include_usage=True, words=3)
    asked.hear('é € 😀 f {"x": "ü"} f {}' if tools else "é € 😀")
    if tools:
        asked.tools = {"f": {"type": "object"}}
    return b"".join(APIS[provider].events(asked, answer_to(asked)))


@pytest.mark.parametrize("tools", [False, True])
def test_an_answer_that_passes_says_what_it_says_when_it_is_read(tools: bool) -> None:
    events = SseParser().feed(recorded("openai", tools=tools))
    plan = wire_plan("openai")
    request = ChatRequest({"model": "m", "messages": [USER]}, True)
    classifier = Classifier(plan, None)
    passed, _ = read_events(
        Chats(plan).reader(request, Chats(plan).fit(request), classifier), events, closing=True
    )
    reader = EventsReader(OpenAIChatReader(classifier), Fit("", b"", passes=False))
    read, _ = read_events(reader, events, closing=True)
    assert all(isinstance(chunk, ChatChunk) for chunk in passed)
    assert all(isinstance(chunk, ChatEvents) for chunk in read)
    assert streamed_answer(passed) == streamed_answer(read)
    assert [c.usage for c in passed if c.usage] == [c.usage for c in read if c.usage]


ENDS = {
    "openai_chat": b"data: [DONE]",
    "openai_responses": b"response.completed",
    "anthropic": b"message_stop",
}


def asked_in(client: str) -> ChatRequest:
    fields: dict[str, Any] = {"model": "m", "stream": True}
    match client:
        case "openai_chat":
            return ChatRequest({**fields, "messages": [USER]}, True)
        case "anthropic":
            fields |= {"messages": [USER], "max_tokens": 9}
        case "openai_responses":
            fields |= {"input": "hi"}
    return said_in(client, fields, CLIENT_SIDES[client].read_request(fields))


@each_row("tools", [False, True])
@each_row("client", ENDS)
@each_row("provider", APIS)
def test_a_stream_that_is_cut_anywhere_has_no_clean_end_in_any_protocol(
    provider: str, client: str, tools: bool
) -> None:
    stream = recorded(provider, tools=tools)
    whole, error = heard_whole(provider, client, tools=tools)
    assert error is None
    assert ENDS[client] in whole
    for cut in cuts(stream):
        told, error = heard(provider, client, stream[:cut])
        assert (error is None) == (ENDS[client] in told), cut
        assert error is None or b"error" in told or b"response.failed" in told, cut


@pytest.mark.parametrize("client", ENDS)
@pytest.mark.parametrize("provider", APIS)
@FEWER
@given(random=RANDOMS)
def test_the_pieces_in_which_a_stream_comes_make_no_difference_in_any_protocol(
    provider: str, client: str, random: Random
) -> None:
    pieces = in_pieces(recorded(provider, tools=True), random, 9)
    assert without_chance(heard(provider, client, *pieces)[0]) == told_whole(provider, client)


@cache
def heard_whole(provider: str, client: str, *, tools: bool) -> tuple[bytes, RequestError | None]:
    """What the client gets of the stream as it was recorded."""
    return heard(provider, client, recorded(provider, tools=tools))


@cache
def told_whole(provider: str, client: str) -> list[Any]:
    """The events of it, without what is up to chance."""
    return without_chance(heard_whole(provider, client, tools=True)[0])


def heard(provider: str, client: str, *pieces: bytes) -> tuple[bytes, RequestError | None]:
    """What the client gets of a stream that comes in these pieces, and the error that ends it."""
    plan, request = wire_plan(provider), asked_in(client)
    chats, classifier, parser = Chats(plan), Classifier(plan, None), SseParser()
    reader, writer = chats.reader(request, chats.fit(request), classifier), ChatWriter(request)
    told = b""
    for data in (*filter(None, pieces), b""):
        events = parser.feed(data) if data else parser.close()
        chunks, error = read_events(reader, events, closing=not data)
        told += b"".join(map(writer.write, chunks))
        if not data and not reader.ended and error is None:
            error = classifier.malformed("ended the stream without its end marker")
        if error is not None:
            return told + writer.fail(error), error
        if reader.ended:
            break
    return told + writer.end(), None


def without_chance(told: bytes) -> list[Any]:
    """The events of a stream, without times and the ids that are made up."""
    events = [json.loads(event.data) for event in SseParser().feed(told) if event.data != b"[DONE]"]
    return [_plain(event) for event in events]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        chance = ("id", "item_id", "created", "created_at", "completed_at")
        return {name: _plain(inner) for name, inner in value.items() if name not in chance}
    return list(map(_plain, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("provider", APIS)
def test_anthropics_client_reads_every_event(provider: str) -> None:
    told, _ = heard(provider, "anthropic", recorded(provider, tools=True))
    for event in SseParser().feed(told):
        EVENT.validate_json(event.data)


def test_events_without_a_name_have_one_for_anthropics_client() -> None:
    """It passes over those that have none: https://github.com/openclaw/openclaw/issues/37571."""
    stream = recorded("anthropic", tools=True).replace(b'event: ping\ndata: {"type":"ping"}\n\n', b"")
    nameless = b"\n".join(line for line in stream.split(b"\n") if not line.startswith(b"event:"))
    assert b"event:" not in nameless
    assert heard("anthropic", "anthropic", nameless) == heard("anthropic", "anthropic", stream)


@each_row("nothing", [b"event: content_block_delta\ndata: \n\n", b"data: null\n\n"])
@each_row("client", ENDS)
def test_an_event_that_says_nothing_is_told_to_nobody(nothing: bytes, client: str) -> None:
    stream = recorded("anthropic", tools=True)
    first, rest = stream.split(b"\n\n", 1)
    with_nothing, error = heard("anthropic", client, first + b"\n\n" + nothing + rest)
    assert error is None
    assert without_chance(with_nothing) == without_chance(heard("anthropic", client, stream)[0])


LONG_ID = "user_" + "0123456789abcdef" * 10
SHORT_ID = sha256(LONG_ID.encode()).hexdigest()


@pytest.mark.parametrize("name", ["user", "prompt_cache_key", "safety_identifier"])
def test_ids_that_are_too_long_for_openai_are_sent_as_a_digest(name: str) -> None:
    body = {"model": "m", "messages": [USER], name: LONG_ID}
    fit = Chats(wire_plan("openai", model="gpt-4o")).fit(ChatRequest(body, False))
    assert loads(fit.body)[name] == SHORT_ID
    assert fit.changes == (name,)
    as_it_is = Chats(wire_plan("openai", model="gpt-4o")).fit(ChatRequest({**body, name: SHORT_ID}, False))
    assert loads(as_it_is.body)[name] == SHORT_ID


def test_the_user_of_claude_code_reaches_others_in_as_many_characters_as_they_take() -> None:
    asked = {"model": "m", "max_tokens": 9, "messages": [USER], "metadata": {"user_id": LONG_ID}}
    said = said_in("anthropic", asked, CLIENT_SIDES["anthropic"].read_request(asked))
    for wire, model, user in (
        ("openai", "gpt-4o", {"user": SHORT_ID}),
        ("anthropic", "claude-sonnet-4-5", {"metadata": {"user_id": LONG_ID}}),
    ):
        sent = loads(Chats(wire_plan(wire, model=model)).fit(said).body)
        assert user.items() <= sent.items()

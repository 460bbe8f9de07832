"""Whatever a provider puts in the place of a value, clients get an answer or an error of the provider's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from inferc.runtime.dialects.server_sent_events import Event, SseParser
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.replicas.remote.chat_answers import read_events
from inferc.runtime.requests.errors import RequestError

from ..support.rows import each_row
from .test_surrogates import CLIENTS, Json, as_sent, asked_in, chat_chunk, chats_of

ODD = (None, 0, 5, True, ["a"], {"a": 1}, "", [], {}, -1, 10**30, "\ud800x")
"""What stands in the place of each value; it is left out, too."""
LEFT_OUT = object()

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
NOTE = {"type": "url_citation", "url_citation": {"url": "https://a.b", "title": "t"}}
OTHER = {"token": "ho", "logprob": -2.0, "top_logprobs": []}
TOKEN = {"token": "hi", "logprob": -1.0, "bytes": [1], "top_logprobs": [OTHER]}
CITED = {"type": "char_location", "cited_text": "c", "document_index": 0}
MESSAGE: Json = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
ITEM = {"type": "message", "id": "i", "role": "assistant", "content": []}
CALLED = {"type": "function_call", "id": "j", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
PARTS = [{"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "s"}]
CALLS = [{"functionCall": {"name": "f", "args": {"a": 1}}}, {"inlineData": {"mimeType": "a/b", "data": "AA"}}]

WHOLE: dict[str, Json] = {
    "openai": {
        "id": "c",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "reasoning_content": "hm",
                    "annotations": [NOTE],
                    "tool_calls": [CALL],
                },
                "logprobs": {"content": [TOKEN]},
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    },
    "anthropic": MESSAGE
    | {
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "hi", "citations": [CITED]},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "gemini": {
        "candidates": [{"content": {"role": "model", "parts": PARTS + CALLS}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
    },
    "responses": {
        "id": "r",
        "model": "m",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "k", "summary": [{"type": "summary_text", "text": "hm"}]},
            ITEM | {"content": [{"type": "output_text", "text": "hi", "annotations": []}]},
            CALLED,
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "bedrock": {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                    {"text": "hi"},
                    {"citationsContent": {"content": [{"text": "c"}], "citations": [{"title": "t"}]}},
                    {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 2},
    },
}
STREAMS: dict[str, list[Json]] = {
    "openai": [
        chat_chunk({"role": "assistant", "content": "h", "reasoning_content": "hm", "refusal": "no"}),
        {"choices": [{"index": 0, "delta": {"content": "i"}, "logprobs": {"content": [TOKEN]}}]},
        chat_chunk({"tool_calls": [{"index": 0, **CALL}]}),
        chat_chunk({}, "tool_calls"),
    ],
    "anthropic": [
        {"type": "message_start", "message": MESSAGE},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": CITED}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ],
    "gemini": [{"candidates": [{"content": {"parts": PARTS}}]}, WHOLE["gemini"]],
    "responses": [
        {"type": "response.created", "response": {"id": "r", "model": "m", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": "hi"},
        {"type": "response.output_item.done", "output_index": 0, "item": WHOLE["responses"]["output"][1]},
        {"type": "response.output_item.added", "output_index": 1, "item": CALLED | {"arguments": ""}},
        {"type": "response.function_call_arguments.delta", "item_id": "j", "output_index": 1, "delta": "{}"},
        {"type": "response.output_item.done", "output_index": 1, "item": CALLED},
        {"type": "response.completed", "response": WHOLE["responses"]},
    ],
}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value stands that `value` holds."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield (*at, key)
        if isinstance(each, dict | list):
            yield from places(each, (*at, key))


def spoilt(value: Any) -> Iterator[Any]:
    """`value` with each odd value in the place of each that it holds."""
    for way in places(value):
        for odd in (*ODD, LEFT_OUT):
            yield changed(value, way, odd)


def changed(value: Any, way: tuple[Any, ...], odd: Any) -> Any:
    """`value` with `odd` where `way` leads; what stands beside the way is shared."""
    key, *rest = way
    copy = value.copy()
    if rest:
        copy[key] = changed(value[key], tuple(rest), odd)
    elif odd is LEFT_OUT:
        del copy[key]
    else:
        copy[key] = odd
    return copy


TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def assert_texts(told: bytes, part: str) -> None:
    """What clients of OpenAI's put together is text, and calls stand in a list. part: where it stands."""
    for choice in json.loads(told)["choices"]:
        said = choice[part]
        for name in TEXTS:
            assert isinstance(said.get(name), str | None), said
        assert isinstance(said.get("tool_calls"), list | None), said


@each_row("client", CLIENTS)
@each_row("provider", WHOLE)
def test_a_whole_answer_is_read_or_is_an_error_of_its_provider(provider: str, client: str) -> None:
    chats, classifier = chats_of(provider)
    request = asked_in(client, stream=False)
    fit = chats.fit(request)

    def told(answer: Any) -> bytes:
        return ChatWriter(request).whole(chats.whole(json.dumps(answer).encode(), fit, classifier))

    assert b"hi" in told(WHOLE[provider])
    refused = set()
    for answer in spoilt(WHOLE[provider]):
        try:
            said = told(answer)
        except RequestError as error:
            refused.add(error.status)
        else:
            if client == "openai_chat":
                assert_texts(said, "message")
    assert refused == {502}


def without_ids(value: Any, nothing: object) -> Any:
    """`value` with `nothing` in place of the ids of its calls; LEFT_OUT: without them."""
    if isinstance(value, list):
        return [without_ids(each, nothing) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: without_ids(inner, nothing) for name, inner in value.items()}
    for name in {"toolUseId", "call_id"} | ({"id"} if value.get("id") == "c1" else set()):
        if name in made:
            made.pop(name) if nothing is LEFT_OUT else made.update({name: nothing})
    return made


@each_row("nothing", [LEFT_OUT, None, ""], ids=["left out", "null", "empty"])
@each_row("provider", WHOLE)
def test_a_call_without_an_id_gets_one(provider: str, nothing: object) -> None:
    chats, classifier = chats_of(provider)
    request = asked_in("openai_chat", stream=False)
    body = json.dumps(without_ids(WHOLE[provider], nothing)).encode()
    told = json.loads(ChatWriter(request).whole(chats.whole(body, chats.fit(request), classifier)))
    [call] = told["choices"][0]["message"]["tool_calls"]
    assert (call["function"]["name"], len(call["id"])) == ("f", 29)


@each_row("provider", STREAMS)
def test_a_stream_is_read_or_ends_with_an_error_of_its_provider(provider: str) -> None:
    chats, classifier = chats_of(provider)
    asked = [(request, chats.fit(request)) for request in map(asked_in, CLIENTS)]

    def sent(event: Any) -> bytes:
        return b"data: %b\n\n" % json.dumps(event).encode()

    whole = {id(event): sent(event) for event in STREAMS[provider]}  # what most spoilt streams are made of
    end = b"data: [DONE]\n\n" if provider == "openai" else b""

    def failures(events: Any) -> set[int]:
        """The statuses of the errors that clients are told."""
        data = SseParser().feed(b"".join(whole.get(id(each)) or sent(each) for each in events) + end)
        failed = set()
        read: dict[bool, Any] = {}  # what is read for one client is written for all to whom it does not pass
        for request, fit in asked:
            if fit.passes not in read:
                read[fit.passes] = read_events(chats.reader(request, fit, classifier), data, closing=True)
            chunks, error = read[fit.passes]
            writer = ChatWriter(request)
            told = b"".join(map(writer.write, chunks))
            told += writer.end() if error is None else writer.fail(error)
            assert told.endswith(b"\n\n")
            if request.dialect == "openai_chat" and error is None:
                for event in SseParser().feed(told.removesuffix(b"data: [DONE]\n\n")):
                    assert_texts(event.data, "delta")
            if error is not None:
                failed.add(error.status)
        return failed

    assert failures(STREAMS[provider]) == set()
    assert set().union(*map(failures, spoilt(STREAMS[provider]))) == {502}


@pytest.mark.parametrize("start", [["a"], "ab", 5, None])
def test_a_block_of_bedrock_that_begins_with_no_object_is_an_error(start: Any) -> None:
    chats, classifier = chats_of("bedrock")
    request = asked_in("openai_chat")
    reader = chats.reader(request, chats.fit(request), classifier)
    begun = json.dumps({"contentBlockIndex": 0, "start": start}).encode()
    _, error = read_events(reader, [Event(b"contentBlockStart", begun)], closing=False)
    assert error is not None
    assert error.status == 502


@pytest.mark.parametrize("data", [b'"\\ud800x"', b'["\\ud800x"]', b'{"error":"\\ud800x"}'])
def test_an_event_that_is_no_object_is_an_error_though_it_holds_half_a_character(data: bytes) -> None:
    chats, classifier = chats_of("openai")
    request = asked_in("openai_chat")
    reader = chats.reader(request, chats.fit(request), classifier)
    _, error = read_events(reader, SseParser().feed(b"data: %b\n\n" % data), closing=False)
    assert error is not None
    assert error.status == 502


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_whose_answers_are_one_are_told_of_the_first_choice_alone(client: str) -> None:
    chats, classifier = chats_of("openai")
    request = asked_in(client)
    reader, writer = chats.reader(request, chats.fit(request), classifier), ChatWriter(request)
    two = [chat_chunk({"content": "one"}), chat_chunk({"content": "two"}, index=1)]
    ends = [chat_chunk({}, "length", index=1), chat_chunk({}, "stop")]
    chunks, error = read_events(reader, SseParser().feed(as_sent(two + ends, done=True)), closing=True)
    assert error is None
    told = b"".join(map(writer.write, chunks)) + writer.end()
    assert b"one" in told
    assert (b"two" in told) == (client == "openai_chat")
    assert b"incomplete_details" not in told or b'"incomplete_details":{' not in told
    assert b"max_tokens" not in told


@pytest.mark.parametrize("written", [b'"output":null', b'"output" : null'])
def test_a_response_that_tells_no_output_at_its_end_has_a_list_for_one(written: bytes) -> None:
    chats, classifier = chats_of("responses")
    request = asked_in("openai_responses")
    reader, writer = chats.reader(request, chats.fit(request), classifier), ChatWriter(request)
    *events, last = (json.dumps(each).encode() for each in STREAMS["responses"])
    output = json.dumps(WHOLE["responses"]["output"]).encode()
    last = last.replace(b'"output": ' + output, written)
    data = SseParser().feed(b"".join(b"data: %b\n\n" % each for each in (*events, last)))
    chunks, error = read_events(reader, data, closing=True)
    assert (error, written in last) == (None, True)
    told = [json.loads(event.data) for event in SseParser().feed(b"".join(map(writer.write, chunks)))]
    assert (told[-1]["type"], told[-1]["response"]["output"]) == ("response.completed", [])

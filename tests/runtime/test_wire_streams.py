"""Streams of every wire: cut into any pieces, ended too early, and wrong in other ways."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given

from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.mock_provider.answers import answer_to
from inferc.runtime.mock_provider.anthropic_api import AnthropicApi
from inferc.runtime.mock_provider.gemini_api import GeminiApi
from inferc.runtime.mock_provider.openai_api import OpenAIApi
from inferc.runtime.mock_provider.parsed_request import Asked
from inferc.runtime.replicas.remote.chat_answers import read_events
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.answer import ChatChunk, ChatEvents
from inferc.runtime.requests.errors import (
    ContentFiltered,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
)
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.usage import Usage

from ..support.examples import FEWER
from ..support.pieces import RANDOMS, cuts, in_pieces
from ..support.rows import each_row
from ..support.wires import wire_plan

APIS = {"openai": OpenAIApi(), "anthropic": AnthropicApi(), "gemini": GeminiApi()}
SPOKEN = tuple(APIS)

USER = {"role": "user", "content": "hi"}


@cache
def recorded(wire: str, *, tools: bool = False) -> bytes:
    """A whole stream of a provider."""
    asked = Asked(model="m", stream=True, include_usage=True, words=3)
    asked.hear('é € 😀 f {"x": "ü"} f {}' if tools else "é € 😀")
    if tools:
        asked.tools = {"f": {"type": "object"}}
    return b"".join(APIS[wire].events(asked, answer_to(asked)))


def read(wire: str, *received: bytes, closing: bool = True) -> tuple[list[Any], RequestError | None, bool]:
    """The chunks of a stream that arrives in these pieces, what stopped it, and whether it is whole."""
    plan = wire_plan(wire)
    body = {"model": wire, "messages": [USER], "stream": True, "stream_options": {"include_usage": True}}
    request = ChatRequest(body, True)
    chats = Chats(plan)
    reader = chats.reader(request, chats.fit(request), Classifier(plan, None))
    parser = SseParser()
    pieces: list[ChatChunk | ChatEvents] = []
    for data in received:
        made, error = read_events(reader, parser.feed(data), closing=False)
        pieces += made
        if error or reader.ended:
            break
    else:
        error = None
        if closing:
            made, error = read_events(reader, parser.close(), closing=True)
            pieces += made
    writer = ChatWriter(request)
    written = b"".join(map(writer.write, pieces)) + (writer.end() if reader.ended else b"")
    chunks = [json.loads(told.data) for told in SseParser().feed(written) if told.data != b"[DONE]"]
    for chunk in chunks:
        chunk.pop("created", None)
    return chunks, error, reader.ended


def whole(wire: str, answer: dict[str, Any]) -> tuple[ChatChunk | ChatEvents, dict[str, Any]]:
    """The whole answer of a provider, and what the client gets."""
    plan = wire_plan(wire)
    request = ChatRequest({"model": wire, "messages": [USER]}, False)
    chats = Chats(plan)
    chunk = chats.whole(json.dumps(answer).encode(), chats.fit(request), Classifier(plan, None))
    return chunk, json.loads(ChatWriter(request).whole(chunk))


@pytest.mark.parametrize("tools", [False, True])
@pytest.mark.parametrize("wire", SPOKEN)
@FEWER
@given(random=RANDOMS)
def test_the_pieces_in_which_a_stream_arrives_make_no_difference(
    wire: str, tools: bool, random: Random
) -> None:
    stream = recorded(wire, tools=tools)
    assert read(wire, *in_pieces(stream, random, 20)) == read(wire, stream)


@pytest.mark.parametrize("wire", SPOKEN)
def test_a_byte_at_a_time_gives_the_whole_text(wire: str) -> None:
    stream = recorded(wire)
    chunks, error, ended = read(wire, *(stream[i : i + 1] for i in range(len(stream))))
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert (text, error, ended) == ("You said: é € 😀", None, True)
    assert chunks[-1]["usage"]["total_tokens"] == chunks[-1]["usage"]["prompt_tokens"] + 5


@each_row("wire", SPOKEN)
def test_a_stream_that_is_cut_off_is_never_whole(wire: str) -> None:
    """On most wires the end is the event that gives the reason: not all servers send another behind it."""
    stream = recorded(wire)
    last = {"openai": b'"finish_reason":"stop"', "anthropic": b'"stop_reason":"end_turn"'}.get(wire)
    end = stream.rindex(b"data:") + len(b"data:") if last is None else stream.rindex(last)
    for cut in (*(each for each in cuts(stream) if each < end), end):
        _, _, ended = read(wire, stream[:cut])
        assert not ended, cut


def choice(index: int, reason: str | None, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": {}, "finish_reason": reason, **more}


@each_row(
    ("choices", "whole"),
    [
        ([[choice(0, None)], [choice(0, "stop")]], True),
        ([[choice(0, None)], [choice(1, None)], [choice(0, "stop")], [choice(1, "length")], []], True),
        ([[choice(0, None)], [choice(1, None)], [choice(0, "stop")]], False),
        ([[choice(0, None)]], False),
        ([[]], False),
        ([], False),
    ],
)
def test_a_stream_without_its_marker_is_whole_when_every_choice_has_ended(
    choices: list[list[Any]], whole: bool
) -> None:
    stream = b"".join(b"data: " + json.dumps({"choices": each}).encode() + b"\n\n" for each in choices)
    _, error, ended = read("openai", stream)
    assert (error, ended) == (None, whole)


@pytest.mark.parametrize("said", [{"error": {"code": 502, "message": "the provider failed"}}, {}])
def test_a_choice_that_failed_is_the_error_of_the_answer(said: dict[str, Any]) -> None:
    failed = choice(0, "error", **said)
    stream = b"data: " + json.dumps({"choices": [failed]}).encode() + b"\n\n"
    _, error, ended = read("openai", stream)
    assert isinstance(error, ServerError)
    assert error.retryable
    assert not ended
    for choices in ([failed], [], None):
        with pytest.raises(ServerError):
            whole("openai", {"choices": choices})


def events(*values: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


ARGUMENTS = {"type": "input_json_delta", "partial_json": ""}
BROKEN = {"finishReason": "MALFORMED_FUNCTION_CALL"}
START = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}}


def failing(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "so it is"}}


def google(status: int, name: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": status, "status": name, "message": "so it is", "details": list(details)}}


@each_row(
    ("wire", "stream", "kind", "says"),
    [
        ("anthropic", events(START, failing("overloaded_error")), ServerError, "so it is"),
        ("anthropic", events(START, failing("rate_limit_error")), RateLimited, "so it is"),
        ("anthropic", events(START, failing("timeout_error")), RequestTimeout, "so it is"),
        ("anthropic", events({"type": "message_delta", "delta": {"stop_reason": "x"}}), ServerError, "begin"),
        ("anthropic", events(START, {"type": "message_stop"}), ServerError, "without saying why"),
        (
            "anthropic",
            events(
                START,
                {"type": "content_block_delta", "index": 0, "delta": ARGUMENTS | {"partial_json": "x"}},
            ),
            ServerError,
            "never began",
        ),
        ("gemini", events(google(503, "UNAVAILABLE")), ServerError, "so it is"),
        ("gemini", events(google(429, "RESOURCE_EXHAUSTED")), RateLimited, "so it is"),
        (
            "gemini",
            events({"promptFeedback": {"blockReason": "SAFETY"}}),
            ContentFiltered,
            "prompt was blocked",
        ),
        (
            "gemini",
            events({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}),
            ServerError,
            "MALFORMED",
        ),
        ("gemini", events({"candidates": ["x"]}), ServerError, "does not have the shape"),
        ("gemini", b"data: {oops\n\n", ServerError, "no JSON"),
        ("anthropic", b"data: [1]\n\n", ServerError, "no JSON object"),
        (
            "openai",
            events({"error": {"code": "server_is_overloaded", "message": "x"}}),
            ServerError,
            "x",
        ),
    ],
)
def test_an_error_inside_a_stream_is_an_error(
    wire: str, stream: bytes, kind: type[RequestError], says: str
) -> None:
    _, error, ended = read(wire, stream)
    assert type(error) is kind
    assert says in error.message
    assert not ended


def test_kinds_of_events_that_are_not_known_are_skipped() -> None:
    stream = events(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "something_new", "value": 3},
        {"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )
    chunks, error, ended = read("anthropic", stream)
    assert (error, ended) == (None, True)
    said = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert [choice["finish_reason"] for choice in said] == [None, None, None, "content_filter"]
    assert said[1]["delta"] == {"reasoning_content": "hm"}
    thought = {"type": "thinking", "thinking": "hm", "signature": "x"}
    assert said[2]["delta"] == {"extra_content": {"anthropic": {"thinking": [thought]}}}
    assert chunks[-1]["usage"]["completion_tokens"] == 9


def test_a_tool_call_without_arguments_has_an_empty_object() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    stream = events(
        START,
        {"type": "content_block_start", "index": 1, "content_block": block},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": ""},
        },
        {"type": "content_block_stop", "index": 1},
    )
    chunks, _, _ = read("anthropic", stream, closing=False)
    calls = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in chunks[1:]]
    assert [call["index"] for call in calls] == [0, 0]
    assert "".join(call["function"]["arguments"] for call in calls) == "{}"


def test_thoughts_of_gemini_are_told_beside_its_answer() -> None:
    parts = [{"thought": True, "text": "hm"}, {"text": "yes"}]
    usage = {"promptTokenCount": 4, "toolUsePromptTokenCount": 1, "candidatesTokenCount": 1}
    answer = {
        "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": usage | {"thoughtsTokenCount": 6, "cachedContentTokenCount": 2},
    }
    chunks, _, ended = read("gemini", events(answer))
    assert ended
    deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
    assert deltas[1:] == [{"reasoning_content": "hm"}, {"content": "yes"}, {}]
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }


def test_what_claude_wrote_to_its_cache_is_told() -> None:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "cache_read_input_tokens": 5,
        "output_tokens": 2,
    }
    answer = {"id": "msg_1", "model": "claude", "content": [], "stop_reason": "end_turn", "usage": usage}
    chunk, body = whole("anthropic", answer)
    assert chunk.usage == Usage(22, 2, cached_tokens=5, cache_write_tokens=7, cache_write_1h_tokens=4)
    details = body["usage"]["prompt_tokens_details"]
    assert details == {"cached_tokens": 5, "cache_write_tokens": 7}

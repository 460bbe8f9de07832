"""Answers are the same whole and streamed, however the bytes come; a cut one is never a clean end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from attrs import evolve
from hypothesis import given, strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from inferc.compiler.plan import ProviderKind
from inferc.runtime.dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from inferc.runtime.dialects.answer import Answer, fold
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.registry import CLIENT_SIDES, PROVIDER_SIDES
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.replicas.remote.passthrough.answers import read_whole
from inferc.runtime.requests import events as e
from inferc.runtime.requests.errors import BadRequest, RateLimited, RequestError, ServerError
from inferc.runtime.requests.parts import Sealed, Text, Thinking, ToolCall
from tests.support.conversations import answers
from tests.support.rows import each_row
from tests.support.wires import wire_plan

READERS: dict[str, type[AnswerReader]] = {
    "openai_chat": openai_chat.OpenAIChatReader,
    "anthropic": anthropic.AnthropicReader,
}

STREAM_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def writer(dialect: str) -> Any:
    if dialect == "openai_chat":
        return openai_chat.OpenAIChatWriter("m", 1, include_usage=True)
    return anthropic.AnthropicWriter("m")


def stream(dialect: str, events: list[e.Event]) -> bytes:
    made = writer(dialect)
    return b"".join(made.write(event) for event in events) + made.end()


def whole(dialect: str, answer: Answer) -> bytes:
    return openai_chat.write_whole(answer, 1) if dialect == "openai_chat" else anthropic.write_whole(answer)


def read(reader: AnswerReader, *packets: bytes) -> list[e.Event]:
    """What a stream says that comes in these packets and then ends."""
    parser = SseParser()
    found = [made for packet in packets for event in parser.feed(packet) for made in reader.read(event)]
    found += [made for event in parser.close() for made in reader.read(event)]
    return found + reader.close()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


def said(answer: Answer) -> Any:
    """What an answer comes to, whatever its dialect."""
    [choice] = answer.choices
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    thought = "".join(part.text for part in choice.parts if isinstance(part, Thinking))
    calls = [
        (part.id, part.name, orjson.loads(part.arguments or "{}"))
        for part in choice.parts
        if isinstance(part, ToolCall)
    ]
    return text, thought, calls, choice.reason, answer.usage.prompt_tokens, answer.usage.completion_tokens


@given(events=answers(), places=st.lists(st.integers(0, 9999), max_size=5))
def test_an_answer_is_the_same_whole_and_streamed(events: list[e.Event], places: list[int]) -> None:
    answer = fold(events)
    for dialect, reader in READERS.items():
        in_pieces = fold(read(reader(PlainFailures()), *cut(stream(dialect, events), places)))
        in_one = fold(reader(PlainFailures()).read_whole(whole(dialect, answer)))
        assert said(in_pieces) == said(in_one) == said(answer), dialect


@given(answers())
def test_an_answer_of_anthropic_s_goes_out_as_it_came(events: list[e.Event]) -> None:
    message = anthropic.write_whole(fold(events))
    again = anthropic.AnthropicReader(PlainFailures()).read_whole(message)
    assert orjson.loads(anthropic.write_whole(fold(again))) == orjson.loads(message)
    streamed = stream("anthropic", again)
    assert stream("anthropic", read(anthropic.AnthropicReader(PlainFailures()), streamed)) == streamed


@given(events=answers(), place=st.floats(0, 1))
def test_a_stream_that_is_cut_is_an_error_for_every_client(events: list[e.Event], place: float) -> None:
    for dialect, reader in READERS.items():
        sent = stream(dialect, events)
        found = read(reader(PlainFailures()), sent[: round(place * sent.rstrip().rindex(b"\n\n"))])
        if isinstance(found[-1], e.Failed):
            for client in READERS:
                told = stream(client, found)
                assert b"[DONE]" not in told
                assert b"message_stop" not in told
                assert b'"error"' in told.rstrip().split(b"\n")[-1]
        else:  # all that follows the reason is the usage, and that it is the end
            assert said(fold(found))[:4] == said(fold(events))[:4]


@given(events=answers())
def test_a_writer_that_is_stopped_early_says_so(events: list[e.Event]) -> None:
    for dialect in READERS:
        told = stream(dialect, [event for event in events if not isinstance(event, e.Finished)])
        assert b'"error"' in told.rstrip().split(b"\n")[-1], dialect


@given(answers())
def test_openai_s_client_parses_what_is_written_for_it(events: list[e.Event]) -> None:
    answer = fold(events)
    parsed = ChatCompletion.model_validate_json(openai_chat.write_whole(answer, 1), strict=True)
    text, _, calls, *_ = said(answer)
    message = parsed.choices[0].message
    assert (message.content or "") == text
    assert [call.id for call in message.tool_calls or ()] == [id for id, *_ in calls]
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == parsed.usage.prompt_tokens + parsed.usage.completion_tokens
    for line in stream("openai_chat", events).split(b"\n\n"):
        if line and line != b"data: [DONE]":
            ChatCompletionChunk.model_validate_json(line.removeprefix(b"data: "), strict=True)


@given(answers())
def test_anthropic_s_client_parses_what_is_written_for_it(events: list[e.Event]) -> None:
    parsed = Message.model_validate_json(anthropic.write_whole(fold(events)), strict=True)
    assert parsed.stop_reason in ("end_turn", "max_tokens", "tool_use")
    kinds = []
    for event in SseParser().feed(stream("anthropic", events)):
        STREAM_EVENT.validate_json(event.data, strict=True)
        kinds.append(orjson.loads(event.data)["type"])
        assert event.name.decode() == kinds[-1]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    opened = [kind for kind in kinds if kind.startswith("content_block_st")]
    assert opened == ["content_block_start", "content_block_stop"] * (len(opened) // 2)


def gemini_response(parts: list[Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "modelVersion": "gemini-3", "responseId": "r1", **more}


def frames(*values: Any) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % orjson.dumps(value) for value in values)


def test_gemini_s_answer_is_the_same_whole_and_streamed() -> None:
    from google.genai.types import GenerateContentResponse  # it takes long, and no other test needs it

    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 5, "totalTokenCount": 15}
    thought = {"text": "hm", "thought": True}
    call = {"functionCall": {"name": "now", "args": {"zone": "UTC"}}, "thoughtSignature": "c2ln"}
    one = gemini_response([thought, {"text": "Hel"}, {"text": "lo"}, call], usageMetadata=usage)
    GenerateContentResponse.model_validate(one)
    several = [
        gemini_response([thought], None),
        gemini_response([{"text": "Hel"}], None, usageMetadata={"promptTokenCount": 7}),
        gemini_response([{"text": "lo"}, call], usageMetadata=usage),
    ]
    in_one = fold(gemini.GeminiReader(PlainFailures()).read_whole(orjson.dumps(one)))
    in_pieces = fold(read(gemini.GeminiReader(PlainFailures()), frames(*several)))
    assert said(in_one) == said(in_pieces)
    text, thoughts, [(id, name, arguments)], reason, prompt, completion = said(in_one)
    assert (text, thoughts, name, arguments, reason) == ("Hello", "hm", "now", {"zone": "UTC"}, "tool_calls")
    assert (prompt, completion, in_one.usage.reasoning_tokens) == (7, 8, 5)
    assert id.startswith("call_")


def test_calls_without_an_id_get_one_of_their_own() -> None:
    call = {"functionCall": {"name": "now", "args": {}}}
    first = gemini.GeminiReader(PlainFailures()).read_whole(orjson.dumps(gemini_response([call, call])))
    second = gemini.GeminiReader(PlainFailures()).read_whole(
        orjson.dumps(gemini_response([call], responseId="r2"))
    )
    ids = [event.id for event in first + second if isinstance(event, e.ToolCallBegun)]
    assert len(set(ids)) == 3


@each_row(
    "value",
    [
        {"candidates": []},
        gemini_response([{"text": "x"}], None),
        gemini_response([], "MALFORMED_FUNCTION_CALL"),
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"candidates": [3]},
        {"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]},
    ],
)
def test_an_answer_of_gemini_s_that_is_none_has_failed(value: Any) -> None:
    for found in (
        gemini.GeminiReader(PlainFailures()).read_whole(orjson.dumps(value)),
        read(gemini.GeminiReader(PlainFailures()), frames(value)),
    ):
        assert isinstance(found[-1], e.Failed)


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


def test_a_stream_of_openai_s_wire_is_whole_without_its_end_marker() -> None:
    found = read(
        openai_chat.OpenAIChatReader(PlainFailures()), frames(chunk({"content": "all"}), chunk({}, "stop"))
    )
    assert said(fold(found))[0] == "all"


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
TOO_EARLY = {
    "openai_chat": [
        chunk({"content": "Hel"}, "stop"),
        chunk({"content": "lo"}, "stop"),
        chunk({"tool_calls": [CALL]}, "stop"),
    ],
    "gemini": [
        gemini_response([], "STOP"),
        gemini_response([{"text": "Hel"}]),
        gemini_response([{"text": "lo"}], "STOP"),
        gemini_response([{"functionCall": {"name": "now", "args": {}}}]),
    ],
}
"""Streams that say that they end before they do."""


ASKED: dict[str, Any] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}


@each_row("client", CLIENT_SIDES)
@each_row("provider", TOO_EARLY)
def test_what_comes_behind_a_first_reason_is_a_part_of_the_answer(provider: str, client: str) -> None:
    events = read(PROVIDER_SIDES[provider].reader(PlainFailures()), frames(*TOO_EARLY[provider]))
    side = CLIENT_SIDES[client]
    writer = side.stream(side.read_request(ASKED[client]), 1)
    told = b"".join(map(writer.write, events)) + writer.end()
    again = said(fold(read(PROVIDER_SIDES[client].reader(PlainFailures()), told)))
    assert (again[0], again[2][0][1], again[3]) == ("Hello", "now", "tool_calls")
    if client == "openai_responses":
        [message, _] = orjson.loads(SseParser().feed(told)[-1].data)["response"]["output"]
        assert [part["text"] for part in message["content"]] == ["Hello"]


def test_a_reason_that_says_more_is_kept() -> None:
    found = read(
        gemini.GeminiReader(PlainFailures()),
        frames(gemini_response([{"text": "a"}]), gemini_response([], "MAX_TOKENS"), gemini_response([])),
    )
    assert said(fold(found))[3] == "length"


@pytest.mark.parametrize(
    ("reader", "values"),
    [
        (gemini.GeminiReader, [gemini_response([{"text": "all"}])]),
        (
            anthropic.AnthropicReader,
            [
                {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 3}}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "all"}},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": 1},
                },
            ],
        ),
    ],
)
def test_the_end_mark_of_openai_s_streams_ends_others_that_are_whole(reader: Any, values: list[Any]) -> None:
    done = b"data: [DONE]\n\n"
    found = read(reader(PlainFailures()), frames(*values) + done)
    assert said(fold(found))[0] == "all"
    assert isinstance(read(reader(PlainFailures()), frames(*values[:-1]) + done)[-1], e.Failed)


def test_a_stream_of_openai_s_wire_without_a_reason_is_cut_off() -> None:
    found = read(openai_chat.OpenAIChatReader(PlainFailures()), frames(chunk({"content": "all"})))
    assert isinstance(found[-1], e.Failed)
    assert found[-1].began


@each_row(
    "value",
    [
        {"choices": []},
        {"error": {"message": "no"}},
        {
            "choices": [
                {"index": 0, "message": {"content": ""}, "finish_reason": "error", "error": {"message": "no"}}
            ]
        },
        {"choices": [{"index": 0, "message": {"content": "He"}, "finish_reason": "network_error"}]},
        {"choices": [{"index": 0, "message": {}, "finish_reason": "insufficient_system_resource"}]},
        {"choices": [{"message": {}, "finish_reason": "stop", "native_finish_reason": "network_error"}]},
        {"choices": [{"index": 0, "message": "Hello."}]},
        {"choices": [3]},
        [],
        "no",
    ],
)
def test_an_answer_of_openai_s_wire_that_is_none_has_failed(value: Any) -> None:
    found = openai_chat.OpenAIChatReader(PlainFailures()).read_whole(orjson.dumps(value))
    assert isinstance(found[-1], e.Failed)


@pytest.mark.parametrize("places", [(0, 1), (0, 0), (None, None)])
def test_calls_that_are_all_numbered_alike_stay_apart(places: Any) -> None:
    calls = [
        {"index": place, "id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": f"[{n}]"}}
        for n, place in enumerate(places)
    ]
    events = frames(*(chunk({"tool_calls": [call]}) for call in calls), chunk({}, "tool_calls"))
    answer = fold(read(openai_chat.OpenAIChatReader(PlainFailures()), events))
    assert [(c.id, c.arguments) for c in answer.choices[0].parts if isinstance(c, ToolCall)] == [
        ("c0", "[0]"),
        ("c1", "[1]"),
    ]


def test_several_answers_go_their_ways() -> None:
    both = [chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"), chunk({}, "length")]
    both[1]["choices"][0]["index"] = both[3]["choices"][0]["index"] = 1
    events = read(openai_chat.OpenAIChatReader(PlainFailures()), frames(*both))
    assert [(c.index, c.reason) for c in fold(events).choices] == [(0, "stop"), (1, "length")]
    again = fold(read(openai_chat.OpenAIChatReader(PlainFailures()), stream("openai_chat", events)))
    assert [c.parts for c in again.choices] == [(Text("a"),), (Text("b"),)]


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}],
        [{"type": "message_start", "message": {"usage": {}}}, {"type": "message_stop"}],
        [{"type": "message_start", "message": {}}, {"type": "content_block_delta", "index": 3, "delta": {}}],
        [{"type": "message_start"}],
        [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}],
    ],
)
def test_a_stream_of_anthropic_s_that_breaks_its_order_has_failed(events: list[Any]) -> None:
    found = read(anthropic.AnthropicReader(PlainFailures()), frames(*events))
    assert isinstance(found[-1], e.Failed)


def test_what_anthropic_runs_itself_goes_out_as_it_came() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    source = {"type": "web_search_result_location", "url": "https://x.org", "title": "X", "cited_text": "x"}
    source |= {"encrypted_index": "e"}
    text = {"type": "text", "text": "It is so.", "citations": [source]}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "content": [search, text]}
    message |= {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    events = anthropic.AnthropicReader(PlainFailures()).read_whole(orjson.dumps(message))
    assert orjson.loads(anthropic.write_whole(fold(events))) == message
    streamed = read(anthropic.AnthropicReader(PlainFailures()), stream("anthropic", events))
    assert orjson.loads(anthropic.write_whole(fold(streamed))) == message
    told = orjson.loads(openai_chat.write_whole(fold(events), 1))["choices"][0]["message"]
    assert told["annotations"][0]["url_citation"]["url"] == "https://x.org"


def test_errors_are_told_in_the_client_s_dialect() -> None:
    error = RateLimited("slow down", request_id="req_1")
    assert openai_chat.write_error(error)["error"]["type"] == "rate_limit_error"
    told = {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "slow down"},
        "request_id": "req_1",
    }
    assert anthropic.write_error(error) == told


@pytest.mark.parametrize(
    ("status", "type"),
    [(405, "invalid_request_error"), (415, "invalid_request_error"), (500, "api_error"), (503, "api_error")],
)
def test_statuses_that_anthropic_has_no_word_for_are_mistakes_of_clients_or_of_servers(
    status: int, type: str
) -> None:
    error = RequestError("no")
    error.status = status
    assert anthropic.write_error(error)["error"]["type"] == type


def test_a_conversation_that_is_too_long_is_told_in_the_words_that_clients_shorten_it_by() -> None:
    for said in ("a maximum context length of 9 tokens", "Prompt is too long: 9 tokens"):
        error = BadRequest(said, code="context_length_exceeded")
        told = anthropic.write_error(error)["error"]["message"]
        assert told.lower().count("prompt is too long") == 1
        assert told.endswith(said)


def test_a_failed_answer_cannot_be_folded() -> None:
    with pytest.raises(RequestError):
        fold([e.Started("a", "m"), e.Failed(RequestError("no"), began=False)])


def test_a_call_in_an_answer_that_is_whole_without_a_reason_ends_it() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    packets = frames(chunk({"tool_calls": [call]})), b"data: [DONE]\n\n"
    found = read(openai_chat.OpenAIChatReader(PlainFailures()), *packets)
    assert found[-2:] == [e.ToolCallDone(0, 0), e.Finished("tool_calls", 0)]


def chat_message(events: list[e.Event]) -> dict[str, Any]:
    """What a client of chat completions is told beside the words, whole and in pieces, which is the same."""
    message = orjson.loads(whole("openai_chat", fold(events)))["choices"][0]["message"]
    told: dict[str, Any] = {}
    for frame in stream("openai_chat", events).split(b"\n\n"):
        if frame.startswith(b"data: {"):
            for choice in orjson.loads(frame[6:])["choices"]:
                told |= choice["delta"]
    for name in ("extra_content", "images"):
        assert told.get(name) == message.get(name)
    return dict(message)


def test_a_chat_client_gets_claudes_signed_thoughts_without_any_call() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    late = {"type": "thinking", "thinking": "so", "signature": "t"}
    hidden = {"type": "redacted_thinking", "data": "ZGF0YQ=="}
    words = {"type": "text", "text": "Noon."}
    for content, kept in (
        ([thought, hidden, words], [thought, hidden]),
        ([thought, words, late, words], [thought]),  # the place of the other would be lost
        ([words, late], None),
    ):
        value = {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": content,
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        events = [*anthropic.AnthropicReader(PlainFailures()).read_whole(orjson.dumps(value))]
        extra = chat_message(events).get("extra_content")
        assert extra == (None if kept is None else {"anthropic": {"thinking": kept}})


def test_a_picture_of_gemini_s_has_its_signature_with_it() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "R0dH"}, "thoughtSignature": "AAAA"}
    answer = orjson.dumps(gemini_response([part]))
    events = [*gemini.GeminiReader(PlainFailures()).read_whole(answer)]
    [image] = chat_message(events)["images"]
    assert image["image_url"]["url"] == "data:image/png;base64,R0dH"
    assert image["extra_content"] == {"google": {"thought_signature": "AAAA"}}


def test_a_picture_among_gemini_s_thoughts_is_told() -> None:
    picture = {"mimeType": "image/png", "data": "aGk="}
    parts = [{"thought": True, "inlineData": picture}, {"text": "done"}]
    answer = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    events = gemini.GeminiReader(PlainFailures()).read_whole(orjson.dumps(answer))
    told = [each for each in events if isinstance(each, e.FieldsMade)]
    assert [(each.fields, each.of) for each in told] == [({"inlineData": picture}, "message")]


CREATED = {"type": "response.created", "response": {"id": "r", "model": "m"}}
MESSAGE_ITEM = {"type": "message", "content": [{"type": "output_text", "text": "Hello."}]}
CALL_ITEM = {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'}
THOUGHT_ITEM = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}


def ended(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "output": [*output]}}


def done(place: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def said_by(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **more}


@pytest.mark.parametrize(
    "told",
    [
        [ended(THOUGHT_ITEM, MESSAGE_ITEM, CALL_ITEM)],
        [done(0, THOUGHT_ITEM), done(1, MESSAGE_ITEM), done(2, CALL_ITEM), ended()],
        [
            *(done(0, THOUGHT_ITEM), said_by("output_text.done", output_index=1, text="Hello.")),
            *(done(1, MESSAGE_ITEM), ended(THOUGHT_ITEM, MESSAGE_ITEM, CALL_ITEM)),
        ],
        [
            said_by("reasoning_summary_text.delta", delta="hm"),
            said_by("output_text.delta", delta="Hel"),
            said_by("output_text.delta", delta="lo."),
            ended(THOUGHT_ITEM, MESSAGE_ITEM, CALL_ITEM),
        ],
        [
            said_by("reasoning_summary_text.delta", output_index=0, delta="hm"),
            said_by("output_text.delta", output_index=1, delta="Hello."),
            said_by("output_item.added", output_index=2, item={**CALL_ITEM, "arguments": ""}),
            said_by("function_call_arguments.done", output_index=2, arguments=CALL_ITEM["arguments"]),
            *(done(0, THOUGHT_ITEM), done(1, MESSAGE_ITEM), done(2, CALL_ITEM)),
            ended(THOUGHT_ITEM, MESSAGE_ITEM, CALL_ITEM),
        ],
        [
            said_by("reasoning_text.delta", item_id="rs", delta="hm"),
            said_by("output_text.delta", item_id="msg", delta="Hello."),
            said_by("output_item.added", item={**CALL_ITEM, "arguments": ""}),
            said_by("function_call_arguments.delta", item_id="a", delta='{"x":1}'),
            said_by("output_item.done", item={**THOUGHT_ITEM, "id": "rs"}),
            said_by("output_item.done", item={**MESSAGE_ITEM, "id": "msg"}),
            said_by("output_item.done", item=CALL_ITEM),
            ended(THOUGHT_ITEM, MESSAGE_ITEM, CALL_ITEM),
        ],
    ],
    ids=["in the end alone", "in items", "in texts that are done", "without places", "in pieces", "by ids"],
)
def test_a_response_is_told_once_wherever_a_server_tells_it(told: list[Any]) -> None:
    reader = openai_responses.ResponsesReader(PlainFailures())
    [choice] = fold(read(reader, frames(CREATED, *told))).choices
    thought, text, call = [part for part in choice.parts if not isinstance(part, Sealed)]
    assert isinstance(thought, Thinking)
    assert (thought.text, text) == ("hm", Text("Hello."))
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments) == ("a", "f", '{"x":1}')
    assert choice.reason == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"message": {"content": {"type": "text", "text": "Hello."}}}, "Hello."),
        ({"message": {"content": {"name": "Ada"}}}, '{"name":"Ada"}'),
        ({"message": {"content": 5}}, "5"),
        ({"delta": {"content": "Hello."}}, "Hello."),
        ({"text": "Hello."}, "Hello."),
    ],
    ids=["a part", "JSON that was read", "a number", "as a chunk", "as a completion"],
)
def test_an_answer_of_another_shape_is_not_an_empty_one(choice: dict[str, Any], text: str) -> None:
    body = orjson.dumps({"id": "c", "choices": [{"index": 0, **choice, "finish_reason": "stop"}]})
    [found] = fold(openai_chat.OpenAIChatReader(PlainFailures()).read_whole(body)).choices
    assert found.parts == (Text(text),)
    if "text" not in choice:
        compatible = Classifier(evolve(wire_plan("openai"), provider=ProviderKind.OPENAI_COMPATIBLE), None)
        [passed] = orjson.loads(read_whole(body, compatible).data)["choices"]
        assert passed["message"]["content"] == text


USE = {"type": "tool_use", "id": "a", "name": "f", "input": '{"x":1}'}
WORDS = {"type": "text", "text": "Hello."}
AS_WORDS = {"id": "m", "model": "m", "content": [USE], "stop_reason": "end_turn"}
USE_AT_AMAZON = {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}}
AT_AMAZON = {"output": {"message": {"content": [USE_AT_AMAZON]}}, "stopReason": "end_turn", "usage": {}}


@pytest.mark.parametrize(
    ("reader", "body"),
    [
        (anthropic.AnthropicReader, AS_WORDS),
        (anthropic.AnthropicReader, {**AS_WORDS, "stop_reason": None}),
        (bedrock.BedrockReader, AT_AMAZON),
    ],
    ids=["anthropic", "without a reason", "bedrock"],
)
def test_calls_of_a_message_that_ends_as_words_do_are_calls_for_clients(reader: Any, body: Any) -> None:
    found = reader(PlainFailures()).read_whole(orjson.dumps(body))
    [choice] = orjson.loads(whole("openai_chat", fold(found)))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    assert b'"finish_reason":"tool_calls"' in stream("openai_chat", found)
    assert orjson.loads(whole("anthropic", fold(found)))["stop_reason"] == "tool_use"
    assert b'"stop_reason":"tool_use"' in stream("anthropic", found)


@pytest.mark.parametrize(
    "told",
    [{"content": [{"type": "text"}, WORDS]}, {"content": [WORDS], "stop_reason": None}],
    ids=["a text without words", "without a reason"],
)
def test_words_that_no_call_follows_are_an_answer(told: dict[str, Any]) -> None:
    body = orjson.dumps({**AS_WORDS, **told})
    [choice] = fold(anthropic.AnthropicReader(PlainFailures()).read_whole(body)).choices
    assert (choice.reason, choice.parts) == ("stop", (Text("Hello."),))


LONG = b"-0.12345678901234567890123"
CERTAIN = (
    b'{"id": "1", "model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop",'
    b' "logprobs": {"content": [{"token": "hi", "logprob": %b, "bytes": null, "top_logprobs": []}]}}],'
    b' "cost": %b}' % (LONG, LONG)
)


def test_a_number_of_more_digits_than_a_machine_s_has_reaches_clients_of_every_protocol() -> None:
    events = list(openai_chat.OpenAIChatReader(PlainFailures()).read_whole(CERTAIN))
    assert LONG in stream("openai_chat", events)
    assert LONG in whole("openai_chat", fold(events))
    asked = openai_responses.read_request({"model": "m", "input": "x", "top_logprobs": 1})
    made = openai_responses.ResponsesWriter(asked, 1)
    assert LONG in b"".join(made.write(event) for event in events) + made.end()
    assert LONG in openai_responses.ResponsesWriter(asked, 1).whole(fold(events))


def test_so_does_one_among_the_fields_of_anthropic_s_own() -> None:
    message = (
        b'{"id": "1", "type": "message", "role": "assistant", "model": "m", "content":'
        b' [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",'
        b' "stop_sequence": null, "container": {"score": %b},'
        b' "usage": {"input_tokens": 1, "output_tokens": 1}}' % LONG
    )
    events = list(anthropic.AnthropicReader(PlainFailures()).read_whole(message))
    assert LONG in whole("anthropic", fold(events))
    assert LONG in stream("anthropic", events)


def test_a_choice_without_a_message_is_no_answer() -> None:
    said = {"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop"}]}
    with pytest.raises(ServerError, match="says nothing"):
        fold(openai_chat.OpenAIChatReader(PlainFailures()).read_whole(orjson.dumps(said)))


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("anthropic", {"id": "1", "model": "m", "content": [{}], "stop_reason": "end_turn", "usage": {}}),
        ("openai_responses", {"id": "1", "model": "m", "status": "completed", "output": [{}], "usage": {}}),
    ],
)
def test_a_part_of_an_answer_without_a_type_is_no_answer(dialect: str, said: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        fold(PROVIDER_SIDES[dialect].reader(PlainFailures()).read_whole(orjson.dumps(said)))


@pytest.mark.parametrize("details", [None, [[]], True, "x", 5])
def test_details_of_usage_that_are_no_object_tell_nothing(details: Any) -> None:
    usage = {"input_tokens": 2, "output_tokens": 1, "input_tokens_details": details}
    said = {"id": "1", "model": "m", "status": "completed", "output": [], "usage": usage}
    events = list(PROVIDER_SIDES["openai_responses"].reader(PlainFailures()).read_whole(orjson.dumps(said)))
    side = CLIENT_SIDES["openai_responses"]
    asked = side.read_request({"model": "m", "input": "x"})
    told = orjson.loads(side.whole(asked, 0, fold(events)))["usage"]
    assert told["input_tokens_details"]["cached_tokens"] == 0

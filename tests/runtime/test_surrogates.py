"""Characters that a provider cut in two, between the chunks of a stream or for good, reach clients whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import example, given, strategies as st

from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.chunks import streamed_answer
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.dialects.server_sent_events import Event, SseParser
from inferc.runtime.dialects.surrogates import SurrogateJoiner, without_halves
from inferc.runtime.dialects.tool_arguments import arguments_object
from inferc.runtime.gateway.outgoing.chat_writer import ChatWriter
from inferc.runtime.replicas.remote.chat_answers import read_events
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.replicas.remote.passthrough.requests import Passed
from inferc.runtime.requests.request import ChatRequest, CompletionRequest, PassedRequest

from ..support.examples import FEWER
from ..support.pieces import RANDOMS
from ..support.rows import each_row
from ..support.wires import wire_plan

Json = dict[str, Any]
USER = {"role": "user", "content": "hi"}


def chat_chunk(delta: Json, reason: str | None = None, index: int = 0) -> Json:
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def in_openai(text: list[str], field: str = "content") -> list[Json]:
    return [*(chat_chunk({field: piece}) for piece in text), chat_chunk({}, "stop")]


def in_anthropic(text: list[str]) -> list[Json]:
    return [
        {"type": "message_start", "message": {"id": "m", "model": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in text
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


def in_gemini(text: list[str]) -> list[Json]:
    told = [{"candidates": [{"content": {"parts": [{"text": piece}]}}]} for piece in text]
    return [*told, {"candidates": [{"finishReason": "STOP"}]}]


def in_responses(text: list[str]) -> list[Json]:
    at = {"item_id": "i", "output_index": 0, "content_index": 0}
    response = {"id": "r", "model": "m", "status": "completed", "output": []}
    return [
        {"type": "response.created", "response": response},
        *({"type": "response.output_text.delta", **at, "delta": piece} for piece in text),
        {"type": "response.completed", "response": response},
    ]


UPSTREAMS: dict[str, Callable[[list[str]], list[Json]]] = {
    "openai": in_openai,
    "anthropic": in_anthropic,
    "gemini": in_gemini,
    "responses": in_responses,
}


def as_sent(events: list[Json], *, done: bool) -> bytes:
    """As bytes: `json` escapes halves as those providers do."""
    names = [b"event: %b\n" % each["type"].encode() if "type" in each else b"" for each in events]
    told = [
        name + b"data: %b\n\n" % json.dumps(each).encode() for name, each in zip(names, events, strict=True)
    ]
    return b"".join(told) + (b"data: [DONE]\n\n" if done else b"")


def asked_in(client: str, *, stream: bool = True) -> ChatRequest:
    body: Json = {"model": "m", "stream": stream}
    if client == "openai_chat":
        return ChatRequest({**body, "messages": [USER]}, stream)
    body |= {"input": "hi"} if client == "openai_responses" else {"messages": [USER], "max_tokens": 9}
    return said_in(client, body, CLIENT_SIDES[client].read_request(body))


def chats_of(upstream: str) -> tuple[Chats, Classifier]:
    plan = wire_plan("openai" if upstream == "responses" else upstream)
    return Chats(plan, responses=upstream == "responses"), Classifier(plan, None)


def heard(upstream: str, client: str, events: list[Json]) -> list[Json]:
    """The events that the client gets, each read by a parser that refuses halves."""
    chats, classifier = chats_of(upstream)
    request = asked_in(client)
    reader, writer = chats.reader(request, chats.fit(request), classifier), ChatWriter(request)
    told = b""
    stream = as_sent(events, done=upstream == "openai")
    for data in SseParser().feed(stream):
        pieces, error = read_events(reader, [data], closing=False)
        assert error is None
        told += b"".join(map(writer.write, pieces))
    pieces, error = read_events(reader, [], closing=True) if not reader.ended else ([], None)
    assert error is None
    assert reader.ended
    told += b"".join(map(writer.write, pieces)) + writer.end()
    return [orjson.loads(each.data) for each in SseParser().feed(told) if each.data != b"[DONE]"]


def said(events: list[Json], field: str = "content") -> str:
    """The text that the client puts together."""
    text = ""
    for event in events:
        if event.get("type") in ("response.output_text.delta",):
            text += event["delta"]
        elif event.get("type") == "content_block_delta":
            text += event["delta"].get("text", "")
        for choice in event.get("choices") or ():
            text += choice["delta"].get(field) or ""
    return text


def cut(text: str, places: list[int]) -> list[str]:
    """`text` in pieces, cut at these places in UTF-16."""
    units = text.encode("utf-16-le")
    at = [0, *sorted(2 * (place % (len(units) // 2 + 1)) for place in places), len(units)]
    return [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in pairwise(at)]


TEXTS = st.text(st.sampled_from("aé€😀𝄞👩\u200d🚀"), max_size=8) | st.text(max_size=8)
PLACES = RANDOMS.map(lambda random: random.choices(range(17), k=random.randint(0, 6)))
CLIENTS = ("openai_chat", "anthropic", "openai_responses")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
@FEWER
@given(text=TEXTS, places=PLACES)
@example(text="a😀b", places=[2])
@example(text="😀😀", places=[1, 2, 3])
def test_a_text_that_is_cut_anywhere_arrives_whole(
    upstream: str, client: str, text: str, places: list[int]
) -> None:
    assert said(heard(upstream, client, UPSTREAMS[upstream](cut(text, places)))) == text


@each_row("client", CLIENTS)
@each_row("upstream", UPSTREAMS)
def test_a_half_whose_other_one_never_comes_is_told_as_unreadable(upstream: str, client: str) -> None:
    for pieces in (["a\ud83d"], ["a\ud83d", "b", "c"], ["a", "\ude00b"], ["\ud83d", "\ud83d", "\ude00"]):
        whole = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        assert said(heard(upstream, client, UPSTREAMS[upstream](pieces))) == whole


@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning", "refusal"])
def test_each_field_and_choice_is_joined_apart(field: str) -> None:
    events = [
        chat_chunk({field: "a\ud83d"}),
        chat_chunk({field: "b\ud83d"}, index=1),
        chat_chunk({}, "stop", index=1),
        chat_chunk({"content" if field != "content" else "refusal": "between"}),
        chat_chunk({field: "\ude00!"}),
        chat_chunk({}, "stop"),
    ]
    told = heard("openai", "openai_chat", events)
    first, second = ([e for e in told if e["choices"][0]["index"] == index] for index in (0, 1))
    assert said(first, field) == "a😀!"
    assert said(second, field) == "b\ufffd"


@pytest.mark.parametrize("client", CLIENTS)
def test_the_arguments_of_each_call_are_joined(client: str) -> None:
    def call(number: int, **more: Any) -> Json:
        return chat_chunk({"tool_calls": [{"index": number, **more}]})

    events = [
        call(0, id="x", type="function", function={"name": "f", "arguments": '{"a": "\ud83d'}),
        call(1, id="y", type="function", function={"name": "f", "arguments": '{"a": "\ud83c'}),
        call(0, function={"arguments": '\ude00"}'}),
        call(1, function={"arguments": '\udf89"}'}),
        chat_chunk({}, "tool_calls"),
    ]
    told = json.dumps(heard("openai", client, events), ensure_ascii=False)
    assert "😀" in told
    assert "🎉" in told
    assert "\ufffd" not in told


def test_arguments_that_come_in_one_piece_have_no_halves() -> None:
    told = {
        "candidates": [
            {"content": {"parts": [{"functionCall": {"name": "f", "args": {"a\ud83d": "\ud83d"}}}]}}
        ]
    }
    events = heard("gemini", "openai_chat", [told, {"candidates": [{"finishReason": "STOP"}]}])
    calls = [c for e in events for c in e["choices"][0]["delta"].get("tool_calls", ())]
    assert json.loads("".join(c["function"].get("arguments", "") for c in calls)) == {"a\ufffd": "\ufffd"}
    assert orjson.loads(orjson.dumps(arguments_object(r'{"a": "\ud83d", "n": 1.50}'))) == {
        "a": "\ufffd",
        "n": 1.5,
    }


@given(
    texts=st.tuples(*[st.tuples(TEXTS, PLACES)] * 4),
    order=st.lists(st.integers(0, 3), max_size=24),
)
def test_texts_that_come_by_turns_are_joined_apart(
    texts: tuple[tuple[str, list[int]], ...], order: list[int]
) -> None:
    places = [(index, field) for index in (0, 1) for field in ("content", "reasoning_content")]
    left = [iter(cut(*text)) for text in texts]
    events = [
        chat_chunk({field: piece}, index=index)
        for turn in [*order, *sorted([0, 1, 2, 3] * 8)]
        for index, field in places[turn : turn + 1]
        for piece in (next(left[turn], None),)
        if piece is not None
    ]
    joiner = SurrogateJoiner()
    joined = [each for event in SseParser().feed(as_sent(events, done=True)) for each in joiner.feed(event)]
    assert joined[-1].data == b"[DONE]"
    told = dict.fromkeys(places, "")
    for each in joined[:-1]:
        [choice] = orjson.loads(each.data)["choices"]
        [(field, piece)] = choice["delta"].items()
        told[choice["index"], field] += piece
    assert len(joined) == len(events) + 1
    assert list(told.values()) == [text for text, _ in texts]


@given(text=TEXTS, places=PLACES)
def test_completions_are_joined(text: str, places: list[int]) -> None:
    plan = wire_plan("openai")
    request = CompletionRequest({"model": "m", "prompt": "hi", "stream": True}, True)
    chunks = [
        {"choices": [{"index": 0, "text": piece, "finish_reason": None}]} for piece in cut(text, places)
    ]
    events = SseParser().feed(as_sent(chunks, done=True))
    pieces, error = read_events(Passed(plan).reader(request, Classifier(plan, None)), events, closing=True)
    assert error is None
    assert "".join(orjson.loads(each.data)["choices"][0]["text"] for each in pieces) == text


WHOLE: dict[str, Json] = {
    "openai": {"choices": [{"index": 0, "message": {"content": "a\ud83d"}, "finish_reason": "stop"}]},
    "anthropic": {"content": [{"type": "text", "text": "a\ud83d"}], "stop_reason": "end_turn"},
    "gemini": {"candidates": [{"content": {"parts": [{"text": "a\ud83d"}]}, "finishReason": "STOP"}]},
    "responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "a\ud83d"}]}],
    },
}


@each_row("client", CLIENTS)
@each_row("upstream", WHOLE)
def test_half_a_character_in_a_whole_answer_is_told_as_unreadable(upstream: str, client: str) -> None:
    chats, classifier = chats_of(upstream)
    request = asked_in(client, stream=False)
    chunk = chats.whole(
        json.dumps({"id": "i", "model": "m"} | WHOLE[upstream]).encode(), chats.fit(request), classifier
    )
    told = ChatWriter(request).whole(chunk)
    assert "a\ufffd" in json.dumps(orjson.loads(told), ensure_ascii=False)


@pytest.mark.parametrize("client", CLIENTS)
def test_half_a_character_in_the_arguments_of_a_whole_answer_is_told_as_unreadable(client: str) -> None:
    chats, classifier = chats_of("openai")
    request = asked_in(client, stream=False)
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": r'{"a": "b\ud83d"}'}}
    choice = {"index": 0, "message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    chunk = chats.whole(json.dumps({"id": "i", "choices": [choice]}).encode(), chats.fit(request), classifier)
    told = json.dumps(orjson.loads(ChatWriter(request).whole(chunk)), ensure_ascii=False)
    assert "b\ufffd" in told


def test_what_has_no_halves_passes_as_it_came() -> None:
    for body in (
        rb'{"a" : "\ud83d\ude00"}',
        rb'{"arguments" : "[\"\\ud83d\\ude00\"]"}',
        b'{"a" : "\\\\udd"}',
    ):
        assert without_halves(body) == body


def test_half_a_character_in_a_transcript_is_told_as_unreadable() -> None:
    plan, request = wire_plan("openai"), PassedRequest("/audio/transcriptions", {"model": "m"})
    answer = Passed(plan).answer(request, rb'{"text": "\ud83d"}', Classifier(plan, None))
    assert answer.data == '{"text":"\ufffd"}'.encode()


def test_numbers_keep_their_value_beside_a_half() -> None:
    assert without_halves(rb'["\uD83D", 123456789012345678901234567890]') == (
        '["\ufffd",123456789012345678901234567890]'.encode()
    )


def test_what_is_broken_otherwise_stays_as_it_is() -> None:
    for broken in (
        rb'{"a": "\ud83d"',
        rb'["\ud83d", NaN]',
        b'["\\ud83d\xff"]',
        b'["\\ud83d"' + b"[" * 100_000,
    ):
        assert without_halves(broken) == broken
        assert SurrogateJoiner().feed(Event(b"", broken)) == [Event(b"", broken)]


def test_no_more_than_some_events_wait_for_the_other_half() -> None:
    joiner = SurrogateJoiner()
    assert joiner.feed(Event(b"", rb'{"text": "\ud83d"}')) == []
    others = [Event(b"", b'{"other": %d}' % number) for number in range(99)]
    told = [each for other in others for each in joiner.feed(other)]
    assert told == [Event(b"", '{"text":"\ufffd"}'.encode()), *others]


def test_an_answer_says_the_same_joined_as_read() -> None:
    plan = wire_plan("openai")
    events = SseParser().feed(as_sent(in_openai(["\ud83d", "\ude00"]), done=True))
    chats, asked = Chats(plan), asked_in("openai_chat")
    reader = chats.reader(asked, chats.fit(asked), Classifier(plan, None))
    pieces, _ = read_events(reader, events, closing=True)
    assert "😀" in str(streamed_answer(pieces))

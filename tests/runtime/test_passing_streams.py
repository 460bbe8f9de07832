"""Streams that go to the client as they come: what is said in them is noticed, however alike chunks look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.server_sent_events import Event
from inferc.runtime.replicas.remote.passthrough.streams import PassingReader
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.usage import Usage

from ..support.rows import each_row
from ..support.wires import wire_plan


def chunk(words: str, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
    return json.dumps({"id": "c", "model": "m", "choices": [choice | more]}).encode()


def reader() -> PassingReader:
    return PassingReader(Classifier(wire_plan("openai"), None), hide_usage=False)


def passed(*data: bytes) -> list[tuple[bytes, Usage | None]]:
    reading = reader()
    return [(each.data, each.usage) for one in data for each in reading.read(Event(b"", one))]


@given(st.lists(st.text(), max_size=8))
def test_every_chunk_passes_as_it_came(words: list[str]) -> None:
    chunks = [chunk(each) for each in words]
    assert passed(*chunks) == [(each, None) for each in chunks]


def test_usage_and_end_are_seen_behind_chunks_that_are_alike() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    last = json.dumps({"id": "c", "model": "m", "choices": [], "usage": usage}).encode()
    reading = reader()
    for each in (chunk("one"), chunk("two"), chunk("three"), chunk("", finish_reason="stop")):
        list(reading.read(Event(b"", each)))
    assert [each.usage for each in reading.read(Event(b"", last))] == [Usage(1, 2)]
    list(reading.close())
    assert reading.ended


@each_row(
    "odd",
    [
        chunk("two").replace(b"two", b'"'),
        chunk("two").replace(b"two", b"\\"),
        chunk("two").replace(b"two", b"\x01"),
        chunk("two").replace(b"two", b"\xff"),
        chunk("two")[:-1],
        chunk("two", finish_reason="error"),
        chunk("two", finish_reason="network_error"),
        chunk("", finish_reason="stop", native_finish_reason="network_error"),
        b'{"error": {"message": "broken"}, ' + chunk("two")[1:],
        chunk("two")[:-1] + b', "error": "broken"}',
        b'{"detail": "broken"}',
        b'{"code": "InternalError", "message": "broken", "request_id": "r"}',
        b'{"code": 500, "msg": "broken"}',
        chunk("two", index=[0]),
        chunk("two", delta="two"),
        chunk("two", index={}, finish_reason="stop"),
    ],
    ids=[
        "a quote",
        "a backslash",
        "a control",
        "no UTF-8",
        "cut off",
        "failed",
        "failed by name",
        "failed beneath",
        "an error",
        "one behind",
        "a detail alone",
        "a code with a message",
        "a code with less",
        "an index that is no number",
        "a delta that is no object",
        "an end without a number",
    ],
)
def test_what_is_broken_is_seen_behind_chunks_that_are_alike(odd: bytes) -> None:
    reading = reader()
    for each in (chunk("one"), chunk("one more")):
        list(reading.read(Event(b"", each)))
    with pytest.raises(RequestError):
        list(reading.read(Event(b"", odd)))


@pytest.mark.parametrize("said", [{"delta": None}, {}], ids=["null", "left out"])
def test_clients_find_a_delta_in_each_choice(said: dict[str, Any]) -> None:
    """Azure's filter, which looks at answers while they are sent, tells what it found without one."""
    filtered = {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 4}}
    ended = {"index": 0, "finish_reason": "stop"}
    for choice in (filtered, ended):
        data = json.dumps({"id": "c", "model": "m", "choices": [choice | said]}).encode()
        [(sent, _)] = passed(chunk("one"), data)[1:]
        assert json.loads(sent)["choices"] == [choice | {"delta": {}}]


@pytest.mark.parametrize("nothing", [b"", b" ", b"null", b" null "])
def test_an_event_that_says_nothing_is_not_told(nothing: bytes) -> None:
    """As servers in between send them: https://github.com/anomalyco/opencode/issues/50314."""
    chunks = [chunk("one"), chunk("two"), chunk("three")]
    assert [data for data, _ in passed(chunks[0], nothing, chunks[1], nothing, chunks[2])] == chunks


def test_clients_find_choices_in_each_chunk() -> None:
    """v0 tells the usage without any (https://github.com/vercel/ai/issues/7417)."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    [(sent, told)] = passed(chunk("one"), json.dumps({"id": "c", "model": "m", "usage": usage}).encode())[1:]
    assert json.loads(sent) == {"id": "c", "model": "m", "usage": usage, "choices": []}
    assert told == Usage(1, 2)


def test_usage_in_a_choice_is_seen_each_time() -> None:
    """Moonshot tells it there: https://github.com/AstrBotDevs/AstrBot/issues/6614."""
    ends = [
        chunk("", finish_reason="stop", usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        for _ in range(2)
    ]
    assert [usage for _, usage in passed(chunk("one"), *ends)] == [None, Usage(1, 2), Usage(1, 2)]


def test_a_stream_of_its_end_marker_alone_is_no_answer() -> None:
    with pytest.raises(RequestError, match="no choices"):
        passed(b"[DONE]")


def test_an_end_marker_is_enough_where_no_chunk_says_why_it_ended() -> None:
    reading = reader()
    for each in (chunk("all of it"), b"[DONE]"):
        list(reading.read(Event(b"", each)))
    assert reading.ended


def thinking(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": words}], **more}


@each_row(
    "last",
    [
        {"delta": {"content": "So."}},
        {"delta": {"content": [{"type": "text", "text": "So."}]}},
        {"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}},
        {"delta": {}, "finish_reason": "stop"},
    ],
)
@each_row("signed", [0, 1])
def test_a_thought_that_mistral_signed_is_told_once_with_all_its_words(
    last: dict[str, Any], signed: int
) -> None:
    parts = [thinking("I "), thinking("think.")]
    parts[signed]["signature"] = "c2ln"
    told = [{"index": 0, "delta": {"content": [part]}, "finish_reason": None} for part in parts]
    told.append({"index": 0, "finish_reason": None, **last})
    got = passed(*(json.dumps({"id": "c", "model": "m", "choices": [each]}).encode() for each in told))
    deltas = [json.loads(data)["choices"][0]["delta"] for data, _ in got]
    assert [delta.get("reasoning_content") for delta in deltas] == ["I ", "think.", None]
    assert [delta.get("reasoning_details") for delta in deltas[:2]] == [None, None]
    assert deltas[2]["reasoning_details"] == [
        {"type": "reasoning.text", "format": "mistral.thinking", "signature": "c2ln", "text": "I think."}
    ]
    words = "So." if last["delta"].get("content") else None
    assert (deltas[2].get("content") or None) == words


def test_a_thought_ends_before_words_of_a_known_shape() -> None:
    reading = reader()
    for words in ("one", "two"):
        list(reading.read(Event(b"", chunk(words))))
    part = json.dumps([thinking("hm", signature="c2ln")]).encode()
    list(reading.read(Event(b"", chunk("?").replace(b'"?"', part))))
    [told] = reading.read(Event(b"", chunk("three")))
    assert b"c2ln" in told.data
    [plain] = reading.read(Event(b"", chunk("four")))
    assert plain.data == chunk("four")

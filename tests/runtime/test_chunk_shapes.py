"""Chunks that look like others are known by their bytes: what is noticed in them is what their JSON says."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.runtime.dialects.openai_chat import chunk_shapes
from inferc.runtime.dialects.openai_chat.chunk_shapes import ChunkShapes
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.server_sent_events import Event, SseParser
from inferc.runtime.replicas.remote.chat_answers import read_events
from inferc.runtime.replicas.remote.passthrough.streams import PassingReader
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.first_content import has_content

from ..support.objects import objects
from ..support.rows import each_row
from ..support.wires import wire_plan

CLASSIFIER = Classifier(wire_plan("openai"), None)
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


class Unlearning(ChunkShapes):
    """Knows no shape: each chunk is read as JSON."""

    def find(self, *_: Any) -> None:
        return None

    def learn(self, *_: Any) -> None:
        return None


texts = st.text(max_size=6) | st.sampled_from(
    ["", " the", "\n\n", '"', "\\", "é", "😀", "}{", '","error":"x']
)
deltas = texts.map(lambda text: {"content": text}) | st.sampled_from(
    [
        {},
        {"role": "assistant", "content": ""},
        {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": '{"a'}}]},
        {"content": [{"type": "text", "text": "parts"}]},
        {"reasoning_content": "hm", "usage": {}},
    ]
)
choices = objects(
    {"index": [0, 0, 0, 1], "delta": deltas, "finish_reason": [None, None, None, "stop", "length", "error"]},
    logprobs=None,
    error=["", None, "broken"],
)
chunks = objects(
    {
        "id": ["chatcmpl-1", "chatcmpl-22", "é"],
        "object": "chat.completion.chunk",
        "created": st.integers(0, 2**64) | st.just(1_700_000_000),
        "choices": st.lists(choices, max_size=2),
    },
    usage=[None, USAGE, USAGE | DETAILS, {}, USAGE | {"prompt_tokens": -1}, {"a": "}"}],
    obfuscation=texts,
    x_groq=[{"id": "req"}, {"error": "over"}, {"usage": USAGE}],
    error=[None, "", "broken"],
)
writings: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": 1, "ensure_ascii": False}]
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Of one provider: what is in its chunks differs, and a byte of some of them."""
    writing = draw(writings)
    made: list[bytes] = []
    for chunk in draw(st.lists(chunks, min_size=2, max_size=8)):
        data = json.dumps(chunk, **writing).encode()
        if draw(st.integers(0, 5)) == 0:
            at = draw(st.integers(0, len(data) - 1))
            data = (
                data[:at]
                + draw(st.sampled_from([b"", b'"', b"\\", b"\xff", b"\x01", b"}", b"1"]))
                + data[at + 1 :]
            )
        made.append(data)
    return made


def read(stream: list[bytes], shapes: ChunkShapes, *, hides: bool) -> list[Any]:
    """All that is noticed in a stream, also of the error that ends it."""
    reader = PassingReader(CLASSIFIER, hide_usage=hides, shapes=shapes)
    seen: list[Any] = []
    for data in [*stream, b"[DONE]"]:
        told, error = read_events(reader, [Event(b"", data)], closing=False)
        told = [each._replace(says=has_content(each)) for each in told]
        seen += told, error and (type(error), error.message), set(reader._unfinished)
        if error is not None:
            return seen
    told, error = read_events(reader, [], closing=True)
    return [*seen, told, error and error.message, reader.ended]


@given(st.lists(streams(), min_size=1, max_size=4), st.booleans())
def test_chunks_of_a_known_look_say_what_their_json_says(told: list[list[bytes]], hides: bool) -> None:
    shapes = ChunkShapes()
    for stream in [*told, *told]:  # the second time, nearly all looks are known
        assert read(stream, shapes, hides=hides) == read(stream, Unlearning(), hides=hides)


def known() -> ChunkShapes:
    """Shapes of a provider that has streamed before."""
    shapes = ChunkShapes()
    read(STREAM, shapes, hides=False)
    return shapes


def plain(words: str = "", id: str = "c1", **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": words} if words else {}, "finish_reason": None} | more
    return json.dumps({"id": id, "created": 1_700_000_000, "choices": [choice], "obfuscation": "x"}).encode()


def last(usage: Any, id: str = "c1") -> bytes:
    return json.dumps({"id": id, "created": 1_700_000_000, "choices": [], "usage": usage}).encode()


STREAM = [plain("one"), plain("two"), plain(finish_reason="stop"), last(USAGE)]


WRONG = (b"", b'"', b"\\", b"\xff", b"\n", b"}")


def test_a_wrong_byte_anywhere_is_noticed_as_in_json() -> None:
    for at, data in enumerate(STREAM):
        if at == 1:
            continue  # it differs from the one before in its words alone
        for place in range(len(data)):
            shapes = known()
            for wrong in WRONG:
                broken = [*STREAM[:at], data[:place] + wrong + data[place + 1 :], *STREAM[at + 1 :]]
                assert read(broken, shapes, hides=False) == read(broken, Unlearning(), hides=False)


@each_row(
    ("usual", "now"),
    [
        (plain(finish_reason="stop"), plain(finish_reason="error")),
        (plain("x", native_finish_reason="STOP"), plain("x", native_finish_reason="network_error")),
        (plain("x", error=""), plain("x", error="broken")),
        (plain("x")[:-1] + b', "error": ""}', plain("x")[:-1] + b', "error": "broken"}'),
        (plain("x")[:-1] + b', "\\u0065rror": ""}', plain("x")[:-1] + b', "\\u0065rror": "broken"}'),
        (
            plain("x")[:-1] + b', "x_groq": {"error": ""}}',
            plain("x")[:-1] + b', "x_groq": {"error": "over"}}',
        ),
        (plain("x", index=0), plain("x", index=1)),
        (last(USAGE), last(USAGE | {"prompt_tokens": -1})),
        (last(USAGE), last(USAGE | {"total_tokens": None})),
        (last(USAGE), last(USAGE).replace(b'"usage": {', b'"usage": {"prompt_tokens": 2}, "usage": {')),
        (last(USAGE)[:-1] + b', "usage": {"prompt_tokens": 1}}',) * 2,
        (last(USAGE)[:-1] + b', "usage": null}',) * 2,
        (b'{"usage": null, ' + last(USAGE)[1:],) * 2,
        (last(USAGE), last(USAGE).replace(b"}}", b'}, "error": {"message": "broken"}}')),
        (last(USAGE), last(USAGE | {"cost": 0.1})),
    ],
)
def test_what_is_told_where_others_have_something_else_is_noticed(usual: bytes, now: bytes) -> None:
    shapes = ChunkShapes()
    for stream in ([usual], [usual, now], [now, usual, now]):
        assert read(stream, shapes, hides=False) == read(stream, Unlearning(), hides=False)


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_the_pieces_in_which_a_known_stream_comes_make_no_difference(cuts: list[int]) -> None:
    shapes = known()
    sent = b"".join(b"data: %b\n\n" % data for data in [*STREAM, b"[DONE]"])
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    parser, reader = SseParser(), PassingReader(CLASSIFIER, hide_usage=False, shapes=shapes)
    told = []
    for begin, end in pairwise(edges):
        pieces, error = read_events(reader, parser.feed(sent[begin:end]), closing=False)
        assert error is None
        told += pieces
    passed = [each for each in told if isinstance(each, ChatChunk)]
    assert [each.data for each in passed] == STREAM
    assert passed[-1].usage == Usage(9, 4)
    assert reader.ended


def test_the_next_stream_of_a_provider_is_not_read_as_json() -> None:
    shapes, shape = known(), None
    for data in (
        plain("words", "c2"),
        plain('é\n"', "c3"),
        plain("é", "c2").replace(b"\\u00e9", "é".encode()),
        plain(id="c2", finish_reason="stop"),
        last(USAGE | DETAILS | {"completion_tokens": 7}, "c2"),
    ):
        found = shapes.find(data, shape)
        assert found is not None
        shape = found[0]
    assert shapes.find(plain("😀"), None) is None  # halves of characters are looked at


@pytest.mark.parametrize("size", [chunk_shapes.MOST_BYTES, chunk_shapes.MOST_BYTES * 2])
def test_chunks_that_differ_in_more_than_words_cost_a_bounded_time(size: int) -> None:
    shapes = ChunkShapes()
    for number in range(500):
        shapes.learn(b'{"n":%d,"choices":[],"x":"%b"}' % (number, b"x" * size), {"choices": []}, None)
    assert len(shapes._shapes) <= chunk_shapes.MOST_SHAPES
    assert shapes._tries >= 0

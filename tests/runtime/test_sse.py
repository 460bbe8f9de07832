from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given, strategies as st

from inferc.runtime.dialects import server_sent_events as sse
from inferc.runtime.dialects.server_sent_events import Event, EventTooLarge, SseParser

STREAM = (
    'data: {"a": "é€😀"}\n\n: a comment\r\n\r\nevent: error\rdata:x\r\rdata: 1\r\ndata: 2\r\n\r\n'.encode()
)
EVENTS = [
    Event(b"", '{"a": "é€😀"}'.encode()),
    Event(b"error", b'{"error":"x"}'),
    Event(b"", b"1\n2"),
]


def parse(*pieces: bytes) -> list[Event]:
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_lines_end_with_lf_cr_or_crlf() -> None:
    assert parse(STREAM) == EVENTS


def test_the_mark_of_a_byte_order_in_front_is_no_part_of_the_first_event() -> None:
    stream = b'\xef\xbb\xbfdata: {"a": 1}\n\n\xef\xbb\xbfdata: 2\n\n'
    assert (
        parse(stream) == parse(*(stream[i : i + 1] for i in range(len(stream)))) == [Event(b"", b'{"a": 1}')]
    )


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b'event: error\ndata: {"message": "too busy"}\n\n', b'{"error":{"message":"too busy"}}'),
        (b"event: error\ndata: too busy\n\n", b'{"error":"too busy"}'),
        (b'error: {"code":500,"message":"too busy"}\n\n', b'{"error":{"code":500,"message":"too busy"}}'),
        (b'event: error\ndata: {"type": "error", "code": 1}\n\n', b'{"type": "error", "code": 1}'),
    ],
    ids=["called an error", "a text", "a field called error", "says so already"],
)
def test_an_error_is_one_however_the_stream_tells_it(stream: bytes, data: bytes) -> None:
    parser = SseParser()
    assert [*parser.feed(stream), *parser.close()] == [Event(b"error", data)]


OBJECTS = [b'{"a": "x"}', b'{"a": "the \\"error\\" of {"}', b'{"error": {"message": "too busy"}}']


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\n\n", b"\n: comment\n\n"])
def test_a_line_that_is_an_object_is_an_event(between: bytes) -> None:
    parser = SseParser()
    stream = between.join((*OBJECTS, b"[DONE]"))
    events = [event for at in range(len(stream)) for event in parser.feed(stream[at : at + 1])]
    assert events + parser.close() == [Event(b"", each) for each in OBJECTS]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
def test_an_object_in_several_lines_that_breaks_a_stream_off_is_an_event(end: bytes) -> None:
    broken = b'{\n  "error": {\n    "code": 503,\n    "message": "too busy"\n  }\n}'
    parser = SseParser()
    stream = b'data: {"a": 1}\n\n' + broken + end
    events = [event for at in range(len(stream)) for event in parser.feed(stream[at : at + 1])]
    assert events + parser.close() == [Event(b"", b'{"a": 1}'), Event(b"", broken)]


def test_a_line_of_an_event_is_none_of_its_own() -> None:
    assert parse(b'data: {"a":\n{"b": 1}\ndata: 1}\n\n') == [Event(b"", b'{"a":\n1}')]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_pieces_in_which_bytes_arrive_make_no_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert parse(*(STREAM[a:b] for a, b in pairwise(edges))) == EVENTS


def test_a_byte_at_a_time_gives_the_same_events() -> None:
    assert parse(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == EVENTS


def test_pings_comments_and_unknown_fields_are_skipped() -> None:
    assert parse(b"event: ping\ndata: {}\n\n:hello\n\nid: 3\nretry: 5\ndata: 1\n\n") == [Event(b"", b"1")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert parse(b"data:  two\n\ndata:none\n\n") == [Event(b"", b" two"), Event(b"", b"none")]


@pytest.mark.parametrize("last", [b'{"b": 2}', b"[DONE]"])
def test_events_without_blank_lines_in_between_are_told_apart(last: bytes) -> None:
    assert parse(b'data: {"a": 1}\ndata: %b\n\n' % last) == [Event(b"", b'{"a": 1}'), Event(b"", last)]


@pytest.mark.parametrize(
    "lines", [(b"{", b'"a": {}', b"}"), (b'{"a": [{}', b",{}]}"), (b'{"a": {}', b"}"), (b'{"a":', b"{}}")]
)
def test_the_lines_of_one_object_stay_together(lines: tuple[bytes, ...]) -> None:
    stream = b"".join(b"data: %b\n" % line for line in lines)
    assert parse(stream + b"\n") == [Event(b"", b"\n".join(lines))]


def test_an_event_is_held_back_until_its_blank_line() -> None:
    parser = SseParser()
    assert parser.feed(b"data: 1\n") == []
    assert parser.feed(b"\n") == [Event(b"", b"1")]


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n"])
def test_the_end_of_the_bytes_completes_the_last_event(end: bytes) -> None:
    parser = SseParser()
    assert parser.feed(end) == []
    assert parser.close() == [Event(b"", b"[DONE]")]
    assert parser.close() == []


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    parser = SseParser()
    parser.feed(b"x" * 100)
    with pytest.raises(EventTooLarge):
        parser.feed(b"x")


def test_an_event_of_many_lines_is_refused_where_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    parser = SseParser()
    parser.feed(b"data: 1\n" * 12)
    with pytest.raises(EventTooLarge):
        parser.feed(b"data: 1\n")


def test_small_lines_of_json_come_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    parser, lines = SseParser(), b'{"a": 1}\n' * 100
    found = [event for at in range(-4, 900, 9) for event in parser.feed(lines[max(at, 0) : at + 9])]
    assert found == [Event(b"", b'{"a": 1}')] * 100


def test_small_events_come_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 100)
    parser = SseParser()
    for _ in range(50):
        parser.feed(b"data: 1\n\ndata: 2\n\n: comment\n\ndata: 3")
        assert parser.in_event
        assert parser.feed(b"\n\n") == [Event(b"", b"3")]
        assert not parser.in_event


def test_a_large_event_in_small_pieces_takes_time_that_grows_with_its_size_alone() -> None:
    parser, piece = SseParser(), b"x" * 1000
    parser.feed(b"data: ")
    began = perf_counter()
    for _ in range(8000):
        parser.feed(piece)
    assert perf_counter() - began < 20  # joined anew for each piece, 32 GB would be copied
    assert parser.feed(b"\n\n") == [Event(b"", piece * 8000)]

"""Answers in one piece, whose headers are written once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import HttpVersion11

from inferc.runtime.gateway.outgoing.answers import add_ids, answered_by, lines_answered, octets_response
from inferc.runtime.http import whole_answer
from inferc.runtime.http.header_lines import header_lines
from inferc.runtime.http.whole_answer import WholeAnswer, send_whole
from inferc.runtime.requests.trace import Span, Trace
from inferc.runtime.requests.upstream import Upstream
from inferc.runtime.requests.usage import Usage

from ..support.rows import each_row


def test_headers_are_lines_until_somebody_asks_for_them() -> None:
    answer = WholeAnswer((b"{}",), {"x-inferc-deployment": "gpt"})
    add_ids(answer, {"x-request-id": "a: b"})
    assert answer.lines == b"x-inferc-deployment: gpt\r\nx-request-id: a: b\r\n"
    assert answer.headers["X-Request-Id"] == "a: b"
    add_ids(answer, {"x-request-id": "c"})
    assert answer.lines is None
    assert dict(answer.headers) == {
        "x-inferc-deployment": "gpt",
        "x-request-id": "c",
        "Content-Type": "application/json",
    }


def test_bytes_are_said_to_be_bytes() -> None:
    answer = WholeAnswer((b"{}", b"abcd"), b"inference-header-content-length: 2\r\n").as_octets()
    assert dict(answer.headers) == {
        "inference-header-content-length": "2",
        "Content-Type": "application/octet-stream",
    }


@pytest.mark.parametrize("upstream", [None, Upstream("r", {"x-ratelimit-remaining-requests": "58"})])
@pytest.mark.parametrize("size", [4, 1 << 20])
def test_bytes_have_the_headers_of_all_answers_and_their_own(upstream: Upstream | None, size: int) -> None:
    trace = Trace("m", 1, 0, [Span(None, "m", 1.0, 2.0, Usage(0, 0), 0)], upstream=upstream)
    answer = octets_response((b"{}", bytes(size)), b"x-own: 2\r\n", trace, "any")
    said = dict(answer.headers)
    assert said.pop("Content-Type") == "application/octet-stream"
    assert said.pop("Content-Length", str(size + 2)) == str(size + 2)
    assert said == answered_by(trace, "any") | {"x-own": "2"}


def test_an_answer_has_each_of_the_ids_of_its_request() -> None:
    answer = WholeAnswer((b"{}",), {})
    add_ids(answer, {"x-request-id": "a", "request-id": "a"})
    assert answer.lines == b"x-request-id: a\r\nrequest-id: a\r\n"


def test_parts_of_a_body_are_joined_when_somebody_asks_for_it() -> None:
    answer = WholeAnswer((b"[1,", memoryview(b"0, 2")[3:], b"]"), {})
    assert (answer.body, answer.text, answer.content_length) == (b"[1,2]", "[1,2]", 5)


@each_row("end", ["\r", "\n", "\0"])
@each_row("headers", [{"x-name": "one{}x-two: 2"}, {"x-name{}x-two": "one"}])
def test_no_header_becomes_two(headers: dict[str, str], end: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        WholeAnswer((b"{}",), {name.format(end): value.format(end) for name, value in headers.items()})


@each_row(
    "upstream",
    [None, Upstream(), Upstream("req_theirs"), Upstream("r", {"x-ratelimit-remaining-requests": "58"})],
)
@each_row("replica", [None, 2])
@each_row("cost", [None, 0, 12_345_678, 5 * 10**12])
def test_who_answered_is_said_in_the_same_lines_however_they_are_made(
    upstream: Upstream | None, replica: int | None, cost: int | None
) -> None:
    trace = Trace("gpt", 2, replica, [Span(None, "gpt", 1.0, 2.0, Usage(1, 2), cost)], upstream=upstream)
    answer = WholeAnswer((b"{}",), lines_answered(trace, "any"))
    assert answer.lines == header_lines(answered_by(trace, "any"))


@pytest.mark.parametrize("untold", [False, True])
def test_a_large_answer_that_has_been_sent_is_not_kept(untold: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asyncio does not tell of parts that are not taken, it gets one piece, of which it does."""
    monkeypatch.setattr(whole_answer, "_WAITS_UNTOLD", untold)
    sent: list[bytes] = []

    class _Socket(asyncio.Transport):
        def is_closing(self) -> bool:
            return False

        def writelines(self, parts: Any) -> None:
            assert not untold
            sent.append(b"".join(parts))

        def write(self, data: Any) -> None:
            assert untold
            sent.append(data)

    request: Any = SimpleNamespace(
        _method="POST",
        _version=HttpVersion11,
        _message=SimpleNamespace(should_close=False),
        _payload=SimpleNamespace(is_eof=lambda: True),
        _payload_writer=SimpleNamespace(output_size=0),
    )
    body = bytearray(100_000)
    answer = WholeAnswer((b"[", memoryview(body), b"]"), {})
    assert send_whole(_Socket(), request, answer)
    assert sent[0].endswith(b"[%b]" % body)
    body.clear()  # which cannot be where anybody looks at it

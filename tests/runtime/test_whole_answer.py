"""Answers in one piece, whose headers are written once."""

from __future__ import annotations

import pytest

from inferc.runtime.whole_answer import WholeAnswer


def test_headers_are_lines_until_somebody_asks_for_them() -> None:
    answer = WholeAnswer((b"{}",), {"x-inferc-deployment": "gpt"})
    answer.add({"x-request-id": "a: b"})
    assert answer.lines == b"x-inferc-deployment: gpt\r\nx-request-id: a: b\r\n"
    assert answer.headers["X-Request-Id"] == "a: b"
    answer.add({"x-inferc-attempts": "2"})
    assert answer.lines is None
    assert dict(answer.headers) == {
        "x-inferc-deployment": "gpt",
        "x-request-id": "a: b",
        "Content-Type": "application/json",
        "x-inferc-attempts": "2",
    }


def test_parts_of_a_body_are_joined_when_somebody_asks_for_it() -> None:
    answer = WholeAnswer((b"[1,", memoryview(b"0, 2")[3:], b"]"), {})
    assert (answer.body, answer.text, answer.content_length) == (b"[1,2]", "[1,2]", 5)


@pytest.mark.parametrize("end", ["\r", "\n", "\0"])
@pytest.mark.parametrize("headers", [{"x-name": "one{}x-two: 2"}, {"x-name{}x-two": "one"}])
def test_no_header_becomes_two(headers: dict[str, str], end: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        WholeAnswer((b"{}",), {name.format(end): value.format(end) for name, value in headers.items()})

"""What a provider may send, and for how long: bytes as they are, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp.compression_utils import HAS_ZSTD

from inferc.compiler.plan import Duration, RetryPolicy, Timeouts
from inferc.runtime.dialects import server_sent_events
from inferc.runtime.dialects.provider_errors import classify
from inferc.runtime.executor import Executor
from inferc.runtime.http import stream_reader
from inferc.runtime.replicas.remote import replica
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import NetworkError, RequestError, RequestTimeout, ServerError
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace

from ..support.raw_server import EVENTS, JSON, OK, RawServer, raw_server
from ..support.remote import eventually, executor_of, remote_plan

ENOUGH = 100 << 20
"""Bytes of an answer that is too large by far."""

MIB = b" " * (1 << 20)
Pieces = Iterable[bytes | float]
Late = Callable[[Pieces], AsyncIterator[bytes]]
AnyPieces = Pieces | AsyncIterator[bytes]


def chat(*, stream: bool = False) -> ChatRequest:
    body = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    return ChatRequest(body, stream)


def whole(text: str = "fine") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()


def said(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: %b\n\n" % json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()


def json_of(body: bytes, *headers: bytes) -> bytes:
    lines = (b"Content-Length: %d" % len(body), *headers)
    return JSON + b"\r\n".join(lines) + b"\r\n\r\n" + body


@asynccontextmanager
async def provider(
    *answers: AnyPieces | Callable[[], AnyPieces], **fields: Any
) -> AsyncIterator[tuple[Executor, RawServer]]:
    """An executor whose deployment `gpt` gets each of `answers` once, and the last one again and again."""
    rest = list(answers)

    def answer() -> AnyPieces:
        one = rest.pop(0) if len(rest) > 1 else rest[0]
        return one() if callable(one) else one

    async with raw_server(answer) as server:
        plan = remote_plan(endpoint=f"{server.url}/v1", **({"retry": RetryPolicy(max_retries=0)} | fields))
        async with executor_of(plan) as executor:
            yield executor, server


async def ask(executor: Executor, *, stream: bool = False) -> list[bytes]:
    async with aclosing(executor.stream("gpt", chat(stream=stream))) as chunks:
        return [chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)]


async def failure(
    *answers: Pieces | Callable[[], Pieces], stream: bool = False, **fields: Any
) -> RequestError:
    async with provider(*answers, **fields) as (executor, _):
        with pytest.raises(RequestError) as caught:
            await ask(executor, stream=stream)
    return caught.value


def endless(*pieces: bytes | float) -> Iterable[bytes | float]:
    return itertools.chain.from_iterable(itertools.repeat(pieces))


@pytest.mark.parametrize("head", [b"\r\n", b"Content-Length: 10000000000\r\n\r\n"])
async def test_a_huge_answer_is_not_read_to_its_end_and_the_next_one_is_fine(head: bytes) -> None:
    huge = itertools.chain([JSON + head], itertools.repeat(MIB, ENOUGH >> 20))
    async with provider(huge, [json_of(whole())]) as (executor, server):
        with pytest.raises(ServerError, match="an answer of more than 32 MiB, which was not read on"):
            await executor.answer("gpt", chat())
        await eventually(lambda: server.closed == 1)
        assert server.sent < ENOUGH / 2
        assert b"fine" in (await ask(executor))[0]


async def test_a_packed_answer_is_bounded_by_what_it_unpacks_to() -> None:
    packed = gzip.compress(b" " * ENOUGH)
    error = await failure([json_of(packed, b"Content-Encoding: gzip")])
    assert "an answer of more than 32 MiB" in error.message


async def test_a_packed_answer_that_nobody_asked_for_is_unpacked() -> None:
    async with provider([json_of(gzip.compress(whole()), b"Content-Encoding: gzip")]) as (executor, _):
        assert b"fine" in (await ask(executor))[0]


async def test_a_large_answer_within_the_bound_is_given() -> None:
    text = "x" * (4 << 20)
    async with provider([json_of(whole(text))]) as (executor, _):
        [data] = await ask(executor)
    assert json.loads(data)["choices"][0]["message"]["content"] == text


async def test_a_stream_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MAX_STREAM", 2 << 20)
    error = await failure(itertools.chain([EVENTS], itertools.repeat(said("x" * 1000))), stream=True)
    assert "an answer of more than 2 MiB" in error.message


@pytest.mark.parametrize("begin", [b'{"a": [', b'[{"a": ['])
async def test_an_answer_in_one_piece_is_bounded_as_such_where_it_is_called_a_stream(begin: bytes) -> None:
    huge = itertools.chain([EVENTS + begin], itertools.repeat(b"{}," * 350_000, ENOUGH >> 20))
    error = await failure(huge, stream=True)
    assert "an answer of more than 32 MiB" in error.message


@pytest.mark.parametrize("expected", [True, False], ids=["", "by aiohttp's own ways"])
@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
async def test_a_stream_is_whole_whatever_pieces_it_comes_in(
    monkeypatch: pytest.MonkeyPatch, expected: bool, size: int
) -> None:
    monkeypatch.setattr(stream_reader, "IS_AS_EXPECTED", expected)
    texts = ["one", " two", ' "three"', " vier, fünf", "", " \u2028six", " seven"]
    events = b"".join(map(said, texts)) + b"data: [DONE]\n\n"
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in _parts(events, size)]
    head = EVENTS.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    async with provider([head, *chunks, b"0\r\n\r\n"]) as (executor, _):
        answer = [json.loads(data) for data in await ask(executor, stream=True)]
    assert [each["choices"][0]["delta"]["content"] for each in answer] == texts


def _parts(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("piece", [b"data: x\n", b"x" * 100, b": " + b"x" * 100])
async def test_an_event_is_bounded_in_one_line_or_many(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(server_sent_events, "MAX_EVENT", 1 << 20)
    error = await failure(itertools.chain([EVENTS], endless(piece * 100)), stream=True)
    assert "sent an event of more than" in error.message


HEADS: dict[str, tuple[Pieces, str]] = {
    "the value of a header": ([OK + b"x: ", *[b"y" * 9000] * 9], "a header of more than 32768 bytes"),
    "the name of a header": ([OK, *[b"y" * 9000] * 9], "a header of more than 32768 bytes"),
    "the status line": ([b"HTTP/1.1 200 ", b"y" * 40_000, b"\r\n\r\n"], "a header of more than 32768 bytes"),
    "many headers": ([OK + b"x: y\r\n" * 200 + b"\r\n"], "more than 128 headers"),
    "interim answers": ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20], "more than 16 interim answers"),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.6\r\n"], "an answer that is no HTTP"),
    "broken chunks": ([JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], "an answer that is no HTTP"),
}


@pytest.mark.parametrize("name", HEADS)
async def test_the_head_of_an_answer_is_bounded_and_the_error_names_the_bound(name: str) -> None:
    pieces, says = HEADS[name]
    error = await failure(pieces)
    assert error.message == f"openai (deployment `gpt`) sent {says}" + (
        " (status 1xx)" if name == "interim answers" else ""
    )
    assert (error.status, error.retryable) == (502, False)


async def test_a_few_interim_answers_are_fine() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 5
    async with provider([early + json_of(whole())]) as (executor, _):
        assert b"fine" in (await ask(executor))[0]


PAGE = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"
ODDITIES: dict[str, tuple[bytes, str]] = {
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204: no reason given"),
    "202": (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "answered 202: no reason given"),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "answered 101"),
    "empty": (json_of(b""), "the answer is empty"),
    "a page": (json_of(PAGE), "the answer is a page of HTML"),
    "text": (OK + b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nnope", "the answer is no JSON"),
    "NaN": (json_of(b'{"a":NaN}'), "the answer is no JSON: line 1, column 6: JSON has no `NaN`"),
    "Latin-1": (json_of(b'{"a":"\xe9"}'), "the answer is no JSON: it is not in UTF-8"),
    "UTF-16": (json_of('{"a":1}'.encode("utf-16-le")), "the answer is no JSON: it is not in UTF-8"),
    "x-gzip": (
        json_of(gzip.compress(b"{}"), b"Content-Encoding: x-gzip"),
        "the answer is packed, though it was asked for as it is",
    ),
    "zstd, said": (
        json_of(b"(\xb5/\xfd", b"Content-Encoding: zstd"),
        "the answer is empty" if HAS_ZSTD else "packed its answer, though it was asked for as it is",
    ),
    "zstd": (json_of(b"(\xb5/\xfd"), "the answer is packed, though it was asked for as it is"),
    "a page with a 404": (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b"
        % (len(PAGE), PAGE),
        "answered 404: a page of HTML, as a proxy on the way or a wrong `endpoint` sends it",
    ),
    "a page with a 502": (
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE),
        "answered 502: a page of HTML",
    ),
}


@pytest.mark.parametrize("name", ODDITIES)
async def test_an_odd_answer_is_the_providers_fault(name: str) -> None:
    answer, says = ODDITIES[name]
    error = await failure([answer], timeouts=Timeouts(read=Duration(0.3)))
    assert error.status == 502
    assert says in error.message


async def test_a_page_instead_of_a_stream_is_the_providers_fault() -> None:
    error = await failure([OK + b"Content-Type: text/html\r\n\r\n" + PAGE], stream=True)
    assert error.message.endswith("answered with a page of HTML where a stream was asked for")


async def test_no_answer_at_all_is_a_network_error() -> None:
    assert isinstance(await failure([]), NetworkError)


QUIET = {
    "comments": b": OPENROUTER PROCESSING\n\n",
    "pings": b"event: ping\ndata: {}\n\n",
    "blank lines": b"\n",
    "unknown fields": b"id: 1\nretry: 5\n\n",
}


@pytest.mark.parametrize("name", QUIET)
async def test_what_brings_nothing_new_does_not_make_a_stream_live_longer(name: str) -> None:
    pieces = itertools.chain([EVENTS + said("a")], endless(QUIET[name], 0.02))
    error = await failure(pieces, stream=True, timeouts=Timeouts(read=Duration(0.2)))
    assert "fell silent for 0.2 s" in error.message


@pytest.mark.parametrize(
    ("flood", "why"),
    [
        *((quiet, "fell silent for 0.2 s") for quiet in QUIET.values()),
        (said("a"), "took longer than `timeouts { total = 400ms }`"),
    ],
    ids=[*QUIET, "events"],
)
async def test_a_stream_that_comes_faster_than_it_is_read_lives_no_longer(
    flood: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "MAX_STREAM", 1 << 60)
    pieces = itertools.chain([EVENTS], endless(flood * ((64 << 10) // len(flood))))
    error = await failure(pieces, stream=True, timeouts=Timeouts(read=Duration(0.2), total=Duration(0.4)))
    assert isinstance(error, RequestTimeout)
    assert error.message.endswith(why)


@pytest.fixture
def late(pass_time: Callable[[float], Awaitable[None]]) -> Late:
    """Pieces of an answer, where a number is a wait of so many seconds on the clock of the event loop."""

    async def pieces_of(pieces: Pieces) -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                await pass_time(piece)

    return pieces_of


async def test_an_event_that_is_still_coming_is_something_new(late: Late) -> None:
    slow = list(itertools.chain.from_iterable((bytes([byte]), 10) for byte in said("slow")))
    pieces = late([EVENTS, *slow, b"data: [DONE]\n\n"])
    async with provider(pieces, timeouts=Timeouts(read=Duration(250))) as (executor, _):
        assert b"slow" in (await ask(executor, stream=True))[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_trickle_ends_when_the_whole_answer_has_taken_too_long(stream: bool) -> None:
    pieces = itertools.chain(
        [EVENTS if stream else JSON + b"\r\n"], endless(said("x") if stream else b" ", 0.02)
    )
    error = await failure(pieces, stream=stream, timeouts=Timeouts(total=Duration(0.3)))
    assert isinstance(error, RequestTimeout)
    assert error.message.endswith("took longer than `timeouts { total = 300ms }`")


def in_pieces(body: bytes, *, gap: float) -> list[bytes | float]:
    """An answer of a known length, three quarters of whose body come later, in two pieces."""
    answer = json_of(body)
    begin, half = len(answer) - len(body) * 3 // 4, len(answer) - len(body) // 3
    return [answer[:begin], gap, answer[begin:half], gap, answer[half:]]


async def test_an_answer_may_come_in_pieces_as_slow_as_each_may_be(late: Late) -> None:
    text = "y" * 100_000
    pieces = in_pieces(whole(text), gap=150)
    async with provider(late(pieces), timeouts=Timeouts(read=Duration(250))) as (executor, _):
        [data] = await ask(executor)
        assert json.loads(data)["choices"][0]["message"]["content"] == text


async def test_one_piece_that_is_later_than_it_may_be_is_not_waited_for(late: Late) -> None:
    pieces = in_pieces(whole(), gap=260)
    async with provider(late(pieces), timeouts=Timeouts(read=Duration(250))) as (executor, _):
        with pytest.raises(RequestTimeout, match="fell silent for 250 s"):
            await ask(executor)


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ([b" ", 5.0], "fell silent for 0.2 s"),
        (endless(b" ", 0.02), "took longer than `timeouts { total = 400ms }`"),
        ([b" "], "broke off in the middle of its answer"),
    ],
)
async def test_an_answer_whose_rest_does_not_come_is_not_waited_for(rest: Pieces, why: str) -> None:
    pieces = itertools.chain([json_of(whole()).replace(b"Length: ", b"Length: 9")], rest)
    error = await failure(pieces, timeouts=Timeouts(read=Duration(0.2), total=Duration(0.4)))
    assert error.message.endswith(why)


def in_chunks(head: bytes, *chunks: bytes) -> bytes:
    """An answer whose body is in chunks of HTTP (RFC 9112, 7.1) and goes on."""
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + parts


MESSY = {
    "a size that is none": b"zz\r\nmore\r\n",
    "a chunk that is longer than its size": b"2\r\nmore\r\n",
    "a negative size": b"-1\r\nmore\r\n",
}


@pytest.mark.parametrize("messy", MESSY)
@pytest.mark.parametrize("pause", [0, 0.02])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_whose_chunks_go_wrong_ends_there(stream: bool, pause: float, messy: str) -> None:
    head = EVENTS.removesuffix(b"\r\n") if stream else JSON
    begun = in_chunks(head, said("a"), said("b")) if stream else in_chunks(head, whole()[:40])
    error = await failure([begun, pause, MESSY[messy], 60.0], stream=stream)
    assert error.message.endswith(("broke off in the middle of its answer", "sent an answer that is no HTTP"))


async def test_a_first_byte_that_is_later_than_the_whole_answer_may_be_is_too_late() -> None:
    error = await failure([1.0], timeouts=Timeouts(total=Duration(0.1)))
    assert error.message.endswith("took longer than `timeouts { total = 100ms }`")


async def test_the_body_of_an_error_is_not_waited_for_without_end() -> None:
    pieces = itertools.chain([b"HTTP/1.1 500 Oops\r\n\r\n"], endless(b" ", 0.02))
    error = await failure(pieces, timeouts=Timeouts(read=Duration(0.2)))
    assert isinstance(error, ServerError)
    assert "answered 500" in error.message


async def test_others_have_their_turn_while_a_large_answer_is_read() -> None:
    huge = itertools.chain([JSON + b"\r\n"], itertools.repeat(MIB, 31))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with provider(huge) as (executor, _):
        counting = asyncio.create_task(count())
        with pytest.raises(RequestError):
            await executor.answer("gpt", chat())
        counting.cancel()
    assert turns > 31


async def test_a_foreign_text_stays_on_its_line_and_is_short() -> None:
    text = "a\r\n12:00:00 ERROR forged\x1b[2J\u202e\x00" + "x" * 10_000
    body = json.dumps({"error": {"message": text, "code": text, "param": text, "type": text}}).encode()
    error = await failure(
        [b"HTTP/1.1 500 Oops\r\nX-Request-Id: \xff\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)]
    )
    assert error.message.startswith(
        "openai (deployment `gpt`) answered 500: a 12:00:00 ERROR forged\\x1b[2J\\u202e\\x00xxx"
    )
    assert len(error.message) < 600
    assert (error.code, error.request_id) == ("server_error", None)
    assert error.param is not None
    assert error.param.isprintable()
    assert len(error.param) <= 128


def answered(usage: Any) -> bytes:
    return json.dumps({**json.loads(whole("one two three four")), "usage": usage}).encode()


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 2, "total_tokens": -3},
        {"prompt_tokens": 5, "completion_tokens": 10**15, "total_tokens": 10**15},
        {"prompt_tokens": 5, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": -1}},
        {"prompt_tokens": "7", "completion_tokens": 1, "total_tokens": 8},
        {"prompt_tokens": 5, "completion_tokens": True, "total_tokens": 6},
        {"prompt_tokens": 1e300, "completion_tokens": 1},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_usage_that_cannot_be_is_not_believed_and_reported(
    usage: Any, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    last = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({"id": "1", "choices": [], "usage": usage}).encode()
    done = b'data: {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
    sent = [EVENTS, b"\r\n", said("one two"), done, last] if stream else [json_of(answered(usage))]
    classify._doubts.clear()  # what was seen before is said again only after a while
    async with provider(sent) as (executor, _):
        trace = Trace(spans=[])
        async with aclosing(executor.stream("gpt", chat(stream=stream), trace=trace)) as chunks:
            assert {chunk.usage async for chunk in chunks} == {None}
        assert trace.spans
        used = trace.spans[0].usage
        assert 0 < used.prompt_tokens < 100
        assert 0 < used.completion_tokens < 100
    assert "told a usage that cannot be" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choices", [[None], ["x"], [[]]])
async def test_a_choice_that_is_none_is_an_error(choices: Any, stream: bool) -> None:
    answer = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": choices}).encode()
    sent = [EVENTS, b"\r\n", b"data: %b\n\n" % answer, b"data: [DONE]\n\n"] if stream else [json_of(answer)]
    async with provider(sent, retry=RetryPolicy(max_retries=0)) as (executor, _):
        with pytest.raises(ServerError, match="a choice that is none"):
            await ask(executor, stream=stream)

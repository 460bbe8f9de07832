"""Streams that are read without a parser, chunk by chunk: they say what aiohttp's parser makes of them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import inf
from typing import Any

import aiohttp
import pytest
from attrs import define
from hypothesis import example, given, strategies as st

from inferc.runtime.concurrency.timeouts import Timeouts
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.http.stream_reader import take
from inferc.runtime.replicas.remote.body import Body, Limit, OutOfBounds
from inferc.runtime.replicas.remote.transport.connector import Steady, SteadyConnection
from inferc.runtime.replicas.remote.transport.lean_client import _PARSING, LeanAnswer, LeanClient
from inferc.runtime.replicas.remote.transport.plain_answers import FirstPiece, plain_answer
from inferc.runtime.replicas.remote.transport.whole_chunks import WholeChunks, whole_chunks

from ..support.remote import eventually, limit
from ..support.rows import each_row
from .test_plain_answers import ANSWER, asked
from .test_relayed_streams import Provider

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
SAYS_A, SAYS_B = b"9\r\ndata: a\n\n\r\n", b"9\r\ndata: b\n\n\r\n"
BOTH = b"data: a\n\ndata: b\n\n"

OTHERS = {
    "extension": b"9;name=1\r\ndata: a\n\n\r\n",
    "space behind the size": b"9 \r\ndata: a\n\n\r\n",
    "signed size": b"+9\r\ndata: a\n\n\r\n",
    "no size": b"\r\ndata: a\n\n\r\n",
    "long size": b"000000009\r\ndata: a\n\n\r\n",
    "bare line feed": b"9\ndata: a\n\n\r\n",
    "no line end behind": b"9\r\ndata: a\n\n",
    "more than its size": b"8\r\ndata: a\n\n\r\n",
    "less than its size": b"a\r\ndata: a\n\n\r\n",
    "part of the next": SAYS_A + b"9\r\nda",
    "trailer": b"0\r\nX: y\r\n\r\n",
    "no end behind the last": b"0\r\n",
    "something behind the last": END + b"H",
    "a chunk behind the last": END + SAYS_A,
    "two that are the last": END + END,
}


@each_row("piece", OTHERS.values(), ids=OTHERS)
def test_what_is_no_whole_chunk_has_to_be_parsed(piece: bytes) -> None:
    assert whole_chunks(piece) is None


def test_whole_chunks_are_what_they_hold() -> None:
    assert whole_chunks(SAYS_A) == (b"data: a\n\n", False)
    assert whole_chunks(SAYS_A + SAYS_B + END) == (BOTH, True)
    assert whole_chunks(b"0009\r\ndata: a\n\n\r\n000A\r\ndata:\r\n\r\n\n\r\n") == (
        b"data: a\n\ndata:\r\n\r\n\n",
        False,
    )
    assert whole_chunks(b"A\r\ndata: a\n\n\n\r\n") == (b"data: a\n\n\n", False)
    assert whole_chunks(b"6\r\n1\r\na\r\n\r\n" + END) == (b"1\r\na\r\n", True)
    assert whole_chunks(END) == (b"", True)


@each_row(
    "head",
    [
        HEAD.replace(b"chunked", b"gzip, chunked"),
        HEAD.replace(b"chunked\r\n", b"chunked\r\nTransfer-Encoding: chunked\r\n"),
        HEAD.replace(b"chunked\r\n", b"chunked\r\nContent-Length: 9\r\n"),
        HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: 9"),
        HEAD.replace(b"Transfer-Encoding: chunked\r\n", b""),
        HEAD.replace(b"chunked\r\n", b"chunked\r\nContent-Encoding: gzip\r\n"),
        HEAD.replace(b"chunked\r\n", b"chunked\r\nConnection: close\r\n"),
        HEAD.replace(b"200 OK", b"429 Too Many Requests"),
        HEAD.replace(b"text/event-stream", b"text/html"),
    ],
)
def test_only_a_plain_stream_is_read_here(head: bytes) -> None:
    assert plain_answer(HEAD + SAYS_A) is not None
    assert plain_answer(head + SAYS_A) is None


@define
class Read:
    """What one connection made of an answer: what was read after each piece, and how it stood then."""

    told: list[Any]
    way: type[Any]


async def told_of(pieces: list[bytes], reads: list[bool], *, parsed: bool) -> Read:
    """How an answer is read that comes in `pieces`, after which the connection ends.

    reads: whether what is there is read after each piece. parsed: whether all of it is aiohttp's.
    """
    loop = asyncio.get_running_loop()
    connection = SteadyConnection(loop, little=True)
    provider = Provider(connection)
    connection.connection_made(provider)
    steady = provider.protocol
    assert isinstance(steady, Steady)
    parsing = {**_PARSING, "read_bufsize": 8 << 10}
    first = None if parsed else FirstPiece(steady, loop, parsing, inf)
    if parsed:
        connection.set_response_params(**parsing)
    told: list[Any] = []
    content: Any = None
    for piece, reading in zip([*pieces, b""], [*reads, True], strict=True):
        if provider.is_closed and piece:
            continue
        if piece:
            provider.says(piece)
        else:
            provider.ends()
        if content is None and first is not None and first.stream is not None:
            content = first.stream
        elif content is None and not connection.is_eof() and connection._buffer:
            content = (await connection.read())[1]
        now = content.parsed or content if type(content) is WholeChunks else content
        held = []
        if now is not None and reading and now.exception() is None:
            while data := take(now, 8 << 10):
                held.append(data)
        if now is not None:
            failed = now.exception()
            told.append((b"".join(held), now.at_eof(), type(failed), str(failed), provider.is_closed))
        if now is not None and now.at_eof():
            told.append(connection.should_close)
    return Read(told, type(content))


FRAMES = st.sampled_from(
    [
        *(SAYS_A, SAYS_B, SAYS_A + SAYS_B, b"A\r\n0123456789\r\n", b"010\r\n" + b"\r\n" * 8 + b"\r\n"),
        b"1f40\r\n" + b"x" * 8000 + b"\r\n",
        *OTHERS.values(),
    ]
)


@given(
    st.lists(FRAMES, max_size=6),
    st.sampled_from(
        [END, b"", b"0\r\nX: y\r\n\r\n", END + b"HTTP/1.1 200 OK\r\n\r\n", b"0\r\n", b"00\r\n\r\n"]
    ),
    st.lists(st.integers(0, 400), max_size=8),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.booleans(),
)
@example([SAYS_A, SAYS_B], END, [], [True] * 20, True)
@example([SAYS_A, SAYS_B], END, [], [True, False] + [True] * 18, True)
@example([SAYS_A, SAYS_B, SAYS_A], b"", [], [True, False, False, False, True] + [True] * 15, True)
@example([SAYS_A, OTHERS["extension"], SAYS_B], END, [], [True, False, False] + [True] * 17, True)
def test_however_a_stream_is_framed_and_cut_it_says_what_aiohttp_reads(
    frames: list[bytes], ending: bytes, cuts: list[int], reads: list[bool], between: bool
) -> None:
    pieces = [HEAD, *frames, ending]
    if not between:  # anywhere, which is seldom between two chunks
        whole = b"".join(pieces)
        places = sorted({0, *(min(each, len(whole)) for each in cuts), len(whole)})
        pieces = [whole[a:b] for a, b in pairwise(places)]
    pieces = [piece[at : at + (16 << 10)] for piece in pieces for at in range(0, len(piece), 16 << 10)]
    reads = reads[: len(pieces)]
    ours = run_virtual(told_of(pieces, reads, parsed=False))
    theirs = run_virtual(told_of(pieces, reads, parsed=True))
    assert ours.told == theirs.told
    if between:
        assert ours.way is WholeChunks


async def heard(
    client: LeanClient, url: str, *, bound: int = 1 << 20, silence: float = 60.0
) -> tuple[list[bytes], bool]:
    """The pieces of an answer, and whether it was parsed at the end."""
    answer = await client.post(url, b"{}", {}, limit())
    assert isinstance(answer, LeanAnswer)
    timeouts = Timeouts(0.05)
    try:
        body = Body(answer, timeouts, silence, timeouts.now() + 120.0, bound)
        pieces = []
        while data := await body.piece(8 << 10):
            pieces.append(data)
        return pieces, type(answer.content) is not WholeChunks
    finally:
        timeouts.close()
        answer.release()


async def test_one_connection_has_streams_of_every_kind() -> None:
    whole = HEAD + SAYS_A + SAYS_B + END
    cut = [[whole[:at], whole[at:]] for at in range(len(HEAD) - 2, len(whole), 3)]
    answers = [
        [HEAD, SAYS_A, SAYS_B, END],
        [HEAD + SAYS_A, SAYS_B + END],
        [whole],
        *cut,
        [HEAD + SAYS_A, b"9;name=1\r\ndata: b\n\n\r\n" + END],
        [HEAD + SAYS_A, SAYS_B, b"0\r\nX: y\r\n\r\n"],
        [HEAD + SAYS_A, SAYS_B + END],
    ]
    async with asked(*answers) as (client, url, opened):
        told = [await heard(client, url) for _ in answers]
        assert [b"".join(pieces) for pieces, _ in told] == [BOTH] * len(answers)
        assert [parsed for _, parsed in told[:3]] == [False] * 3
        assert [parsed for _, parsed in told[-3:]] == [True, True, False]
        assert opened == [1]


async def test_what_follows_a_stream_is_no_answer_to_the_next_request() -> None:
    more = [HEAD + SAYS_A, END, ANSWER]
    async with asked(more, [HEAD + SAYS_B + END]) as (client, url, opened):
        assert await heard(client, url) == ([b"data: a\n\n"], False)
        await eventually(lambda: not more)
        assert await heard(client, url) == ([b"data: b\n\n"], False)
        assert opened == [2]


async def test_a_connection_whose_stream_is_left_is_closed() -> None:
    async with asked([HEAD + SAYS_A, SAYS_B], [HEAD + SAYS_B + END]) as (client, url, opened):
        with pytest.raises(OutOfBounds) as caught:
            await heard(client, url, bound=10)
        assert caught.value.limit is Limit.SIZE
        assert await heard(client, url) == ([b"data: b\n\n"], False)
        assert opened == [2]


async def test_a_stream_that_falls_silent_or_breaks_off_is_an_error() -> None:
    async with asked([HEAD + SAYS_A], [HEAD + SAYS_A, b"9\r\nda"]) as (client, url, opened):
        with pytest.raises(OutOfBounds) as caught:
            await heard(client, url, silence=0.3)
        assert caught.value.limit is Limit.READ
        with pytest.raises(OutOfBounds):
            await heard(client, url, silence=0.3)
        assert opened == [2]
    for pieces in ([HEAD, SAYS_A], [HEAD + SAYS_A, b"9\r\nda"], [HEAD]):
        read = await told_of(pieces, [True] * len(pieces), parsed=False)
        assert read.told[-1][2] is aiohttp.ClientPayloadError


async def test_who_waits_when_the_connection_ends_is_told() -> None:
    begun = [HEAD + SAYS_A]
    async with asked(begun) as (client, url, _):
        reading = asyncio.create_task(heard(client, url))
        await eventually(lambda: not begun)
        for kept in client._connector._acquired:
            assert kept.transport is not None
            kept.transport.abort()
        with pytest.raises(aiohttp.ClientPayloadError, match="not completed"):
            await reading


async def test_who_waits_when_we_close_the_connection_is_not_told_that_the_answer_broke_off() -> None:
    begun = [HEAD + SAYS_A]
    async with asked(begun) as (client, url, _):
        reading = asyncio.create_task(heard(client, url))
        await eventually(lambda: not begun)
        for kept in client._connector._acquired:
            kept.close()
        await asyncio.sleep(0.1)
        assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

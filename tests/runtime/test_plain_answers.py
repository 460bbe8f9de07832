"""Answers in one piece, which are read without a parser: which are, and that all others are read as ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import pytest

from inferc.runtime.replicas.remote.transport.connector import SteadyConnection
from inferc.runtime.replicas.remote.transport.http_client import ClientOptions
from inferc.runtime.replicas.remote.transport.lean_client import LeanAnswer, LeanClient
from inferc.runtime.replicas.remote.transport.plain_answers import FirstPiece, plain_answer

from ..support.remote import eventually, limit
from ..support.rows import each_row

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nX-Request-Id: one two\r\n"
    b"Connection: keep-alive\r\ncontent-length: 2\r\n"
)
ANSWER = HEAD + b"\r\n{}"

OTHERS = {
    "no whole head": HEAD,
    "more than its length": ANSWER + b"H",
    "other words": ANSWER.replace(b"200 OK", b"200 Fine"),
    "no space after a colon": ANSWER.replace(b"length: 2", b"length:2"),
    "a long length": ANSWER.replace(b"length: 2", b"length: %b2" % (b"0" * 15)),
    "other status": ANSWER.replace(b"200 OK", b"201 Created"),
    "HTTP/1.0": ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "no JSON": ANSWER.replace(b"application/json", b"text/event-stream"),
    "lines of JSON": ANSWER.replace(b"application/json", b"application/jsonl"),
    "no type": ANSWER.replace(b"Content-Type", b"X-Type"),
    "no length": ANSWER.replace(b"content-length: 2\r\n", b""),
    "two lengths": ANSWER.replace(b"Connection: keep-alive", b"Content-Length: 2"),
    "signed length": ANSWER.replace(b"length: 2", b"length: +2"),
    "chunked": ANSWER.replace(b"Connection: keep-alive", b"Transfer-Encoding: chunked"),
    "packed": ANSWER.replace(b"Connection: keep-alive", b"Content-Encoding: gzip"),
    "closes": ANSWER.replace(b"keep-alive", b"close"),
    "upgrades": ANSWER.replace(b"Connection: keep-alive", b"Upgrade: h2c"),
    "folded": ANSWER.replace(b"one two", b"one\r\n two"),
    "bare line feed": ANSWER.replace(b"one two", b"one\nX: two"),
    "bare carriage return": ANSWER.replace(b"one two", b"one\rX: two"),
    "null": ANSWER.replace(b"one two", b"one\0two"),
    "space before a colon": ANSWER.replace(b"X-Request-Id:", b"X-Request-Id :"),
    "no name": ANSWER.replace(b"X-Request-Id:", b":"),
    "other letters": ANSWER.replace(b"one two", "\u00e9".encode()),
    "many headers": ANSWER.replace(b"X-Request-Id: one two\r\n", b"X: x\r\n" * 129),
    "long head": ANSWER.replace(b"one two", b"x" * 8190),
}


def test_a_whole_answer_is_read_with_all_its_headers() -> None:
    found = plain_answer(ANSWER)
    assert found is not None
    assert found.body == b"{}"
    assert list(found.headers.items()) == [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Request-Id", "one two"),
        ("Connection", "keep-alive"),
        ("content-length", "2"),
    ]
    assert found.headers["x-request-id"] == "one two"


@pytest.mark.parametrize("here", [b"", b"{"])
def test_of_an_answer_that_begins_its_head_is_read(here: bytes) -> None:
    found = plain_answer(HEAD + b"\r\n" + here)
    assert found is not None
    assert (found.body, found.size) == (here, 2)


@each_row("piece", OTHERS.values(), ids=OTHERS)
def test_all_others_have_to_be_parsed(piece: bytes) -> None:
    assert plain_answer(piece) is None


@asynccontextmanager
async def asked(*answers: list[bytes]) -> AsyncIterator[tuple[LeanClient, str, list[int]]]:
    """A client, and where it asks: each answer comes in its pieces. opened: one for each connection.

    A list of pieces is empty once all of them have been sent and have arrived.
    """
    opened, rest = [0], list(answers)
    served: list[asyncio.Task[None] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        opened[0] += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n{}")
                pieces = rest.pop(0)
                while pieces:
                    writer.write(pieces[0])
                    await writer.drain()
                    await asyncio.sleep(0.02)
                    del pieces[0]
        writer.close()

    client = LeanClient(ClientOptions({}, read_ahead=16 << 10, window=32 << 10, keepalive=60.0))
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield client, f"http://127.0.0.1:{port}/v1", opened
        await client.close()
        await asyncio.wait_for(asyncio.gather(*(each for each in served if each is not None)), 10)


async def read(client: LeanClient, url: str) -> tuple[str, bytes]:
    """How an answer was read, and its body."""
    answer = await client.post(url, b"{}", {}, limit())
    assert isinstance(answer, LeanAnswer)
    try:
        if answer.whole is not None:
            return "whole", bytes(answer.whole)
        if answer.rest is not None:
            await answer.rest.arrival(asyncio.get_running_loop(), lambda: None)
            return "in parts", answer.rest.body
        return "parsed", await answer.content.read()
    finally:
        answer.release()


async def test_one_connection_has_answers_of_every_kind() -> None:
    chunked = HEAD.replace(b"content-length: 2", b"Transfer-Encoding: chunked")
    answers = [
        [ANSWER],
        [HEAD + b"\r\n", b"{}"],
        [HEAD + b"\r\n{", b"}"],
        [ANSWER],
        [chunked + b"\r\n1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n"],
        [ANSWER[:30], ANSWER[30:]],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ANSWER],
        [ANSWER],
    ]
    async with asked(*answers) as (client, url, opened):
        told = [await read(client, url) for _ in answers]
        assert [body for _, body in told] == [b"{}"] * len(answers)
        assert [how for how, _ in told] == [
            *("whole", "in parts", "in parts", "whole"),
            *("parsed", "parsed", "parsed", "whole"),
        ]
        assert opened == [1]


@cache
def numbers(size: int) -> bytes:
    """So many bytes, which differ from place to place."""
    return b"".join(b"%d," % number for number in range(size // 6))[:size].ljust(size)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5_000_000])
@pytest.mark.parametrize("here", [0, 1, 100_000])
async def test_large_answers_are_read_where_they_stay(size: int, here: int) -> None:
    body = numbers(size)
    head = HEAD.replace(b"length: 2", b"length: %d" % size) + b"\r\n"
    answers = [[head + body[:here], body[here:-1], body[-1:]], [head + body], [ANSWER]]
    async with asked(*answers) as (client, url, opened):
        assert await read(client, url) == ("in parts", body)
        assert await read(client, url) == ("in parts", body)
        assert await read(client, url) == ("whole", b"{}")
        assert opened == [1]


async def test_what_follows_an_answer_is_no_answer_to_the_next_request() -> None:
    twice = [ANSWER, ANSWER]
    async with asked(twice, [ANSWER]) as (client, url, opened):
        assert await read(client, url) == ("whole", b"{}")
        await eventually(lambda: not twice)
        assert await read(client, url) == ("whole", b"{}")
        assert opened == [2]


async def test_neither_is_what_follows_one_in_parts() -> None:
    twice = [HEAD + b"\r\n{", b"}" + ANSWER]
    async with asked(twice, [ANSWER]) as (client, url, opened):
        assert await read(client, url) == ("in parts", b"{}")
        await eventually(lambda: not twice)
        assert await read(client, url) == ("whole", b"{}")
        assert opened == [2]


async def test_a_connection_whose_answer_is_not_all_here_is_closed() -> None:
    async with asked([HEAD + b"\r\n{", b"}"], [ANSWER]) as (client, url, opened):
        answer = await client.post(url, b"{}", {}, limit())
        answer.release()
        assert await read(client, url) == ("whole", b"{}")
        assert opened == [2]


async def test_nobody_holds_the_room_of_an_answer_that_is_broken_off() -> None:
    async with asked([HEAD + b"\r\n{", b"}"]) as (client, url, _):
        answer = await client.post(url, b"{}", {}, limit())
        assert isinstance(answer, LeanAnswer)
        assert answer.rest is not None
        room = answer.rest.get_buffer(-1)
        answer.release()
        await asyncio.sleep(0.05)
        with pytest.raises(ValueError, match="released memoryview"):
            room.tobytes()


async def test_nobody_holds_that_of_one_that_came_and_is_not_read() -> None:
    async with asked([HEAD + b"\r\n{", b"}"]) as (client, url, _):
        answer = await client.post(url, b"{}", {}, limit())
        assert isinstance(answer, LeanAnswer)
        rest = answer.rest
        assert rest is not None
        await eventually(lambda: rest.is_whole)
        with pytest.raises(ValueError, match="released memoryview"):
            rest.get_buffer(-1)
        answer.release()


class _Socket(asyncio.Transport):
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...


async def test_large_answers_stay_where_they_were_read_as_long_as_anybody_looks_there() -> None:
    loop = asyncio.get_running_loop()
    connection = SteadyConnection(loop, little=False)
    connection.connection_made(_Socket())

    def received(body: bytes) -> bytes | memoryview:
        first = FirstPiece(connection.steady, loop, {}, 0.0)
        piece = HEAD.replace(b"length: 2", b"length: %d" % len(body)) + b"\r\n" + body
        connection.steady.get_buffer(-1)[: len(piece)] = piece
        connection.steady.buffer_updated(len(piece))
        answer = first.waiter.result()
        assert answer is not None
        return answer.body

    def place(body: bytes | memoryview) -> int:
        assert isinstance(body, memoryview)
        return id(body.obj)

    bodies = [numbers(140_000 + each) for each in range(40)]
    held = [received(each) for each in bodies]
    assert len({*map(place, held)}) == len(bodies)
    free = place(held.pop(3))
    assert received(b"{}") == b"{}"
    held.insert(3, received(bodies[3]))
    assert place(held[3]) == free
    assert held == bodies
    held.clear()
    assert len({place(received(each)) for each in bodies}) == 1

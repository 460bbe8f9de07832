"""Clients that break the rules of HTTP, send half a request, or do not read: on real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web
from attrs import frozen

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.gateway.outgoing.errors import error_answer
from inferc.runtime.http import unread
from inferc.runtime.http.client_connection import MAX_HEADERS, Connection
from inferc.runtime.http.connection_rules import RULES, ConnectionRules
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.http.unread import make_room

from ..support.remote import eventually

SECRET = "tok-not-to-be-seen"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PIECE = b"x" * 100_000


@frozen
class Served:
    """A server, and what its handlers did. ended: how each request came to its end. going_on: lets `/slow`
    answer."""

    server: HttpServer
    ended: list[str]
    going_on: asyncio.Event

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.server.port, limit=1 << 10)

    async def say(self, data: bytes) -> bytes:
        """All that is answered until the connection is closed."""
        reader, writer = await self.connect()
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer


@asynccontextmanager
async def serving(grace: float = 1, **rules: Any) -> AsyncIterator[Served]:
    """A server that says `ok` at `/`, the body at POST, and at `/endless` streams for ever.

    Plain answers go past aiohttp, as those of a gateway do, where `plain` says so.
    """
    ended: list[str] = []
    going_on = asyncio.Event()

    async def ok(request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read())

    async def endless(request: web.Request) -> web.StreamResponse:
        try:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(PIECE)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    async def large(request: web.Request) -> web.StreamResponse:
        return web.Response(body=PIECE * 200)

    async def slow(request: web.Request) -> web.StreamResponse:
        try:
            await going_on.wait()
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        return web.Response(text="ok")

    app = web.Application()
    app[RULES] = ConnectionRules(refuse=error_answer, **rules)
    app.router.add_get("/", ok)
    app.router.add_post("/", echo)
    app.router.add_get("/endless", endless)
    app.router.add_get("/large", large)
    app.router.add_get("/slow", slow)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=grace)
    await server.start()
    try:
        yield Served(server, ended, going_on)
    finally:
        await server.stop()


BROKEN = {
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\0\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer %b\r\n\r\n",
    "line ends alone": b"POST / HTTP/1.1\nHost: x\nAuthorization: Bearer %b\n\n",
    "three words and more": b"GET /?key=%b HTTP/1.1 x\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %b\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: %b\r\n\r\n",
    "no path": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: %b\r\n\r\n",
    "an unknown expectation": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: %b\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: %b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_request_is_refused_as_json_that_quotes_and_logs_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as it:
        data = BROKEN[name]
        answer = await it.say(data.replace(b"%b", SECRET.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 400 " if name != "no path" else b"HTTP/1.") or b" 400 " in head[:20]
    assert json.loads(body)["error"]["code"] == "broken_request"
    assert SECRET.encode() not in answer
    assert caplog.text == ""


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 9000) for n in range(20)),
    ],
)
async def test_a_head_that_is_too_large_is_refused(head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as it:
        reader, writer = await it.connect()
        for start in range(0, len(head), 8000):  # as it comes over a network
            writer.write(head[start : start + 8000])
            await asyncio.sleep(0)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert b" 431 " in answer.partition(b"\r\n")[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "headers_too_large"
    assert caplog.text == ""


async def test_half_a_head_is_waited_for_no_longer_than_it_may_take() -> None:
    async with serving(header=0.1, idle=60) as it:
        assert await it.say(b"") == b""
        assert await it.say(b"GET / HTTP/1.1\r\nHost:") == b""
        reader, writer = await it.connect()
        writer.write(GET)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET /")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


async def test_a_connection_that_asks_nothing_more_is_closed() -> None:
    async with serving(idle=0.1) as it:
        answer = await it.say(GET)
        assert answer.endswith(b"ok")


async def test_a_connection_takes_one_request_after_the_other_until_told_to_close() -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + PIECE
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serving() as it:
        answer = await it.say(GET + post + GET + last)
    assert (answer.count(b"HTTP/1.1 200 OK"), answer.count(PIECE)) == (4, 1)


async def test_a_stream_that_nobody_reads_ends_and_one_that_is_read_goes_on(
    pass_time: Callable[[float], Awaitable[None]],
) -> None:
    async with serving(write=40) as it:
        deaf, deaf_writer = await it.connect()
        deaf_writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        reader, writer = await it.connect()
        writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(1000):
            await reader.read(1 << 20)
            if it.ended:
                break
            await pass_time(1)
        assert len(it.ended) == 1
        assert await reader.read(1 << 16)
        writer.close()
        deaf_writer.close()
        await eventually(lambda: len(it.ended) == 2)
        del deaf


async def test_a_whole_answer_that_nobody_reads_is_given_up() -> None:
    async with serving(write=0.2) as it:
        reader, writer = await it.connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        connections = it.server._connections
        await eventually(lambda: any(each.unread for each in connections))
        for _ in range(100):
            if not connections:
                break
            await asyncio.sleep(0.05)
        assert not connections
        writer.close()
        del reader


async def test_the_end_waits_for_nobody_who_does_not_read_beyond_the_grace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    async with serving(grace=0.2) as it:
        readers = [await it.connect() for _ in range(3)]
        for _, writer in readers:
            writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: sum(1 for each in it.server._connections if each.unread) == 3)
        began = loop.time()
        await it.server.stop()
        assert loop.time() - began < 10
        assert len(it.ended) == 3
        for _, writer in readers:
            writer.close()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_a_request_whose_body_still_comes_is_in_flight_when_the_server_stops() -> None:
    async with serving(grace=20) as it:
        reader, writer = await it.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(it.server.stop())
        await asyncio.sleep(0.05)
        writer.write(b"cd")
        answer = await asyncio.wait_for(reader.read(), 20)
        await stopping
        writer.close()
    assert answer.endswith(b"abcd")
    assert b"Connection: close" in answer


# ---- one half of a connection

SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


def last(request: bytes) -> bytes:
    """`request`, as one after which its client sends no more."""
    return request.replace(b"Host: x", b"Host: x\r\nConnection: close", 1)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (last(SLOW), 1),
        (SLOW.replace(b"/1.1", b"/1.0"), 1),
        (SLOW + POST + b"okay" + last(GET), 3),
        (
            SLOW
            + last(POST).replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
            + b"2\r\nok\r\n0\r\n\r\n",
            2,
        ),
    ],
    ids=["1.1", "1.0", "one behind the other", "chunks"],
)
async def test_who_sends_no_more_and_closes_one_half_gets_its_answer(
    plain: bool, data: bytes, answers: int
) -> None:
    async with serving(idle=60, plain=plain) as it:
        reader, writer = await it.connect()
        writer.write(data)
        writer.write_eof()
        await eventually(lambda: any(each._sends_no_more for each in it.server._connections))
        it.going_on.set()
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert answer.count(b" 200 OK\r\n") == answer.count(b"\r\n\r\nok") == answers


async def test_who_closes_later_has_gone() -> None:
    async with serving(idle=60) as it:
        _, writer = await it.connect()
        writer.write(last(SLOW))
        await eventually(lambda: any(each._current_request for each in it.server._connections))
        await eventually(lambda: all(each._closes_behind is None for each in it.server._connections))
        writer.write_eof()
        await eventually(lambda: it.ended == ["CancelledError"])
        writer.close()


async def test_who_has_not_said_that_it_sends_no_more_has_gone_when_it_closes() -> None:
    async with serving(idle=60) as it:
        _, writer = await it.connect()
        writer.write(SLOW)
        await eventually(lambda: any(each._current_request for each in it.server._connections))
        writer.write_eof()
        await eventually(lambda: it.ended == ["CancelledError"])
        writer.close()


@pytest.mark.parametrize("sent", [last(POST) + b"ok", last(GET)[:-2], POST + b"okay" + last(POST)])
async def test_who_closes_before_a_request_is_whole_has_gone(sent: bytes) -> None:
    async with serving(idle=60, header=60) as it:
        reader, writer = await it.connect()
        writer.write(sent)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await eventually(lambda: not it.server._connections)


async def test_a_stream_to_one_who_has_gone_at_once_ends_when_it_is_written_to() -> None:
    async with serving(idle=60) as it:
        _, writer = await it.connect()
        writer.write(last(SLOW).replace(b"slow", b"endless"))
        writer.write_eof()
        writer.close()
        await eventually(lambda: len(it.ended) == 1)


# ---- who is given up, in virtual time


class Wire(asyncio.Transport):
    """What a client has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self.aborted_at: float | None = None

    def get_write_buffer_size(self) -> int:
        return self.size

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def abort(self) -> None:
        self.aborted_at = asyncio.get_running_loop().time()

    def close(self) -> None: ...


async def connection(others: dict[Connection, None], rules: ConnectionRules) -> tuple[Connection, Wire]:
    async def never(request: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError

    made, wire = Connection(web.Server(never), rules, others, {}), Wire()
    made.connection_made(wire)
    return made, wire


def test_a_client_is_slow_while_it_takes_something_and_gone_when_it_takes_nothing() -> None:
    async def scenario() -> float | None:
        made, wire = await connection({}, ConnectionRules(header=10_000, write=10, idle=10_000))
        wire.size = 1000
        made.pause_writing()
        for _ in range(100):
            await asyncio.sleep(9)
            wire.size -= 1
        assert wire.aborted_at is None
        await asyncio.sleep(30)
        made.connection_lost(None)
        return wire.aborted_at

    aborted = run_virtual(scenario())
    assert aborted is not None
    assert 909 <= aborted <= 914


def test_those_who_are_stuck_the_longest_make_room_when_all_leave_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unread, "MAX_UNREAD", 1000)

    async def scenario() -> list[bool]:
        others: dict[Connection, None] = {}
        made = [await connection(others, ConnectionRules(header=10_000)) for _ in range(4)]
        for one, wire in made:
            await asyncio.sleep(1)
            wire.size = 400
            one.pause_writing()
        large, wire = made[-1]
        large.resume_writing()
        wire.size = 5000  # one alone may have more than all together
        large.pause_writing()
        make_room(each.unread for each in others)
        for one, _ in made:
            one.connection_lost(None)
        return [wire.aborted_at is not None for _, wire in made]

    assert run_virtual(scenario()) == [True, True, True, False]


async def test_the_oldest_connection_that_is_idle_makes_way_where_there_is_no_room_for_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(most=3) as it:
        made = []
        for number in range(5):  # the last two come in place of those that ask for nothing
            made.append(await it.connect())
            if number not in (1, 2):
                made[number][1].write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.1)
        refused = await it.connect()
        for reader, _ in (made[1], made[2]):
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
        refused[1].write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asyncio.wait_for(refused[0].read(), 5)).startswith(b"HTTP/1.1 503 ")
        it.going_on.set()
        assert (await asyncio.wait_for(made[0][0].readline(), 5)) == b"HTTP/1.1 200 OK\r\n"
        for _, writer in (*made, refused):
            writer.close()
    assert "3 connections, and no room for more" in caplog.text


async def test_as_many_make_way_as_come_at_the_same_time() -> None:
    async with serving(most=3) as it:
        first = await it.connect()
        burst = [socket.create_connection(("127.0.0.1", it.server.port)) for _ in range(9)]
        with suppress(ConnectionError):
            assert await asyncio.wait_for(first[0].read(), 5) == b""
        assert len(it.server._connections) == 3
        for each in (*burst, first[1]):
            each.close()

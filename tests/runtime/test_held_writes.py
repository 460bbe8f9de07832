"""Writes that are held for a moment: together, in their order, and no longer than a turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from inferc.runtime.concurrency.held_writes import HeldWrites, held_writes
from inferc.runtime.concurrency.timeouts import Timeouts
from inferc.runtime.http.client_connection import Connection
from inferc.runtime.http.connection_rules import RULES, ConnectionRules
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.replicas.remote.transport.http_client import ClientOptions
from inferc.runtime.replicas.remote.transport.lean_client import open_client

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ENDLESS_HEAD = b"GET / HTTP/1.1\r\n" + (b"X: " + b"x" * 1000 + b"\r\n") * 70
MOST = 16


class Sink(asyncio.Transport):
    """Notes what is written, in one list for all."""

    def __init__(self, written: list[bytes], is_closed: bool = False) -> None:
        super().__init__()
        self._written, self._is_closed = written, is_closed

    def write(self, data: Any) -> None:
        assert not self._is_closed
        self._written.append(bytes(data))

    def is_closing(self) -> bool:
        return self._is_closed


async def test_writes_of_one_turn_go_out_together_in_their_order_and_none_is_left() -> None:
    written: list[bytes] = []
    writes = HeldWrites()
    for number in range(MOST + 3):
        writes.write(Sink(written), b"%d" % number)
        assert len(written) == (0 if number < MOST - 1 else MOST)
    await asyncio.sleep(0)
    assert written == [b"%d" % number for number in range(MOST + 3)]
    writes.flush()
    assert len(written) == MOST + 3


async def test_after_one_that_is_alone_in_its_turn_some_are_written_at_once() -> None:
    written: list[bytes] = []
    writes = HeldWrites()
    writes.write(Sink(written), b"first")
    assert not written
    await asyncio.sleep(0)
    writes.write(Sink(written), b"second")
    assert written == [b"first", b"second"]
    for _ in range(20):
        writes.write(Sink(written), b"another")
    assert len(written) < 22
    await asyncio.sleep(0)
    assert len(written) == 22


async def test_a_connection_that_was_closed_meanwhile_keeps_no_other_from_its_answer() -> None:
    written: list[bytes] = []
    writes = HeldWrites()
    writes.write(Sink(written, is_closed=True), b"gone")
    writes.write(Sink(written), b"here")
    writes.flush()
    assert written == [b"here"]


def _half_closed(connection: Connection) -> None:
    """What the loop does when a client says that it sends no more."""
    if not connection.eof_received() and connection.transport is not None:
        connection.transport.close()


@asynccontextmanager
async def _served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    """The port at which `handler` answers."""
    app = web.Application()
    app[RULES] = ConnectionRules(plain=True)
    app.router.add_route("*", "/", handler)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=1)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


async def _sent(port: int, until: bytes = b"") -> bytes:
    """What comes to a client that asks once, up to `until`, or until its connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    async with asyncio.timeout(20):
        answer = await (reader.readuntil(until) if until else reader.read())
    writer.close()
    return answer


ENDS: dict[str, Callable[[Connection], object]] = {
    "abort": lambda connection: connection.abort(),
    "close": lambda connection: connection.force_close(),
    "finish": lambda connection: connection.finish(),
    "the client closes its half": _half_closed,
}


@pytest.mark.parametrize("end", ENDS)
async def test_an_answer_that_is_held_arrives_though_the_connection_is_closed_in_the_same_moment(
    end: str,
) -> None:
    async def ok(request: web.Request) -> web.StreamResponse:
        asyncio.get_running_loop().call_soon(ENDS[end], request.protocol)  # before the turn of writes is over
        return web.Response(text="ok")

    async with _served(ok) as port:
        answer = await _sent(port)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")


async def test_what_a_connection_is_sent_otherwise_comes_behind_the_answer_that_is_held() -> None:
    async def ok(request: web.Request) -> web.StreamResponse:
        asyncio.get_running_loop().call_soon(request.protocol.data_received, ENDLESS_HEAD)
        return web.Response(text="ok")

    async with _served(ok) as port:
        answer = await _sent(port)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b" 431 ") == 1


def _hold_fifteen(seen: list[int]) -> None:
    """Hold as many as may be; `seen` gets how many of them are written before this turn of writes is over."""
    written: list[bytes] = []
    writes = held_writes()
    asyncio.get_running_loop().call_soon(lambda: seen.append(len(written)))
    while not writes.held:  # some are not, after one that was alone
        writes.write(Sink([]), b"")
    writes.flush()
    for _ in range(MOST - 1):
        writes.write(Sink(written), b"another")
    assert not written


async def test_answers_and_requests_to_providers_wait_for_no_more_than_fifteen_of_either_kind() -> None:
    seen: list[int] = []

    async def ok(request: web.Request) -> web.StreamResponse:
        if request.can_read_body:
            await request.read()
        else:
            _hold_fifteen(seen)
        return web.json_response({})

    async with _served(ok) as port:
        await _sent(port, b"{}")
        assert seen == [MOST - 1], "an answer"

        client = open_client(ClientOptions({}, read_ahead=1 << 10, window=None, keepalive=60))
        url = f"http://127.0.0.1:{port}/"
        limit = Timeouts(0.01), asyncio.get_running_loop().time() + 20
        (await client.post(url, b"1", {}, limit)).release()
        _hold_fifteen(seen)
        (await client.post(url, b"1", {}, limit)).release()
        await client.close()
        assert seen[1:] == [MOST - 1], "a request"


def test_each_event_loop_holds_its_own() -> None:
    async def left() -> HeldWrites:
        held_writes().write(Sink([]), b"left when this loop is stopped")
        return held_writes()

    first, second = asyncio.run(left()), asyncio.run(left())
    assert first is not second


async def test_a_large_answer_is_not_written_before_what_is_held_meanwhile() -> None:
    seen: list[int] = []

    async def large(request: web.Request) -> web.StreamResponse:
        _hold_fifteen(seen)
        return web.Response(body=b"x" * (40 << 10))

    async with _served(large) as port:
        await _sent(port, b"x" * (40 << 10))
    assert seen == [MOST - 1]

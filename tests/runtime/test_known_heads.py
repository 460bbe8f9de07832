"""Requests whose head has come before are read as aiohttp reads them, and all others by aiohttp."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from inferc.runtime.http.connection_rules import RULES, ConnectionRules
from inferc.runtime.http.known_heads import KnownHeads, RecentHeads
from inferc.runtime.http.server import HttpServer, bind

CHAT = "/v1/chat/completions"
Said = list[tuple[str, str, list[tuple[str, str]], bytes]]


def post(body: bytes, *lines: str, length: str | None = None, path: str = CHAT) -> bytes:
    """A request as most clients send it. length: what it says in the place of its length."""
    head = (
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        *lines,
        f"Content-Length: {len(body) if length is None else length}",
        "Accept: */*",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Unread(BaseProtocol):
    """Nobody reads what comes before all has come."""

    heads: KnownHeads | None = None

    def pause_reading(self) -> None:
        """All may wait."""


class Parser:
    """aiohttp's, which counts what it is asked."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        protocol = Unread(loop)
        self.parser = HttpRequestParser(protocol, loop, 1 << 30, max_field_size=1 << 14)
        protocol._parser = self.parser
        self.protocol, self.asked = protocol, 0

    def feed_data(self, data: bytes) -> Any:
        self.asked += bool(data)
        return self.parser.feed_data(data)

    def message_consumed(self) -> None:
        self.parser.message_consumed()


async def read_by(parser: Any, pieces: Iterable[bytes]) -> Said | str:
    """What a server is asked, but for lengths, which are those of bodies; or why it is no HTTP."""
    said = []
    try:
        for piece in pieces:
            for message, body in parser.feed_data(piece)[0]:
                parser.message_consumed()
                said.append((message, body))
    except HttpProcessingError as error:
        return type(error).__name__
    return [
        (
            message.method,
            message.path,
            [each for each in message.headers.items() if each[0] != "Content-Length"],
            body.read_nowait() if body.is_eof() else b"(in parts)",
        )
        for message, body in said
    ]


async def test_a_head_that_comes_again_is_not_parsed_also_for_a_body_of_another_length() -> None:
    inner = Parser()
    pieces = [post(b"{%s}" % (b" " * size)) for size in (3, 3, 0, 9000, 8)]
    assert await read_by(known(inner), pieces) == await read_by(Parser(), pieces)
    assert inner.asked == 1


async def test_nor_is_it_where_its_body_comes_later_as_most_clients_of_python_send_it() -> None:
    inner = Parser()
    pieces = [part for size in (3, 3, 9000, 7) for part in halves(post(b"x" * size))]
    assert await read_by(known(inner), pieces) == await read_by(Parser(), pieces)
    assert inner.asked == 2


async def test_nor_is_it_after_a_request_without_a_body() -> None:
    inner = Parser()
    get = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    pieces = [get, TWO, get, TWO, TWO]
    assert await read_by(known(inner), pieces) == await read_by(Parser(), pieces)
    assert inner.asked == 3


def known(parser: Parser, recent: RecentHeads | None = None) -> KnownHeads:
    return KnownHeads(parser, cast(Any, parser.protocol), {} if recent is None else recent)


def halves(request: bytes) -> tuple[bytes, bytes]:
    """Its head, and its body."""
    head, end, body = request.partition(b"\r\n\r\n")
    return head + end, body


TWO = post(b'{"a":1}')
ODD: dict[str, list[bytes]] = {
    "a body that is too short": [TWO, post(b"{}", length="5"), b"abc", TWO],
    "two requests at once": [TWO, TWO + TWO, TWO],
    "a request and half of the next": [TWO, TWO + TWO[:20], TWO[20:], TWO],
    "in the midst of a header": [b"POST /other HTTP/1.1\r\nX: ", TWO, TWO, TWO],
    "half a head": [TWO, TWO[:30], TWO[30:], TWO, TWO],
    "a head, then its body": [TWO, *halves(TWO), *halves(TWO), TWO],
    "a head, then its body and more": [TWO, halves(TWO)[0], halves(TWO)[1] + TWO, TWO],
    "a head, then its body and half": [*halves(TWO), halves(TWO)[0], b"{}", b"   }}" + TWO[:9], TWO[9:], TWO],
    "a body and half of the next head": [TWO[:-1], TWO[-1:] + TWO[:60], TWO[60:], TWO, TWO],
    "large bodies": [halves(post(b"x" * size))[at] for size in (9, 1 << 20, 3 << 20, 9) for at in (0, 1)],
    "a body that looks like a request": [TWO, post(b"", length=f"{len(TWO)}"), TWO, TWO],
    "another path": [TWO, post(b"{}", path="/v1/embeddings"), TWO],
    "another key": [TWO, post(b"{}", "Authorization: Bearer b"), post(b"{}", "Authorization: Bearer c")],
    "a length that is none": [TWO, post(b"{}", length="+2")],
    "a length with a letter": [TWO, post(b"{}", length="2a")],
    "a length with a nought": [TWO, post(b"{}", length="02"), TWO],
    "a length with a space": [post(b"{}", length="2 "), post(b"{}", length="2 ")],
    "an empty length": [TWO, post(b"", length="")],
    "a huge length": [TWO, post(b"{}", length="99999999999999999999999")],
    "no body": [TWO, post(b""), TWO],
    "two lengths": [post(b"{}", "Content-Length: 2"), post(b"{}", "Content-Length: 2")],
    "a length in another header": [post(b"{}", "X-Content-Length: 7"), post(b"{} ", "X-Content-Length: 7")],
    "a length in a value": [post(b"{}", "X: a", " Content-Length: 7")] * 2,
    "in chunks": [post(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length="13")] * 2,
    "only when it is told to go on": [post(b"{}", "Expect: 100-continue")] * 2,
    "the last one": [post(b"{}", "Connection: close"), post(b"{}", "Connection: close")],
    "packed": [post(b"{}", "Content-Encoding: gzip")] * 2,
    "what is no HTTP": [TWO, b"nonsense\r\n\r\n"],
    "line ends before it": [b"\r\n\r\n" + TWO, b"\r\n\r\n" + TWO],
}


@pytest.mark.parametrize("pieces", ODD.values(), ids=ODD)
async def test_what_is_not_the_same_head_with_its_whole_body_is_aiohttps(pieces: list[bytes]) -> None:
    recent: RecentHeads = {}
    for _ in range(2):
        assert await read_by(known(Parser(), recent), pieces) == await read_by(Parser(), pieces)


@pytest.mark.parametrize("seed", range(100))
async def test_requests_that_come_in_any_pieces_are_read_as_aiohttp_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    pieces = []
    for _ in range(12):
        said = post(b"x" * chance.choice((0, 1, 2, 10, 300)), *chance.choice(((), (), ("X-Other: 1",))))
        if chance.random() < 0.2:
            at = chance.randrange(len(said))
            pieces += [said[:at], said[at:]]
        elif pieces and chance.random() < 0.2:
            pieces[-1] += said
        else:
            pieces.append(said)
    recent: RecentHeads = {}
    for _ in range(2):
        assert await read_by(known(Parser(), recent), pieces) == await read_by(Parser(), pieces)


async def test_nor_is_it_on_another_connection_with_another_key_before_it() -> None:
    recent: RecentHeads = {}
    other = post(b"{}", "Authorization: Bearer b")
    await read_by(known(Parser(), recent), [TWO, other])
    for pieces in ([TWO, other, TWO], [other], [*halves(post(b"x" * 300)), TWO]):
        inner = Parser()
        assert await read_by(known(inner, recent), pieces) == await read_by(Parser(), pieces)
        assert inner.asked == 0


async def test_as_many_heads_are_remembered_as_there_is_room_for() -> None:
    recent: RecentHeads = {}
    for number in range(200):
        await read_by(known(Parser(), recent), [post(b"{}", f"X-Number: {number}")])
    assert len(recent) <= 64
    inner = Parser()
    await read_by(known(inner, recent), [post(b"{}", "X-Number: 199"), post(b"{}", "X-Number: 0")])
    assert inner.asked == 1


async def test_who_sends_another_head_each_time_is_not_looked_at_for_ever() -> None:
    inner = Parser()
    others = [post(b"{}", f"X-Number: {number}") for number in range(20)]
    await read_by(known(inner), [*others[:3], TWO, TWO, *others[:3], TWO, TWO])
    assert inner.asked == 4
    inner.asked = 0
    await read_by(known(inner), [*others, TWO, TWO])
    assert inner.asked == 22
    assert inner.protocol._parser is inner  # which is asked by itself from then on


async def test_each_request_of_a_connection_is_answered_by_its_own_body() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(body=await request.read() + request.headers.get("X", "").encode())

    app = web.Application()
    app[RULES] = ConnectionRules(plain=True)
    app.router.add_post(CHAT, echo)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=1)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        asked = [(b"one", []), (b"three", []), (b"", []), (b"4", ["X: y"]), (b"fifth", ["X: y"])]
        asked += [(b"large" * 150_000, ["X: y"]), (b"x", ["X: y"])]
        for body, lines in asked:
            writer.write(post(body, *lines))
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode()
            size = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            expected = body + (b"y" if lines else b"")
            assert (size, await reader.readexactly(size)) == (len(expected), expected)
        writer.close()
    finally:
        await server.stop()


async def test_what_reads_a_body_after_its_answer_is_told_so() -> None:
    heads = known(Parser())
    heads.feed_data(TWO)
    [(_, body)], _, _ = heads.feed_data(TWO)
    body.set_exception(web.PayloadAccessError("too late"))
    with pytest.raises(web.PayloadAccessError, match="too late"):
        body.read_nowait()

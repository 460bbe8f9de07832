"""Requests to providers over real sockets: which connections are used again, and which are closed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from attrs import Factory, define, evolve
from yarl import URL

from inferc.runtime.http.probes import probe
from inferc.runtime.replicas.remote.transport import connector, lean_client
from inferc.runtime.replicas.remote.transport.connector import MAX_HEADER, MAX_INTERIM, why_unreadable
from inferc.runtime.replicas.remote.transport.http_client import ClientOptions, HttpClient
from inferc.runtime.replicas.remote.transport.lean_client import LeanAnswer, LeanClient, open_client
from inferc.runtime.replicas.remote.transport.network_errors import told_of
from inferc.runtime.replicas.remote.transport.session_client import SessionClient
from inferc.runtime.requests.errors import StaleConnection

from ..support.remote import eventually, limit

OPTIONS = ClientOptions({"User-Agent": "inferc"}, read_ahead=16 << 10, window=None, keepalive=60.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n{}"

Make = Callable[[ClientOptions], HttpClient]


def of_chats(options: ClientOptions) -> HttpClient:
    """A client that reads little at once, and plain answers without a parser."""
    return LeanClient(evolve(options, window=32 << 10))


def of_vectors(options: ClientOptions) -> HttpClient:
    """A client that reads as much as there is, and plain answers without a parser."""
    return LeanClient(evolve(options, is_plain=True))


lean = pytest.mark.parametrize("make", [LeanClient, of_chats, of_vectors])
both = pytest.mark.parametrize("make", [LeanClient, of_chats, of_vectors, SessionClient])


@define
class Provider:
    """What a server has seen: the head and body of each request, and how many connections."""

    url: URL = URL()
    heads: list[bytes] = Factory(list)
    bodies: list[bytes] = Factory(list)
    opened: int = 0
    open: int = 0
    writers: list[asyncio.StreamWriter] = Factory(list)


@asynccontextmanager
async def provider(*answers: bytes, read_body: bool = True) -> AsyncIterator[Provider]:
    """A server that keeps its connections, and gives each request the next answer, the last one for ever."""
    seen, rest = Provider(), list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.opened, seen.open = seen.opened + 1, seen.open + 1
        seen.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                seen.heads.append(head)
                if read_body:
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    seen.bodies.append(await reader.readexactly(int(length)))
                writer.write(rest.pop(0) if len(rest) > 1 else rest[0])
                await writer.drain()
                if not read_body:
                    await asyncio.sleep(3600)
        seen.open -= 1
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, limit=64 << 20) as server:
        seen.url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat?api=1")
        yield seen
        for writer in seen.writers:
            writer.close()


@asynccontextmanager
async def client(make: Make) -> AsyncIterator[HttpClient]:
    made = make(OPTIONS)
    try:
        yield made
    finally:
        await made.close()


async def ask(asking: HttpClient, url: URL, body: bytes = b"{}", **headers: str) -> bytes:
    answer = await asking.post(str(url), body, headers, limit())
    try:
        if isinstance(answer, LeanAnswer) and answer.whole is not None:
            return answer.whole
        if isinstance(answer, LeanAnswer) and answer.rest is not None:
            await answer.rest.arrival(asyncio.get_running_loop(), lambda: None)
            return answer.rest.body
        return await answer.content.read()
    finally:
        answer.release()


@both
@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-"])
async def test_who_does_not_begin_to_answer_in_time_is_left(make: Make, begun: bytes) -> None:
    async with provider(OK, begun, OK) as seen, client(make) as asking:
        assert await ask(asking, seen.url) == b"{}"  # so that the next one has a connection that was kept
        with pytest.raises(TimeoutError):
            await asking.post(str(seen.url), b"{}", {}, limit(0.05))
        assert await ask(asking, seen.url) == b"{}"
        assert seen.opened == 2


@both
async def test_a_request_arrives_as_it_was_meant(make: Make) -> None:
    async with provider(OK) as seen, client(make) as asking:
        answer = await asking.post(str(seen.url), b'{"a": 1}', {"Authorization": "Bearer key"}, limit())
        assert (answer.status, answer.content_type, answer.content_length) == (200, "application/json", 2)
        answer.release()
        answer.release()
    line, *headers = seen.heads[0].decode().split("\r\n")
    assert line == "POST /v1/chat?api=1 HTTP/1.1"
    for header in ("User-Agent: inferc", "Authorization: Bearer key", f"Host: {seen.url.authority}"):
        assert headers.count(header) == 1
    assert seen.bodies == [b'{"a": 1}']


@both
async def test_a_connection_that_is_silent_for_long_is_probed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    monkeypatch.setattr(connector, "probe", lambda each: (probe(each), made.append(each)))
    async with provider(OK) as seen, client(make) as asking:
        assert await ask(asking, seen.url) == b"{}"
        (opened,) = made
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


@both
async def test_a_connection_whose_answer_was_read_is_used_again(make: Make) -> None:
    async with provider(OK) as seen, client(make) as asking:
        assert [await ask(asking, seen.url) for _ in range(3)] == [b"{}"] * 3
        assert seen.opened == 1


@both
@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        OK.replace(b"Length: 2", b"Length: 20"),
        OK + OK,
    ],
    ids=["close", "HTTP/1.0", "unread", "too much"],
)
async def test_a_connection_that_is_not_clean_is_closed(make: Make, answer: bytes) -> None:
    async with provider(answer, OK) as seen, client(make) as asking:
        first = await asking.post(str(seen.url), b"{}", {}, limit())
        await first.content.readany()
        first.release()
        assert await ask(asking, seen.url) == b"{}"
        assert seen.opened == 2


@both
async def test_a_connection_that_the_provider_closed_is_not_used(make: Make) -> None:
    async with provider(OK) as seen, client(make) as asking:
        await ask(asking, seen.url)
        seen.writers[0].close()
        await eventually(lambda: seen.open == 0)
        assert await ask(asking, seen.url) == b"{}"
        assert seen.opened == 2


@lean
async def test_a_connection_that_the_provider_closes_as_the_request_comes_is_told_from_a_new_one(
    make: Make,
) -> None:
    async with provider(OK, OK, b"", OK) as seen, client(make) as asking:
        first = await asking.post(str(seen.url), b"{}", {}, limit())
        await ask(asking, seen.url)
        await first.content.readany()
        first.release()
        asked = asyncio.create_task(ask(asking, seen.url))
        await eventually(lambda: len(seen.heads) == 3)
        seen.writers[0].close()
        with pytest.raises(aiohttp.ServerDisconnectedError) as told:
            await asked
        assert await ask(asking, seen.url) == b"{}"
        assert seen.opened == 3  # what rested for longer is not tried
    assert told_of(told.value, str(seen.url), None, launched=False)[0] is StaleConnection


@both
async def test_a_connection_that_rests_for_too_long_is_closed(make: Make) -> None:
    async with provider(OK) as seen:
        asking = make(evolve(OPTIONS, keepalive=0.05))
        await ask(asking, seen.url)
        await eventually(lambda: seen.open == 0)
        assert await ask(asking, seen.url) == b"{}"
        assert seen.opened == 2
        await asking.close()
        await eventually(lambda: seen.open == 0)


@lean
async def test_what_came_on_an_idle_connection_answers_no_request(make: Make) -> None:
    """HAProxy and others send a 408 before they close a connection on which nothing was asked."""
    async with provider(OK) as seen, client(make) as asking:
        await ask(asking, seen.url)
        seen.writers[0].write(OK.replace(b"200 OK", b"408 Request Timeout"))
        await asyncio.sleep(0.05)
        answer = await asking.post(str(seen.url), b"{}", {}, limit())
        answer.release()
        assert answer.status == 200
        assert seen.opened == 2


@both
async def test_a_body_goes_out_whole(make: Make) -> None:
    sent = bytes(range(256)) * 40_000
    async with provider(OK) as seen, client(make) as asking:
        await ask(asking, seen.url, sent)
        await ask(asking, seen.url, b"")
        assert seen.bodies == [sent, b""]
        assert seen.opened == 1


@both
async def test_an_answer_may_come_before_all_is_sent(make: Make) -> None:
    early = OK.replace(b"200 OK", b"413 Content Too Large")
    async with provider(early, read_body=False) as seen, client(make) as asking:
        answer = await asking.post(str(seen.url), b" " * (16 << 20), {}, limit())
        assert answer.status == 413
        answer.release()
        answer = await asking.post(str(seen.url), b"{}", {}, limit())
        answer.release()
        assert seen.opened == 2


@both
async def test_interim_answers_are_passed_over(make: Make) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with provider(hint * MAX_INTERIM + OK) as seen, client(make) as asking:
        assert [await ask(asking, seen.url) for _ in range(2)] == [b"{}"] * 2


@both
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM + 1) + OK, "interim answers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEADER + 1) + b"\r\n\r\n", "a header of more than"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n", "more than 128 headers"),
        (b"SSH-2.0-OpenSSH_9.7\r\n\r\n", "no HTTP"),
    ],
    ids=["interim", "long header", "many headers", "no HTTP"],
)
async def test_a_head_that_breaks_a_bound_is_an_error(make: Make, answer: bytes, why: str) -> None:
    async with provider(answer) as seen, client(make) as asking:
        with pytest.raises(aiohttp.ClientResponseError) as error:
            await ask(asking, seen.url)
        assert why in why_unreadable(error.value)
        await eventually(lambda: seen.open == 0)


@both
async def test_a_redirect_is_an_answer(make: Make) -> None:
    moved = OK.replace(b"200 OK", b"307 Temporary Redirect\r\nLocation: /elsewhere")
    async with provider(moved) as seen, client(make) as asking:
        answer = await asking.post(str(seen.url), b"{}", {"Authorization": "Bearer key"}, limit())
        answer.release()
        assert answer.status == 307
        assert len(seen.heads) == 1


@both
async def test_an_answer_without_a_length_ends_with_its_connection(make: Make) -> None:
    async with provider(b"HTTP/1.1 200 OK\r\n\r\nall of it") as seen, client(make) as asking:
        answer = await asking.post(str(seen.url), b"{}", {}, limit())
        assert await answer.content.readany() == b"all of it"
        seen.writers[0].close()
        assert await answer.content.read() == b""
        answer.release()


@both
async def test_an_answer_that_breaks_off_is_an_error(make: Make) -> None:
    async with provider(OK.replace(b"Length: 2", b"Length: 20")) as seen, client(make) as asking:
        answer = await asking.post(str(seen.url), b"{}", {}, limit())
        seen.writers[0].close()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
        answer.release()


@both
async def test_a_provider_that_closes_without_a_word_is_an_error(make: Make) -> None:
    async with provider(b"") as seen, client(make) as asking:
        asked = asyncio.create_task(ask(asking, seen.url))
        await eventually(lambda: len(seen.heads) == 1)
        seen.writers[0].close()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await asked


@both
async def test_who_is_cancelled_leaves_no_connection(make: Make) -> None:
    """Before the head, and in the middle of the body."""
    async with provider(b"", OK.replace(b"Length: 2", b"Length: 20")) as seen, client(make) as asking:
        for number in (1, 2):
            asked = asyncio.create_task(ask(asking, seen.url))
            await eventually(lambda number=number: len(seen.bodies) == number)  # type: ignore[misc]
            await asyncio.sleep(0.02)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await eventually(lambda: seen.open == 0)


@both
async def test_a_header_never_becomes_two(make: Make) -> None:
    async with provider(OK) as seen, client(make) as asking:
        for value in ("a\r\nX-Evil: 1", "a\nb", "a\0b"):
            with pytest.raises(ValueError, match=r"\w"):
                await ask(asking, seen.url, key=value)
        assert seen.heads == []


@both
async def test_nobody_there_is_a_connection_error(make: Make) -> None:
    async with provider(OK) as seen:
        pass
    async with client(make) as asking:
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(asking, seen.url)


async def test_an_aiohttp_that_has_changed_does_all_of_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(open_client) as asking:
        assert isinstance(asking, LeanClient)

    def changed(self: Any, *, read_until_eof: bool = False) -> None: ...

    monkeypatch.setattr(ResponseHandler, "set_response_params", changed)
    assert not lean_client.is_as_expected()
    async with client(open_client) as asking:
        assert isinstance(asking, SessionClient)

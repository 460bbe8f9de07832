"""Streams whose chunks go to the client in the turn in which they come: it gets what it always gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

import aiohttp
import orjson
import pytest
from attrs import define, field
from hypothesis import given, strategies as st

from inferc.compiler.plan import Cache, Duration, RetryPolicy, Timeouts
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.replicas.remote import replica
from inferc.runtime.replicas.remote.auth.api_key import NoAuthorizer
from inferc.runtime.replicas.remote.replica import RemoteReplica
from inferc.runtime.replicas.remote.transport.connector import Connector
from inferc.runtime.replicas.remote.transport.whole_chunks import whole_chunks
from inferc.runtime.requests.answer import ChatChunk, ChatEvents, Chunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import NetworkError, RequestError, RequestTimeout, ServerError
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.deployment import Deployment

from ..support.pipelines import Graph, cascade, plan_with
from ..support.policies import policies_of
from ..support.raw_server import raw_server
from ..support.remote import executor_of, gateway_of, remote_plan, running
from ..support.rows import each_row

T = TypeVar("T")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
CHAT = ChatRequest(
    {
        "model": "gpt",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    stream=True,
)
USAGE = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10}


def said(words: str, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
    return event(json.dumps({"id": "c", "model": "m", "choices": [choice | more]}).encode())


def event(data: bytes) -> bytes:
    return b"data: %b\n\n" % data


def http(*events: bytes) -> bytes:
    """`events` as one chunk of HTTP."""
    whole = b"".join(events)
    return b"%x\r\n%b\r\n" % (len(whole), whole)


FIRST = said("").replace(b'"content"', b'"role": "assistant", "content"')
LAST = said("", finish_reason="stop")
TOLD = event(json.dumps({"id": "c", "model": "m", "choices": [], "usage": USAGE}).encode())
DONE = event(b"[DONE]")


class Provider(asyncio.Transport):
    """The other side of a connection: what `says` is given is what the client reads."""

    def __init__(self, protocol: Any) -> None:
        super().__init__({})
        self.protocol = protocol
        self.asked = asyncio.Event()
        self.is_paused = self.is_closed = False

    def write(self, data: Any) -> None:
        self.asked.set()

    def says(self, data: bytes) -> None:
        """As a loop reads: no more than fits, and nothing while it is told to wait."""
        assert not self.is_paused
        assert not self.is_closed
        place = memoryview(self.protocol.get_buffer(-1))
        assert len(data) <= len(place)
        place[: len(data)] = data
        self.protocol.buffer_updated(len(data))

    def ends(self, error: Exception | None = None) -> None:
        self.is_closed = True
        self.protocol.connection_lost(error)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


@define
class Client:
    """A sink that writes down what it gets, and what comes the usual way.

    reads: whether it takes more. writes: each write, and whether it was at once. passed: those that went out
    as they came.
    """

    is_open: bool = True
    reads: bool = True
    writes: list[tuple[bool, bytes]] = field(factory=list)
    passed: list[bytes] = field(factory=list)

    def takes(self) -> bool:
        return self.is_open and self.reads

    def send(self, chunks: Sequence[Chunk], more: bool) -> bool:
        assert self.takes()
        self.writes.append((True, b"".join(map(written, chunks))))
        return True

    def pass_on(self, piece: bytes) -> bool:
        if not self.takes():
            return False
        found = whole_chunks(piece)
        assert found is not None
        self.writes.append((True, found[0]))
        self.passed.append(piece)
        return True

    @property
    def heard(self) -> bytes:
        return b"".join(data for _, data in self.writes)

    @property
    def at_once(self) -> list[bytes]:
        return [data for at_once, data in self.writes if at_once]


def written(chunk: Chunk) -> bytes:
    if isinstance(chunk, ChatEvents):
        return chunk.native
    assert isinstance(chunk, ChatChunk)
    return event(chunk.data) if chunk.data else b""


@define
class Asked:
    """A request that is being answered. relays: whether its chunks may go at once."""

    deployment: Deployment
    client: Client
    trace: Trace
    answer: asyncio.Task[None]
    provider: Provider

    async def hears(self, *pieces: bytes) -> None:
        """The provider says `pieces`, each for itself."""
        for piece in pieces:
            self.provider.says(piece)
            for _ in range(8):
                await asyncio.sleep(0)


async def ask(*, relays: bool = True, request: ChatRequest = CHAT, **fields: Any) -> Asked:
    """Ask a deployment whose provider is a `Provider`."""
    made: asyncio.Future[Provider] = asyncio.get_running_loop().create_future()

    async def connected(self: Connector, *_: object) -> Any:
        protocol = self._factory()
        provider = Provider(protocol)
        protocol.connection_made(provider)
        made.set_result(provider)
        return protocol

    plan = remote_plan(**({"retry": RetryPolicy(max_retries=0)} | fields))
    remote = RemoteReplica(plan, NoAuthorizer(), lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connector, "_create_connection", connected)
        deployment = Deployment(plan, [remote], {}, Random(1), policies_of(plan))
        await deployment.start()
        client, trace = Client(), Trace(spans=[])
        call = Call(request, sink=client if relays else None)

        async def answer() -> None:
            async with aclosing(deployment.stream(call, trace)) as chunks:
                async for chunk in chunks:
                    client.writes.append((False, written(chunk)))
                    client.is_open = not getattr(chunk, "more", False)

        task = asyncio.create_task(answer())
        provider = await made
        await provider.asked.wait()
    return Asked(deployment, client, trace, task, provider)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return run_virtual(scenario)


async def answered(*pieces: bytes, relays: bool = True, **fields: Any) -> tuple[Asked, RequestError | None]:
    """What becomes of a stream that comes in `pieces`, after which the provider closes."""
    asked = await ask(relays=relays, **fields)
    try:
        for piece in pieces:
            if asked.provider.is_closed:
                break
            await asked.hears(piece)
        if not asked.provider.is_closed and not asked.answer.done():
            asked.provider.ends()
        try:
            await asked.answer
        except RequestError as error:
            return asked, error
        return asked, None
    finally:
        await asked.deployment.stop()


def test_plain_chunks_go_out_as_they_came_each_in_one_write() -> None:
    words = ["The ", "sky ", "is ", "blue, ", "x" * 300, "because", "."]
    pieces = [HEAD + http(FIRST), *(http(said(each)) for each in words)]
    asked, error = run(answered(*pieces, http(LAST), http(TOLD), http(DONE) + END))
    assert error is None
    assert asked.client.at_once[-4:] == [*(said(each) for each in words[-2:]), LAST, TOLD]
    assert asked.client.heard == b"".join([FIRST, *map(said, words), LAST, TOLD])
    [span] = asked.trace.spans or []
    assert span.usage == Usage(3, 7)


def test_plain_chunks_that_came_together_go_out_as_they_came_and_are_counted() -> None:
    words = [
        b"".join(http(said(each)) for each in together) for together in ("ab", ["c", "d" * 300, "", "e"])
    ]
    first = [HEAD + http(FIRST), http(said("a")), http(said("b"))]
    together, _ = run(answered(*first, *words))
    alone, _ = run(answered(*first, *(http(said(each)) for each in ["a", "b", "c", "d" * 300, "", "e"])))
    assert together.client.passed[-len(words) :] == words
    assert together.client.heard == alone.client.heard
    assert [span.usage for span in together.trace.spans or []] == [
        span.usage for span in alone.trace.spans or []
    ]


def test_words_of_all_letters_and_with_line_breaks_go_out_as_they_came() -> None:
    words = ["\n", 'a "quote"', "\u00e9", "\u65e5\u672c", "back\\slash", "plain"] * 2
    pieces = [http(said(each)) for each in words]
    pieces += [
        http(event(json.dumps(orjson.loads(said(each)[6:]), ensure_ascii=False).encode())) for each in words
    ]
    asked, _ = run(answered(HEAD + http(FIRST), http(said("a")), http(said("b")), *pieces))
    assert asked.client.passed[-len(pieces) :] == pieces


@each_row(
    "odd",
    [
        http(said("c")) + http(said("d"))[1:],
        b"0" + http(said("c")) + http(said("d")),
        http(said("c")).replace(b"\r\n", b"\n", 1) + http(said("d")),
        b"%x" % len(said("")) + http(said("")).split(b'"content": "', 1)[1] + http(said("d")),
        http(said("c"), said("d")) + http(said("e")),
        http(said("c")) + http(said("\ud83d")),
        http(said("c")) + http(said("d")).replace(b'"d"', b'"\xff"'),
        http(said("c")) + http(said("d")).replace(b'"d"', b'"\n"'),
    ],
)
def test_chunks_that_came_together_pass_only_where_each_is_as_the_one_before_but_for_its_words(
    odd: bytes,
) -> None:
    async def scenario() -> list[bytes]:
        asked, _ = await answered(HEAD + http(FIRST), http(said("a")), http(said("b")), odd)
        return asked.client.passed

    assert run(scenario()) == [http(said("b"))]


def test_who_speaks_is_told_with_the_first_words_in_one_write() -> None:
    asked, error = run(
        answered(HEAD + http(FIRST), http(said("")), http(said("a")), http(LAST), http(DONE) + END)
    )
    assert error is None
    assert asked.client.writes == [(True, FIRST + said("") + said("a")), (True, LAST)]


def test_a_stream_that_breaks_off_before_its_first_words_is_begun_anew_and_nothing_of_it_is_told() -> None:
    async def scenario() -> tuple[Client, int]:
        asked = await ask(retry=RetryPolicy(max_retries=1))
        await asked.hears(HEAD + http(FIRST), http(said("")), http(said("")))
        assert asked.client.writes == []
        asked.provider.ends()
        await asyncio.wait([asked.answer])
        await asked.deployment.stop()
        return asked.client, asked.trace.attempts

    client, attempts = run(scenario())
    assert client.writes == []
    assert attempts == 2


def test_what_says_nothing_for_long_is_told_all_the_same() -> None:
    empty = [http(said(""))] * 70
    asked, error = run(answered(HEAD + http(FIRST), *empty, http(LAST), http(DONE) + END))
    assert error is None
    assert asked.client.writes[0] == (True, FIRST + said("") * 63)
    assert asked.client.heard == FIRST + said("") * 70 + LAST


def test_chunks_that_came_together_go_out_together() -> None:
    async def scenario() -> Client:
        asked = await ask()
        await asked.hears(HEAD + http(FIRST), http(said("a")))
        asked.client.writes.clear()
        await asked.hears(http(said("b")) + http(said("c"), said("d")) + http(said("e")))
        asked.answer.cancel()
        await asked.deployment.stop()
        return asked.client

    assert run(scenario()).writes == [(True, b"".join(map(said, "bcde")))]


WORDS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["plain", " words", "é", "\U0001f600", 'a "quote"', "back\\slash", "\ud83d", "\ude00", "\n"]
    ),
)


@given(
    st.lists(WORDS, max_size=8),
    st.lists(st.integers(0, 2000), max_size=12),
    st.sampled_from(["{}", "\r\n", ": a comment\n\n", "event: ping\ndata: {}\n\n", "X"]),
    st.sampled_from(["%x\r\n%b\r\n", "%X\r\n%b\r\n", "0%x\r\n%b\r\n", "%x;name=1\r\n%b\r\n"]),
    st.sampled_from(
        [
            [LAST, TOLD, DONE],
            [LAST],
            [DONE],
            [],
            [said("", finish_reason="error")],
            [event(b'{"error": {"message": "it broke"}}')],
            [event(b"{")],
            [said("a"), b"data: " + said("b")],
        ]
    ),
)
def test_however_a_stream_is_cut_the_client_hears_the_same(
    words: list[str], cuts: list[int], odd: str, form: str, ending: list[bytes]
) -> None:
    events = [FIRST, *(said(each) for each in words), *([odd.encode()] if odd != "{}" else []), *ending]
    whole = HEAD + b"".join(form.encode() % (len(each), each) for each in events) + END
    places = sorted({0, *(min(each, len(whole)) for each in cuts), len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    heard = [run(answered(*pieces, relays=relays)) for relays in (True, False)]
    (ours, our_error), (theirs, their_error) = heard
    assert not theirs.client.at_once
    assert ours.client.heard == theirs.client.heard
    assert (type(our_error), str(our_error)) == (type(their_error), str(their_error))
    assert [span.usage for span in ours.trace.spans or ()] == [
        span.usage for span in theirs.trace.spans or ()
    ]


@each_row(
    "odd",
    [
        http(said("three")).replace(b"three", b'th"ee'),
        http(said("three")).replace(b"three", b"th\\ee"),
        http(said("three")).replace(b"three", b"th\xffee"),
        http(said("three")).replace(b"three", b"th\x01ee"),
        http(said("three"))[:-4] + b"\r\n\r\n",
        http(said("three")).replace(b"\r\n", b" \r\n", 1),
        http(b"x" + said("three")),
        http(said("three", finish_reason="error")),
    ],
    ids=["quote", "escape", "no UTF-8", "control", "short", "blank", "ahead", "failed"],
)
def test_what_is_broken_is_not_handed_on(odd: bytes) -> None:
    pieces = [HEAD + http(FIRST), http(said("one")), http(said("two")), http(said("two"))]
    (ours, our_error), (theirs, their_error) = (
        run(answered(*pieces, odd, relays=relays)) for relays in (True, False)
    )
    assert len(ours.client.at_once) >= 2
    assert our_error is not None
    assert str(our_error) == str(their_error)
    assert ours.client.heard == theirs.client.heard


def test_silence_after_chunks_that_went_at_once_is_noticed() -> None:
    async def scenario() -> tuple[float, RequestError]:
        asked = await ask(timeouts=Timeouts(read=Duration(5.0)))
        await asked.hears(HEAD + http(FIRST))
        for _ in range(4):
            await asyncio.sleep(4)
            await asked.hears(http(said("a")))
        assert len(asked.client.at_once) == 4  # the first one with who speaks
        began = asyncio.get_running_loop().time()
        with pytest.raises(RequestTimeout, match="fell silent for 5 s") as caught:
            await asked.answer
        await asked.deployment.stop()
        return asyncio.get_running_loop().time() - began, caught.value

    waited, error = run(scenario())
    assert 5 <= waited <= 5.5
    assert error.at_work


def test_all_of_a_stream_has_to_be_here_in_time_however_it_came() -> None:
    async def scenario() -> float:
        asked = await ask(timeouts=Timeouts(total=Duration(10.0)))
        began = asyncio.get_running_loop().time()
        await asked.hears(HEAD + http(FIRST))
        while not asked.answer.done():
            await asked.hears(http(said("a")))
            await asyncio.sleep(1)
        with pytest.raises(RequestTimeout, match="took longer than"):
            await asked.answer
        await asked.deployment.stop()
        return asyncio.get_running_loop().time() - began

    assert 10 <= run(scenario()) <= 12


def test_chunks_that_went_at_once_count_for_the_bound_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MAX_STREAM", 4000)
    chunks = [http(said("a"))] * 100
    asked, error = run(answered(HEAD + http(FIRST), *chunks))
    assert isinstance(error, ServerError)
    assert "was not read on" in error.message
    assert 3500 < len(asked.client.heard) <= 4000


def test_a_provider_that_breaks_off_is_noticed_and_what_came_is_paid_for() -> None:
    """By its words: many providers send several tokens in a chunk, and not all of them count."""
    pieces = [HEAD + http(FIRST), *[http(said("some words, " * 10))] * 6]
    (ours, our_error), (theirs, their_error) = (
        run(answered(*pieces, relays=relays)) for relays in (True, False)
    )
    assert len(ours.client.at_once) == 6  # the first one with who speaks
    assert isinstance(our_error, NetworkError | ServerError)
    assert str(our_error) == str(their_error)
    [ours_paid], [theirs_paid] = ours.trace.spans or [], theirs.trace.spans or []
    assert ours_paid.usage == theirs_paid.usage
    assert 150 < ours_paid.usage.completion_tokens < 220


def test_a_client_that_leaves_ends_the_request_and_its_connection() -> None:
    async def scenario() -> None:
        asked = await ask()
        await asked.hears(HEAD + http(FIRST), http(said("a")), http(said("b")))
        asked.answer.cancel()
        await asyncio.wait([asked.answer])
        assert asked.provider.is_closed
        assert asked.deployment.running == 0
        heard = asked.client.heard
        asked.provider.protocol.connection_lost(None)
        assert asked.client.heard == heard
        await asked.deployment.stop()

    run(scenario())


def test_what_is_kept_in_a_cache_is_seen_there() -> None:
    cache = Cache(ttl=Duration(60.0), sampled=True)
    pieces = [HEAD + http(FIRST), http(said("a")), http(said("b")), http(LAST), http(TOLD), http(DONE) + END]

    async def scenario() -> tuple[bytes, list[bytes]]:
        asked = await ask(cache=cache)
        await asked.hears(*pieces)
        await asked.answer
        again = asked.deployment.stream(Call(CHAT), Trace())
        async with aclosing(again) as chunks:
            kept = [written(chunk) async for chunk in chunks]
        await asked.deployment.stop()
        return asked.client.heard, kept

    heard, kept = run(scenario())
    assert b"".join(kept) == heard


async def test_through_the_gateway_a_client_gets_what_its_provider_sends() -> None:
    words = [said(each) for each in ("The", " sky", " is", " blue", ' because "light"', " scatters", ".")]
    pieces = [HEAD + http(FIRST), *map(http, words), http(LAST), http(TOLD), http(DONE) + END]

    async def slowly() -> AsyncIterator[bytes | float]:
        for piece in pieces:
            yield piece
            yield 0.005

    async with (
        raw_server(slowly) as server,
        executor_of(remote_plan(endpoint=f"{server.url}/v1")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", json=CHAT.body) as response,
    ):
        assert response.status == 200
        assert await response.read() == b"".join([FIRST, *words, LAST, TOLD, DONE])


async def test_words_that_come_with_their_end_are_one_chunk_of_http_with_it() -> None:
    pieces = [HEAD + http(FIRST), 0.01, b"".join(map(http, (said("a"), LAST, TOLD, DONE))) + END]
    async with (
        raw_server(lambda: pieces) as server,
        executor_of(remote_plan(endpoint=f"{server.url}/v1")) as executor,
        gateway_of(executor) as url,
    ):
        reader, writer = await asked_at(url)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(END) == http(FIRST, said("a"), LAST, TOLD, DONE) + END
        writer.close()


SMALL = [said(each) for each in ("a", "b", "c")]
LARGE = [said(each) for each in ("d", "e", "f")]
ENDS = {
    "well": ([LAST, DONE], [FIRST, *SMALL, LAST, DONE]),
    "too long": ([said("", finish_reason="length"), DONE], [FIRST, *LARGE, LAST, DONE]),
    "not at all": ([], [FIRST, *LARGE, LAST, DONE]),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_cascade_shows_nothing_of_an_answer_before_it_is_accepted(end: str) -> None:
    ending, heard = ENDS[end]
    graph = Graph()
    graph.field("accept.1", "it", "finish_reason")
    graph.constant("accept.2", "stop")
    graph.operator("accept", "==", "accept.1", "accept.2")
    route = cascade("r", "small", "large", condition=graph, accept="accept")

    def piece_by_piece(*events: bytes) -> list[bytes | float]:
        rest = [part for each in events for part in (0.005, http(each))]
        return [HEAD + http(FIRST), *rest, END] if events[-1] == DONE else [HEAD + http(FIRST), *rest]

    async with (
        raw_server(lambda: piece_by_piece(*SMALL, *ending)) as small,
        raw_server(lambda: piece_by_piece(*LARGE, LAST, DONE)) as large,
        running(
            plan_with(
                remote_plan("small", f"{small.url}/v1", retry=RetryPolicy(max_retries=0)),
                remote_plan("large", f"{large.url}/v1"),
                route,
            )
        ) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/chat/completions", json=CHAT.body | {"model": "r"}) as response,
    ):
        assert (await response.read()).decode() == b"".join(heard).decode()


async def asked_at(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the gateway that has asked."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 10)
    body = json.dumps(CHAT.body).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    return reader, writer


async def test_a_client_that_does_not_read_makes_its_provider_wait() -> None:
    """And gets all of it when it does."""
    chunks = [http(said("x" * 3000))] * 4000
    async with (
        raw_server(lambda: [HEAD + http(FIRST), 0.01, *chunks, http(LAST), http(DONE) + END]) as server,
        executor_of(remote_plan(endpoint=f"{server.url}/v1")) as executor,
        gateway_of(executor) as url,
    ):
        reader, writer = await asked_at(url)
        assert b"200 OK" in await reader.readline()
        before = -1
        while server.sent > before:  # until nothing goes on
            before = server.sent
            await asyncio.sleep(0.1)
        assert server.sent < sum(map(len, chunks)) - (1 << 20)
        heard = bytearray()
        while not heard.endswith(END):
            heard += await reader.read(1 << 20)
        assert heard.count(b'"content": "x') == len(chunks)
        writer.close()

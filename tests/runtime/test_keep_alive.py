"""Streams of events say now and then that they still come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import openai
import pytest
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request

from inferc.compiler.plan import Duration, RemotePoolPlan, RetryPolicy, SecretRef, Timeouts
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.gateway.outgoing import event_stream as events
from inferc.runtime.gateway.outgoing.event_stream import KEEP_ALIVE, EventStream, Headers, event
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.mock_provider.faults import parse_fault
from inferc.runtime.requests.errors import ServerError

from ..support.openai_client import openai_client
from ..support.pipelines import Graph, plan_with
from ..support.remote import gateway_of, mock_provider, remote_plan, running

KEY = SecretRef.env("THE_KEY")
QUESTION = [{"role": "user", "content": "hello there"}]


class Wire(AbstractStreamWriter):
    """What a client hears, and when. stalls: for how many seconds it reads nothing. gone: it has left."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.stalls = 0.0
        self.gone = False

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        if self.gone:
            raise ConnectionResetError
        self.heard.append((asyncio.get_running_loop().time(), bytes(chunk)))
        stalls, self.stalls = self.stalls, 0.0
        await asyncio.sleep(stalls)

    async def write_eof(self, chunk: bytes = b"") -> None:
        self.heard.append((asyncio.get_running_loop().time(), chunk))

    async def write_headers(self, status_line: str, headers: object) -> None:
        self.heard.append((asyncio.get_running_loop().time(), status_line.encode()))

    async def drain(self) -> None: ...
    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None: ...
    def enable_chunking(self) -> None: ...


def heard(
    say: Callable[[EventStream, Wire], Awaitable[object]], headers: Callable[[], Headers] = dict
) -> list[tuple[float, bytes]]:
    """What `say` lets a client hear, and when. headers: of the stream."""
    wire = Wire()

    async def scenario() -> None:
        async with EventStream(make_mocked_request("POST", "/", writer=wire), None, headers) as out:
            await say(out, wire)

    run_virtual(scenario())
    return wire.heard


OK = b"HTTP/1.1 200 OK"
COMMENT = b": keep-alive\n"


def test_a_comment_is_sent_whenever_nothing_was_said_for_fifteen_seconds() -> None:
    async def say(out: EventStream, _: Wire) -> None:
        await asyncio.sleep(40)
        await out.send(event(b"1"))
        await asyncio.sleep(14)
        await out.send(event(b"2", "text"))
        await asyncio.sleep(16)
        await out.end(event(b"3"))

    assert KEEP_ALIVE == 15
    told = heard(say)
    for block in b"".join(data for _, data in told[1:]).split(b"\n\n")[:-1]:
        assert b"data: " in block  # openai-go reads an event at each blank line
    assert told == [
        (15, OK),
        (15, COMMENT),
        (30, COMMENT),
        (40, b"data: 1\n\n"),
        (54, b"event: text\ndata: 2\n\n"),
        (69, COMMENT),
        (70, b"data: 3\n\n"),
    ]


def test_an_error_in_the_first_fifteen_seconds_has_a_status_of_its_own_and_later_is_an_event() -> None:
    async def fail_after(out: EventStream, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            raise ServerError("it failed")
        except ServerError as error:
            await out.end(out.failed(error).message.encode())

    with pytest.raises(ServerError):
        heard(lambda out, _: fail_after(out, 14.9))
    *_, (when, last) = heard(lambda out, _: fail_after(out, 15.1))
    assert (when, b"it failed" in last) == (15.1, True)


def test_headers_are_those_that_are_known_when_the_status_is_sent() -> None:
    async def say(out: EventStream, after: float) -> None:
        await asyncio.sleep(after)
        await out.begin()
        await out.begin()
        who.append(out.response.headers.get("x-who"))

    who: list[str | None] = []
    for after in (14.9, 15.1):
        names = iter(("gpt", "somebody else"))
        heard(lambda out, _, after=after: say(out, after), lambda names=names: {"x-who": next(names)})  # type: ignore[misc]
    assert who == ["gpt", None]


def test_a_client_that_reads_slowly_gets_one_comment_at_a_time() -> None:
    async def say(out: EventStream, wire: Wire) -> None:
        wire.stalls = 50
        await asyncio.sleep(20)
        await out.send(event(b"1"))
        await out.end()

    assert [each for each in heard(say) if each[1] != OK] == [(15, COMMENT), (65, b"data: 1\n\n"), (65, b"")]


def test_nothing_is_sent_to_a_client_that_has_left_or_after_the_end() -> None:
    async def say(out: EventStream, wire: Wire) -> None:
        await out.send(event(b"1"))
        wire.gone = True
        await asyncio.sleep(100)
        with pytest.raises(ConnectionError):
            await out.send(event(b"2"))

    assert [data for _, data in heard(say)] == [OK, b"data: 1\n\n"]

    wire = Wire()

    async def ended() -> None:
        async with EventStream(make_mocked_request("POST", "/", writer=wire), None) as out:
            await out.end(event(b"1"))
        await asyncio.sleep(100)

    run_virtual(ended())
    assert [data for _, data in wire.heard] == [OK, b"data: 1\n\n"]


# ---- through the gateway, in a hurry


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "sk-x")
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.05)


@asynccontextmanager
async def asking(deployment: RemotePoolPlan) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client of OpenAI's of a gateway in front of `deployment`."""
    async with (
        running(plan_with(deployment)) as it,
        gateway_of(it) as url,
        openai_client(url) as client,
    ):
        yield client


SLOW = MockOptions(gap=0, faults=(parse_fault("slow:seconds=0.2,count=1"),))


@pytest.mark.usefixtures("hurry")
async def test_openai_clients_hear_the_answer_as_if_there_were_no_comments() -> None:
    async with mock_provider(SLOW) as mock, asking(remote_plan("gpt", mock.endpoint, key=KEY)) as client:
        ask = client.chat.completions.with_raw_response.create
        raw = await ask(model="gpt", messages=QUESTION, stream=True)
        assert "x-inferc-deployment" not in raw.headers  # nobody had answered when they were sent
        chunks = [chunk async for chunk in raw.parse()]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello there"


@pytest.mark.usefixtures("hurry")
async def test_openai_clients_raise_an_error_that_comes_after_a_comment() -> None:
    impatient = remote_plan(
        "gpt",
        "http://127.0.0.1:9",
        key=KEY,
        retry=RetryPolicy(max_retries=1, initial_backoff=Duration(0.2), jitter="none"),
        timeouts=Timeouts(request=Duration(1)),
    )
    async with asking(impatient) as client:
        stream = await client.chat.completions.create(model="gpt", messages=QUESTION, stream=True)
        with pytest.raises(openai.APIError, match=r"127\.0\.0\.1:9") as caught:
            await anext(aiter(stream))
    assert caught.value.code == "network_error"


@pytest.mark.usefixtures("hurry")
async def test_comments_stand_between_the_events_of_a_pipeline() -> None:
    steps = Graph()
    steps.call("answer", "gpt", message="message")
    async with mock_provider(SLOW) as mock:
        plan = plan_with(remote_plan("gpt", mock.endpoint, key=KEY), steps.pipeline("answer", name="reply"))
        async with (
            running(plan) as it,
            gateway_of(it) as url,
            aiohttp.ClientSession() as http,
            http.post(f"{url}/v1/pipelines/reply?stream=true", json={"message": "hi"}) as answer,
        ):
            assert answer.status == 200
            text = await answer.text()
    assert text.startswith(COMMENT.decode())
    told = [line for line in text.splitlines() if line.startswith("event: ") and line != "event: text"]
    assert told == ["event: step", "event: result"]

"""Remote deployments against real HTTP servers: the mock provider, and some that misbehave."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import Any

import numpy
import pytest
from aiohttp import ClientSession, web

from inferc.compiler.plan import Duration, RetryPolicy, SecretRef, TaskKind, Timeouts
from inferc.runtime.executor import Executor
from inferc.runtime.mock_provider import Fault, FaultKind, MockOptions
from inferc.runtime.mock_provider.answers import vector
from inferc.runtime.requests.answer import ChatChunk, EmbedChunk, RerankChunk
from inferc.runtime.requests.errors import (
    NetworkError,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
    Unauthorized,
)
from inferc.runtime.requests.request import ChatRequest, EmbedRequest, RerankRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage

from ..support.remote import eventually, executor_of, gateway_of, mock_provider, remote_plan, serving

KEY = "sk-very-secret"
NO_RETRY = RetryPolicy(max_retries=0)

WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> SecretRef:
    monkeypatch.setenv("TEST_KEY", KEY)
    return SecretRef.env("TEST_KEY")


def chat(text: str = "hello there", *, stream: bool = True, **fields: Any) -> ChatRequest:
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}], "stream": stream}
    return ChatRequest(body | fields, stream)


async def ask(executor: Executor, request: ChatRequest, trace: Trace | None = None) -> list[ChatChunk]:
    if not request.stream:
        chunk = await executor.answer("gpt", request, trace=trace)
        assert isinstance(chunk, ChatChunk)
        return [chunk]
    async with aclosing(executor.stream("gpt", request, trace=trace)) as chunks:
        return [chunk async for chunk in chunks if isinstance(chunk, ChatChunk)]


def text_of(chunks: list[ChatChunk]) -> str:
    deltas = [json.loads(chunk.data)["choices"] for chunk in chunks]
    return "".join(choices[0]["delta"].get("content", "") for choices in deltas if choices)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def provider(handler: Handler, **fields: Any) -> AsyncIterator[Executor]:
    """An executor whose one deployment, `gpt`, is answered by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with serving(app) as url, executor_of(remote_plan(endpoint=f"{url}/v1", **fields)) as executor:
        yield executor


def answering(*pieces: bytes, content_type: str = "text/event-stream", stall: float = 0) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0.002)
        await asyncio.sleep(stall)
        return response

    return handle


def event(content: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}]}).encode() + b"\n\n"


async def test_a_chat_is_answered_in_one_piece(key: SecretRef) -> None:
    async with mock_provider() as mock, executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor:
        [chunk] = await ask(executor, chat(stream=False))
        answer = json.loads(chunk.data)
        assert answer["choices"][0]["message"]["content"] == "You said: hello there"
        assert answer["model"] == "gpt-4o-mini"
        assert chunk.usage is not None
        assert (chunk.usage.prompt_tokens, chunk.usage.completion_tokens) == (2, 4)


async def test_a_chat_is_answered_in_pieces(key: SecretRef) -> None:
    async with mock_provider() as mock, executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor:
        chunks = await ask(executor, chat())
        assert text_of(chunks) == "You said: hello there"
        assert [chunk.usage for chunk in chunks] == [None] * len(chunks)


async def test_usage_comes_with_the_stream_where_the_client_asks_for_it(key: SecretRef) -> None:
    async with mock_provider() as mock, executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor:
        chunks = await ask(executor, chat(stream_options={"include_usage": True}))
        usages = [chunk.usage for chunk in chunks if chunk.usage]
        assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(2, 4)]


async def test_connections_are_used_again_after_unary_and_streamed_answers(key: SecretRef) -> None:
    peers = set()

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport
        peers.add(request.transport.get_extra_info("peername"))
        streamed = (await request.json())["stream"]
        body = event("a") + b"data: [DONE]\n\n" if streamed else json.dumps(WHOLE).encode()
        kind = "text/event-stream" if streamed else "application/json"
        return await answering(body, content_type=kind)(request)

    async with provider(handle) as executor:
        for stream in (True, False) * 3:
            await ask(executor, chat(stream=stream))
    assert len(peers) == 1


async def test_the_provider_sees_its_own_model_name_the_key_and_the_clients_fields(key: SecretRef) -> None:
    seen: dict[str, Any] = {}

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.update(await request.json(), path=request.path, headers=dict(request.headers))
        return web.json_response(WHOLE)

    async with provider(handle, key=key, headers={"OpenAI-Organization": "org"}) as executor:
        await ask(executor, chat(stream=False, temperature=0.5, seed=7, unknown={"a": None}))
    assert (seen["path"], seen["model"]) == ("/v1/chat/completions", "gpt-4o-mini")
    assert (seen["temperature"], seen["seed"], seen["unknown"]) == (0.5, 7, {"a": None})
    assert seen["headers"]["Authorization"] == f"Bearer {KEY}"
    assert seen["headers"]["OpenAI-Organization"] == "org"


async def test_the_bytes_of_a_chunk_pass_through_unchanged(key: SecretRef) -> None:
    odd = b'{ "choices":[{"delta":{}}],   "x":1.10, "y":"\\u00e9" }'
    async with provider(answering(b"data: " + odd + b"\n\ndata: [DONE]\n\n")) as executor:
        [chunk] = await ask(executor, chat())
    assert chunk.data == odd


async def test_characters_cut_apart_by_the_network_arrive_whole() -> None:
    raw = json.dumps({"choices": [{"delta": {"content": "é😀"}}]}, ensure_ascii=False).encode()
    whole = b"data: " + raw + b"\r\n\r\n" + b"data: [DONE]\r\n\r\n"
    async with provider(answering(*(whole[i : i + 1] for i in range(len(whole))))) as executor:
        assert text_of(await ask(executor, chat())) == "é😀"


async def test_each_replica_uses_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_0", "zero")
    monkeypatch.setenv("KEY_1", "one")
    seen = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.json_response(WHOLE)

    keys = (SecretRef.env("KEY_0"), SecretRef.env("KEY_1"))
    async with provider(handle, replicas=2, api_key=keys) as executor:
        for _ in range(4):
            await ask(executor, chat(stream=False))
    assert sorted(seen) == ["Bearer one"] * 2 + ["Bearer zero"] * 2


async def test_a_faulty_provider_is_asked_again_until_it_answers(key: SecretRef) -> None:
    faults = (Fault(429, retry_after=0.05), Fault(500))
    async with (
        mock_provider(MockOptions(gap=0, faults=faults)) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor,
    ):
        trace = Trace()
        started = asyncio.get_running_loop().time()
        assert text_of(await ask(executor, chat(), trace)) == "You said: hello there"
        assert asyncio.get_running_loop().time() - started >= 0.05
        assert (trace.attempts, mock.stats.requests, mock.stats.faults) == (3, 3, 2)


async def test_what_is_not_idempotent_is_sent_once(key: SecretRef) -> None:
    async with (
        mock_provider(MockOptions(gap=0, faults=(Fault(500),))) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=key, idempotent=False)) as executor,
    ):
        with pytest.raises(ServerError):
            await ask(executor, chat())
        assert mock.stats.requests == 1


async def test_a_spent_quota_is_final(key: SecretRef) -> None:
    faults = (Fault(429, count=None, code="insufficient_quota"),)
    async with (
        mock_provider(MockOptions(faults=faults)) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor,
    ):
        with pytest.raises(RateLimited) as caught:
            await ask(executor, chat())
        assert caught.value.code == "insufficient_quota"
        assert mock.stats.requests == 1


async def test_a_missing_key_is_refused_and_not_retried() -> None:
    async with mock_provider() as mock, executor_of(remote_plan("gpt", mock.endpoint)) as executor:
        with pytest.raises(Unauthorized, match=r"openai \(deployment `gpt`\) answered 401: it wants a key"):
            await ask(executor, chat())
        assert mock.stats.requests == 1


async def test_an_endpoint_that_is_not_there_fails_its_own_requests_only(key: SecretRef) -> None:
    async with (
        mock_provider() as mock,
        executor_of(
            remote_plan("gone", "http://127.0.0.1:9/v1"), remote_plan("gpt", mock.endpoint, key=key)
        ) as executor,
    ):
        with pytest.raises(NetworkError, match=r"`gone`.* cannot be reached at http://127.0.0.1:9/v1"):
            await anext(executor.stream("gone", chat()))
        assert text_of(await ask(executor, chat())) == "You said: hello there"


@pytest.mark.parametrize(
    ("pieces", "kind", "says"),
    [
        ((event("a"),), ServerError, "ended the stream without its end marker"),
        ((b"data: {oops\n\n",), ServerError, "is no JSON"),
        ((b"data: [1]\n\n",), ServerError, "is no JSON object"),
        ((event("a"), b'data: {"error": {"message": "too busy"}}\n\n'), ServerError, "too busy"),
        ((b'data: {"error": {"code": "rate_limit_exceeded"}}\n\n',), RateLimited, "broke off with an error"),
    ],
    ids=["no end marker", "no JSON", "no object", "error in the middle", "error at once"],
)
async def test_a_stream_that_breaks_its_promise_is_an_error(
    pieces: tuple[bytes, ...], kind: type[RequestError], says: str
) -> None:
    async with provider(answering(*pieces), retry=NO_RETRY) as executor:
        with pytest.raises(kind, match=says):
            await ask(executor, chat())
        assert executor.deployment("gpt").running == 0


NOTHING_YET = b'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}\n\n'


@pytest.mark.parametrize(
    "bad",
    [
        b'data: {"error": {"message": "too busy", "code": "server_is_overloaded"}}\n\n',
        b'event: error\ndata: {"message": "too busy"}\n\n',
        b'error: {"code": 500, "message": "too busy"}\n\n',
        b'{"error": {"message": "too busy"}}',
        b"",
    ],
    ids=["error", "called an error", "field called error", "no event", "cut off"],
)
async def test_a_stream_that_fails_before_it_says_anything_is_asked_for_again(bad: bytes) -> None:
    answers = [(NOTHING_YET, bad), (NOTHING_YET, event("yes"), b"data: [DONE]\n\n")]

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answering(*answers.pop(0))(request)

    async with provider(handle) as executor:
        trace = Trace()
        chunks = await ask(executor, chat(), trace)
        assert text_of(chunks) == "yes"
        assert sum(b"assistant" in chunk.data for chunk in chunks) == 1
        assert trace.attempts == 2
        assert executor.deployment("gpt").running == 0


async def test_a_stream_that_fails_after_its_first_words_is_not_asked_for_again() -> None:
    asked = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await answering(NOTHING_YET, event("no"), b'data: {"error": "too busy"}\n\n')(request)

    async with provider(handle) as executor:
        with pytest.raises(ServerError, match="too busy"):
            await ask(executor, chat())
        assert asked == 1


async def test_a_stream_that_says_nothing_for_ever_is_held_back_for_a_while_only() -> None:
    async with provider(answering(*[NOTHING_YET] * 100, b"data: [DONE]\n\n", stall=0)) as executor:
        assert len(await ask(executor, chat())) == 100


async def test_chunks_before_a_broken_one_still_arrive() -> None:
    async with provider(answering(event("a") + event("b") + b"data: {oops\n\n")) as executor:
        chunks = executor.stream("gpt", chat())
        assert [(await anext(chunks)).data for _ in "ab"] == [event(c)[6:-2] for c in "ab"]  # type: ignore[union-attr]
        with pytest.raises(ServerError):
            await anext(chunks)


async def test_an_error_in_a_successful_answer_is_an_error() -> None:
    body = b'{"error": {"message": "overloaded", "code": "server_is_overloaded"}}'
    async with provider(answering(body, content_type="application/json"), retry=NO_RETRY) as executor:
        for stream in (True, False):
            with pytest.raises(ServerError, match="overloaded"):
                await ask(executor, chat(stream=stream))


async def test_the_mark_of_a_byte_order_in_front_of_an_answer_is_taken_off() -> None:
    body = json.dumps(WHOLE).encode()
    async with provider(answering(b"\xef\xbb\xbf" + body, content_type="application/json")) as executor:
        [chunk] = await ask(executor, chat(stream=False))
        assert chunk.data == body


async def test_a_connection_that_breaks_off_is_a_network_error() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(event("a"))
        assert request.transport
        request.transport.close()
        return response

    async with provider(cut) as executor:
        with pytest.raises(NetworkError, match="broke off in the middle of its answer"):
            await ask(executor, chat())


async def test_a_provider_that_sends_no_first_byte_is_given_up() -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError("nobody waits that long")

    timeouts = Timeouts(request=Duration(0.05))
    async with provider(sleep, retry=NO_RETRY, timeouts=timeouts) as executor:
        with pytest.raises(RequestTimeout, match=r"sent no first byte within 0.05 s"):
            await ask(executor, chat())


async def test_a_provider_that_falls_silent_is_given_up() -> None:
    timeouts = Timeouts(read=Duration(0.05))
    async with provider(answering(event("a"), stall=30), timeouts=timeouts) as executor:
        with pytest.raises(RequestTimeout, match=r"fell silent for 0.05 s"):
            await ask(executor, chat())


async def test_a_provider_that_falls_silent_behind_its_last_word_has_answered() -> None:
    """As some do that never end a stream: https://github.com/MiniMax-AI/MiniMax-M2/issues/109."""
    timeouts = Timeouts(read=Duration(0.05))
    last = {"delta": {}, "finish_reason": "stop"}
    said = event("a"), b"data: %b\n\n" % json.dumps({"choices": [last]}).encode()
    async with provider(answering(*said, stall=30), timeouts=timeouts) as executor:
        assert len(await ask(executor, chat())) == 2


async def test_a_deadline_ends_a_stream_that_goes_on() -> None:
    async with provider(answering(*[event("a")] * 10_000)) as executor:
        started = asyncio.get_running_loop().time()
        with pytest.raises(RequestTimeout, match="longer than the deadline"):
            async for _ in executor.stream("gpt", chat(), deadline=started + 0.1):
                pass
        assert asyncio.get_running_loop().time() - started < 20


async def test_closing_a_stream_ends_the_request_at_the_provider(key: SecretRef) -> None:
    async with (
        mock_provider(MockOptions(gap=0, faults=(Fault(kind=FaultKind.STALL),))) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=key)) as executor,
    ):
        stream = executor.stream("gpt", chat())
        await anext(stream)
        assert mock.stats.open == 1
        await stream.aclose()
        assert executor.deployment("gpt").running == 0
        await eventually(lambda: mock.stats.open == 0)
        assert mock.stats.cancelled == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_requests_cancelled_at_any_moment_leave_nothing_behind(
    key: SecretRef, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    moments = Random(1)
    slow = Fault(kind=FaultKind.SLOW, seconds=0.01, count=None)
    async with (
        mock_provider(MockOptions(gap=0.002, faults=() if stream else (slow,))) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=key, max_concurrent=16)) as executor,
    ):
        before = len(_at_work())
        for longer in range(1, 200):
            if longer > 20 and mock.stats.cancelled > 10:
                break
            tasks = [asyncio.create_task(ask(executor, chat(stream=stream))) for _ in range(40)]
            await asyncio.sleep(moments.random() * 0.03 * max(1, longer / 20))  # on a busy machine
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        gpt = executor.deployment("gpt")
        assert (gpt.running, gpt.waiting) == (0, 0)
        await eventually(lambda: mock.stats.open == 0 and len(_at_work()) <= before)
        assert mock.stats.cancelled > 10
        assert text_of(await ask(executor, chat())) == "You said: hello there"
    assert caplog.records == []


def _at_work() -> list[asyncio.Task[object]]:
    """All tasks but those of connections that the provider keeps for requests to come."""
    kept = "Connection.start"
    return [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") != kept]


async def test_the_key_is_in_no_log_and_no_error(key: SecretRef, caplog: pytest.LogCaptureFixture) -> None:
    async def quote(request: web.Request) -> web.StreamResponse:
        sent = request.headers["Authorization"]
        status = 401 if (await request.json())["stream"] else 400
        return web.json_response({"error": {"message": f"what is {sent}?"}}, status=status)

    caplog.set_level(logging.DEBUG)
    async with provider(quote, key=key) as executor:
        for stream in (True, False):
            with pytest.raises(RequestError) as caught:
                await ask(executor, chat(stream=stream))
            assert KEY not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
        assert KEY not in repr(executor.deployment("gpt").plan)
    assert KEY not in caplog.text


async def test_texts_are_embedded(key: SecretRef) -> None:
    async with mock_provider() as mock:
        plan = remote_plan("gpt", mock.endpoint, task=TaskKind.EMBED, key=key)
        async with executor_of(plan) as executor:
            chunk = await anext(executor.stream("gpt", EmbedRequest(("one", "two words"))))
    assert isinstance(chunk, EmbedChunk)
    assert chunk.vectors.dtype == numpy.float32
    assert chunk.vectors.tolist() == pytest.approx(
        numpy.array([vector("one", 32), vector("two words", 32)]), abs=1e-6
    )
    assert chunk.usage.prompt_tokens == 3


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 1, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
        [{"index": 0, "embedding": "?"}, {"index": 1, "embedding": "?"}],
        "nonsense",
    ],
    ids=["none", "too few", "one twice", "of two lengths", "no base64", "no list"],
)
async def test_vectors_that_do_not_fit_the_texts_are_an_error(data: object) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"data": data})

    async with provider(handle, task=TaskKind.EMBED, retry=NO_RETRY) as executor:
        with pytest.raises(ServerError, match="vectors"):
            await anext(executor.stream("gpt", EmbedRequest(("a", "b"))))


FIRST, SECOND = {"embedding": [1, 2.5]}, {"embedding": [3, 4]}


@pytest.mark.parametrize(
    "data",
    [
        [SECOND | {"index": 1}, FIRST | {"index": 0}],
        [SECOND | {"index": 1}, FIRST],
        [FIRST, SECOND],
        [FIRST | {"index": None}, SECOND | {"index": None}],
        [FIRST | {"index": 0}, SECOND | {"index": 0}],
    ],
    ids=["by their index", "0 is left out", "none", "null", "0 for each"],
)
async def test_vectors_as_numbers_are_read_in_the_order_of_the_texts(data: list[Any]) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"data": data})

    async with provider(handle, task=TaskKind.EMBED) as executor:
        chunk = await anext(executor.stream("gpt", EmbedRequest(("a", "b"))))
    assert isinstance(chunk, EmbedChunk)
    assert chunk.vectors.tolist() == [[1, 2.5], [3, 4]]


async def test_documents_are_scored_in_their_order(key: SecretRef) -> None:
    async with mock_provider() as mock:
        plan = remote_plan(endpoint=mock.endpoint, key=key, task=TaskKind.RERANK)
        async with executor_of(plan) as executor:
            rerank = RerankRequest("blue sky", ("green grass", "the blue sky", "a blue door"))
            [chunk] = [chunk async for chunk in executor.stream("gpt", rerank)]
        assert isinstance(chunk, RerankChunk)
        assert chunk.scores.tolist() == [0.0, 1.0, 0.5]
        assert chunk.usage == Usage(14)


async def test_the_gateway_ranks_what_a_remote_model_scored(key: SecretRef) -> None:
    async with mock_provider() as mock:
        plan = remote_plan(endpoint=mock.endpoint, key=key, task=TaskKind.RERANK)
        body = {"model": "gpt", "query": "blue sky", "documents": ["green", "blue", "blue sky"], "top_n": 2}
        async with (
            executor_of(plan) as executor,
            gateway_of(executor) as url,
            ClientSession() as http,
            http.post(f"{url}/v1/rerank", json=body) as answer,
        ):
            assert answer.status == 200
            results = (await answer.json())["results"]
        assert [(each["index"], each["relevance_score"]) for each in results] == [(2, 1.0), (1, 0.5)]


@pytest.mark.parametrize(
    "results",
    [
        None,
        [{"index": 0, "relevance_score": 0.5}],
        [{"index": 0, "relevance_score": 0.5}, {"index": 2, "relevance_score": 0.5}],
        [{"index": 0, "relevance_score": "high"}, {"index": 1, "relevance_score": 0.5}],
    ],
)
async def test_scores_that_do_not_fit_the_documents_are_an_error(results: object) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"results": results})

    app = web.Application()
    app.router.add_post("/rerank", answer)
    async with serving(app) as url, executor_of(remote_plan(endpoint=url, task=TaskKind.RERANK)) as executor:
        with pytest.raises(ServerError, match="scores"):
            _ = [chunk async for chunk in executor.stream("gpt", RerankRequest("q", ("a", "b")))]

"""The gateway as its clients see it, in front of a real mock provider."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import aiohttp
import numpy
import openai
import pytest
from aiohttp import web
from attrs import frozen

from inferc.compiler.plan import CapacityKind, CapacityPolicy, SecretRef, Size, TaskKind
from inferc.runtime.executor import Executor
from inferc.runtime.mock_provider import Fault, FaultKind, MockOptions
from inferc.runtime.mock_provider.answers import vector
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.secrets.secret import Secret

from ..support.openai_client import openai_client
from ..support.remote import (
    Mock,
    eventually,
    executor_of,
    gateway_of,
    mock_provider,
    remote_plan,
    serving,
)

MESSAGES: list[Any] = [{"role": "user", "content": "hello there"}]
CHAT = {"model": "gpt", "messages": MESSAGES}
KEY = {"Authorization": "Bearer k"}
EMBED = {"model": "embedder", "input": "a"}
SILENT = MockOptions(gap=0, faults=(Fault(kind=FaultKind.STALL, count=None),))
"""Of a provider that begins an answer, and then says nothing until its client leaves."""


@frozen
class House:
    """A gateway with a chat and an embedding deployment in front of one mock provider."""

    url: str
    executor: Executor
    mock: Mock
    http: aiohttp.ClientSession

    async def post(self, path: str, body: object, **kwargs: Any) -> tuple[int, Any, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url + path, data=data, **kwargs) as response:
            return response.status, await response.json(), response.headers


Open = Callable[..., Any]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.setenv("TEST_KEY", "k")
    key = SecretRef.env("TEST_KEY")

    @asynccontextmanager
    async def opened(
        *,
        options: MockOptions | None = None,
        token: Secret | None = None,
        gateway: dict[str, Any] | None = None,
        **fields: Any,
    ) -> AsyncIterator[House]:
        async with (
            mock_provider(options) as mock,
            executor_of(
                remote_plan("gpt", mock.endpoint, key=key, **fields),
                remote_plan("embedder", mock.endpoint, key=key, task=TaskKind.EMBED),
            ) as executor,
            gateway_of(executor, token, **(gateway or {})) as url,
            aiohttp.ClientSession() as http,
        ):
            yield House(url, executor, mock, http)

    return opened


def client(house: House, key: str = "any") -> openai.AsyncOpenAI:
    return openai_client(house.url, key)


async def test_the_openai_client_gets_a_chat_answer(house: Open) -> None:
    async with house() as it, client(it) as api:
        answer = await api.chat.completions.create(model="gpt", messages=MESSAGES)
        assert answer.choices[0].message.content == "You said: hello there"
        assert answer.usage is not None
        assert answer.usage.total_tokens == 6


async def test_the_openai_client_gets_a_streamed_chat_answer(house: Open) -> None:
    async with house() as it, client(it) as api:
        stream = await api.chat.completions.create(
            model="gpt", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        pieces = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
        assert pieces == ["You", " said:", " hello", " there"]
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 4


async def test_the_openai_client_gets_embeddings_of_its_own_choice_of_encoding(house: Open) -> None:
    async with house() as it, client(it) as api:
        for extra in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
            answer = await api.embeddings.create(model="embedder", input=["a", "b c"], **extra)  # type: ignore[arg-type]
            vectors = [
                numpy.frombuffer(b64decode(item.embedding), dtype="<f4")
                if isinstance(item.embedding, str)
                else item.embedding
                for item in answer.data
            ]
            assert numpy.allclose(vectors, [vector("a", 32), vector("b c", 32)], atol=1e-6)
            assert [item.index for item in answer.data] == [0, 1]
            assert (answer.model, answer.usage.prompt_tokens) == ("embedder", 3)
        short = await api.embeddings.create(model="embedder", input="a", dimensions=8)
        assert len(short.data[0].embedding) == 8


async def test_the_openai_client_lists_the_deployments(house: Open) -> None:
    async with house() as it, client(it) as api:
        assert [model.id async for model in api.models.list()] == ["gpt", "embedder"]
        assert (await api.models.retrieve("gpt")).owned_by == "openai"
        with pytest.raises(openai.NotFoundError, match="there is no model `gtp`"):
            await api.models.retrieve("gtp")


async def test_a_stream_arrives_in_pieces_as_they_are_made(house: Open) -> None:
    async with house(options=MockOptions(gap=0.03)) as it:
        loop = asyncio.get_running_loop()
        arrivals = []
        async with it.http.post(f"{it.url}/v1/chat/completions", json=CHAT | {"stream": True}) as response:
            assert response.content_type == "text/event-stream"
            async for _ in response.content.iter_any():
                arrivals.append(loop.time())
    assert len(arrivals) >= 3
    assert arrivals[-1] - arrivals[0] >= 0.1


async def test_a_stream_ends_with_its_marker(house: Open) -> None:
    async with (
        house() as it,
        it.http.post(f"{it.url}/v1/chat/completions", json=CHAT | {"stream": True}) as response,
    ):
        events = (await response.read()).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: ") for event in events[:-1])


async def test_a_stream_of_its_end_marker_alone_has_failed() -> None:
    async def nothing(request: web.Request) -> web.StreamResponse:
        return web.Response(text="data: [DONE]\n\n", content_type="text/event-stream")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", nothing)
    async with (
        serving(app) as upstream,
        executor_of(remote_plan("gpt", f"{upstream}/v1")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/chat/completions", json=CHAT | {"stream": True}) as response,
    ):
        assert response.status == 502
        assert "the stream has no choices" in await response.text()


async def test_the_answer_names_the_deployment_that_gave_it(house: Open) -> None:
    async with house() as it:
        for path, body, name in (("chat/completions", CHAT, "gpt"), ("embeddings", EMBED, "embedder")):
            _, _, headers = await it.post(f"/v1/{path}", body)
            assert headers["x-inferc-deployment"] == name


async def test_the_fallback_of_a_full_deployment_answers_in_its_own_name() -> None:
    to_spare = CapacityPolicy.fallback("spare")
    async with (
        mock_provider(SILENT) as slow,
        mock_provider() as quick,
        executor_of(
            remote_plan("gpt", slow.endpoint, max_concurrent=1, on_full=to_spare, headers=KEY),
            remote_plan("spare", quick.endpoint, headers=KEY),
        ) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        chat = f"{url}/v1/chat/completions"
        async with (
            http.post(chat, json=CHAT | {"stream": True}) as first,
            http.post(chat, json=CHAT) as second,
        ):
            assert first.headers["x-inferc-deployment"] == "gpt"
            assert second.headers["x-inferc-deployment"] == "spare"


BAD: list[tuple[str, object, int, str, str | None, str]] = [
    ("/v1/chat/completions", b"", 400, "bad_request", None, "the body is empty"),
    ("/v1/chat/completions", b'{"a":\n oops}', 400, "invalid_json", None, "line 2, column 2"),
    (
        "/v1/chat/completions",
        b'{"stream": True}',
        400,
        "invalid_json",
        None,
        "12: `True` is Python",
    ),
    ("/v1/embeddings", b'{"user":\n None}', 400, "invalid_json", None, "Python: JSON has `null`"),
    ("/v1/chat/completions", b"{'a': 1}", 400, "invalid_json", None, "2: texts stand in double"),
    ("/v1/embeddings", b'{"a": -Infinity}', 400, "invalid_json", None, "JSON has no `Infinity`"),
    ("/v1/chat/completions", b"[1]", 400, "bad_request", None, "not a list"),
    ("/v1/chat/completions", b"\xff", 400, "invalid_json", None, "no JSON"),
    ("/v1/chat/completions", {"messages": MESSAGES}, 400, "missing_field", "model", "`model` is missing"),
    ("/v1/chat/completions", CHAT | {"model": 3}, 400, "wrong_type", "model", "text, not a whole number"),
    ("/v1/chat/completions", {"model": "gpt"}, 400, "missing_field", "messages", "must be a list"),
    ("/v1/chat/completions", CHAT | {"messages": "hi"}, 400, "wrong_type", "messages", "not text"),
    ("/v1/chat/completions", CHAT | {"messages": []}, 400, "bad_request", "messages", "at least one"),
    ("/v1/chat/completions", CHAT | {"messages": [1]}, 400, "wrong_type", "messages[0]", "an object"),
    ("/v1/chat/completions", CHAT | {"messages": [{}]}, 400, "bad_request", "messages[0].role", "text"),
    ("/v1/chat/completions", CHAT | {"stream": "yes"}, 400, "wrong_type", "stream", "true or false"),
    ("/v1/chat/completions", CHAT | {"model": "gp"}, 404, "model_not_found", "model", "are: `gpt`, `emb"),
    (
        "/v1/chat/completions",
        CHAT | {"model": "embeder"},
        404,
        "model_not_found",
        "model",
        "`embedder`, `",
    ),
    ("/v1/chat/completions", CHAT | {"model": "embedder"}, 400, "wrong_task", "model", "/v1/embeddings"),
    ("/v1/embeddings", EMBED | {"model": "gpt"}, 400, "wrong_task", "model", "/v1/chat/completions"),
    ("/v1/embeddings", {"model": "embedder"}, 400, "missing_field", "input", "`input` is missing"),
    ("/v1/embeddings", EMBED | {"input": 1.5}, 400, "wrong_type", "input", "not a number"),
    ("/v1/embeddings", EMBED | {"input": []}, 400, "bad_request", "input", "at least one"),
    ("/v1/embeddings", EMBED | {"input": [[1, "2"]]}, 400, "wrong_type", "input[0][1]", "not text"),
    ("/v1/embeddings", EMBED | {"encoding_format": "x"}, 400, "bad_request", "encoding_format", "base64"),
    ("/v1/embeddings", EMBED | {"dimensions": 0}, 400, "bad_request", "dimensions", "at least 1"),
    ("/v1/embeddings", EMBED | {"dimensions": "3"}, 400, "wrong_type", "dimensions", "a whole number"),
    ("/v1/images", CHAT, 404, "not_found", None, "nothing at /v1/images"),
    ("/healthz", CHAT, 405, "method_not_allowed", None, "/healthz takes GET, not POST"),
    ("/v1/models", CHAT, 405, "method_not_allowed", None, "takes GET, not POST"),
]


async def test_a_bad_request_is_told_what_is_wrong_with_it(
    house: Open,
) -> None:
    async with house() as it:
        for path, body, status, code, param, says in BAD:
            found, answer, _ = await it.post(path, body)
            assert (found, answer["error"]["code"], answer["error"]["param"]) == (status, code, param), body
            assert says in answer["error"]["message"]
            assert answer["error"]["type"] == "invalid_request_error"
        assert it.mock.stats.requests == 0


async def test_the_methods_that_a_path_takes_are_named(house: Open) -> None:
    async with house() as it, it.http.get(f"{it.url}/v1/embeddings") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_body_that_is_too_large_is_refused(house: Open) -> None:
    async with house(gateway={"max_body": Size(1000)}) as it:
        status, answer, _ = await it.post("/v1/chat/completions", CHAT | {"x": "y" * 1000})
        assert (status, answer["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v2/models/embedder/infer"])
async def test_a_body_that_is_not_packed_as_it_says_is_refused(
    house: Open, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with house() as it:
        for _ in range(2):
            status, answer, _ = await it.post(path, b"{not packed}", headers={"Content-Encoding": "gzip"})
            assert status == 400
            assert "it is not in `gzip`, as its header Content-Encoding says" in str(answer)
    assert caplog.text == ""


async def test_a_remote_embedder_has_no_tensors(house: Open) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
    async with house() as it:
        status, answer, _ = await it.post("/v2/models/embedder/infer", {"inputs": [tensor]})
    assert (status, "embedder" in answer["error"]) == (501, True)


async def test_health_is_answered_without_a_token(house: Open) -> None:
    async with house(token=Secret("t0ken", "x")) as it, it.http.get(f"{it.url}/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "t0ken"}, {"Authorization": "é"}]
)
async def test_no_one_gets_in_without_the_token(house: Open, headers: dict[str, str]) -> None:
    async with house(token=Secret("t0ken", "x")) as it:
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            status, answer, _ = await it.post(path, CHAT, headers=headers)
            assert (status, answer["error"]["code"]) == (401, "invalid_api_key")
            assert "t0ken" not in answer["error"]["message"]
        assert it.mock.stats.requests == 0


async def test_the_token_lets_its_owner_in(house: Open) -> None:
    async with house(token=Secret("t0ken", "x")) as it, client(it, "t0ken") as api:
        answer = await api.chat.completions.create(model="gpt", messages=MESSAGES)
        assert answer.choices[0].finish_reason == "stop"


async def test_a_full_deployment_answers_429_with_the_time_to_wait(house: Open) -> None:
    reject = CapacityPolicy(CapacityKind.REJECT)
    async with house(options=SILENT, max_concurrent=1, on_full=reject) as it:
        url = f"{it.url}/v1/chat/completions"
        async with it.http.post(url, json=CHAT | {"stream": True}):
            status, answer, headers = await it.post("/v1/chat/completions", CHAT)
            assert (status, answer["error"]["code"]) == (429, "backpressure")
            assert int(headers["Retry-After"]) >= 1


async def test_an_error_of_the_provider_reaches_the_client_and_one_line_of_the_log(
    house: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with house(options=MockOptions(faults=(Fault(503, count=None),))) as it:
        status, answer, _ = await it.post("/v1/chat/completions", CHAT | {"stream": True})
        assert (status, answer["error"]["type"]) == (502, "server_error")
        assert it.mock.stats.requests == 3
    [record] = caplog.records
    assert "openai (deployment `gpt`) answered 503" in record.getMessage()
    assert "attempts: 3" in record.getMessage()


async def test_a_defect_is_logged_with_its_traceback_and_hidden_from_the_client(
    house: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inner workings")

    async with house() as it:
        monkeypatch.setattr(it.executor.now.model("gpt"), "answer", broken)
        status, answer, _ = await it.post("/v1/chat/completions", CHAT)
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "inner workings" not in str(answer)
    assert "inner workings" in caplog.text
    assert "Traceback" in caplog.text


async def test_an_error_in_the_middle_of_a_stream_is_its_last_event() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        choice = {"index": 0, "delta": {"content": "I"}, "finish_reason": None}
        await response.write(b"data: " + json.dumps({"choices": [choice], "n": 1}).encode() + b"\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", cut)
    async with (
        serving(app) as upstream,
        executor_of(remote_plan("gpt", f"{upstream}/v1")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/chat/completions", json=CHAT | {"stream": True}) as response,
    ):
        assert response.status == 200
        first, last, end = (await response.read()).decode().split("\n\n")
        assert json.loads(first.removeprefix("data: "))["n"] == 1
        error = json.loads(last.removeprefix("data: "))["error"]
        assert "without its end marker" in error["message"]
        assert error["type"] == "server_error"
        assert end == ""

        async with openai_client(url) as api:
            stream = await api.chat.completions.create(model="gpt", messages=MESSAGES, stream=True)
            await anext(stream)
            with pytest.raises(openai.APIError, match="without its end marker"):
                await anext(stream)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_disconnects_frees_slot_and_provider(stream: bool) -> None:
    slow = web.Application()
    state = {"open": 0, "cancelled": 0}

    async def dawdle(request: web.Request) -> web.StreamResponse:
        state["open"] += 1
        try:
            if stream:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                await response.write(b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n')
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            state["cancelled"] += 1
            raise
        finally:
            state["open"] -= 1
        raise AssertionError("nobody waits that long")

    slow.router.add_post("/v1/chat/completions", dawdle)
    async with (
        serving(slow) as upstream,
        executor_of(remote_plan("gpt", f"{upstream}/v1")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        request = asyncio.create_task(
            http.post(f"{url}/v1/chat/completions", json=CHAT | {"stream": stream}).__aenter__()
        )
        await eventually(lambda: state["open"] == 1)
        if stream:
            response = await request
            await response.content.readany()
            response.close()
        else:
            request.cancel()
        await eventually(lambda: state["cancelled"] == 1)
        assert executor.deployment("gpt").running == 0


async def test_a_client_that_disconnects_while_it_waits_leaves_the_queue(house: Open) -> None:
    async with house(options=SILENT, max_concurrent=1) as it:
        url = f"{it.url}/v1/chat/completions"
        gpt = it.executor.deployment("gpt")
        async with it.http.post(url, json=CHAT | {"stream": True}):
            waiting = asyncio.create_task(it.post("/v1/chat/completions", CHAT))
            await eventually(lambda: gpt.waiting == 1)
            waiting.cancel()
            await eventually(lambda: gpt.waiting == 0)
            assert gpt.running == 1
        await eventually(lambda: gpt.running == 0)
        assert it.mock.stats.requests == 1


async def test_clients_that_vanish_at_any_moment_leave_nothing_behind(
    house: Open, caplog: pytest.LogCaptureFixture
) -> None:
    moments = Random(1)
    async with house(options=MockOptions(gap=0.002), max_concurrent=8) as it:

        async def ask() -> None:
            await it.post("/v1/chat/completions", CHAT | {"stream": True})

        rounds = 0
        while rounds < 8 or not it.mock.stats.cancelled:
            rounds += 1
            tasks = [asyncio.create_task(ask()) for _ in range(40)]
            await asyncio.sleep(moments.random() * 0.004 * rounds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        gpt = it.executor.deployment("gpt")
        await eventually(lambda: (gpt.running, gpt.waiting, it.mock.stats.open) == (0, 0, 0))
    assert caplog.records == []


async def test_writing_to_a_client_that_has_just_left_is_no_error(
    house: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave(request: web.Request) -> dict[str, Any]:
        assert request.transport
        request.transport.close()
        return CHAT | {"stream": True}

    async def answer_at_once(*_: object, **__: object) -> AsyncIterator[ChatChunk]:
        yield ChatChunk(b"{}")

    monkeypatch.setattr("inferc.runtime.gateway.endpoints.chat.read_object", leave)
    async with house() as it:
        monkeypatch.setattr(it.executor, "stream", answer_at_once)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await it.post("/v1/chat/completions", CHAT)
    assert caplog.records == []

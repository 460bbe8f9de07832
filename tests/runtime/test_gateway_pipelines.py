"""Routes and pipelines as clients of the gateway see them, in front of a real mock provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from attrs import frozen

from inferc.compiler.plan import (
    INT,
    JSON,
    TEXT,
    Duration,
    ListType,
    Money,
    Price,
    RetryPolicy,
    SecretRef,
    TaskKind,
    TensorType,
)
from inferc.compiler.plan.types import DType
from inferc.runtime.executor import Executor
from inferc.runtime.mock_provider import Fault, MockOptions
from inferc.runtime.mock_provider.faults import FaultKind
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets.secret import Secret

from ..support.openai_client import openai_client
from ..support.pipelines import Graph, balance, fallback, hedge, plan_with, split
from ..support.remote import Mock, eventually, gateway_of, mock_provider, remote_plan, running

ONCE = RetryPolicy(max_retries=0)
PRICE = Price(Money("1"), Money("10"))


@frozen
class House:
    url: str
    executor: Executor
    mock: Mock
    http: aiohttp.ClientSession

    async def post(self, path: str, body: object, **how: Any) -> tuple[int, Any, Any]:
        async with self.http.post(self.url + path, json=body, **how) as response:
            return response.status, await response.json(), response.headers

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(self.url + path) as response:
            return response.status, await response.json()

    async def events(self, path: str, body: object) -> list[tuple[str, Any]]:
        async with self.http.post(f"{self.url}{path}?stream=true", json=body) as response:
            assert response.status == 200
            assert response.content_type == "text/event-stream"
            text = await response.text()
        blocks = [block.split("\n") for block in text.removesuffix("\n\n").split("\n\n")]
        return [
            (name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks
        ]

    def client(self) -> openai.AsyncOpenAI:
        return openai_client(self.url)


Open = Callable[..., Any]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Open:
    """A gateway with `gpt` and `embedder`, which answer, `gone`, where nobody is, and more."""
    monkeypatch.setenv("TEST_KEY", "k")
    key = SecretRef.env("TEST_KEY")

    @asynccontextmanager
    async def opened(*parts: Any, options: MockOptions | None = None, **gateway: Any) -> AsyncIterator[House]:
        async with mock_provider(options) as mock:
            deployments = (
                remote_plan("gpt", mock.endpoint, key=key, retry=ONCE, price=PRICE),
                remote_plan("gone", key=key, retry=ONCE),
                remote_plan("embedder", mock.endpoint, key=key, task=TaskKind.EMBED),
            )
            plan = plan_with(*deployments, *parts, **gateway)
            async with (
                running(plan) as executor,
                gateway_of(executor) as url,
                aiohttp.ClientSession() as http,
            ):
                yield House(url, executor, mock, http)

    return opened


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello there"}], **more}


def slow(seconds: float, count: int | None = None) -> Fault:
    return Fault(kind=FaultKind.SLOW, seconds=seconds, count=count)


def two_steps() -> Graph:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("answer", "gpt", message="first")
    return graph


async def test_a_route_is_a_model_and_says_who_answered(house: Open) -> None:
    async with house(fallback("assistant", "gone", "gpt")) as it:
        status, body, headers = await it.post("/v1/chat/completions", chat("assistant"))
        assert (status, headers["x-inferc-deployment"]) == (200, "gpt")
        assert body["choices"][0]["message"]["content"] == "You said: hello there"
        async with it.client() as client:
            stream = await client.chat.completions.create(**chat("assistant", stream=True))
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        assert text == "You said: hello there"


@pytest.mark.parametrize("stream", [False, True])
async def test_attempts_are_counted_over_all_members(house: Open, stream: bool) -> None:
    async with house(fallback("assistant", "gone", "gpt")) as it, it.client() as client:
        raw = await client.chat.completions.with_raw_response.create(**chat("assistant", stream=stream))
        assert raw.headers["x-inferc-attempts"] == "2"


async def test_routes_of_other_tasks_answer_at_their_own_endpoints(house: Open) -> None:
    async with house(fallback("vectors", "embedder", task=TaskKind.EMBED)) as it:
        status, body, headers = await it.post("/v1/embeddings", {"model": "vectors", "input": ["a", "b"]})
        assert (status, len(body["data"]), headers["x-inferc-deployment"]) == (200, 2, "embedder")
        status, body, _ = await it.post("/v1/chat/completions", chat("vectors"))
        assert (status, body["error"]["code"]) == (400, "wrong_task")
        assert "route `vectors` does not chat" in body["error"]["message"]


async def test_the_header_with_a_key_reaches_a_split(house: Open) -> None:
    async with house(split("ab", {"gpt": 0.5, "gone": 0.5})) as it:
        for number in range(6):
            how = {"headers": {"x-inferc-key": f"client {number}"}}
            seen = {
                (await it.post("/v1/chat/completions", chat("ab"), **how))[2]["x-inferc-deployment"]
                for _ in range(4)
            }
            assert len(seen) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_the_loser_of_a_hedge_loses_its_connection_to_the_provider(stream: bool, house: Open) -> None:
    parts = (fallback("second", "gpt"), hedge("fast", "gpt", "second", after=0.05))
    async with (
        house(*parts, options=MockOptions(gap=0, faults=(slow(30, count=1),))) as it,
        it.client() as client,
    ):
        answer = await client.chat.completions.create(**chat("fast", stream=stream))
        if stream:
            async for _ in answer:
                pass
        await eventually(lambda: it.mock.stats.open == 0)
        assert (it.mock.stats.requests, it.mock.stats.cancelled) == (2, 1)
        assert it.executor.deployment("gpt").running == 0


async def test_models_lists_what_may_be_asked_and_inner_routes_are_not_among_it(house: Open) -> None:
    graph = Graph()
    graph.call("v", "embedder", task=TaskKind.EMBED, input="message")
    vectors = TensorType(dtype=DType.F32, shape=(None,))
    parts = (
        balance("r.1", "gpt", "gone", inner=True),
        fallback("r", "r.1", "gpt"),
        two_steps().pipeline("answer", name="talk"),
        graph.pipeline("v", vectors, name="embed"),
    )
    async with house(*parts) as it:
        _, body = await it.get("/v1/models")
        assert [each["id"] for each in body["data"]] == ["gpt", "gone", "embedder", "r", "talk"]
        assert (await it.get("/v1/models/talk"))[0] == 200
        for name, said in (
            ("r.1", "there is no model `r.1`"),
            ("tolk", "the models here are: `talk`, `gpt`"),
            ("embed", "`embed` is a pipeline that does not chat: send the request to /v1/pipelines/embed"),
        ):
            status, body, _ = await it.post("/v1/chat/completions", chat(name))
            assert status == 404
            assert said in body["error"]["message"]
        status, body, _ = await it.post("/v1/pipelines/tolk", {})
        assert (status, body["error"]["code"]) == (404, "pipeline_not_found")
        assert "`talk`, `embed`" in body["error"]["message"]
        status, body, _ = await it.post("/v1/pipelines/gpt", {})
        assert "`gpt` is no pipeline, but a model" in body["error"]["message"]


async def test_a_pipeline_takes_json_and_gives_json_with_what_it_cost(house: Open) -> None:
    async with house(two_steps().pipeline("answer")) as it:
        status, body, _ = await it.post("/v1/pipelines/p", {"message": "hello"})
        assert status == 200
        assert body == {
            "pipeline": "p",
            "result": "You said: You said: hello",
            "usage": {"prompt_tokens": 4, "completion_tokens": 8, "total_tokens": 12, "cost": 0.000084},
        }


async def test_lists_tensors_and_records_come_as_json(house: Open) -> None:
    graph = Graph()
    graph.call("vectors", "embedder", task=TaskKind.EMBED, input="xs")
    graph.constant("n", 1)
    graph.builtin("scores", "cosine", "vectors", "vectors")
    graph.builtin("size", "len", "vectors")
    graph.record("r", vectors="vectors", scores="scores", size="size")
    async with house(graph.pipeline("r", JSON, xs=ListType(element=TEXT))) as it:
        status, body, _ = await it.post("/v1/pipelines/p", {"xs": ["a", "b"]})
        assert status == 200
        assert (len(body["result"]["vectors"]), body["result"]["size"]) == (2, 2)
        assert body["result"]["scores"][0][0] == pytest.approx(1, abs=1e-5)
        assert body["usage"]["cost"] is None  # the price of the embedder is not known


async def test_what_does_not_fit_is_a_400_that_names_the_field(house: Open) -> None:
    async with house(two_steps().pipeline("answer", message=TEXT, n=INT)) as it:
        for body, param in (
            ({"message": 1, "n": 1}, "message"),
            ({"message": "a"}, "n"),
            ({"message": "a", "n": 1, "m": 2}, "m"),
        ):
            status, answer, _ = await it.post("/v1/pipelines/p", body)
            assert (status, answer["error"]["param"]) == (400, param)
        for raw in ([], "x"):
            assert (await it.post("/v1/pipelines/p", raw))[0] == 400
        assert (await it.post("/v1/pipelines/p?stream=maybe", {"message": "a", "n": 1}))[0] == 400
        async with it.http.put(it.url + "/v1/pipelines/p") as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, POST")


async def test_the_signature_of_a_pipeline_can_be_read(house: Open) -> None:
    async with house(two_steps().pipeline("answer")) as it:
        _, listed = await it.get("/v1/pipelines")
        _, one = await it.get("/v1/pipelines/p")
        assert listed["data"] == [one]
        assert one == {
            "name": "p",
            "object": "pipeline",
            "signature": "p(message: text) -> text",
            "chats": True,
            "parameters": {
                "type": "object",
                "properties": {"message": {"type": "string"}},
                "required": ["message"],
                "additionalProperties": False,
            },
            "result": {"type": "string"},
        }


async def test_events_tell_of_steps_text_and_the_result(house: Open) -> None:
    async with house(two_steps().pipeline("answer")) as it:
        events = await it.events("/v1/pipelines/p", {"message": "hello"})
        names = [name for name, _ in events]
        assert names == ["step", *["text"] * 5, "step", "result"]
        first = events[0][1]
        assert (first["name"], first["deployment"], first["tokens"], first["cost"]) == (
            "first",
            "gpt",
            4,
            0.000031,
        )
        assert (
            "".join(data["delta"] for name, data in events if name == "text") == "You said: You said: hello"
        )
        assert events[-1][1]["result"] == "You said: You said: hello"
        assert events[-1][1]["usage"]["total_tokens"] == 12


async def test_an_error_behind_the_first_event_is_the_last_event(house: Open) -> None:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("answer", "gone", message="first")
    async with house(graph.pipeline("answer")) as it:
        events = await it.events("/v1/pipelines/p", {"message": "hello"})
        assert [name for name, _ in events] == ["step", "error"]
        error = events[1][1]["error"]
        assert error["code"] == "network_error"
        assert error["message"].startswith("step `answer` of pipeline `p` (test.infer:3:3): ")


async def test_an_error_before_the_first_event_has_a_status_of_its_own(house: Open) -> None:
    graph = Graph()
    graph.call("answer", "gone", message="message")
    async with house(graph.pipeline("answer")) as it:
        status, body, headers = await it.post("/v1/pipelines/p?stream=true", {"message": "hello"})
        assert (status, body["error"]["code"]) == (502, "network_error")
        assert headers["x-inferc-deployment"] == "gone"


async def test_a_pipeline_chats_with_any_openai_client(house: Open) -> None:
    async with house(two_steps().pipeline("answer", name="talk")) as it, it.client() as client:
        answer = await client.chat.completions.create(**chat("talk"))
        assert answer.choices[0].message.content == "You said: You said: hello there"
        assert (answer.model, answer.usage.total_tokens) == ("talk", 16)
        stream = await client.chat.completions.create(
            **chat("talk", stream=True, stream_options={"include_usage": True})
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "You said: You said: hello there"
        assert chunks[-1].usage.total_tokens == 16
        assert chunks[-2].choices[0].finish_reason == "stop"


async def test_a_client_that_leaves_cancels_every_step_at_the_provider(house: Open) -> None:
    options = MockOptions(gap=0, faults=(slow(30),))
    graph = Graph()
    graph.call("a", "gpt", message="message")
    graph.call("b", "gpt", message="message")
    graph.text("both", ("", "", ""), "a", "b")
    async with house(graph.pipeline("both"), options=options) as it:
        gpt = it.executor.deployment("gpt")
        task = asyncio.create_task(it.post("/v1/pipelines/p", {"message": "hello"}))
        await eventually(lambda: gpt.running == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(lambda: gpt.running == 0 and it.mock.stats.open == 0)


async def test_the_timeout_of_the_gateway_holds_for_all_steps_together(
    house: Open, pass_time: Callable[[float], Awaitable[None]]
) -> None:
    options = MockOptions(gap=0, faults=(slow(20),))
    async with house(two_steps().pipeline("answer"), options=options, timeout=Duration(30)) as it:
        asked = asyncio.create_task(it.post("/v1/pipelines/p", {"message": "hello"}))
        for step in (1, 2):
            await eventually(lambda step=step: it.mock.stats.requests == step)  # type: ignore[misc]
            await pass_time(20)
        status, body, _ = await asked
        assert (status, body["error"]["code"]) == (504, "timeout")
        assert "step `answer`" in body["error"]["message"]


# ---- members that cannot start


async def test_a_member_that_cannot_start_does_not_keep_the_others_from_answering(
    house: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("MISSING_KEY", raising=False)
    broken = remote_plan("broken", "http://127.0.0.1:9/v1", key=SecretRef.env("MISSING_KEY"))
    async with house(broken, fallback("assistant", "broken", "gpt")) as it:
        assert "the environment variable MISSING_KEY is not set" in caplog.text
        status, _, headers = await it.post("/v1/chat/completions", chat("assistant"))
        assert (status, headers["x-inferc-deployment"]) == (200, "gpt")
        status, body, _ = await it.post("/v1/chat/completions", chat("broken"))
        assert (status, body["error"]["code"]) == (503, "server_down")
        assert "MISSING_KEY" in body["error"]["message"]
        status, health = await it.get("/healthz")
        assert (status, health["status"]) == (200, "degraded")
        [route] = health["routes"]
        assert route["members"] == [{"name": "broken", "ready": False}, {"name": "gpt", "ready": True}]
        assert route["ready"]
        assert (await it.get("/v2/health/ready"))[0] == 200


async def test_what_no_route_can_do_without_still_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MISSING_KEY", raising=False)
    missing = SecretRef.env("MISSING_KEY")
    a, b = remote_plan("a", key=missing), remote_plan("b", key=missing)
    for parts in ((a, b, fallback("r", "a", "b")), (a,), (a, remote_plan("c"), fallback("r", "c"))):
        executor = Executor(plan_with(*parts), Path.cwd())
        with pytest.raises(StartError, match="MISSING_KEY"):
            await executor.start()
    strict = Executor(plan_with(a, remote_plan("c"), fallback("r", "a", "c")), Path.cwd(), strict=True)
    with pytest.raises(StartError, match="MISSING_KEY"):
        await strict.start()


async def test_a_missing_extern_is_said_with_everything_else_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ..support.pipelines import extern

    monkeypatch.delenv("MISSING_KEY", raising=False)
    graph = Graph()
    graph.extern("step", "f", x="message")
    plan = plan_with(
        remote_plan("a", key=SecretRef.env("MISSING_KEY")),
        extern("f", "no_such:f", x=TEXT),
        graph.pipeline("step"),
    )
    with pytest.raises(StartError) as caught:
        await Executor(plan, tmp_path).start()
    assert len(caught.value.problems) == 2


async def test_a_client_that_stops_listening_to_events_cancels_the_step_that_runs(house: Open) -> None:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("answer", "gpt", message="first")
    options = MockOptions(gap=5)
    async with house(graph.pipeline("answer"), options=options) as it:
        gpt = it.executor.deployment("gpt")
        response = await it.http.post(f"{it.url}/v1/pipelines/p?stream=true", json={"message": "hello"})
        assert await response.content.readline() == b"event: step\n"
        await eventually(lambda: gpt.running == 1)
        response.close()
        await eventually(lambda: gpt.running == 0 and it.mock.stats.open == 0)


async def test_pipelines_want_the_token_of_the_gateway(house: Open) -> None:
    async with house(two_steps().pipeline("answer")) as it:
        token = Secret("t0ken", "x")
        async with gateway_of(it.executor, token) as url:
            for method, path in (("GET", ""), ("GET", "/p"), ("POST", "/p")):
                async with it.http.request(method, f"{url}/v1/pipelines{path}") as response:
                    assert response.status == 401

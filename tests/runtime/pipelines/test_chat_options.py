"""A pipeline asked as a chat model: what chat clients send is done, refused by name, or said in the log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import frozen

from inferc.compiler.plan import PipelinePlan

from ...support.pipelines import Graph, plan_with
from ...support.remote import gateway_of, remote_plan, running, serving

ANSWER = {"role": "assistant", "content": "hi"}
USER = {"role": "user", "content": "hello"}


@frozen
class Front:
    """seen: the bodies that the model got."""

    url: str
    seen: list[dict[str, Any]]
    http: aiohttp.ClientSession

    async def chat(self, model: str = "p", **fields: Any) -> tuple[int, Any]:
        body = {"model": model, "messages": [USER], **fields}
        async with self.http.post(f"{self.url}/v1/chat/completions", json=body) as answer:
            if answer.content_type == "text/event-stream":
                return answer.status, await answer.text()
            return answer.status, await answer.json()


@asynccontextmanager
async def front(*pipelines: PipelinePlan) -> AsyncIterator[Front]:
    seen: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(body := await request.json())
        choice = {"index": 0, "message": ANSWER, "delta": ANSWER, "finish_reason": "stop"}
        if body.get("stream"):
            text = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
            return web.Response(text=f"{text}data: [DONE]\n\n", content_type="text/event-stream")
        return web.json_response({"choices": [choice]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(app) as url,
        running(plan_with(remote_plan("gpt", f"{url}/v1"), *pipelines)) as executor,
        gateway_of(executor) as gateway,
        aiohttp.ClientSession() as http,
    ):
        yield Front(gateway, seen, http)


def two_calls(**options: Any) -> PipelinePlan:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("last", "gpt", message="first", options=options)
    return graph.pipeline("last")


def joined() -> PipelinePlan:
    graph = Graph()
    graph.call("said", "gpt", message="message")
    graph.prompt("loud", "{{ said }}!", said="said")
    return graph.pipeline("loud")


WANTED = [
    ("max_tokens", 7, ("max_tokens", 7)),
    ("max_completion_tokens", 7, ("max_tokens", 7)),
    ("stop", "END", ("stop", ["END"])),
    ("stop", ["A", "B"], ("stop", ["A", "B"])),
    ("temperature", 0.3, ("temperature", 0.3)),
    ("top_p", 0.5, ("top_p", 0.5)),
    ("seed", 5, ("seed", 5)),
    ("reasoning_effort", "low", ("reasoning_effort", "low")),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("name", "value", "sent"), WANTED)
async def test_what_a_client_wants_of_the_answer_goes_to_the_call_that_gives_it(
    name: str, value: Any, sent: tuple[str, Any], stream: bool
) -> None:
    async with front(two_calls()) as it:
        status, _ = await it.chat(stream=stream, **{name: value})
        assert status == 200
        first, last = it.seen
        assert last[sent[0]] == sent[1]
        assert sent[0] not in first


async def test_what_the_file_says_counts_and_of_two_limits_the_lower_one() -> None:
    async with front(two_calls(max_tokens=20, temperature=0.1)) as it:
        await it.chat(max_tokens=7, temperature=0.9)
        await it.chat(max_tokens=90)
        assert [each["max_tokens"] for each in it.seen[1::2]] == [7, 20]
        assert it.seen[1]["temperature"] == 0.1


async def test_the_log_says_once_where_no_call_gives_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with front(joined()) as it:
        for _ in range(2):
            status, _ = await it.chat(max_tokens=7)
            assert status == 200
    assert caplog.text.count("`max_tokens` is left out of requests") == 1


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("temperature", "banana", "temperature"),
        ("temperature", 3, "temperature"),
        ("top_p", 1.5, "top_p"),
        ("max_tokens", 0, "max_tokens"),
        ("max_tokens", True, "max_tokens"),
        ("stop", 5, "stop"),
        ("n", 2, "n"),
        ("tools", [{"type": "function", "function": {"name": "f"}}], "tools"),
        ("response_format", {"type": "json_object"}, "response_format"),
        ("logprobs", True, "logprobs"),
        ("made_up", 1, "made_up"),
        ("messages", [{"role": "pirate", "content": "x"}], "messages[0].role"),
        ("messages", [{"role": "assistant", "content": "x"}], "messages"),
        ("messages", [{"role": "user", "content": None}], "messages[0].content"),
        (
            "messages",
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}],
            "messages[0].content[0]",
        ),
    ],
)
async def test_what_a_pipeline_cannot_do_is_refused_by_name(field: str, value: Any, param: str) -> None:
    async with front(two_calls()) as it:
        status, error = await it.chat(**{field: value})
        assert (status, error["error"]["param"]) == (400, param)
        assert it.seen == []


async def test_what_asks_for_nothing_is_never_refused() -> None:
    nothing = {
        "n": 1,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "text"},
        "user": "u",
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "temperature": None,
        "stream_options": None,
    }
    async with front(two_calls()) as it:
        status, _ = await it.chat(**nothing)
        assert status == 200


async def test_a_history_with_calls_of_functions_is_understood() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "what "}, {"type": "text", "text": "is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]
    async with front(two_calls()) as it:
        status, _ = await it.chat(messages=history)
        assert status == 200
        assert it.seen[0]["messages"] == [{"role": "user", "content": "what is it?"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "param"),
    [({"max_output_tokens": -1}, "max_output_tokens"), ({"prompt": {"id": "pmpt_1"}}, "prompt")],
)
async def test_what_is_refused_is_named_in_the_words_of_the_client(
    fields: dict[str, Any], param: str, stream: bool
) -> None:
    async with front(two_calls()) as it:
        body = {"model": "p", "input": "hello", "stream": stream, **fields}
        async with it.http.post(f"{it.url}/v1/responses", json=body) as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["param"]) == (400, param)
            assert f"`{param}`" in error["message"]

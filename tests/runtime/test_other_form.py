"""Providers that stream what was to come in one piece, and the other way round: clients get what they asked
for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from openai.types import Completion

from inferc.runtime.dialects.server_sent_events import MAX_EVENT

from ..support.remote import gateway_of, mock_provider, plan_of, running, serving
from ..support.wires import KEY, wire_plan

Json = dict[str, Any]
USER = {"role": "user", "content": "hi"}
ASKS: dict[str, Json] = {
    "/v1/chat/completions": {"messages": [USER]},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"messages": [USER], "max_tokens": 100},
}
WIRES = ("openai", "anthropic", "gemini")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "k")


def other_form(path: str, body: Json) -> tuple[str, Json]:
    """The same request for the other form of answer."""
    if ":" in path:
        whole, streamed = ":generateContent", ":streamGenerateContent?alt=sse"
        return (path.replace(whole, streamed) if whole in path else path.replace(streamed, whole)), body
    asked = {name: value for name, value in body.items() if name != "stream_options"}
    return path, {**asked, "stream": not body.get("stream")}


@asynccontextmanager
async def house(wire: str, ask: Callable[[str, Json], tuple[str, Json]]) -> AsyncIterator[str]:
    """A gateway in front of a provider of which something else is asked than it asks."""
    async with mock_provider() as mock, ClientSession(mock.url) as session:

        async def passed(request: web.Request) -> web.Response:
            path, body = ask(str(request.rel_url), await request.json())
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            headers.pop("Content-Length", None)
            async with session.post(path, json=body, headers=headers) as answer:
                data = await answer.read()
                return web.Response(body=data, status=answer.status, content_type=answer.content_type)

        app = web.Application()
        app.router.add_post("/{path:.*}", passed)
        async with (
            serving(app) as url,
            running(plan_of(wire_plan(wire, url))) as executor,
            gateway_of(executor) as gateway,
        ):
            yield gateway


async def told(url: str, wire: str, path: str, **fields: Any) -> tuple[int, str, bytes]:
    body = {"model": wire, **ASKS.get(path, {}), **fields}
    async with ClientSession() as session, session.post(url + path, json=body) as answer:
        return answer.status, answer.content_type, await answer.read()


def text_of(kind: str, data: bytes) -> str:
    """All text that an answer of any protocol holds, with the names of its calls and their arguments."""
    if kind == "application/json":
        return "".join(_texts(json.loads(data), whole=True))
    events = [line[6:] for line in data.splitlines() if line.startswith(b"data: {")]
    return "".join(text for event in events for text in _texts(json.loads(event), whole=False))


def _texts(value: Json, *, whole: bool) -> list[str]:
    if "choices" in value:
        sides = [each["message" if whole else "delta"] for each in value["choices"]]
        return [each.get("content") or "" for each in sides]
    if whole:
        parts = value.get("content") or [part for item in value["output"] for part in item.get("content", ())]
        return [part["text"] for part in parts]
    if value["type"] == "content_block_delta":
        return [value["delta"].get("text", "")]
    return [value["delta"]] if value["type"] == "response.output_text.delta" else []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("wire", WIRES)
async def test_a_client_gets_the_form_that_it_asked_for(wire: str, path: str, stream: bool) -> None:
    async with house(wire, lambda path, body: (path, body)) as gateway:
        status, kind, data = await told(gateway, wire, path, stream=stream)
        assert status == 200
        usual = text_of(kind, data)
    async with house(wire, other_form) as gateway:
        status, other_kind, data = await told(gateway, wire, path, stream=stream)
    assert (status, other_kind) == (200, kind)
    assert text_of(kind, data) == usual != ""


COMPLETION = "/v1/completions"
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def completion(*choices: Json, **more: Any) -> Json:
    return {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [*choices], **more}


def said(text: str, reason: str | None = None, index: int = 0, logprobs: Any = None) -> Json:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


async def test_a_completion_that_is_streamed_unasked_comes_in_one_piece() -> None:
    def token(text: str) -> Json:
        return {
            "tokens": [text],
            "token_logprobs": [-0.5],
            "top_logprobs": [{text: -0.5}],
            "text_offset": [0],
        }

    chunks = [
        completion(said("ha", logprobs=token("ha"))),
        completion(said("Two", index=1)),
        completion(said("ha", "length", logprobs=token("ha"))),
        completion(said("", "stop", index=1)),
        completion(usage=USAGE),
    ]
    data = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n"
    async with saying(data) as gateway:
        status, kind, answered = await told(gateway, "openai", COMPLETION, prompt="x")
    assert (status, kind) == (200, "application/json")
    first, second = Completion.model_validate_json(answered, strict=True).choices
    assert (first.text, first.finish_reason, second.text, second.finish_reason) == (
        *("haha", "length"),
        *("Two", "stop"),
    )
    assert first.logprobs is not None
    assert first.logprobs.tokens == ["ha", "ha"]
    assert json.loads(answered)["usage"] == USAGE


@pytest.mark.parametrize("wanted", [False, True], ids=["without usage", "with usage"])
async def test_a_completion_that_comes_in_one_piece_is_streamed_to_who_asked_for_it(wanted: bool) -> None:
    whole = json.dumps(completion(said("haha", "length"), said("Two", "stop", 1), usage=USAGE)).encode()
    more = {"stream_options": {"include_usage": True}} if wanted else {}
    async with saying(whole, "application/json") as gateway:
        asked = {"prompt": "x", "stream": True, **more}
        status, kind, data = await told(gateway, "openai", COMPLETION, **asked)
    assert (status, kind) == (200, "text/event-stream")
    lines = data.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    first, *others = [Completion.model_validate_json(line[6:]) for line in lines[:-2]]
    assert [(each.text, each.finish_reason) for each in first.choices] == [
        ("haha", "length"),
        ("Two", "stop"),
    ]
    assert first.usage is None
    assert [each.usage.total_tokens for each in others if each.usage] == [5] * wanted
    assert len(others) == wanted


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'data: {"choices": [{"text": "x", "index": 0}]}\n\n', "cut off"),
        (b'data: {"error": {"message": "overloaded"}}\n\n', "overloaded"),
    ],
    ids=["cut", "failed"],
)
async def test_a_stream_that_is_no_completion_is_an_error_of_the_provider(data: bytes, why: str) -> None:
    async with saying(data) as gateway:
        status, _, answered = await told(gateway, "openai", COMPLETION, prompt="x")
    assert status == 502
    assert why in json.loads(answered)["error"]["message"]


@asynccontextmanager
async def saying(data: bytes, content_type: str = "text/event-stream") -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=data, content_type=content_type)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with (
        serving(app) as url,
        running(plan_of(wire_plan("openai", url))) as executor,
        gateway_of(executor) as gateway,
    ):
        yield gateway


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'data: {"choices": [{"delta": {"content": "x"}, "index": 0}]}\n\n', "cut off"),
        (b'data: {"error": {"message": "overloaded"}}\n\n', "overloaded"),
        (b"data: " + b" " * (MAX_EVENT + 1), "MiB"),
        (b"", "cut off"),
    ],
    ids=["cut", "failed", "too large", "empty"],
)
async def test_a_stream_that_is_none_is_an_error_of_the_provider(data: bytes, why: str) -> None:
    async with saying(data) as gateway:
        status, _, said = await told(gateway, "openai", "/v1/chat/completions")
    assert status == 502
    assert why in json.loads(said)["error"]["message"]


CHUNKS = b'data: {"choices": [{"delta": {"content": "hi"}, "index": 0, "finish_reason": "stop"}]}\n\n'
WHOLE = (
    b'{"choices": [{"message": {"role": "assistant", "content": "hi"}, "index": 0, "finish_reason": "stop"}]}'
)


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (CHUNKS + b"data: [DONE]\n\n", "application/json"),
        (WHOLE, "text/event-stream"),
        (WHOLE + b"\n\ndata: [DONE]\n\n", "text/event-stream"),
    ],
    ids=["events called JSON", "JSON called events", "JSON with an end mark"],
)
async def test_what_a_server_says_of_its_form_may_be_wrong(
    data: bytes, kind: str, stream: bool, path: str
) -> None:
    async with saying(data, kind) as gateway:
        status, its_kind, got = await told(gateway, "openai", path, stream=stream)
    assert (status, text_of(its_kind, got)) == (200, "hi")

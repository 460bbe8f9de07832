"""Streams that say how they end, and then end without the marker that was to follow: they are answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web

from ..support.remote import gateway_of, mock_provider, plan_of, running, serving
from ..support.wires import KEY, wire_plan

USER = {"role": "user", "content": "hi"}
MARKERS = {"openai": b"data: [DONE]", "anthropic": b"event: message_stop"}
LAST = {
    "/v1/chat/completions": ({"messages": [USER]}, b"data: [DONE]"),
    "/v1/responses": ({"input": "hi"}, b"event: response.completed"),
    "/v1/messages": ({"messages": [USER], "max_tokens": 100}, b"event: message_stop"),
}
"""What is asked for at each path, and how its last event begins."""
REASONS = {"openai": b'"finish_reason":"stop"', "anthropic": b'"stop_reason":"end_turn"'}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "k")


@asynccontextmanager
async def before(wire: str, marker: bytes, instead: bytes = b"") -> AsyncIterator[str]:
    """A gateway in front of a provider whose streams end before `marker`, or with `instead` of it."""
    async with mock_provider() as mock, ClientSession(mock.url) as session:

        async def cut(request: web.Request) -> web.Response:
            headers = {"x-api-key": "k", "Authorization": "Bearer k", "anthropic-version": "2023-06-01"}
            async with session.post(request.path, data=await request.read(), headers=headers) as answer:
                data = await answer.read()
            assert marker in data
            whole = data[: data.index(marker)].rpartition(b"\n\n")[0] + b"\n\n" + instead
            return web.Response(body=whole, content_type=answer.content_type)

        app = web.Application()
        app.router.add_post("/{path:.*}", cut)
        async with (
            serving(app) as url,
            running(plan_of(wire_plan(wire, url))) as executor,
            gateway_of(executor) as gateway,
        ):
            yield gateway


async def streamed(url: str, wire: str, path: str) -> tuple[int, bytes]:
    asked: dict[str, Any] = {"model": wire, "stream": True, **LAST[path][0]}
    async with ClientSession() as session, session.post(url + path, json=asked) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize("path", LAST)
@pytest.mark.parametrize("wire", MARKERS)
async def test_an_end_without_its_marker_is_an_end(wire: str, path: str) -> None:
    async with before(wire, MARKERS[wire]) as gateway:
        status, data = await streamed(gateway, wire, path)
    assert status == 200
    assert data.strip().split(b"\n\n")[-1].startswith(LAST[path][1])
    assert data.count(LAST[path][1]) == 1
    assert b'"error"' not in data.replace(b'"error":null', b"")


@pytest.mark.parametrize("path", LAST)
@pytest.mark.parametrize("wire", MARKERS)
async def test_a_stream_that_does_not_say_why_it_ended_is_cut_off(wire: str, path: str) -> None:
    async with before(wire, REASONS[wire]) as gateway:
        _, data = await streamed(gateway, wire, path)
    assert LAST[path][1] not in data
    assert b"the stream was cut off" in data or b"without its end marker" in data


@pytest.mark.parametrize("path", LAST)
async def test_an_end_mark_of_another_protocol_is_an_end(path: str) -> None:
    """GitHub Copilot's streams of Claude end so."""
    async with before("anthropic", MARKERS["anthropic"], b"data: [DONE]\n\n") as gateway:
        status, data = await streamed(gateway, "anthropic", path)
    assert status == 200
    assert data.strip().split(b"\n\n")[-1].startswith(LAST[path][1])
    assert data.count(LAST[path][1]) == 1

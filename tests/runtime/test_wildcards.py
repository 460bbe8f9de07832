"""Deployments whose model the client names, behind their name and a slash."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from inferc.runtime.requests.errors import BadRequest, UnknownModel
from inferc.runtime.requests.request import ChatRequest

from ..support.remote import plan_of, remote_plan, running, serving

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}


def chat(model: str) -> ChatRequest:
    return ChatRequest({"model": model, "messages": [{"role": "user", "content": "hi"}]}, stream=False)


async def test_what_stands_behind_the_name_is_asked_for() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((await request.json())["model"])
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(app) as url,
        running(plan_of(remote_plan("any", f"{url}/v1", model="*"))) as executor,
    ):
        for model in ("any/meta-llama/llama-3.3-70b-instruct", "any/x"):
            await executor.answer(model, chat(model))
        assert asked == ["meta-llama/llama-3.3-70b-instruct", "x"]
        for bad in ("any", "any/", "any/" + "x" * 300, "any/a\nb", "any/ä"):
            with pytest.raises((BadRequest, UnknownModel)):
                await executor.answer(bad, chat(bad))
        assert len(asked) == 2


async def test_only_a_deployment_that_says_so_is_found_by_a_part_of_the_name() -> None:
    async with running(plan_of(remote_plan("gpt"))) as executor:
        with pytest.raises(UnknownModel, match="there is no model `gpt/x`"):
            async with aclosing(executor.stream("gpt/x", chat("gpt/x"))) as chunks:
                _: Any = [chunk async for chunk in chunks]

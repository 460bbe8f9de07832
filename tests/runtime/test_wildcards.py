"""Deployments whose model the client names, behind their name and a slash."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from inferc.compiler.plan import WireFormat
from inferc.runtime.dialects import anthropic
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.executor import Executor
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.provider_requests import ProviderRequests
from inferc.runtime.requests.errors import BadRequest, UnknownModel
from inferc.runtime.requests.request import ChatRequest

from ..support.official_types import check_anthropic, check_bedrock
from ..support.remote import plan_of, remote_plan, running, serving

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}


BAD = ("any", "any/", "any/" + "x" * 300, "any/a\nb", "any/ä", "any/..", "any/../x", "any/.")


def in_anthropic(model: str) -> ChatRequest:
    body = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return said_in("anthropic", body, anthropic.read_request(body))


def chat(model: str) -> ChatRequest:
    return ChatRequest({"model": model, "messages": [{"role": "user", "content": "hi"}]}, stream=False)


@asynccontextmanager
async def deployed(name: str, model: str) -> AsyncIterator[tuple[Executor, list[str]]]:
    """A deployment of that name and model, and the models that its provider is asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((await request.json())["model"])
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(app) as url,
        running(plan_of(remote_plan(name, f"{url}/v1", model=model))) as executor,
    ):
        yield executor, asked


async def test_what_stands_behind_the_name_is_asked_for() -> None:
    async with deployed("any", "*") as (executor, asked):
        for model in ("any/meta-llama/llama-3.3-70b-instruct", "any/x"):
            await executor.answer(model, chat(model))
        assert asked == ["meta-llama/llama-3.3-70b-instruct", "x"]
        for bad in BAD:
            with pytest.raises((BadRequest, UnknownModel)):
                await executor.answer(bad, chat(bad))
        assert len(asked) == 2


async def test_a_star_in_the_middle_of_a_model_is_what_clients_say() -> None:
    async with deployed("gpt-*-mini", "a/gpt-*-mini") as (executor, asked):
        await executor.answer("gpt-5-mini", chat("gpt-5-mini"))
        assert asked == ["a/gpt-5-mini"]
        for bad in ("gpt-5", "gpt-5-mini-2", "gpt--mini/x"):
            with pytest.raises((BadRequest, UnknownModel)):
                await executor.answer(bad, chat(bad))


CLAUDE = "claude-sonnet-4-5"
PROJECT = "/v1/projects/p/locations/l/publishers/"


@pytest.mark.parametrize(
    ("wire", "below", "model", "asked", "path", "named"),
    [
        (WireFormat.ANTHROPIC, "", "*", CLAUDE, "/v1/messages", CLAUDE),
        (WireFormat.ANTHROPIC, "", "claude-*", "sonnet-4-5", "/v1/messages", CLAUDE),
        (
            WireFormat.ANTHROPIC,
            f"{PROJECT}anthropic",
            "*",
            f"{CLAUDE}@20250929",
            f"{PROJECT}anthropic/models/{CLAUDE}@20250929:rawPredict",
            None,
        ),
        (WireFormat.GEMINI, "", "*", "gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent", None),
        (WireFormat.BEDROCK, "", "*", "amazon.nova-pro-v1:0", "/model/amazon.nova-pro-v1%3A0/converse", None),
        (
            WireFormat.BEDROCK,
            "",
            "*",
            "arn:aws:bedrock:us-east-1:1:x/y",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy/converse",
            None,
        ),
    ],
)
@pytest.mark.parametrize("client", ["openai", "anthropic"])
async def test_each_protocol_is_told_the_model_where_it_looks_for_it(
    wire: WireFormat, below: str, model: str, asked: str, path: str, named: str | None, client: str
) -> None:
    plan = remote_plan("any", f"https://provider.example.com{below}", model=model, wire=wire)
    requests = ProviderRequests(plan)
    request = chat(f"any/{asked}") if client == "openai" else in_anthropic(f"any/{asked}")
    address, body, _, _ = requests.write(request, plan.endpoint)
    assert address == f"https://provider.example.com{path}"
    sent = json.loads(body)
    assert sent.get("model") == named
    if wire is WireFormat.BEDROCK:
        check_bedrock(sent)
    elif wire is WireFormat.ANTHROPIC:
        sent.pop("anthropic_version", None)
        check_anthropic({"model": CLAUDE, **sent})
    else:
        assert [*table("gemini").complaints("chat", asked, sent)] == []
    for bad in BAD:
        with pytest.raises(BadRequest):
            requests.write(chat(bad) if client == "openai" else in_anthropic(bad), plan.endpoint)


async def test_who_made_a_model_of_bedrock_says_how_it_is_asked_to_think() -> None:
    requests = ProviderRequests(
        remote_plan("any", "https://b.example.com", model="*", wire=WireFormat.BEDROCK)
    )
    for name, words in (
        ("us.anthropic.claude-opus-4-8", "output_config"),
        ("amazon.nova-2-lite-v1:0", "reasoningConfig"),
    ):
        asked = ChatRequest({**chat(f"any/{name}").body, "reasoning_effort": "low"}, stream=False)
        body = json.loads(requests.write(asked, "")[1])
        assert words in body["additionalModelRequestFields"]


async def test_only_a_deployment_that_says_so_is_found_by_a_part_of_the_name() -> None:
    async with running(plan_of(remote_plan("gpt"))) as executor:
        with pytest.raises(UnknownModel, match="there is no model `gpt/x`"):
            async with aclosing(executor.stream("gpt/x", chat("gpt/x"))) as chunks:
                _: Any = [chunk async for chunk in chunks]


ANY = {
    "*": "gpt-4o",
    "claude-*": "claude-*",
    "openai/*": "*",
    "*-mini": "gpt-*-mini",
    "claude-haiku": "fixed",
}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("claude-haiku", "fixed"),
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-", "claude-"),
        ("claude-x-mini", "claude-x-mini"),
        ("5-mini", "gpt-5-mini"),
        ("openai/gpt-5", "gpt-5"),
        ("openai/a/b", "a/b"),
        ("o3", "gpt-4o"),
        ("", "gpt-4o"),
        ("gpt 4/é", None),
        ("gpt\r\nx: y", None),
        ("g" * 500, None),
    ],
)
async def test_a_name_that_stands_nowhere_is_asked_of_the_longest_that_fits(
    asked: str, told: str | None
) -> None:
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append((await request.json())["model"])
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with serving(app) as url:
        plan = plan_of(*(remote_plan(name, f"{url}/v1", model=model) for name, model in ANY.items()))
        async with running(plan) as executor:
            if told is None:
                with pytest.raises(UnknownModel):
                    await executor.answer(asked, chat(asked))
                return
            await executor.answer(asked, chat(asked))
            await executor.answer(asked, in_anthropic(asked))
    assert heard == [told, told]


@pytest.mark.parametrize(
    "bad", ["openai/", "openai/*", "openai/..", "openai/" + "x" * 300, "claude-ü", "claude-*"]
)
async def test_what_stands_for_the_star_of_a_name_is_looked_at(bad: str) -> None:
    plans = [remote_plan(name, "https://p.example.com/v1", model=name) for name in ("openai/*", "claude-*")]
    plans[0] = remote_plan("openai/*", "https://p.example.com/v1", model="*")
    async with running(plan_of(*plans)) as executor:
        with pytest.raises((BadRequest, UnknownModel)):
            await executor.answer(bad, chat(bad))
        with pytest.raises(UnknownModel, match="there is no model `gpt`"):
            await executor.answer("gpt", chat("gpt"))

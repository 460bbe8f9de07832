"""What a deployment's `request` adds, as its provider receives it."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inferc.runtime.dialects import anthropic
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest, EmbedRequest

from ..support.projects import Project
from ..support.remote import running, serving

KEY = 'api_key = env("KEY")'
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}


async def sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, declaration: str, *requests: Any
) -> list[dict[str, Any]]:
    """The bodies that arrive when `requests` are asked of what `declaration` says, at a provider of ours."""
    monkeypatch.setenv("KEY", "any")
    bodies: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response(ANSWER)

    async def embed(request: web.Request) -> web.Response:
        bodies.append(asked := await request.json())
        count = asked["dimensions"]
        vector = base64.b64encode(struct.pack(f"<{count}f", *range(count))).decode()
        return web.json_response({"data": [{"index": 0, "embedding": vector}], "usage": {}})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/embeddings", embed)
    async with serving(app) as url:
        plan = Project(folder).plan(declaration.replace("URL", f"{url}/v1"))
        async with running(plan) as executor:
            for request in requests:
                await executor.answer("one", request)
    return bodies


def chat(**fields: Any) -> ChatRequest:
    return ChatRequest({"model": "one", "messages": [{"role": "user", "content": "hi"}], **fields}, False)


def deployment(model: str, rest: str) -> str:
    return f'deployment one {{ model = "{model}" runtime openai {{ {KEY}, endpoint = "URL" }} {rest} }}'


async def test_defaults_count_where_the_client_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = deployment(
        "gpt-4o", 'request { defaults { max_tokens = 2k, stop = ["END"], extra_body { store = true } } }'
    )
    first, second = await sent(
        tmp_path,
        monkeypatch,
        declaration,
        chat(stop=None),
        chat(max_completion_tokens=5, stop="x", store=False),
    )
    assert (first["max_tokens"], first["stop"], first["store"]) == (2000, ["END"], True)
    assert (second["max_completion_tokens"], second["stop"], second["store"]) == (5, "x", False)
    assert "max_tokens" not in second


async def test_what_is_forced_counts_whatever_the_client_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = deployment(
        "gpt-5-mini",
        "request { force { max_tokens = 100, reasoning_effort = low, "
        'extra_body { service_tier = "flex", metadata { team = "shop", stage = "live" } } } }',
    )
    said = chat(max_tokens=9, reasoning_effort="high", service_tier="auto", store=True)
    said.body["metadata"] = {"team": "x", "user": "y"}
    read = chat(reasoning_effort="high", functions=[])  # which goes on written anew
    body, other = await sent(tmp_path, monkeypatch, declaration, said, read)
    assert "max_tokens" not in body
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (100, "low")
    assert body["service_tier"] == "flex"
    assert body["metadata"] == {"team": "shop", "stage": "live", "user": "y"}
    assert (other["max_completion_tokens"], other["reasoning_effort"]) == (100, "low")


async def test_embeddings_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declaration = deployment(
        "text-embedding-3-small",
        'task embed {} request { defaults { dimensions = 2 } force { extra_body { input_type = "query" } } }',
    )
    first, second = await sent(
        tmp_path, monkeypatch, declaration, EmbedRequest(("a",)), EmbedRequest(("a",), dimensions=3)
    )
    assert (first["dimensions"], first["input_type"]) == (2, "query")
    assert second["dimensions"] == 3


async def test_they_count_for_clients_of_other_protocols_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = deployment(
        "gpt-4o",
        'request { defaults { temperature = 0.5, stop = ["E"] } force { max_tokens = 9, seed = 3 } }',
    )
    asked = {"model": "one", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    bodies = await sent(
        tmp_path,
        monkeypatch,
        declaration,
        *(
            said_in("anthropic", asked | more, anthropic.read_request(asked | more))
            for more in ({}, {"temperature": 0.1})
        ),
    )
    assert [(each["temperature"], each["max_tokens"], each["seed"], each["stop"]) for each in bodies] == [
        (0.5, 9, 3, ["E"]),
        (0.1, 9, 3, ["E"]),
    ]


async def test_what_the_model_does_not_take_is_an_error_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = chat(temperature=0.5)
    with pytest.raises(BadRequest, match="temperature"):
        await sent(tmp_path, monkeypatch, deployment("gpt-5-mini", ""), request)
    declaration = deployment("gpt-5-mini", "request { unsupported = drop }")
    [body] = await sent(tmp_path, monkeypatch, declaration, chat(temperature=0.5))
    assert "temperature" not in body


def test_a_plan_says_no_more_than_the_file(tmp_path: Path) -> None:
    from inferc.compiler.plan import dump_plan

    project = Project(tmp_path)
    plain = dump_plan(project.plan(deployment("gpt-4o", "").replace("URL", "http://127.0.0.1:1")))
    assert '"request": null' not in plain
    text = deployment("gpt-4o", "request { force { temperature = 0 } }").replace("URL", "http://127.0.0.1:1")
    assert '"request": {\n        "force": {\n          "temperature": 0.0\n        }\n      }' in dump_plan(
        project.plan(text)
    )

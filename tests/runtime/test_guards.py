"""Guards: no request comes to a model, and no answer to a client, that they have not seen."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import field, frozen
from tritonclient.utils import InferenceServerException

from inferc.compiler.plan import GatewayPlan
from inferc.runtime.gateway.app import Door
from inferc.runtime.gateway.grpc_server import GrpcServer
from inferc.runtime.gateway.paths import PATHS

from ..support.projects import Project
from ..support.remote import gateway_of, running, serving
from .onnx.toys import echo
from .test_infer_grpc import wanted, with_client

pytestmark = pytest.mark.usefixtures("workers_are_forked")

WORD, INSTEAD = "zebra", "[animal]"
MODULE = """
import time

seen = []

def no(texts):
    return False

def why(texts, model, key):
    seen.append((texts, model, key))
    return f"not {len(texts)} texts for {model}" if any("zebra" in text for text in texts) else None

def hide(texts):
    return [text.replace("zebra", "[animal]") for text in texts]

def hide_more(texts, said):
    return {"texts": [text.replace("said", f"told after {len(said)}") for text in texts], "refuse": None}

def fail(texts):
    raise ValueError("zebra")

def short(texts):
    return texts[1:]

def hang(texts):
    time.sleep(3600)

async def slow(texts):
    import asyncio
    await asyncio.sleep(3600)
"""
EXTERNS = "\n".join(
    f'extern {name}({parameters}) -> {result} = python("guards_here:{name}") with {{ isolation = thread }}'
    for name, parameters, result in (
        ("no", "texts: list<text>", "bool"),
        ("why", "texts: list<text>, model: text, key: text?", "text?"),
        ("hide", "texts: list<text>", "list<text>"),
        ("hide_more", "texts: list<text>, said: text", "{ texts: list<text>?, refuse: text? }"),
        ("fail", "texts: list<text>", "list<text>"),
        ("short", "texts: list<text>", "list<text>"),
    )
)
ASKS_NOTHING = ("count_tokens", "input_tokens", "/cancel", "/batches")
"""Parts of paths at which no model is asked."""


@frozen
class Front:
    """seen: the texts of the bodies that the provider got."""

    url: str
    http: aiohttp.ClientSession
    seen: list[str]
    executor: Any
    statuses: list[int] = field(factory=list)

    async def ask(self, path: str, body: Any, **how: Any) -> tuple[int, str]:
        how.setdefault("json", body) if not isinstance(body, aiohttp.FormData) else how.setdefault(
            "data", body
        )
        async with self.http.post(self.url + path, **how) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def provider(seen: list[str], statuses: list[int]) -> AsyncIterator[str]:
    """Says what it was asked, whatever that is."""

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        seen.append(text)
        if statuses:
            return web.json_response({"error": {"message": "no"}}, status=statuses.pop(0))
        word = WORD if WORD in text else INSTEAD if INSTEAD in text else "word"
        said = f"I said {word}, and again {word}."
        path, usage = request.path, {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        if "transcriptions" in path:
            return web.json_response({"text": said})
        body = json.loads(text)
        if path.endswith("/messages"):
            return web.json_response(
                {
                    "id": "m",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude",
                    "content": [{"type": "text", "text": said}],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 1, "output_tokens": 1},
                }
            )
        if not path.endswith("/completions"):
            return web.json_response({"results": [{"flagged": False, "note": said}], "data": []})
        name = "text" if path.endswith("/v1/completions") else "message"
        if not body.get("stream"):
            answered: Any = said if name == "text" else {"role": "assistant", "content": said}
            choice = {"index": 0, name: answered, "finish_reason": "stop", "logprobs": None}
            return web.json_response({"id": "x", "choices": [choice], "usage": usage})
        pieces = [said[at : at + 3] for at in range(0, len(said), 3)]
        events = []
        for piece in pieces:
            held = {"text": piece} if name == "text" else {"delta": {"content": piece}}
            events.append({"id": "x", "choices": [{"index": 0, "finish_reason": None, **held}]})
        held = {"text": ""} if name == "text" else {"delta": {}}
        events.append({"id": "x", "choices": [{"index": 0, "finish_reason": "stop", **held}], "usage": usage})
        lines = [f"data: {json.dumps(each)}\n\n" for each in events]
        return web.Response(text="".join(lines) + "data: [DONE]\n\n", content_type="text/event-stream")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with serving(app) as url:
        yield url


@asynccontextmanager
async def front(folder: Path, guards: str, more: str = "", externs: str = EXTERNS) -> AsyncIterator[Front]:
    seen: list[str] = []
    statuses: list[int] = []
    (folder / "guards_here.py").write_text(MODULE)
    echo(folder / "words.onnx", "BYTES")
    async with provider(seen, statuses) as url:
        remote = f'endpoint = "{url}/v1", retry {{ max_retries = 0 }}'
        text = f"""
        {externs}
        deployment gpt {{ model = "a-model", runtime openai {{ {remote} }}, cache {{ ttl = 1h }} }}
        deployment other {{ model = "a-model", runtime openai {{ {remote} }} }}
        deployment claude {{
          model = "claude-sonnet-4-5"
          runtime anthropic {{ endpoint = "{url}", retry {{ max_retries = 0 }} }}
        }}
        deployment words {{ model = "words.onnx" }}
        deployment vectors {{ model = "e", runtime openai_compatible {{ {remote} }}, task embed {{ }} }}
        deployment order {{ model = "r", runtime openai_compatible {{ {remote} }}, task rerank {{ }} }}
        route spare = fallback [gpt, other]
        route both = hedge [other, gpt] after 1us
        pipeline shout(said: text) -> text {{ return other(said) }}
        {more}
        gateway {{ {guards} }}
        """
        (folder / "main.infer").write_text(text)
        plan = Project(folder).plan()
        async with (
            running(plan, folder) as executor,
            aiohttp.ClientSession() as http,
            gateway_of(executor) as gateway,
        ):
            yield Front(gateway, http, seen, executor, statuses)


def chat(model: str = "gpt", word: str = WORD, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": f"say {word}"}], **more}


def bodies(path: str) -> Any:
    """A request for each path at which models are asked; None for others."""
    if any(part in path for part in ASKS_NOTHING):
        return None
    if path.rstrip("/") == "/rerank":
        return {"query": WORD, "texts": ["a"]}
    for part, body in {
        "chat/completions": chat(),
        "/responses": {"model": "gpt", "input": f"say {WORD}"},
        "/completions": {"model": "gpt", "prompt": f"say {WORD}"},
        "/embeddings": {"model": "gpt", "input": WORD},
        "v1/embed": {"model": "gpt", "texts": [WORD]},
        "v2/embed": {
            "model": "gpt",
            "texts": [WORD],
            "input_type": "search_query",
            "embedding_types": ["float"],
        },
        "/embed": {"inputs": WORD},
        "/rerank": {"model": "gpt", "query": WORD, "documents": ["a"]},
        "/classify": {"model": "gpt", "input": WORD},
        "/messages": chat(max_tokens=9),
        "/pipelines": {"said": WORD},
        "/infer": {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1, 2], "data": [WORD, "a"]}]},
        "/moderations": {"model": "gpt", "input": WORD},
        "/speech": {"model": "gpt", "input": WORD, "voice": "v"},
        "/generations": {"model": "gpt", "prompt": WORD},
    }.items():
        if part in path:
            return body
    if "/audio/" not in path and "/images/" not in path:
        return None
    form = aiohttp.FormData()
    form.add_field("model", "gpt")
    form.add_field("prompt", WORD)
    form.add_field("file", b"sound", filename="a.wav")
    form.add_field("image", b"image", filename="a.png")
    return form


ALL = sorted({each.path for each in PATHS if each.method == "POST" and each.protocol is not None})
ASKING = [path for path in ALL if bodies(path) is not None]


def address(path: str) -> str:
    model = "shout" if "pipelines" in path else "words" if "infer" in path else "gpt"
    return re.sub(r"\{version\}", "1", re.sub(r"\{(name|deployment)[^}]*\}", model, path))


async def test_no_request_at_any_path_comes_to_a_model_that_a_guard_refuses(tmp_path: Path) -> None:
    async with front(tmp_path, "guard g { request = no }") as it:
        for path in ASKING:
            status, said = await it.ask(address(path), bodies(path))
            assert (status, "the guard `g` refuses this request" in said) == (400, True), (path, said)
        for path in {*ALL} - {*ASKING}:
            await it.ask(address(path), {**chat(), "input": WORD})
        for query in ({"stream": "true"}, {"stream": "false"}):
            assert (await it.ask("/v1/pipelines/shout", {"said": WORD}, params=query))[0] == 400
        streamed = await it.ask("/v1/chat/completions", chat(stream=True))
        assert (streamed[0], "guard_refused" in streamed[1]) == (400, True)
        assert it.seen == []
        assert it.executor.deployments["words"].counters.outcomes == {}


TEXTS = [
    ("/v1/chat/completions", chat()),
    ("/v1/chat/completions", chat(stream=True)),
    ("/v1/chat/completions", chat(temperature=0)),
    ("/v1/chat/completions", chat(temperature=0)),
    ("/v1/chat/completions", chat("claude")),
    ("/v1/chat/completions", chat("spare", stream=True)),
    ("/v1/chat/completions", chat("both")),
    ("/v1/chat/completions", chat("shout")),
    ("/v1/chat/completions", chat("shout", stream=True)),
    ("/v1/messages", chat(max_tokens=9)),
    ("/v1/messages", chat(max_tokens=9, stream=True)),
    ("/v1/messages", chat("claude", max_tokens=9)),
    ("/v1/responses", {"model": "gpt", "input": WORD}),
    ("/v1/responses", {"model": "gpt", "input": WORD, "stream": True}),
    ("/v1/completions", {"model": "gpt", "prompt": WORD}),
    ("/v1/completions", {"model": "gpt", "prompt": WORD, "stream": True}),
    ("/v1/moderations", {"model": "gpt", "input": WORD}),
    ("/v1/pipelines/shout", {"said": WORD}),
    ("/v1/pipelines/shout?stream=true", {"said": WORD}),
    ("/v2/models/words/infer", bodies("/infer")),
]


async def test_no_answer_is_told_that_a_guard_has_not_seen(tmp_path: Path) -> None:
    async with front(tmp_path, "guard g { answer = hide, unreadable = pass }") as it:
        for path, body in TEXTS:
            it.statuses[:] = [500] if body.get("model") == "spare" else []
            status, said = await it.ask(path, body)
            assert (status, WORD in said, INSTEAD in said) == (200, False, True), (path, body, said)
        form = bodies("/audio/transcriptions")
        assert INSTEAD in (await it.ask("/v1/audio/transcriptions", form))[1]
        hits = it.executor.deployments["gpt"].cache
        assert hits is not None
        assert len(hits) >= 1


async def test_what_was_answered_in_the_background_was_seen_too(tmp_path: Path) -> None:
    async with front(tmp_path, "guard g { answer = hide }") as it:
        _, said = await it.ask("/v1/responses", {"model": "gpt", "input": WORD, "background": True})
        at = f"{it.url}/v1/responses/{json.loads(said)['id']}"
        for _ in range(2000):
            async with it.http.get(at) as answer:
                kept = await answer.json()
            if kept["status"] == "completed":
                break
        assert INSTEAD in kept["output"][0]["content"][0]["text"]


async def test_what_models_are_asked_is_what_guards_leave_of_it(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": WORD, "parameters": {}}}]
    history = [
        {"role": "system", "content": [{"type": "text", "text": WORD}]},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": f'{{"a":"{WORD}"}}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": WORD},
    ]
    asked = [
        ("/v1/chat/completions", {"model": "gpt", "messages": history, "tools": tools}),
        ("/v1/messages", chat("claude", max_tokens=9, system=WORD)),
        (
            "/v1/messages",
            {
                "model": "gpt",
                "max_tokens": 9,
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "document",
                                "source": {"type": "text", "media_type": "text/plain", "data": WORD},
                            }
                        ],
                    }
                ],
            },
        ),
        ("/v1/responses", {"model": "gpt", "instructions": WORD, "input": WORD}),
        ("/v1/completions", {"model": "gpt", "prompt": [WORD, "a"]}),
        ("/v1/pipelines/shout", {"said": WORD}),
        ("/v1/moderations", {"model": "gpt", "input": [{"type": "text", "text": WORD}]}),
    ]
    async with front(tmp_path, "guard g { request = hide }") as it:
        for path, body in asked:
            status, said = await it.ask(path, body)
            assert status == 200, said
            assert WORD not in it.seen[-1]
            assert INSTEAD in it.seen[-1]
        status, said = await it.ask("/v2/models/words/infer", bodies("/infer"))
        assert json.loads(said)["outputs"][0]["data"] == [INSTEAD, "a"]


LONG = f"a {WORD} by the lake"
SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "description": LONG}}}
CALLED = {"type": "tool_use", "id": "t", "name": "f", "input": {"name": WORD, "status": LONG}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "done"}
NAMED: list[tuple[str, Any]] = [
    (f"find_{WORD}", {}),
    ("f", {"type": "object", "properties": {f"{WORD}_1": {"type": "integer"}}}),
    ("f", {"type": "object", "properties": {"a": {"$ref": "x"}}, "$defs": {WORD: {"type": "object"}}}),
    ("f", {"type": "object", "properties": {"a": {"type": "string", "format": WORD}}}),
]


def named(name: str, parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


HIDDEN: list[Any] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "name": LONG, "content": "a"}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": f"data:;base64,{LONG}"}]}),
    (
        "/v1/chat/completions",
        chat(word="a", tools=[{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]),
    ),
    (
        "/v1/responses",
        {"input": "a", "text": {"format": {"type": "json_schema", "name": "f", "schema": SCHEMA}}},
    ),
    (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": [CALLED]},
                {"role": "user", "content": [RESULT]},
            ],
        },
    ),
    ("/v1/pipelines/greet", {"name": WORD}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "name": WORD, "content": "a"}]}),
    ("/v1/chat/completions", chat(word="a", metadata={"name": WORD})),
    ("/v1/chat/completions", chat(word="a", metadata={WORD: "1"})),
    ("/v1/chat/completions", chat(word="a", usage={"x": LONG})),
    *(("/v1/chat/completions", chat(word="a", tools=[named(*each)])) for each in NAMED),
    ("/v1/responses", {"input": "a", "tools": [{"type": "function", "name": f"{WORD}_1", "parameters": {}}]}),
    (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": [{**CALLED, "input": {"a": [{f"{WORD}_1": 1}]}}]},
                {"role": "user", "content": [RESULT]},
            ],
        },
    ),
    (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": "a"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": LONG, "signature": "c2lnbmVk"},
                        {"type": "text", "text": "b"},
                    ],
                },
                {"role": "user", "content": "c"},
            ],
        },
    ),
]


async def test_no_field_hides_a_text_from_guards(tmp_path: Path) -> None:
    greet = "pipeline greet(name: text) -> text { return gpt(name) }"
    async with front(tmp_path, "guard g { request = why }", more=greet) as it:
        for path, body in HIDDEN:
            status, said = await it.ask(path, body if "pipelines" in path else {"model": "gpt"} | body)
            assert (status, it.seen) == (400, []), (body, said)
            assert "the guard `g` refuses this request" in said


async def test_names_are_seen_and_never_exchanged(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    async with front(tmp_path, "guard g { request = hide }") as it:
        body = chat(tools=[named("weather", schema)]) | {"model": "gpt"}
        assert (await it.ask("/v1/chat/completions", body))[0] == 200
        sent = json.loads(it.seen[-1])
        assert sent["tools"] == body["tools"]
        assert sent["messages"][0]["content"] == f"say {INSTEAD}"
        body["tools"] = [named(f"find_{WORD}", schema)]
        status, said = await it.ask("/v1/chat/completions", body)
        assert (status, len(it.seen)) == (400, 1)
        assert "it may not hold the name `find_zebra`, and names are not exchanged" in said


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
UNREADABLE: list[Any] = [
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [IMAGE]}]},
    ),
    (
        "/v1/messages",
        {
            "max_tokens": 9,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                        }
                    ],
                }
            ],
        },
    ),
    ("/v1/completions", {"prompt": [1, 2]}),
    ("/v1/embeddings", {"input": [[1, 2]]}),
]


@pytest.mark.parametrize(("path", "body"), UNREADABLE)
async def test_what_no_guard_can_read_passes_only_where_the_file_says_so(
    path: str, body: dict[str, Any], tmp_path: Path
) -> None:
    body = {"model": "gpt", **body}
    async with front(tmp_path, "guard g { request = why }") as it:
        status, said = await it.ask(path, body)
        assert (status, "holds something that is no text" in said) == (400, True)
        assert it.seen == []
    async with front(tmp_path, "guard g { request = why, unreadable = pass }") as it:
        assert "guard" not in (await it.ask(path, body))[1]


async def test_a_guard_says_why_and_for_whom(tmp_path: Path) -> None:
    async with front(tmp_path, "guard g { request = why }") as it:
        status, said = await it.ask("/v1/messages", chat(max_tokens=9))
        error = json.loads(said)["error"]
        assert (status, error["type"]) == (400, "invalid_request_error")
        assert error["message"] == "the guard `g` refuses this request: not 1 texts for gpt"


@pytest.mark.parametrize(
    ("broken", "on_failure"),
    [("fail", "refuse"), ("short", "refuse"), ("slow", "refuse"), ("fail", "pass"), ("hang", "pass")],
)
async def test_a_guard_that_fails_does_what_the_file_says(
    broken: str, on_failure: str, tmp_path: Path
) -> None:
    more = 'extern it(texts: list<text>) -> list<text> = python("guards_here:{}") with {{ timeout = 200ms }}'
    guards = f"guard g {{ request = it, on_failure = {on_failure} }}"
    async with front(tmp_path, guards, externs=more.format(broken)) as it:
        status, said = await it.ask("/v1/chat/completions", chat())
        assert status == (503 if on_failure == "refuse" else 200)
        assert len(it.seen) == (0 if on_failure == "refuse" else 1)
        assert "ValueError" not in said
        assert it.executor.now.guards.all[0].counters.outcomes == {("request", "failed"): 1}
        async with it.http.get(f"{it.url}/metrics") as metrics:
            line = 'inferc_guard_seen_total{direction="request",guard="g",outcome="failed"} 1.0'
            assert line in await metrics.text()


async def test_a_stream_is_told_in_pieces_that_were_seen(tmp_path: Path) -> None:
    async with front(tmp_path, "guard g { answer = hide_more, pieces = 8 }") as it:
        _, said = await it.ask("/v1/chat/completions", chat(stream=True))
        lines = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: {")]
        pieces = [line["choices"][0]["delta"].get("content", "") for line in lines]
        assert "".join(pieces) == f"I told after 0 {WORD}, and again {WORD}."
        assert len([piece for piece in pieces if piece]) >= 3
        assert it.executor.now.guards.all[0].counters.outcomes["answer", "passed"] >= 1


async def test_guards_are_asked_in_their_order_and_for_what_the_file_says(tmp_path: Path) -> None:
    guards = """
      guard first { request = hide }
      guard second { request = why }
      guard third { request = no, models = [words] }
    """
    async with front(tmp_path, guards) as it:
        assert (await it.ask("/v1/chat/completions", chat()))[0] == 200
        assert (await it.ask("/v2/models/words/infer", bodies("/infer")))[0] == 400


async def test_no_request_over_grpc_passes_a_guard(tmp_path: Path) -> None:
    import numpy

    async with front(tmp_path, "guard g { request = no }") as it:
        gateway = GatewayPlan(grpc="127.0.0.1:0")
        server = GrpcServer(it.executor, Door(gateway, None, None), gateway, advice="")
        await server.start()

        def ask(client: Any) -> None:
            with pytest.raises(InferenceServerException, match="the guard `g` refuses"):
                client.infer("words", [wanted("x", numpy.array([[WORD, "a"]], object))])

        try:
            await with_client(f"127.0.0.1:{server.port}", ask)
        finally:
            await server.stop(0)

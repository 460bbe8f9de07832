"""Whatever a client sends, the server does not fail: it names what is wrong, in the protocol's shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from attrs import evolve

from inferc.compiler.plan import ClassifySpec, ProviderKind, TaskKind, WireFormat

from ..support.pipelines import Graph, plan_with
from ..support.remote import gateway_of, remote_plan, running, serving
from .onnx import toys
from .onnx.plans import onnx_plan

DEEP = 10_000
VALUES: tuple[str, ...] = (
    "null", "true", "false", "0", "-0", "1", "-1", "2", "7", "100", "1000000", "0.5", "-0.5", "1.5", "1e3",
    "2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "1e308", "-1e308",
    "1e400", "1e-400", "0.1e-7", "NaN", "Infinity", "-Infinity", "nan", "undefined", "None", "True", "01",
    "+1", ".5", "5.", "0x10", "1_000", '""', '" "', '"a"', '"banana"', '"0"', '"1"', '"true"', '"null"',
    '"auto"', '"none"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\n"', '"é"', '"😀"', '"‮"',
    '"' + "a" * 10_000 + '"', '""', '"\t"', "'a'", "[]", "[null]", "[true]", "[0]", "[1.5]", '[""]', '["a"]',
    '["a","a"]', "[[]]", "[{}]", '["a",1]', "[" + "1," * 2000 + "1]", "[" * DEEP + "]" * DEEP, "{}",
    '{"a":null}', '{"a":1,"a":2}', '{"":""}', '{"type":"x"}', '{"type":null}', '{"name":5}',
    '{"a":' * DEEP + "1" + "}" * DEEP, "", ",", "{", "[", '"', "\\", "//", "1 2", '{"a" 1}',
)  # fmt: skip
"""As they stand in a body; some are no JSON."""

MESSAGES = '[{"role":"user","content":"hi"}]'
CHAT = {
    "messages": MESSAGES,
    **dict.fromkeys(
        (
            "model", "stream", "stream_options", "temperature", "top_p", "top_k", "min_p", "seed", "n",
            "stop", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty",
            "logit_bias", "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
            "response_format",
            "reasoning_effort", "verbosity", "user", "metadata", "store", "service_tier", "prediction",
            "modalities", "audio", "functions", "function_call", "web_search_options", "made_up",
        )
    ),
}  # fmt: skip
INSIDE = (
    '[{"role":%s,"content":"hi"}]',
    '[{"role":"user","content":%s}]',
    '[{"role":"user","content":[%s]}]',
    '[{"role":"user","content":[{"type":%s,"text":"x"}]}]',
    '[{"role":"user","content":[{"type":"text","text":%s}]}]',
    '[{"role":"user","content":[{"type":"image_url","image_url":%s}]}]',
    '[{"role":"user","content":"x"},{"role":"assistant","content":%s}]',
    '[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":%s}]',
    '[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":%s}]}]',
    '[{"role":"user","content":"x"},{"role":"tool","tool_call_id":%s,"content":"x"}]',
    "[%s]",
)
RESPONSES = {
    "input": '"hi"',
    **dict.fromkeys(
        (
            "model", "stream", "instructions", "temperature", "top_p", "max_output_tokens", "tools",
            "tool_choice", "parallel_tool_calls", "text", "reasoning", "include", "metadata", "store",
            "previous_response_id", "truncation", "user", "background", "conversation", "prompt", "made_up",
        )
    ),
}  # fmt: skip
ANTHROPIC = {
    "messages": MESSAGES,
    "max_tokens": "5",
    **dict.fromkeys(
        (
            "model", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools",
            "tool_choice", "thinking", "metadata", "output_config", "service_tier", "made_up",
        )
    ),
}  # fmt: skip
COMPLETION = {
    "prompt": '"hi"',
    **dict.fromkeys(
        ("model", "max_tokens", "temperature", "stream", "stop", "n", "best_of", "echo", "logprobs", "suffix")
    ),
}
SPEECH = {"input": '"hi"', "voice": '"alloy"', **dict.fromkeys(("model", "stream_format", "instructions"))}
EMBED = {
    "input": '"hi"',
    **dict.fromkeys(
        ("model", "encoding_format", "dimensions", "user", "input_type", "truncate", "embedding_type", "task")
    ),
}
COHERE_EMBED = {
    "texts": '["hi"]',
    **dict.fromkeys(("model", "input_type", "embedding_types", "truncate", "output_dimension", "images")),
}
RERANK = {
    "query": '"q"',
    "documents": '["a"]',
    **dict.fromkeys(
        ("model", "top_n", "top_k", "return_documents", "rank_fields", "max_tokens_per_doc", "truncation")
    ),
}
TEI = {"query": '"q"', "texts": '["a"]', **dict.fromkeys(("model", "raw_scores", "return_text", "truncate"))}

TEI_EMBED = {
    "inputs": '["a"]',
    **dict.fromkeys(("model", "normalize", "truncate", "dimensions", "prompt_name")),
}
CONVERSATION = {"items": "[]", **dict.fromkeys(("metadata", "made_up"))}
MODERATION = {"input": '"hi"', **dict.fromkeys(("model", "made_up"))}
IMAGE = {"prompt": '"hi"', **dict.fromkeys(("model", "n", "size", "quality", "stream", "response_format"))}
ROWS = '[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]'
CLASSIFY = {"inputs": ROWS, **dict.fromkeys(("model", "top_k"))}
PIPELINE: dict[str, str | None] = {"message": None, "made_up": None}
INFER: dict[str, str | None] = {
    "inputs": ROWS,
    **dict.fromkeys(("id", "parameters", "outputs")),
}

STEP = 8
"""How many values there are for each of those that are tried of a field."""

INSIDE_OF: dict[int, tuple[str, tuple[str, ...]]] = {
    id(CHAT): ("messages", INSIDE),
    id(RESPONSES): (
        "input",
        (
            "[%s]",
            '[{"role":%s,"content":"hi"}]',
            '[{"role":"user","content":%s}]',
            '[{"role":"user","content":[%s]}]',
            '[{"role":"user","content":[{"type":%s,"text":"x"}]}]',
            '[{"role":"user","content":[{"type":"input_image","image_url":%s}]}]',
            '[{"type":%s,"call_id":"c","name":"f","arguments":"{}"}]',
            '[{"type":"function_call","call_id":%s,"name":"f","arguments":"{}"}]',
            '[{"type":"function_call","call_id":"c","name":"f","arguments":%s}]',
            '[{"type":"function_call_output","call_id":"c","output":%s}]',
            '[{"type":"reasoning","summary":%s}]',
            '[{"type":"reasoning","encrypted_content":%s,"summary":[]}]',
        ),
    ),
    id(ANTHROPIC): (
        "messages",
        (
            "[%s]",
            '[{"role":%s,"content":"hi"}]',
            '[{"role":"user","content":%s}]',
            '[{"role":"user","content":[%s]}]',
            '[{"role":"user","content":[{"type":%s,"text":"x"}]}]',
            '[{"role":"user","content":[{"type":"text","text":"x","cache_control":%s}]}]',
            '[{"role":"user","content":[{"type":"image","source":%s}]}]',
            '[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":%s}]}]',
            '[{"role":"user","content":[{"type":"tool_result","tool_use_id":%s}]}]',
            '[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":%s}]}]',
            '[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":%s}]}]',
        ),
    ),
    id(CONVERSATION): ("items", ("[%s]", '[{"role":%s,"content":"hi"}]', '[{"role":"user","content":%s}]')),
    id(INFER): (
        "inputs",
        (
            "[%s]",
            '[{"name":%s,"datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]',
            '[{"name":"x","datatype":%s,"shape":[1,4],"data":[1,2,3,4]}]',
            '[{"name":"x","datatype":"FP32","shape":%s,"data":[1,2,3,4]}]',
            '[{"name":"x","datatype":"FP32","shape":[%s,4],"data":[1,2,3,4]}]',
            '[{"name":"x","datatype":"FP32","shape":[1,4],"data":%s}]',
            '[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,%s,4]}]',
        ),
    ),
}
"""Where more values stand, deeper in a field, by the identity of the fields."""

ENDPOINTS: tuple[tuple[str, str, dict[str, str | None]], ...] = (
    ("/v1/chat/completions", "gpt", CHAT),
    ("/v1/chat/completions", "claude", CHAT),
    ("/v1/chat/completions", "flash", CHAT),
    ("/v1/chat/completions", "p", CHAT),
    ("/v1/responses", "gpt", RESPONSES),
    ("/v1/responses", "claude", RESPONSES),
    ("/v1/responses", "p", RESPONSES),
    ("/v1/messages", "gpt", ANTHROPIC),
    ("/v1/messages", "claude", ANTHROPIC),
    ("/v1/messages", "p", ANTHROPIC),
    ("/v1/messages/count_tokens", "claude", ANTHROPIC),
    ("/v1/responses/input_tokens", "gpt", RESPONSES),
    ("/v1/conversations", "", CONVERSATION),
    ("/v1/moderations", "gpt", MODERATION),
    ("/v1/images/generations", "gpt", IMAGE),
    ("/v1/completions", "gpt", COMPLETION),
    ("/v1/audio/speech", "gpt", SPEECH),
    ("/v1/embeddings", "e", EMBED),
    ("/v2/embed", "e", COHERE_EMBED),
    ("/v1/embed", "e", COHERE_EMBED),
    ("/v1/classify", "local", CLASSIFY),
    ("/v2/models/local/infer", "local", INFER),
    ("/v1/pipelines/p", "", PIPELINE),
    ("/embed", "e", TEI_EMBED),
    ("/v1/rerank", "r", RERANK),
    ("/v2/rerank", "r", RERANK),
    ("/rerank", "r", TEI),
)

ANSWERS = {
    "/v1/chat/completions": {
        "id": "c", "model": "m", "created": 1, "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "/v1/completions": {"choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}]},
    "/v1/audio/speech": {},
    "/v1/moderations": {},
    "/v1/images/generations": {},
    "/v1/messages": {
        "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "/v1beta/models/gpt-4o-mini:generateContent": {
        "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
    },
}  # fmt: skip
EVENTS = {
    "/v1/chat/completions": 'data: {"choices":[{"index":0,"delta":{"content":"hi"},'
    '"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    "/v1/completions": 'data: {"choices":[{"index":0,"text":"hi","finish_reason":"stop"}]}\n\n'
    "data: [DONE]\n\n",
    "/v1/images/generations": 'data: {"type":"image_generation.completed"}\n\n',
    "/v1/messages": 'data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}\n\n'
    'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
    'data: {"type":"message_stop"}\n\n',
    "/v1beta/models/gpt-4o-mini:streamGenerateContent": 'data: {"candidates":[{"content":{"parts":'
    '[{"text":"hi"}]},"finishReason":"STOP"}]}\n\n',
}


MOST_NUMBERS = 4096


async def provide(request: web.Request) -> web.Response:
    """A provider that takes everything."""
    body = json.loads(await request.read())
    if request.path.endswith("/embeddings"):
        count = len(body["input"]) if isinstance(body["input"], list) else 1
        length = body.get("dimensions", 1)
        if length > MOST_NUMBERS:
            message = "too many: `dimensions`, or `output_dimension`"
            return web.json_response({"error": {"message": message}}, status=400)
        return web.json_response({"data": [{"index": i, "embedding": [0.5] * length} for i in range(count)]})
    if request.path.endswith("/rerank"):
        scores = [{"index": i, "relevance_score": 0.5} for i in range(len(body["documents"]))]
        return web.json_response({"results": scores})
    if body.get("stream") is True or "stream" in request.path:
        return web.Response(text=EVENTS[request.path], content_type="text/event-stream")
    return web.json_response(ANSWERS[request.path])


Front = tuple[str, aiohttp.ClientSession]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """One server for all tests, which is part of what they try: its address, and a client."""
    folder = tmp_path_factory.mktemp("front")
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", provide)
    echo = toys.echo(folder / "echo.onnx", "FP32", ("N", 4))
    graph = Graph()
    graph.call("said", "gpt", message="message")
    async with serving(app) as url:
        compatible: dict[str, Any] = {"provider": ProviderKind.OPENAI_COMPATIBLE}
        plan = plan_with(
            remote_plan("gpt", f"{url}/v1"),
            remote_plan("claude", url, provider=ProviderKind.ANTHROPIC, wire=WireFormat.ANTHROPIC),
            remote_plan("flash", url, provider=ProviderKind.GEMINI, wire=WireFormat.GEMINI),
            remote_plan("e", f"{url}/v1", task=TaskKind.EMBED, **compatible),
            remote_plan("r", f"{url}/v1", task=TaskKind.RERANK, **compatible),
            evolve(onnx_plan(model=echo, task=ClassifySpec()), deployment="local"),
            graph.pipeline("said"),
        )
        async with (
            running(plan) as executor,
            gateway_of(executor) as gateway,
            aiohttp.ClientSession() as http,
        ):
            yield gateway, http


def bodies(model: str, fields: dict[str, str | None], step: int, offset: int) -> Iterator[tuple[str, bytes]]:
    """The name of a field, and a body in which it has one of the values."""
    given = {name: value for name, value in fields.items() if value is not None}
    places = [(name, "%s") for name in fields]
    name, insides = INSIDE_OF.get(id(fields), ("", ()))
    places += [(name, inside) for inside in insides]
    for number, (name, inside) in enumerate(places):
        for value in VALUES[(number + offset) % step :: step]:
            body = {**({"model": f'"{model}"'} if model else {}), **given, name: inside.replace("%s", value)}
            text = ",".join(f'"{key}":{each}' for key, each in body.items())
            yield name, ("{" + text + "}").encode("utf-8", "surrogatepass")


async def wrong(url: str, http: aiohttp.ClientSession, path: str, name: str, body: bytes) -> str | None:
    """What is wrong with the answer to `body`; None if nothing is."""
    said = f"{path} {name} {body[:150]!r}"
    async with http.post(url + path, data=body, headers={"Content-Type": "application/json"}) as answer:
        text = await answer.text()
    if answer.status >= 500:
        return f"{said}: {answer.status} {text[:200]}"
    if answer.status == 200:
        return f"{said}: {text[-200:]}" if '"code":"internal"' in text else None
    try:
        shown = json.loads(text)
    except ValueError:
        return f"{said}: {answer.status}, no JSON: {text[:200]}"
    error = shown.get("error", shown)
    message = error if isinstance(error, str) else error.get("message")
    if not isinstance(message, str):
        return f"{said}: {answer.status}, no message: {text[:200]}"
    param = error.get("param") if isinstance(error, dict) else None
    about_body = any(word in message for word in ("no JSON", "nested", "the body", "there is no model"))
    if not about_body and name.rstrip("s") not in f"{param} {message}":
        return f"{said}: {answer.status} does not name it: {text[:200]}"
    return None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "model", "fields"), ENDPOINTS, ids=[f"{a} {b}" for a, b, _ in ENDPOINTS])
async def test_no_value_of_a_field_makes_the_server_fail(
    path: str,
    model: str,
    fields: dict[str, str | None],
    caplog: pytest.LogCaptureFixture,
    front: Front,
    request: pytest.FixtureRequest,
) -> None:
    step = 1 if request.config.getoption("--hypothesis-profile") == "new" else STEP
    url, http = front
    found: list[str] = []
    asked = iter(bodies(model, fields, step, len(path + model)))

    async def work() -> None:
        for name, body in asked:
            if (problem := await wrong(url, http, path, name, body)) is not None:
                found.append(problem)

    await asyncio.gather(*(work() for _ in range(8)))
    assert found == []
    assert "Traceback" not in caplog.text


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "model"), dict.fromkeys((path, model) for path, model, _ in ENDPOINTS if model)
)
async def test_no_body_and_no_header_makes_the_server_fail(path: str, model: str, front: Front) -> None:
    plain = {"Content-Type": "application/json"}
    packed = {**plain, "Content-Encoding": "gzip"}
    named = f'{{"model":"{model}","'.encode()
    url, http = front
    for body, headers, status in (
        (b"", plain, 400),
        (b"null", plain, 400),
        (b"[]", plain, 400),
        (b"{}", plain, 400),
        (b"\xff\xfe{}", plain, 400),
        (named + b'\xff":1}', plain, 400),
        (named + b'a":"\xc3\x28"}', plain, 400),
        (b"\xef\xbb\xbf{}", plain, 400),
        (b"[" * 100_000, plain, 400),
        (b"{}", packed, 400),
        (b"\x1f\x8b\x08", packed, 400),
        (b"{}", {**plain, "Content-Encoding": "br"}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "multipart/form-data"}, 415),
        (b"{}", {**plain, "x-inferc-priority": "soon"}, 400),
        (b"{}", {**plain, "Authorization": "é" * 1000}, 400),
        (b"{}", {**plain, "Accept": "image/png", "Cookie": "a" * 9000}, 400),
    ):
        async with http.post(url + path, data=body, headers=headers) as answer:
            shown = await answer.json()
            assert answer.status == status, (body[:50], shown)
            assert isinstance(shown.get("error", shown), dict | str)

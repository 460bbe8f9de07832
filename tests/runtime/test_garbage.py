"""Answering leaves nothing to the garbage collector: what a request took is free when it is answered."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from tokenizers import Tokenizer

from inferc.compiler.plan import Plan

from ..support.commands import serving
from ..support.garbage import garbage, no_collector, ours
from ..support.projects import Project
from ..support.remote import gateway_of, running, until
from .onnx.plans import MODELS
from .onnx.toys import byte_tokenizer, causal_lm, echo, endless_for, scorer

ROUNDS = 6
"""Requests of each kind whose garbage is looked at."""

MOST_PER_CONNECTION = 30
"""Objects that asyncio leaves of each connection that is closed."""

_CONNECTOR = "inferc.runtime.replicas.remote.transport.connector"
CLOSED = tuple(f"{_CONNECTOR}.{name}" for name in ("_Connection", "SteadyConnection", "Steady"))
"""aiohttp's side of a connection to a provider: one that is closed is a circle of aiohttp's own."""

SCRIPT = {
    "gap_ms": 0,
    "answers": [
        {"when": word, "fault": f"{fault},count=all" if ":" in fault else f"{fault}:count=all"}
        for word, fault in {
            "broken": "500",
            "limited": "429",
            "slow": "slow:seconds=60",
            "cutoff": "cut:after=2",
            "stalling": "stall:after=2,seconds=60",
        }.items()
    ],
}

FILE = """
template remote {
  model = "gpt-4o-mini"
  runtime openai {
    api_key = env("KEY")
    endpoint = "URL/v1"
    retry { max_retries = 0 }
    circuit_breaker { failure_threshold = 1000000 }
  }
}
deployment gpt from remote { }
deployment twin from remote { }
deployment hasty from remote { runtime openai { timeouts { request = 400ms, read = 400ms } } }
deployment retried from remote { runtime openai { retry { max_retries = 1, initial_backoff = 1ms } } }
deployment gone from remote { runtime openai { endpoint = "http://127.0.0.1:9/v1" } }
deployment claude {
  model = "claude-sonnet-4"
  runtime anthropic { api_key = env("KEY"), endpoint = "URL" }
}
deployment flash {
  model = "gemini-2.5-flash"
  runtime gemini { api_key = env("KEY"), endpoint = "URL" }
}

deployment echo { model = "echo.onnx" }
deployment batched { model = "echo.onnx", runtime ort { batching { max_size = 8, max_delay = 1ms } } }
deployment endless { model = "endless.onnx" }
deployment embedder { model = "one.onnx", task embed { tokenizer = "tokenizer.json", pooling = none } }
deployment ranker { model = "one.onnx", task rerank { tokenizer = "tokenizer.json" } }
deployment classes { model = "three.onnx", task classify { tokenizer = "tokenizer.json" } }
deployment lm { model = "lm.onnx", task generate { tokenizer = "bytes.json", max_new_tokens = 3 } }

route safe = fallback [gone, gpt]
route quick = hedge [retried, twin] after 1ms
route careful = cascade [gpt, twin] accept it.text == "never"
route even = balance [gpt, twin]

pipeline steps(message: text) -> text {
  a = gpt("first ${message}")
  b = twin("second ${message}")
  return gpt("${a} ${b}")
}
pipeline spared(message: text) -> text { return gone(message) else "nothing" }
pipeline vectors(message: text) -> tensor<f32> { return embedder(message) }
pipeline numbers(x: tensor<f32, [2, 2]>) -> tensor<i64, [2]> { return argmax(echo(x)) }
"""


@frozen
class Ask:
    """A request. leaves: the client goes without waiting for the answer. slow: the answer takes long."""

    path: str
    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    leaves: bool = False
    slow: bool = False

    def send(self, client: http.client.HTTPConnection) -> int:
        """Send it, and read the answer; gives its status."""
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        if self.leaves:
            head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            with socket.create_connection((client.host, client.port)) as connection:
                connection.sendall(head.encode() + data)
                connection.settimeout(0.05)
                try:
                    connection.recv(1)
                except TimeoutError:
                    return self.status
            pytest.fail(f"{self.path} was answered at once")
        client.request("POST", self.path, data, dict(self.headers))
        answer = client.getresponse()
        answer.read()
        return answer.status


def chat(
    model: str,
    text: str = "hello",
    status: int = 200,
    *,
    leaves: bool = False,
    slow: bool = False,
    **fields: Any,
) -> Ask:
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return Ask("/v1/chat/completions", body, status, leaves=leaves, slow=slow)


def tensors(model: str, status: int = 200, shape: tuple[int, ...] = (1, 2), **fields: Any) -> Ask:
    x = {"name": "x", "datatype": "FP32", "shape": shape, "data": [1.0, 2.0]}
    return Ask(f"/v2/models/{model}/infer", {"inputs": [x | fields]}, status)


def binary(rows: int) -> Ask:
    """Zeros in the binary form, and an answer in it."""
    size = 8 * rows
    x = {"name": "x", "datatype": "FP32", "shape": [rows, 2], "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [x], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return Ask("/v2/models/echo/infer", head + bytes(size), headers=headers)


def never() -> Ask:
    """Tensors that the model never gets done with, and little time for them."""
    inputs = [
        {"name": name, "datatype": "INT64", "shape": [1, 1], "data": [7]}
        for name in ("input_ids", "attention_mask")
    ]
    return Ask("/v2/models/endless/infer", {"inputs": inputs, "parameters": {"timeout": 50_000}}, 504)


LONG = "a longer text of some more words, "
STREAM = {"stream": True}
PATHS: dict[str, Ask] = {
    "tensors": tensors("echo"),
    "tensors, binary": binary(1000),
    "tensors, batched": tensors("batched"),
    "tensors of a wrong name": tensors("echo", 400, name="z"),
    "tensors of a wrong shape": tensors("echo", 400, shape=(1, 1, 2)),
    "tensors without data": tensors("echo", 400, data=[]),
    "tensors for nobody": tensors("nobody", 404),
    "a run that never ends": never(),
    "embed": Ask("/v1/embeddings", {"model": "embedder", "input": "hello"}),
    "embed, in several runs": Ask("/v1/embeddings", {"model": "embedder", "input": ["hello", LONG * 5] * 5}),
    "embed a number": Ask("/v1/embeddings", {"model": "embedder", "input": 7}, 400),
    "rerank": Ask("/v1/rerank", {"model": "ranker", "query": "q", "documents": ["a", "b"]}),
    "classify": Ask("/v1/classify", {"model": "classes", "input": "hello"}),
    "generate": chat("lm"),
    "generate, streamed": chat("lm", **STREAM),
    "generate for somebody who leaves": chat("lm", "Z", leaves=True),
    "chat": chat("gpt"),
    "chat, streamed": chat("gpt", **STREAM),
    "chat with Claude": chat("claude"),
    "chat with Claude, streamed": chat("claude", **STREAM),
    "chat with Gemini": chat("flash"),
    "chat with Gemini, streamed": chat("flash", **STREAM),
    "a provider that fails": chat("gpt", "broken", 502),
    "a provider that fails, tried again": chat("retried", "broken", 502),
    "a rate limit": chat("gpt", "limited", 429),
    "a provider that is slow": chat("hasty", "slow", 504, slow=True),
    "a provider that is gone": chat("gone", status=502),
    "a stream that breaks off": chat("gpt", "cutoff", **STREAM),
    "a stream that falls silent": chat("hasty", "stalling", slow=True, **STREAM),
    "a client that leaves": chat("twin", "slow", leaves=True),
    "a client that leaves a stream": chat("twin", "slow", leaves=True, **STREAM),
    "a body that is no JSON": Ask("/v1/chat/completions", b"{", 400),
    "no such path": Ask("/nowhere", b"{}", 404),
    "no such model": chat("nobody", status=404),
    "fallback": chat("safe"),
    "fallback, streamed": chat("safe", **STREAM),
    "hedge": chat("quick"),
    "hedge, streamed": chat("quick", **STREAM),
    "hedge, where one fails": chat("quick", "broken", 502),
    "cascade": chat("careful"),
    "cascade, streamed": chat("careful", **STREAM),
    "balance": chat("even"),
    "pipeline": Ask("/v1/pipelines/steps", {"message": "hi"}),
    "pipeline, as events": Ask("/v1/pipelines/steps?stream=true", {"message": "hi"}),
    "pipeline, as a chat": chat("steps"),
    "pipeline, as a chat, streamed": chat("steps", **STREAM),
    "pipeline that fails": Ask("/v1/pipelines/steps", {"message": "broken"}, 502),
    "pipeline that fails, as events": Ask("/v1/pipelines/steps?stream=true", {"message": "broken"}, 502),
    "pipeline that does without": Ask("/v1/pipelines/spared", {"message": "hi"}),
    "pipeline of vectors": Ask("/v1/pipelines/vectors", {"message": "hi"}),
    "pipeline of tensors": Ask("/v1/pipelines/numbers", {"x": [[1, 2], [2, 1]]}),
}


def plan_in(folder: Path, url: str) -> Plan:
    """What the requests are for."""
    echo(folder / "echo.onnx", "FP32", ("N", "M"))
    scorer(folder / "one.onnx", 1)
    scorer(folder / "three.onnx", 3)
    endless_for(folder / "endless.onnx", folder / "one.onnx", "input_ids", 7, "logits")
    letters: Any = Tokenizer.from_file(str(byte_tokenizer(folder / "bytes.json")))
    plain = causal_lm(folder / "plain.onnx")
    endless_for(folder / "lm.onnx", plain, "input_ids", letters.token_to_id("Z"), "logits")
    shutil.copy(MODELS / "tokenizer.json", folder / "tokenizer.json")
    project = Project(folder)
    project.write("main.infer", FILE.replace("URL", url))
    return project.plan()


async def again(ask: Ask, client: http.client.HTTPConnection) -> None:
    """Send it `ROUNDS` times; all at once if it is slow, or nobody waits for the answer."""
    if not (ask.slow or ask.leaves):
        for _ in range(ROUNDS):
            await asyncio.to_thread(ask.send, client)
        return
    clients = [http.client.HTTPConnection(client.host, client.port, timeout=60) for _ in range(ROUNDS)]
    await asyncio.gather(*(asyncio.to_thread(ask.send, each) for each in clients))
    for each in clients:
        each.close()


async def test_answers_and_errors_leave_nothing_to_the_garbage_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "k")
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    left: dict[str, Any] = {}
    script = str(tmp_path / "script.json")
    with serving("mock-provider", "--port", "0", "--script", script, patience=300) as mock:
        plan = plan_in(tmp_path, mock.url)
        async with running(plan, tmp_path) as executor, gateway_of(executor) as url:
            client = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=60)
            await asyncio.to_thread(PATHS["no such path"].send, client)
            idle = len(asyncio.all_tasks())  # one of them has the connection of `client`
            with no_collector():
                for name, ask in PATHS.items():
                    assert await asyncio.to_thread(ask.send, client) == ask.status, name
                    await until(lambda: len(asyncio.all_tasks()) <= idle)
                    gc.collect()
                    await again(ask, client)
                    await until(lambda: len(asyncio.all_tasks()) <= idle)
                    found = garbage()
                    # what every request leaves; a connection that closes late is none of these
                    each = {
                        kind: n for kind, n in ours(found).items() if n > ROUNDS // 2 and kind not in CLOSED
                    }
                    if each or len(found) > ROUNDS * MOST_PER_CONNECTION:
                        left[name] = len(found) / ROUNDS, each
                    del found
            client.close()
    assert not left

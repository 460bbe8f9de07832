"""ONNX embeddings over HTTP and JSON: the gateway against a bare handler, in the same run.

The floor is what one writes by hand: an aiohttp handler that tokenises, runs ONNX Runtime and
mean-pools in a thread, and answers with orjson. Both serve MiniLM int8 to 16 connections that send
texts of about 16 tokens, each in a process of its own, one after the other, round after round.

    python bench/onnx.py [--rounds 5] [--requests 600] [--batching]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import orjson
from _load import Result, run_load
from _servers import serving

MODELS = Path(__file__).resolve().parent.parent / "samples" / "models"
CONNECTIONS = 16
TARGET = 0.6
TEXTS = (
    "The courier left the parcel with a neighbour because nobody was at home",
    "How do I get a refund for a ticket that I bought last week",
    "Heavy rain is expected in the north of the country on Tuesday evening",
    "She opened the old piano and played a tune that she had forgotten",
    "Please reset the password of my account and send me the new one",
    "The committee will publish its report on air quality before the summer",
    "A small team of engineers rebuilt the bridge in less than two years",
    "Which of these two laptops has the better battery and the lighter case",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each server")
    parser.add_argument("--requests", type=int, default=600, help="requests in a measurement")
    parser.add_argument("--batching", action="store_true", help="let requests share a run in the gateway")
    parser.add_argument("--serve", choices=sorted(SERVERS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        SERVERS[asked.serve](asked.batching)
        return 0
    if not (MODELS / "minilm.onnx").exists():
        print("the sample models are not there: run `make models`", file=sys.stderr)
        return 1
    return 0 if compare(asked.rounds, asked.requests, asked.batching) else 1


def compare(rounds: int, requests: int, batching: bool) -> bool:
    """Print what each server does, and whether the gateway reaches its target."""
    names = ("floor", "gateway")
    busy: dict[str, list[Result]] = {name: [] for name in names}
    lone: dict[str, list[Result]] = {name: [] for name in names}
    flags = ["--batching"] if batching else []
    for _ in range(rounds):
        for name in names:
            with serving([__file__, "--serve", name, *flags]) as server:
                busy[name].append(_measure(server.url, requests, CONNECTIONS))
                lone[name].append(_measure(server.url, max(requests // 6, 20), 1))
    for name in names:
        print(
            f"{name:8} {_rate(busy[name]):7.0f} requests/s at {CONNECTIONS} connections "
            f"(p50 {_p50(busy[name]):.1f} ms), alone p50 {_p50(lone[name]):.2f} ms"
        )
    errors = sum(result.errors for name in names for result in (*busy[name], *lone[name]))
    ratio = _rate(busy["gateway"]) / _rate(busy["floor"])
    print(f"gateway / floor: {ratio:.2f}x (target {TARGET}), errors: {errors}")
    return ratio >= TARGET and not errors


def _measure(url: str, requests: int, connections: int) -> Result:
    bodies = [orjson.dumps({"model": "embedder", "input": text}) for text in TEXTS]
    return run_load(
        f"{url}/v1/embeddings",
        bodies,
        requests=requests,
        connections=connections,
        warmup=2 * connections,
        must_contain='"embedding":[',
    )


def _rate(results: Sequence[Result]) -> float:
    return median(result.requests_per_second for result in results)


def _p50(results: Sequence[Result]) -> float:
    return 1000 * median(result.p50 for result in results)


def serve_floor(_: bool) -> None:
    """The bare handler, until it is terminated."""
    import numpy
    import onnxruntime
    from aiohttp import web
    from tokenizers import Tokenizer
    from uvloop import run

    tokenizer = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    tokenizer.no_padding()
    session = onnxruntime.InferenceSession(MODELS / "minilm.onnx", providers=["CPUExecutionProvider"])

    def embed(text: str) -> tuple[numpy.ndarray, int]:
        ids = numpy.array([tokenizer.encode(text).ids], numpy.int64)
        feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": ids * 0}
        vector = session.run(None, feed)[0][0].mean(axis=0)
        return vector / numpy.linalg.norm(vector), ids.size

    async def answer(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        vector, tokens = await asyncio.get_running_loop().run_in_executor(None, embed, body["input"])
        reply = {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": vector}],
            "model": body["model"],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return web.Response(
            body=orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json"
        )

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/embeddings", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    run(serve())


def serve_gateway(batching: bool) -> None:
    """The gateway in front of one `embed` deployment, until it is terminated."""
    from inferc.compiler.plan import (
        SCHEMA,
        Batching,
        EmbedSpec,
        ExecutionProvider,
        FileRef,
        GatewayPlan,
        MissingProviderAction,
        OnnxServingPlan,
        Plan,
        Pooling,
        ProviderSpec,
        ReplicaPlacement,
        Serving,
        SessionOptions,
        SourceRef,
    )
    from inferc.runtime.executor import Executor
    from inferc.runtime.gateway import serve
    from inferc.runtime.loop import run_async

    def file_ref(name: str) -> FileRef:
        contents = (MODELS / name).read_bytes()
        return FileRef(name, hashlib.sha256(contents).hexdigest(), len(contents))

    deployment = OnnxServingPlan(
        deployment="embedder",
        source=SourceRef("bench.infer", 1, 1),
        replicas=(ReplicaPlacement(0, None, ()),),
        serving=Serving(),
        idempotent=True,
        model=file_ref("minilm.onnx"),
        providers=(ProviderSpec(ExecutionProvider.CPU),),
        on_missing_provider=MissingProviderAction.ERROR,
        session=SessionOptions(),
        batching=Batching() if batching else None,
        task=EmbedSpec(
            tokenizer=file_ref("tokenizer.json"), pooling=Pooling.MEAN, normalize=True, max_length=None
        ),
    )
    gateway = GatewayPlan(port=0)
    plan = Plan(schema=SCHEMA, compiler="bench", gateway=gateway, deployments=(deployment,))
    executor = Executor(plan, MODELS)
    run_async(serve(executor, gateway, ready=lambda url: print(url.rpartition(":")[2], flush=True)))


SERVERS: dict[str, Callable[[bool], None]] = {"floor": serve_floor, "gateway": serve_gateway}

if __name__ == "__main__":
    sys.exit(main())

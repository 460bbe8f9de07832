"""The servers that `bench/onnx_serving.py` measures: bare handlers, and the gateway with the same models.

The bare handlers are what one writes by hand: aiohttp, orjson, and ONNX Runtime in a thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferc.compiler.plan import OnnxServingPlan

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "samples" / "models"
WIDE = 262_144
"""Numbers of the input of `wide`: 1 MiB of FP32."""

HEADER = "Inference-Header-Content-Length"

RUNS, SPIN = 8, "50"
"""Runs at the same time, and microseconds that ONNX Runtime's threads stay awake between two: as in the
gateway. With its own default they spin for a millisecond, which slows the bare handler by a twentieth."""


def make_toys(folder: Path) -> None:
    """`tiny.onnx`: 4 numbers to 3. `wide.onnx`: 1 MiB to one number. `fixed.onnx`: a fixed cost per run.

    `writer.onnx`: a language model of 58 MB with random weights, and its tokenizer.
    """
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def save(name: str, nodes: list[Any], width: int, out: int, weights: dict[str, Any]) -> None:
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", out])],
            [numpy_helper.from_array(value, key) for key, value in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, str(folder / f"{name}.onnx"))

    random = numpy.random.default_rng(0)
    matrix = random.normal(size=(4, 3)).astype(numpy.float32)
    save("tiny", [helper.make_node("MatMul", ["x", "w"], ["y"])], 4, 3, {"w": matrix})
    axis = numpy.array([1], numpy.int64)
    save("wide", [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])], WIDE, 1, {})
    # The product of the large matrices has to be made in each run, for one row or for many: a factor of it is
    # always 1, which nobody can know before the run.
    big = {name: random.normal(size=(700, 700)).astype(numpy.float32) for name in ("a", "b")}
    fixed = [
        helper.make_node("ReduceMax", ["x"], ["top"], keepdims=0),
        helper.make_node("Mul", ["top", "nought"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one"], ["factor"]),
        helper.make_node("Mul", ["a", "factor"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "b"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["mean"], keepdims=0),
        helper.make_node("ReduceSum", ["x", "axis"], ["sum"]),
        helper.make_node("Add", ["sum", "mean"], ["y"]),
    ]
    numbers = {name: numpy.array(value, numpy.float32) for name, value in (("nought", 0), ("one", 1))}
    save("fixed", fixed, 4, 1, big | numbers | {"axis": axis})

    sys.path.append(str(ROOT))
    from tests.runtime.onnx.toys import byte_tokenizer, causal_lm

    causal_lm(folder / "writer.onnx", layers=6, vocabulary=8_000, heads=8, size=64, can_pad=True)
    byte_tokenizer(folder / "tokenizer.json")


def floor_app(folder: Path, inline: bool = False, defaults: bool = False, narrow: bool = False) -> Any:
    """Bare handlers for all models.

    inline: run the toys on the event loop. defaults: leave ONNX Runtime's options as they are. narrow: a run
    takes one core.
    """
    import numpy
    import onnxruntime
    import orjson
    from aiohttp import web

    def load(path: Path) -> Any:
        options = onnxruntime.SessionOptions()
        if not defaults:
            options.intra_op_num_threads = 1 if narrow else cores
            options.add_session_config_entry("session.intra_op.spin_duration_us", SPIN)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    cores = len(os.sched_getaffinity(0))
    loaded: dict[Any, Any] = {}
    loading = threading.Lock()

    def once(key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made by the first thread that asks."""
        if key not in loaded:
            with loading:
                if key not in loaded:
                    loaded[key] = make()
        return loaded[key]

    def session(name: str) -> Any:
        return once(name, lambda: load(folder / f"{name}.onnx"))

    threads = ThreadPoolExecutor(cores if narrow else RUNS)

    def run(name: str, values: Any) -> Any:
        return session(name).run(None, {"x": values})[0]

    async def infer(request: web.Request) -> web.Response:
        name, body = request.match_info["name"], await request.read()
        size = int(request.headers.get(HEADER, len(body)))
        asked = orjson.loads(memoryview(body)[:size])
        [tensor] = asked["inputs"]
        if "data" in tensor:
            values = numpy.array(tensor["data"], numpy.float32).reshape(tensor["shape"])
        else:
            values = numpy.frombuffer(body, numpy.float32, offset=size).reshape(tensor["shape"])
        if inline:
            got = run(name, values)
        else:
            got = await asyncio.get_running_loop().run_in_executor(threads, run, name, values)
        output = {"name": "y", "datatype": "FP32", "shape": got.shape}
        answer = {"model_name": name, "outputs": [output]}
        if asked.get("parameters"):  # which are that the answer is wanted as bytes, too
            values = got.tobytes()
            output["parameters"] = {"binary_data_size": len(values)}
            told = orjson.dumps(answer)
            return web.Response(
                body=told + values,
                headers={HEADER: str(len(told))},
                content_type="application/octet-stream",
            )
        output["data"] = got.ravel()
        return web.Response(
            body=orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json"
        )

    def embedder() -> tuple[Any, Any]:
        from tokenizers import Tokenizer

        tokenizer: Any = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
        tokenizer.no_padding()
        return tokenizer, load(MODELS / "minilm.onnx")

    def embed(text: str) -> tuple[Any, int]:
        tokenizer, session = once("embedder", embedder)
        ids = numpy.array([tokenizer.encode(text).ids], numpy.int64)
        feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": ids * 0}
        vector = session.run(None, feed)[0][0].mean(axis=0)
        return vector / numpy.linalg.norm(vector), ids.size

    async def answer_embed(request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        vector, tokens = await asyncio.get_running_loop().run_in_executor(threads, embed, body["input"])
        reply = {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": vector}],
            "model": body["model"],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        return web.Response(
            body=orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY), content_type="application/json"
        )

    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/embeddings", answer_embed)
    app.router.add_post("/v2/models/{name}/infer", infer)
    return app


def serve_floor(app: Any) -> None:
    """Serve it until terminated."""
    from aiohttp import web
    from uvloop import run

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    run(serve())


def plan_of(folder: Path, model: str, batching: bool = False, narrow: bool = False) -> OnnxServingPlan:
    """What serves one of the models. narrow: a run takes one core."""
    from inferc.compiler.onnx_model.work import is_settled
    from inferc.compiler.plan import (
        Batching,
        EmbedSpec,
        ExecutionProvider,
        FileRef,
        GenerateSpec,
        MissingProviderAction,
        OnnxServingPlan,
        Pooling,
        ProviderSpec,
        ReplicaPlacement,
        Serving,
        SessionOptions,
        SourceRef,
        TaskKind,
        TaskSpec,
    )

    def file_ref(path: Path) -> FileRef:
        contents = path.read_bytes()
        return FileRef(str(path), hashlib.sha256(contents).hexdigest(), len(contents))

    task = TaskSpec(kind=TaskKind.TENSOR)
    if model == "minilm":
        tokenizer = file_ref(MODELS / "tokenizer.json")
        task = EmbedSpec(tokenizer=tokenizer, pooling=Pooling.MEAN, normalize=True, max_length=None)
    elif model == "writer":
        task = GenerateSpec(tokenizer=file_ref(folder / "tokenizer.json"), temperature=0.0)
    path = (MODELS if model == "minilm" else folder) / f"{model}.onnx"
    return OnnxServingPlan(
        deployment=model,
        source=SourceRef("bench.infer", 1, 1),
        replicas=(ReplicaPlacement(0, None, ()),),
        serving=Serving(),
        idempotent=True,
        model=file_ref(path),
        settled_work=is_settled(path),
        providers=(ProviderSpec(ExecutionProvider.CPU),),
        on_missing_provider=MissingProviderAction.ERROR,
        session=SessionOptions(intra_op_threads=1 if narrow else 0),
        batching=Batching() if batching else None,
        task=task,
    )


def serve_gateway(deployment: OnnxServingPlan) -> None:
    """The gateway in front of one model, until terminated."""
    from inferc.compiler.plan import SCHEMA, GatewayPlan, Plan
    from inferc.runtime.concurrency.event_loop import run_async
    from inferc.runtime.executor import Executor
    from inferc.runtime.gateway import serve

    gateway = GatewayPlan(port=0)
    plan = Plan(schema=SCHEMA, compiler="bench", gateway=gateway, deployments=(deployment,))
    executor = Executor(plan, MODELS)
    run_async(serve(executor, gateway, ready=lambda url: print(url.rpartition(":")[2], flush=True)))


if __name__ == "__main__":
    kind, toys, *rest = sys.argv[1:]
    if kind == "toys":
        make_toys(Path(toys))
    elif kind.startswith("floor"):
        how = {name: kind == f"floor-{name}" for name in ("inline", "defaults", "narrow")}
        serve_floor(floor_app(Path(toys), **how))
    else:
        how = {name: kind == f"gateway-{name}" for name in ("batching", "narrow")}
        serve_gateway(plan_of(Path(toys), rest[0], **how))

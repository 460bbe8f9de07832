"""A tiny model on Ray, asked by the gateway at a port of its node, and through Ray Serve's own ingress.

Both replicas are actors of the same cluster, and run the same model with the same ONNX Runtime. They take
turns, round after round. A gateway with the model in its own process shows what the way to the replica adds.

    .venv-ray/bin/python bench/scale.py [--rounds 5]      (`make ray` sets it up)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from _load import Result, run_load

FASTER, SOONER = 5.0, 0.25
"""How many times the requests a second of Serve's ingress, and what share of its p50, are wanted."""

BODY = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[0.5,1.25,-2.0,3.5]}]}'
FILE = """\
deployment tiny {
  model = "tiny.onnx"
  task tensor {}
  serving { max_concurrent = 64 }
}
"""


def make_model(path: Path) -> None:
    """4 numbers to 3."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy.random.default_rng(0).normal(size=(4, 3)).astype(numpy.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def ingress(path: str) -> Any:
    """The model behind Serve's HTTP, as one writes it by hand."""
    from ray import serve

    @serve.deployment(max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
    class Tiny:
        def __init__(self, path: str) -> None:
            import onnxruntime

            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

        async def __call__(self, request: Any) -> Any:
            import numpy
            import orjson
            from starlette.responses import Response

            [tensor] = orjson.loads(await request.body())["inputs"]
            values = numpy.array(tensor["data"], numpy.float32).reshape(tensor["shape"])
            got = self._session.run(None, {"x": values})[0]
            output = {"name": "y", "datatype": "FP32", "shape": got.shape, "data": got.ravel()}
            answer = orjson.dumps({"outputs": [output]}, option=orjson.OPT_SERIALIZE_NUMPY)
            return Response(answer, media_type="application/json")

    return Tiny.bind(path)


@contextmanager
def inferc(file: Path, *options: str) -> Iterator[tuple[str, float]]:
    """`inferc run`; its URL, and the seconds until it served."""
    began = monotonic()
    command = [sys.executable, "-m", "inferc.cli", "run", str(file), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("serving "):
                yield line.partition(" at ")[2].split()[0], monotonic() - began
                return
        raise RuntimeError("".join(said))
    finally:
        process.terminate()
        process.communicate()


def measure(url: str, connections: int, requests: int) -> Result:
    result = run_load(
        url, [BODY], requests=requests, connections=connections, warmup=50, must_contain='"name":"y"'
    )
    if result.errors:
        raise RuntimeError(f"{result.errors} errors at {url}")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each way")
    asked = parser.parse_args()
    if find_spec("ray") is None:
        print("not measured: Ray is not installed here; `make ray`, and .venv-ray/bin/python bench/scale.py")
        return 0
    os.environ["RAY_AUTH_MODE"] = "disabled"
    import ray
    from ray import serve

    with tempfile.TemporaryDirectory(prefix="scale-") as folder, ExitStack() as stack:
        file = Path(folder, "scale.infer")
        file.write_text(FILE)
        make_model(file.with_name("tiny.onnx"))
        with inferc(file, "--engine", "ray") as (_, alone):
            pass
        context = ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        stack.callback(ray.shutdown)
        serve.run(ingress(str(file.with_name("tiny.onnx"))), name="ingress", route_prefix="/tiny")
        address = context.address_info["gcs_address"]
        url, joined = stack.enter_context(inferc(file, "--engine", "ray", "--address", address))
        here, _ = stack.enter_context(inferc(file))
        ways = {
            "gateway, replica on Ray": f"{url}/v2/models/tiny/infer",
            "Serve's ingress": "http://127.0.0.1:8000/tiny",
            "gateway, model inside": f"{here}/v2/models/tiny/infer",
        }
        lone: dict[str, list[float]] = {way: [] for way in ways}
        busy: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way, where in ways.items():
                lone[way].append(measure(where, 1, 300).p50)
                busy[way].append(measure(where, 16, 1500).requests_per_second)
    for way in ways:
        print(f"{way:26} alone {1000 * median(lone[way]):6.2f} ms   16 at once {median(busy[way]):7.0f}/s")
    print(f"start: {alone:.1f} s with a Ray of its own, {joined:.1f} s in a cluster that runs")
    mine, its, inside = (median(lone[way]) for way in ways)
    print(f"the way to the replica adds {1000 * (mine - inside):.2f} ms")
    rate = median(busy["gateway, replica on Ray"]) / median(busy["Serve's ingress"])
    share = mine / its
    ok = rate >= FASTER and share <= SOONER
    print(f"requests/s against Serve's ingress: {rate:.1f} (target >= {FASTER:g})")
    print(f"p50 against Serve's ingress: {share:.2f} (target <= {SOONER:g})   {'ok' if ok else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

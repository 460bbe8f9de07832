"""Tensors over gRPC against the same over HTTP, as bytes, with Triton's own clients.

One server serves both. Each block of requests is made by a process of its own, and the two kinds take turns,
so that a busy machine is busy for both. A small message shows what a call costs: most of it is grpcio's own.

    python bench/grpc_serving.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy

HERE = Path(__file__).resolve().parent
SIZES = {"8 bytes": (1, 800), "800 kB": (100_000, 200)}
"""Rows of two numbers, and how many requests a block has."""

TARGETS = {"8 bytes": 1.6, "800 kB": 1.3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--block", nargs=4, metavar=("KIND", "URL", "ROWS", "COUNT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.block:
        kind, url, rows, count = asked.block
        print(block(kind, url, int(rows), int(count)))
        return 0
    with tempfile.TemporaryDirectory(prefix="grpc-") as folder:
        missed = measure(Path(folder), asked.rounds)
    return 1 if missed else 0


def measure(folder: Path, rounds: int) -> int:
    """How many targets are missed."""
    from onnx import TensorProto, helper, save

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", ends[:1], ends[1:])
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "m.onnx"
    )
    rpc = f"127.0.0.1:{free_port()}"
    file = folder / "m.infer"
    file.write_text(f'deployment m {{ model = "m.onnx" }}\ngateway {{ grpc = "{rpc}" }}\n')
    inferc = [str(Path(sys.executable).parent / "inferc"), "run", str(file), "--port", "0"]
    missed = 0
    with subprocess.Popen(inferc, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = address(server)
            for name, (rows, count) in SIZES.items():
                took: dict[str, list[float]] = {"http": [], "grpc": []}
                for number in range(rounds):
                    for kind in ("http", "grpc")[:: 1 if number % 2 else -1]:
                        where = url if kind == "http" else rpc
                        block_ = [sys.executable, __file__, "--block", kind, where, str(rows), str(count)]
                        took[kind].append(float(subprocess.check_output(block_)))
                ratio = median(b / a for a, b in zip(took["http"], took["grpc"], strict=True))
                missed += ratio > TARGETS[name]
                told = ", ".join(f"{kind} p50 {median(each) * 1e3:.2f} ms" for kind, each in took.items())
                verdict = "ok" if ratio <= TARGETS[name] else "MISSED"
                print(f"{name:8} {told}")
                print(
                    f"{name + ': gRPC / HTTP':34} {ratio:11.2f}x   target <= {TARGETS[name]}x     {verdict}"
                )
        finally:
            server.terminate()
    return missed


def block(kind: str, url: str, rows: int, count: int) -> float:
    """The median of the seconds that one request takes."""
    if kind == "http":
        import tritonclient.http as client
    else:
        import tritonclient.grpc as client
    asked = client.InferInput("x", [rows, 2], "FP32")
    asked.set_data_from_numpy(numpy.random.default_rng(0).normal(size=(rows, 2)).astype(numpy.float32))
    took = []
    with client.InferenceServerClient(url) as server:
        for number in range(count + 30):
            began = time.perf_counter()
            server.infer("m", [asked])
            if number >= 30:
                took.append(time.perf_counter() - began)
    return median(took)


def address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    for line in server.stderr:
        if line.startswith("serving "):
            return line.split("http://")[1].split()[0]
    raise SystemExit("the server did not start")


def free_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

"""Models on this machine, and servers that a deployment launches."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from .processes import PATIENCE, gateway, until
from .requesting import at_once, chat, request
from .table import Seen, fault

_FLOAT, _INT64 = TensorProto.FLOAT, TensorProto.INT64
_ONE = 'deployment m {\n  model = "m.onnx"\n  runtime ort { MORE }\n}\n'


def _bytes(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], columns: int | str) -> bytes:
    """A model from x to y, both of `rows` and `columns`."""
    ends = [helper.make_tensor_value_info(name, _FLOAT, ["rows", columns]) for name in "xy"]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], weights)
    opset = [helper.make_opsetid("", 21)]
    return bytes(helper.make_model(graph, ir_version=10, opset_imports=opset).SerializeToString())


def _loop(turns: int) -> bytes:
    """A model that does nothing, so often."""
    values = [("i", _INT64), ("c", TensorProto.BOOL), ("v", _FLOAT)]
    inputs = [
        helper.make_tensor_value_info(name, kind, [] if kind != _FLOAT else None) for name, kind in values
    ]
    outputs = [
        helper.make_tensor_value_info("co", TensorProto.BOOL, []),
        helper.make_tensor_value_info("vo", _FLOAT, None),
    ]
    same = [helper.make_node("Identity", ["c"], ["co"]), helper.make_node("Identity", ["v"], ["vo"])]
    body = helper.make_graph(same, "body", inputs, outputs)
    weights = [
        helper.make_tensor("M", _INT64, [], [turns]),
        helper.make_tensor("C", TensorProto.BOOL, [], [True]),
    ]
    return _bytes([helper.make_node("Loop", ["M", "C", "x"], ["y"], body=body)], weights, 4)


_ENDLESS = _loop(1 << 62)


@fault(quick=True)
def endless_load_and_sigterm(seen: Seen) -> None:
    """SIGTERM is heeded while a model is loaded, and leaves no process behind.

    A model that loops 2^62 times in its first run; SIGTERM after 3 s.
    """
    wait = 0 if seen.busy else 3
    with gateway(_ONE.replace("MORE", ""), files={"m.onnx": _ENDLESS}, must_start=False, wait=wait) as it:
        until(lambda: len(it.processes()) > 1 or it.status is not None, PATIENCE)
        seen(it.status is None, "it was loading" if it.status is None else f"it ended with {it.status}")
        took = it.stop(20)
        seen.within(took, 5, "ended after")
        left = it.left(2)
        seen(not left, f"{len(left)} processes left")


@fault(quick=True)
def endless_load_with_a_limit(seen: Seen) -> None:
    """The load of a model has a time limit.

    The same model with `--load-timeout 4s`; and one that loops three times, which starts.
    """
    limit = ("--load-timeout", "1s" if seen.busy else "4s")
    text = _ONE.replace("MORE", "")
    began = time.monotonic()
    with gateway(text, files={"m.onnx": _ENDLESS}, arguments=limit, must_start=False, wait=40) as it:
        seen(it.status == 1, f"exit status {it.status}")
        seen.within(time.monotonic() - began, 9, "ended after")
        left = it.left(2)
        seen(not left, f"{len(left)} processes left")
        last = it.log.strip().splitlines()[-1:]
        seen(it.log and "Traceback" not in it.log, f"it says: {' '.join(last)[:200]}")
    with gateway(text, files={"m.onnx": _loop(3)}, must_start=False, wait=40) as it:
        seen(it.port, "the short one starts" if it.port else "the short one does not start")


@fault(quick=True)
def killed_while_loading(seen: Seen) -> None:
    """kill -9 leaves no process behind that still loads.

    The same model; kill -9 as soon as it is loaded in a process of its own.
    """
    with gateway(_ONE.replace("MORE", ""), files={"m.onnx": _ENDLESS}, must_start=False, wait=1) as it:
        until(lambda: len(it.processes()) > 1, PATIENCE)
        number = len(it.processes())
        it.kill()
        left = it.left(5)
        seen(number > 1, f"{number} processes before")
        seen(not left, f"{len(left)} processes left after 5 s")


_SERVER = """
import http.server, os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        said = " ".join(os.environ.values())
        message = b'{"role":"assistant","content":"%s"}'
        choice = b'{"choices":[{"index":0,"message":' + message + b',"finish_reason":"stop"}]}'
        body = choice % (b"keys" if "sk-provider" in said else b"no keys")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def _launched() -> str:
    command = json.dumps([sys.executable, "server.py", "{port}"])
    return f'deployment m {{\n  model = "any"\n  runtime vllm {{ launch {{ command = {command} }} }}\n}}\n'


@fault()
def killed_with_a_launched_server(seen: Seen) -> None:
    """A launched server ends with inferc, also by kill -9, with its children; it sees no key that is not its
    own.

    A server that ignores SIGTERM, and so has 10 s, and that has a child of its own; kill -9 of inferc.
    """
    with gateway(_launched(), files={"server.py": _SERVER}) as it:
        said = chat(it, model="m")
        seen(
            "no keys" in said.text, "its environment has " + ("no keys" if "no keys" in said.text else "keys")
        )
        number = len(it.processes())
        it.kill()
        left = it.left(13)
        seen(number >= 3, f"{number} processes before")
        seen(not left, f"{len(left)} processes left after 13 s")


@fault()
def stop_with_a_stubborn_server(seen: Seen) -> None:
    """A launched server that ignores SIGTERM is killed, and its children with it.

    The same server; SIGTERM of inferc.
    """
    with gateway(_launched(), files={"server.py": _SERVER}) as it:
        it.processes()
        took = it.stop(40)
        seen.within(took, 15, "ended after")
        left = it.left(3)
        seen(not left, f"{len(left)} processes left")


def _infer(rows: list[list[float]]) -> dict[str, object]:
    data = [value for row in rows for value in row]
    tensor = {"name": "x", "datatype": "FP32", "shape": [len(rows), len(rows[0])], "data": data}
    return {"inputs": [tensor]}


@fault(quick=True)
def rows_that_are_mixed(seen: Seen) -> None:
    """The answer belongs to who asked, also where a model mixes rows.

    A model subtracts the mean of all rows; its deployment asks for batches; 200 requests with a row or two
    each, 16 at a time.
    """
    axes = helper.make_tensor("axes", _INT64, [1], [0])
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"]),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    batching = _ONE.replace("MORE", "batching { max_size = 16, max_delay = 20ms }")
    with gateway(batching, files={"m.onnx": _bytes(nodes, [axes], 4)}) as it:
        chance = random.Random(7)

        def one(_: int) -> bool:
            rows = [[float(chance.randrange(1000)) for _ in range(4)] for _ in range(chance.randint(1, 2))]
            got = request(it, "POST", "/v2/models/m/infer", _infer(rows))
            mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
            right = [value - each for row in rows for value, each in zip(row, mean, strict=True)]
            given = got.json["outputs"][0]["data"] if got.status == 200 else []
            return len(given) == len(right) and all(
                abs(a - b) < 0.01 for a, b in zip(given, right, strict=True)
            )

        answers = at_once(one, 200, threads=16)
        seen(all(answers), f"{sum(answers)} of 200 answers were right")
        said = any("WARNING" in line and "batch" in line for line in it.log.splitlines())
        seen(said, "the log says that it is not batched" if said else "the log says nothing of it")


@fault()
def thousand_tensors(seen: Seen) -> None:
    """What a request took is given back at once.

    1,000 requests with a tensor of 2 MB each, four at a time.
    """
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    size = 2 << 20
    head = {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, size // 4],
        "parameters": {"binary_data_size": size},
    }
    start = json.dumps({"inputs": [head], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(start)), "Content-Type": "application/octet-stream"}
    with gateway(_ONE.replace("MORE", ""), files={"m.onnx": _bytes(nodes, [], "columns")}) as it:

        def one(_: int) -> int:
            return request(it, "POST", "/v2/models/m/infer", start + bytes(size), headers).status

        at_once(one, 40, threads=4)
        before = it.memory()
        answered = at_once(one, 1000, threads=4).count(200)
        seen(answered == 1000, f"{answered} of 1000 were answered")
        seen.grown(it.memory() - before, 50)


@fault(quick=True)
def launched_server_that_dies(seen: Seen) -> None:
    """A launched server that dies is started again within seconds; nobody waits for longer.

    The server is killed; requests follow until one is answered again.
    """
    with gateway(_launched(), files={"server.py": _SERVER}) as it:
        server = it.processes()
        began = time.monotonic()
        for pid in server[1:]:
            if "server.py" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
        first = chat(it)
        seen(first.status in (200, 502, 503), f"the next request got {first.status}")
        fine = until(lambda: chat(it).status == 200, 30)
        seen.within(time.monotonic() - began if fine else None, 8, "answered again after")

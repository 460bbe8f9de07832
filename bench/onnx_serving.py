"""ONNX models over HTTP: the gateway against bare handlers, in the same run.

Each server is a process of its own; they take turns, round after round, so that a busy machine is
busy for all of them. What is measured:

    tiny     a model of a few microseconds, JSON tensors, 16 connections, and 1; the same with tensors as
             bytes, there and back, as Triton's clients send and want them
    wide     an input of 1 MiB, as JSON and as bytes, 4 connections
    minilm   sentence embeddings of about 16 tokens, 16 connections, without batching; a run takes all
             cores, or one
    mixed    the same with texts of 4 to 100 tokens, with batching
    fixed    a model with a fixed cost per run, 16 connections, with batching
    writer   16 texts at the same time, of 24 tokens each: sharing steps (batching) against taking turns

    python bench/onnx_serving.py [--rounds 5] [--only tiny] [--soak MINUTES]
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import monotonic

from _load import Result, run_load
from _onnx_servers import HEADER, MODELS, WIDE
from _servers import Server, serving
from attrs import Factory, frozen

HERE = Path(__file__).resolve().parent
SERVERS = str(HERE / "_onnx_servers.py")
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
MOST_GROWTH = 5 << 20
"""Bytes that the gateway may grow by in a soak."""


@frozen
class Load:
    """What is sent, and how often. must_contain: what a right answer has in it."""

    path: str
    bodies: Sequence[bytes]
    must_contain: str
    requests: int
    connections: int = 16
    headers: dict[str, str] = Factory(dict)

    def run(self, server: Server) -> Result:
        return run_load(
            server.url + self.path,
            self.bodies,
            requests=self.requests,
            connections=self.connections,
            warmup=2 * self.connections,
            must_contain=self.must_contain,
            headers=self.headers,
        )


@frozen
class Outcome:
    """One line of the report. ok: whether `value` is on the right side of the target."""

    name: str
    value: str
    target: str
    ok: bool


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each server")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="measure this part alone")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="full load for so long, for memory")
    asked = parser.parse_args()
    if not (MODELS / "minilm.onnx").exists():
        print("the sample models are not there: run `make models`", file=sys.stderr)
        return 1
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="toys-") as folder:
        subprocess.run([sys.executable, SERVERS, "toys", folder], check=True)
        if asked.soak:
            outcomes += soak(folder, asked.soak * 60)
        else:
            for name in asked.only or PARTS:
                outcomes += PARTS[name](folder, asked.rounds)
    for outcome in outcomes:
        verdict = "ok" if outcome.ok else "MISSED"
        print(f"{outcome.name:34} {outcome.value:>12}   target {outcome.target:12} {verdict}")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def infer_body(model_input: str) -> bytes:
    return f'{{"inputs":[{{"name":"x","datatype":"FP32",{model_input}}}]}}'.encode()


def infer_load(model: str, requests: int, connections: int = 16) -> Load:
    body = infer_body('"shape":[1,4],"data":[0.5,1.25,-2.0,3.5]')
    return Load(f"/v2/models/{model}/infer", [body], '"name":"y"', requests, connections)


def bytes_load(model: str, requests: int) -> Load:
    """The same numbers, and the answer, behind the JSON that describes them."""
    said = infer_body('"shape":[1,4],"parameters":{"binary_data_size":16}')
    head = said[:-1] + b',"parameters":{"binary_data_output":true}}'
    body = head + struct.pack("<4f", 0.5, 1.25, -2.0, 3.5)
    told = {HEADER: str(len(head))}
    return Load(f"/v2/models/{model}/infer", [body], '"name":"y"', requests, headers=told)


def tiny(folder: str, rounds: int) -> list[Outcome]:
    busy, alone = infer_load("tiny", 4000), infer_load("tiny", 600, connections=1)
    servers = {
        "floor": ["floor", folder],
        "floor, no threads": ["floor-inline", folder],
        "gateway": ["gateway", folder, "tiny"],
    }
    rates, lone, memory = _compare(servers, rounds, busy, alone)
    _print("tiny, JSON", rates, lone)
    apart = 1000 * (lone["gateway"] - lone["floor"])
    as_bytes, _, _ = _compare(servers, rounds, bytes_load("tiny", 4000), None)
    _print("tiny, bytes", as_bytes)
    return [
        _at_least("tiny: gateway / floor", rates["gateway"] / rates["floor"], 0.75),
        _at_least("tiny, bytes: gateway / floor", as_bytes["gateway"] / as_bytes["floor"], 0.75),
        Outcome("tiny: alone, gateway - floor", f"{apart:.2f} ms", "<= 0.3 ms", apart <= 0.3),
        _extra_memory("tiny", memory),
    ]


def wide(folder: str, rounds: int) -> list[Outcome]:
    values = [index % 97 / 7 for index in range(WIDE)]
    as_json = infer_body(f'"shape":[1,{WIDE}],"data":{json.dumps(values)}')
    raw = struct.pack(f"<{WIDE}f", *values)
    head = infer_body(f'"shape":[1,{WIDE}],"parameters":{{"binary_data_size":{len(raw)}}}')
    told = {HEADER: str(len(head))}
    path = "/v2/models/wide/infer"
    texts = Load(path, [as_json], '"name":"y"', 24, connections=4)
    binary = Load(path, [head + raw], '"name":"y"', 80, connections=4, headers=told)
    rates: dict[str, list[Result]] = {"JSON": [], "bytes": []}
    with serving([SERVERS, "gateway", folder, "wide"]) as server:
        for _ in range(rounds):
            rates["JSON"].append(texts.run(server))
            rates["bytes"].append(binary.run(server))
    found = {name: _rate(results) for name, results in rates.items()}
    _print("wide, 1 MiB", found)
    return [_at_least("wide: bytes / JSON", found["bytes"] / found["JSON"], 1.5)]


def minilm(folder: str, rounds: int) -> list[Outcome]:
    bodies = [json.dumps({"model": "minilm", "input": text}).encode() for text in TEXTS]
    busy = Load("/v1/embeddings", bodies, '"embedding":[', 400)
    alone = Load("/v1/embeddings", bodies, '"embedding":[', 60, connections=1)
    servers = {
        "floor": ["floor", folder],
        "floor, as it comes": ["floor-defaults", folder],
        "floor, one core": ["floor-narrow", folder],
        "gateway": ["gateway", folder, "minilm"],
        "gateway, one core": ["gateway-narrow", folder, "minilm"],
    }
    rates, lone, memory = _compare(servers, rounds, busy, alone)
    _print("minilm", rates, lone)
    narrow = rates["gateway, one core"] / rates["floor, one core"]
    return [
        _at_least("minilm: gateway / floor", rates["gateway"] / rates["floor"], 0.95),
        _at_least("minilm: the same, one core a run", narrow, 0.95),
        _extra_memory("minilm", memory),
    ]


def mixed(folder: str, rounds: int) -> list[Outcome]:
    texts = [text[: len(text) // 4] for text in TEXTS[::2]] + list(TEXTS) + [" ".join(TEXTS[:6])] * 2
    bodies = [json.dumps({"model": "minilm", "input": text}).encode() for text in texts]
    busy = Load("/v1/embeddings", bodies, '"embedding":[', 400)
    servers = {
        "floor": ["floor", folder],
        "gateway": ["gateway", folder, "minilm"],
        "batching": ["gateway-batching", folder, "minilm"],
    }
    rates, _, _ = _compare(servers, rounds, busy, None)
    _print("minilm, mixed", rates)
    return [_at_least("mixed: batching / floor", rates["batching"] / rates["floor"], 1.3)]


def fixed(folder: str, rounds: int) -> list[Outcome]:
    busy = infer_load("fixed", 300)
    servers = {"floor": ["floor", folder], "batching": ["gateway-batching", folder, "fixed"]}
    rates, _, _ = _compare(servers, rounds, busy, None)
    _print("fixed cost per run", rates)
    return [_at_least("fixed: batching / floor", rates["batching"] / rates["floor"], 1.0)]


def writer(folder: str, rounds: int) -> list[Outcome]:
    prompts = [f"A text about {subject}" for subject in ("rain", "bread", "the sea", "two old clocks")]
    bodies = [
        json.dumps({"model": "writer", "prompt": prompt, "max_tokens": 24}).encode() for prompt in prompts
    ]
    busy = Load("/v1/completions", bodies, '"completion_tokens":24', 32)
    servers = {"turns": ["gateway", folder, "writer"], "shared steps": ["gateway-batching", folder, "writer"]}
    rates, _, _ = _compare(servers, rounds, busy, None)
    _print("writer", rates)
    return [_at_least("writer: shared steps / turns", rates["shared steps"] / rates["turns"], 1.5)]


def soak(folder: str, seconds: float) -> list[Outcome]:
    """Full load on the gateway; memory is counted from the time when a tenth has passed."""
    load = infer_load("tiny", 20_000)
    until = monotonic() + seconds
    settled = until - 0.9 * seconds
    with serving([SERVERS, "gateway", folder, "tiny"]) as server:
        start: int | None = None
        requests = errors = 0
        while monotonic() < until:
            result = load.run(server)
            requests, errors = requests + result.requests, errors + result.errors
            if start is None and monotonic() >= settled:
                start = server.resident_bytes()
        grown = server.resident_bytes() - (start or 0)
    print(f"soak: {requests:,} requests in {seconds / 60:.1f} minutes, {errors} errors")
    return [
        Outcome("soak: growth", f"{grown / (1 << 20):.2f} MiB", "< 5 MiB", grown < MOST_GROWTH),
        Outcome("soak: errors", str(errors), "0", errors == 0),
    ]


def _compare(
    servers: dict[str, list[str]], rounds: int, busy: Load, alone: Load | None
) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """Requests per second, p50 of a lone client in seconds, and memory in bytes, of each server."""
    rates: dict[str, list[Result]] = {name: [] for name in servers}
    lone: dict[str, list[Result]] = {name: [] for name in servers}
    with ExitStack() as running:
        at = {
            name: running.enter_context(serving([SERVERS, *arguments])) for name, arguments in servers.items()
        }
        for number in range(rounds):
            for name in list(servers)[:: 1 if number % 2 else -1]:
                rates[name].append(busy.run(at[name]))
                if alone:
                    lone[name].append(alone.run(at[name]))
        memory = {name: server.resident_bytes() for name, server in at.items()}
    errors = sum(result.errors for results in (*rates.values(), *lone.values()) for result in results)
    if errors:
        raise SystemExit(f"{errors} requests failed")
    return (
        {name: _rate(results) for name, results in rates.items()},
        {name: median(result.p50 for result in results) for name, results in lone.items() if results},
        memory,
    )


def _rate(results: Sequence[Result]) -> float:
    return median(result.requests_per_second for result in results)


def _print(title: str, rates: dict[str, float], lone: dict[str, float] | None = None) -> None:
    for name, rate in rates.items():
        alone = f", alone p50 {1000 * lone[name]:.2f} ms" if lone else ""
        print(f"{title}: {name:18} {rate:7.0f} requests/s{alone}", flush=True)


def _extra_memory(part: str, memory: dict[str, int]) -> Outcome:
    extra = (memory["gateway"] - memory["floor"]) / (1 << 20)
    return Outcome(f"{part}: memory, gateway - floor", f"{extra:.0f} MiB", "<= 60 MiB", extra <= 60)


def _at_least(name: str, ratio: float, target: float) -> Outcome:
    return Outcome(name, f"{ratio:.2f}x", f">= {target}x", ratio >= target)


PARTS: dict[str, Callable[[str, int], list[Outcome]]] = {
    "tiny": tiny,
    "wide": wide,
    "minilm": minilm,
    "mixed": mixed,
    "fixed": fixed,
    "writer": writer,
}

if __name__ == "__main__":
    sys.exit(main())

"""How what `inferc` costs grows: with connections, streams, deployments, keys and lines of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from _load import run_load
from _proxy import QUESTION
from _servers import Server
from _upstream import PATH as CHAT
from attrs import frozen
from peers import Started, free_port
from processes import running

KEY = "bench-key-"
CHUNKS = 50
CONNECTIONS, STREAMS = (1, 8, 32, 128, 512), (1, 50, 200, 1000)
DEPLOYMENTS, KEYS, LINES = (1, 10, 100, 1000), (1, 100, 10_000), (100, 1_000, 10_000, 100_000)

_DEPLOYMENT = """\
deployment gpt_{n} {{
  model = "gpt-4o-mini"
  runtime openai_compatible {{
    endpoint = "{upstream}/v1"
    rate_limits {{ requests_per_minute = 100M, tokens_per_minute = 500M }}
  }}
  idempotent = true
  serving {{ max_concurrent = 2000 }}
  price {{ input = $0.15, output = $0.60 }}
  budget {{ max_spend_per_hour = $100000, on_exceeded = reject }}
}}
"""
_KEY = '  key k{n} {{ secret = env("BENCH_KEY_{n}") }}\n'


@frozen
class Row:
    """What was counted, how many of it, and what that costs."""

    what: str
    number: int
    cost: str


def file_of(upstream: str, deployments: int, keys: int) -> str:
    """A file of that many deployments, with every policy, and that many keys."""
    pools = "".join(_DEPLOYMENT.format(n=n, upstream=upstream) for n in range(deployments))
    named = "".join(_KEY.format(n=n) for n in range(keys))
    return f"{pools}\ngateway {{\n{named}}}\n"


@contextmanager
def gateway(upstream: str, deployments: int = 1, keys: int = 1) -> Iterator[Server]:
    """`inferc run` with such a file, on a core of its own."""
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        file = Path(folder, "growth.infer")
        file.write_text(file_of(upstream, deployments, keys))
        port = free_port()
        command = [sys.executable, "-m", "inferc.cli", "run", str(file), "--port", str(port)]
        secrets = {f"BENCH_KEY_{n}": f"{KEY}{n}" for n in range(keys)}
        headers = {"Authorization": f"Bearer {KEY}0"}
        started = Started(command, f"http://127.0.0.1:{port}", CHAT, headers, secrets, "gpt_0")
        with running(started, _body(), _cores()[0]) as server:
            yield server


def rows(upstream: str, rounds: int) -> Iterator[Row]:
    with gateway(upstream) as server:
        for connections in CONNECTIONS:
            cpu, p50 = _cost(server, rounds, connections)
            yield Row("connections", connections, f"{cpu:.0f} µs a request, p50 {p50 * 1e3:.2f} ms")
        empty = server.resident_bytes()
        for streams in STREAMS:
            cpu, _ = _cost(server, rounds, streams, stream=True)
            more = (server.resident_bytes() - empty) / 1e6
            yield Row("streams at a time", streams, f"{cpu / CHUNKS:.0f} µs a chunk, {more:.0f} MB over idle")
    for deployments in DEPLOYMENTS:
        with gateway(upstream, deployments) as server:
            cpu, _ = _cost(server, rounds, 32)
            yield Row("deployments", deployments, f"{cpu:.0f} µs a request, {_memory(server)}")
    for keys in KEYS:
        with gateway(upstream, keys=keys) as server:
            cpu, _ = _cost(server, rounds, 32)
            yield Row("keys", keys, f"{cpu:.0f} µs a request, {_memory(server)}")
    for lines in LINES:
        yield Row("lines", lines, f"`inferc check` takes {_check(lines, rounds):.2f} s")


def _memory(server: Server) -> str:
    return f"{server.resident_bytes() / 1e6:.0f} MB"


def _cores() -> tuple[set[int] | None, set[int] | None]:
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, {cores[1]}) if len(cores) > 1 else (None, None)


def _body(*, stream: bool = False) -> bytes:
    asked = {"model": "gpt_0", "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
    return json.dumps(asked).encode()


def _cost(server: Server, rounds: int, connections: int, *, stream: bool = False) -> tuple[float, float]:
    """Microseconds of the processor for a request, and its p50 in seconds."""
    requests = max(2 * connections, 200 if stream else 2000)
    costs, p50s = [], []
    for _ in range(rounds):
        before = server.cpu_seconds()
        result = run_load(
            server.url + CHAT,
            [_body(stream=stream)],
            requests=requests,
            connections=connections,
            headers={"Authorization": f"Bearer {KEY}0"},
            must_contain="[DONE]" if stream else '"usage"',
            cpus=_cores()[1],
        )
        if result.errors:
            raise RuntimeError(f"{result.errors} of {requests} requests failed")
        costs.append((server.cpu_seconds() - before) / requests * 1e6)
        p50s.append(result.p50)
    return median(costs), median(p50s)


def _check(lines: int, rounds: int) -> float:
    from compile import _INFER, generate

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "lines.infer")
        file.write_text(generate(_INFER, lines))
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "inferc.cli", "check", str(file)], capture_output=True)
            times.append(time.perf_counter() - began)
    return median(times)


def table(upstream: str, rounds: int) -> str:
    """The rows as Markdown."""
    lines = ["| what | how many | cost |", "| --- | --- | --- |"]
    lines += [f"| {row.what} | {row.number:,} | {row.cost} |" for row in rows(upstream, rounds)]
    return "\n".join(lines)

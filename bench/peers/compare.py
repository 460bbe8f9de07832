"""Gateways and model servers that others wrote, beside this one, in one run; writes docs/performance.md.

    make bench-peers                      sets all of them up, and measures
    python bench/peers/compare.py         measures those that are set up (--rounds N, --only-print)

The server that is measured has a core to itself; the load and the upstream share the other. Servers take
turns, round after round, each round with processes of its own, and medians count. What is not set up is left
out, and the page says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _load import run_load
from _proxy import KEY, QUESTION, SCRIPT as PROXY
from _servers import Server, serving
from attrs import frozen
from growth import table as growth_table
from page import write
from peers import FORWARDER, GATEWAYS, HANDLER, MODELS, Peer, Started
from processes import NotStarted, running
from scale import BODY, make_model

CONNECTIONS = 32


@frozen
class Round:
    """One round against one server; times in seconds."""

    rate: float
    alone: float
    memory: float


def _memory(pid: int) -> float:
    """Bytes of all processes of the session of `pid`, shared pages counted once for each share."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if os.getsid(int(entry.name)) == pid:
                lines = (entry / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
        except (OSError, StopIteration):
            continue
    return float(total)


def _measure(server: Server, started: Started, body: bytes, requests: int, load: set[int] | None) -> Round:
    def ask(connections: int, count: int) -> tuple[float, float]:
        result = run_load(
            server.url + started.path,
            [body],
            requests=count,
            connections=connections,
            warmup=max(count // 10, connections),
            headers={"Authorization": f"Bearer {KEY}", **started.headers},
            cpus=load,
        )
        if result.errors:
            raise RuntimeError(f"{result.errors} of {count} requests failed at {server.url}")
        return result.requests_per_second, result.p50

    ask(8, requests // 4)
    _, alone = ask(1, max(requests // 10, 50))
    rate, _ = ask(CONNECTIONS, requests)
    return Round(rate, alone, _memory(server.pid))


def measure(peers: Sequence[Peer], given: str, requests: int, rounds: int) -> dict[str, list[Round]]:
    """The rounds of each of `peers` that is set up. given: the upstream's URL, or the model's path."""
    cores = sorted(os.sched_getaffinity(0))
    measured, others = ({cores[0]}, {cores[1]}) if len(cores) > 1 else (None, None)
    found: dict[str, list[Round]] = {peer.name: [] for peer in peers if peer.needs.exists()}
    for _ in range(rounds):
        for peer in peers:
            if peer.name not in found:
                continue
            with tempfile.TemporaryDirectory(prefix="peer-") as folder:
                started = peer.start(given, Path(folder))
                body = BODY if given.endswith(".onnx") else _chat(started.model)
                count = requests if _is_quick(found[peer.name]) else requests // 10
                try:
                    with running(started, body, measured) as server:
                        found[peer.name].append(_measure(server, started, body, count, others))
                except NotStarted as error:
                    print(f"{peer.name}: {error}", file=sys.stderr)
                    del found[peer.name]
    return found


def _is_quick(before: Sequence[Round]) -> bool:
    """Whether it may be asked as often as the others: one that answers 300 a second would take minutes."""
    return bool(before) and before[-1].rate > 1000


def _chat(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": QUESTION}]}).encode()


def _table(peers: Sequence[Peer], found: dict[str, list[Round]], floor: str) -> str:
    """Medians as Markdown. floor: the server whose requests a second count as 1."""
    lines = [
        f"| server | requests/s, {CONNECTIONS} connections | ratio | p50 alone, ms | memory, MB | set to |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    base = median(one.rate for one in found[floor])
    for peer in peers:
        if peer.name not in found:
            lines.append(f"| {peer.name} | not set up, or did not start | | | | {peer.settings} |")
            continue
        rate, alone, memory = (
            median(getattr(one, name) for one in found[peer.name]) for name in ("rate", "alone", "memory")
        )
        spread = [one.rate for one in found[peer.name]]
        lines.append(
            f"| {peer.name} | {rate:,.0f} ({min(spread):,.0f}–{max(spread):,.0f}) | {rate / base:.2f} "
            f"| {alone * 1e3:.2f} | {memory / 1e6:.0f} | {peer.settings} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=4000, help="of each round")
    parser.add_argument("--only-print", action="store_true", help="leave docs/performance.md as it is")
    asked = parser.parse_args()
    with ExitStack() as stack:
        cores = sorted(os.sched_getaffinity(0))
        others = {cores[1]} if len(cores) > 1 else None
        upstream = stack.enter_context(serving([PROXY, "upstream", "20", "0.002"], cpus=others)).url
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        model = folder / "tiny.onnx"
        make_model(model)
        chats = measure(GATEWAYS, upstream, asked.requests, asked.rounds)
        runs = measure(MODELS, str(model), asked.requests, asked.rounds)
        tables = {
            "gateways": _table(GATEWAYS, chats, FORWARDER),
            "models": _table(MODELS, runs, HANDLER),
            "growth": growth_table(upstream, asked.rounds),
        }
    for name, table in tables.items():
        print(f"{name}\n{table}\n")
    if not asked.only_print:
        write(tables, asked.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

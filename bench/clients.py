"""What it costs that a client speaks another protocol than the provider, who speaks chat completions.

    python bench/clients.py [--streams N] [--rounds N]

The same stream is asked for in each protocol, one at a time: processor time of the gateway for a chunk, and
the time to the first token. The floors are chat completions, whose bytes pass, and the upstream itself.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import time
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from _proxy import GAP, KEY, QUESTION, SCRIPT
from _servers import Server, serving
from attrs import frozen

CHUNKS = 200
CHUNK_ASKED, FIRST_ASKED = 40, 1000
"""Microseconds that a chunk may cost there and back, and that may be added to the first token."""

_MESSAGES = [{"role": "user", "content": QUESTION}]
BODIES: dict[str, tuple[str, dict[str, Any], bytes]] = {
    "chat": ("/v1/chat/completions", {"messages": _MESSAGES}, b'"content": " '),
    "responses": ("/v1/responses", {"input": QUESTION, "store": False}, b"output_text.delta"),
    "messages": ("/v1/messages", {"messages": _MESSAGES, "max_tokens": 1000}, b"text_delta"),
}
"""The path, the body, and what the first token is known by."""


@frozen
class Sample:
    """Seconds: to the first token, and of the processor for a stream."""

    first: float
    cpu: float


def ask(server: Server, protocol: str, streams: int) -> Sample:
    """Ask for so many streams, one after the other."""
    path, fields, mark = BODIES[protocol]
    body = json.dumps({"model": "gpt", "stream": True, **fields})
    url = urlsplit(server.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    firsts: list[float] = []
    before = 0.0
    for number in range(streams + 5):
        if number == 5:  # the first ones warm up
            before = server.cpu_seconds()
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        seen = b""
        while mark not in seen:
            piece = answer.read1(65536)
            if answer.status != 200 or not piece:
                raise SystemExit(f"{path}: {answer.status} {seen + piece!r}")
            seen += piece
        firsts.append(time.perf_counter() - began)
        answer.read()
    connection.close()
    cpu = server.cpu_seconds() - before
    return Sample(statistics.median(firsts[5:]), cpu / streams)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=20, help="streams per protocol and round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[Sample]] = {}
    cores = sorted(os.sched_getaffinity(0))
    measured, others = ({cores[0]}, {cores[1]}) if len(cores) > 1 else (None, None)
    for _ in range(options.rounds):
        with ExitStack() as stack:
            upstream = stack.enter_context(serving([SCRIPT, "upstream", str(CHUNKS), str(GAP)], cpus=others))
            gateway = stack.enter_context(serving([SCRIPT, "gateway", upstream.url, "plain"], cpus=measured))
            found.setdefault("upstream", []).append(ask(upstream, "chat", options.streams))
            for protocol in BODIES:
                found.setdefault(protocol, []).append(ask(gateway, protocol, options.streams))
    medians = {
        name: Sample(
            statistics.median(each.first for each in samples), statistics.median(each.cpu for each in samples)
        )
        for name, samples in found.items()
    }
    floor, passed = medians["upstream"].first, medians["chat"].cpu
    print(f"{'protocol':12}{'first token':>14}{'added':>12}{'a chunk':>12}{'more than chat':>18}")
    for name in BODIES:
        first, cpu = medians[name].first * 1e6, medians[name].cpu / CHUNKS * 1e6
        added, more = first - floor * 1e6, cpu - passed / CHUNKS * 1e6
        slow = [
            f"MORE THAN {most}" for value, most in ((added, FIRST_ASKED), (more, CHUNK_ASKED)) if value > most
        ]
        print(f"{name:12}{first:11.0f} us{added:9.0f} us{cpu:9.1f} us{more:15.1f} us  {' '.join(slow)}")


if __name__ == "__main__":
    main()

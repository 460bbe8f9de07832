"""How long chunks of streams stay in the gateway: what it adds to each, over the bare aiohttp forwarders.

    python bench/delays.py [--streams N] [--chunks N] [--gap SECONDS] [--rounds N]

Each chunk says when its provider wrote it, on the clock that all processes of a machine share; the client
looks at that clock when it comes. All streams are in step, so that their chunks meet in the gateway. The
goal: 99 of 100 come at most 2 ms later than through the lean forwarder (`_proxy.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from _proxy import KEY, QUESTION, proxies
from _upstream import PATH

SCRIPT = str(Path(__file__).resolve())
TARGET = 2.0
"""Milliseconds."""

SHARES = (0.5, 0.99, 0.999)
_STAMP = re.compile(rb'"content": ?" ?(\d{19})"')


class _Client(asyncio.Protocol):
    def __init__(self, request: bytes, delays: list[int]) -> None:
        self._request, self._delays = request, delays
        self._last = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        text = self._last + data
        end = 0
        for found in _STAMP.finditer(text):
            self._delays.append(now - int(found[1]))
            end = found.end()
        self._last = text[end:]
        if b"data: [DONE]" in self._last and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("a stream ended early"))


async def _listen(url: str, streams: int) -> list[int]:
    """Nanoseconds that each chunk took."""
    target = urlsplit(url)
    message = {"role": "user", "content": QUESTION}
    body = json.dumps({"model": "gpt", "messages": [message], "stream": True})
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: {target.netloc}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    delays: list[int] = []
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Client(request, delays), target.hostname, target.port)
        for _ in range(streams)
    ]
    await asyncio.gather(*(client.done for _, client in made))
    for transport, _ in made:
        transport.close()
    return delays


def _percentiles(url: str, streams: int, cpus: set[int] | None) -> list[float]:
    """Milliseconds within which each of SHARES came, heard by a process of its own."""
    heard = subprocess.run(
        [sys.executable, SCRIPT, "--listen", url, "--streams", str(streams)],
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None,
    )
    delays = sorted(json.loads(heard.stdout))
    return [delays[int(len(delays) * share)] / 1e6 for share in SHARES]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=200)
    arguments.add_argument("--chunks", type=int, default=120)
    arguments.add_argument("--gap", type=float, default=0.04, help="seconds between two chunks of a stream")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--listen", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.listen:
        print(json.dumps(asyncio.run(_listen(options.listen, options.streams))))
        return 0
    rounds: dict[str, list[list[float]]] = {}
    for _ in range(options.rounds):
        with proxies(options.chunks, options.gap, "policies", PATH, operated=True, stamped=True) as (
            servers,
            others,
        ):
            for name, server in servers.items():
                rounds.setdefault(name, []).append(_percentiles(server.url, options.streams, others))
    print(
        f"{options.streams} streams, {options.gap * 1e3:.0f} ms between chunks; ms that 50, 99, 99.9 % took"
    )
    medians = {
        name: [statistics.median(each) for each in zip(*found, strict=True)] for name, found in rounds.items()
    }
    for name, found in medians.items():
        print(f"  {name:12}" + "".join(f"{value:9.2f}" for value in found))
    added = medians["operated"][1] - medians["lean"][1]
    print(
        f"delays    {added:.2f} ms added at 99 %; target {TARGET}: {'met' if added <= TARGET else 'MISSED'}"
    )
    return 0 if added <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

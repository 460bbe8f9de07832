"""A closed-loop HTTP load generator in a process of its own.

Each connection sends a request, reads the whole answer, and sends the next one, until the fixed
number of requests is done. HTTP is spoken on a bare asyncio protocol, so that the generator costs
little next to the server it measures.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from attrs import asdict, frozen


@frozen
class Result:
    """What one run measured; times in seconds."""

    requests: int
    errors: int
    seconds: float
    requests_per_second: float
    p50: float
    p95: float


def run_load(
    url: str,
    bodies: Sequence[bytes],
    *,
    requests: int,
    connections: int,
    warmup: int = 0,
    must_contain: str = "",
    headers: dict[str, str] | None = None,
    cpus: set[int] | None = None,
) -> Result:
    """POST `bodies` in turn to `url` (http only) and measure.

    requests: measured requests, after `warmup` unmeasured ones. connections: how many are in flight.
    must_contain: an answer without this text counts as an error, as does any status but 200.
    cpus: the cores the generator may use; None leaves it to the system.
    """
    order = {
        "url": url,
        "bodies": [body.decode("latin-1") for body in bodies],
        "requests": requests,
        "connections": connections,
        "warmup": warmup,
        "must_contain": must_contain,
        "headers": headers or {},
        "cpus": sorted(cpus) if cpus else None,
    }
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(order).encode(), stdout=subprocess.PIPE, check=True
    )
    return Result(**json.loads(done.stdout))


class _Connection(asyncio.Protocol):
    """One keep-alive connection; `answer` is the whole response once `done` resolves."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None
        self._done: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if self._length is None:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._length = _total_length(bytes(buffer[: end + 4]).lower())
        complete = buffer.endswith(b"\r\n0\r\n\r\n") if self._length < 0 else len(buffer) >= self._length
        if complete and self._done and not self._done.done():
            self._done.set_result(bytes(buffer))

    async def exchange(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._buffer.clear()
        self._length = None
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._done

    def close(self) -> None:
        if self._transport:
            self._transport.close()


def _total_length(head: bytes) -> int:
    """Bytes of head and body together; -1 when the body is chunked."""
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return len(head) + int(rest.split(b"\r\n", 1)[0]) if found else -1


class _Generator:
    def __init__(self, url: str, bodies: list[str], must_contain: str, headers: dict[str, str]) -> None:
        target = urlsplit(url)
        self._host = target.hostname or "127.0.0.1"
        self._port = target.port or 80
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._requests = [
            f"POST {target.path or '/'} HTTP/1.1\r\nHost: {target.netloc}\r\n{extra}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode("latin-1")
            for body in bodies
        ]
        self._must_contain = must_contain.encode()
        self._left = 0
        self._latencies: list[float] = []
        self._errors = 0

    async def run(self, requests: int, connections: int) -> tuple[float, list[float], int]:
        """Seconds, the latency of each request, and how many failed."""
        self._left, self._latencies, self._errors = requests, [], 0
        started = perf_counter()
        await asyncio.gather(*(self._work() for _ in range(connections)))
        return perf_counter() - started, self._latencies, self._errors

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        connection: _Connection | None = None
        while self._left > 0:
            self._left -= 1
            started = perf_counter()
            try:
                if connection is None:
                    _, connection = await loop.create_connection(_Connection, self._host, self._port)
                answer = await connection.exchange(self._requests[self._left % len(self._requests)])
                if not answer.startswith(b"HTTP/1.1 200") or self._must_contain not in answer:
                    self._errors += 1
            except OSError:
                self._errors += 1
                connection = None
            self._latencies.append(perf_counter() - started)
        if connection:
            connection.close()


async def _main(order: dict[str, object]) -> dict[str, object]:
    requests, connections, warmup = (int(str(order.pop(k))) for k in ("requests", "connections", "warmup"))
    generator = _Generator(**order)  # type: ignore[arg-type]
    if warmup:
        await generator.run(warmup, connections)
    seconds, latencies, errors = await generator.run(requests, connections)
    latencies.sort()
    return asdict(
        Result(
            requests=requests,
            errors=errors,
            seconds=seconds,
            requests_per_second=requests / seconds,
            p50=latencies[len(latencies) // 2],
            p95=latencies[int(len(latencies) * 0.95)],
        )
    )


if __name__ == "__main__":
    received = json.load(sys.stdin)
    if cpus := received.pop("cpus"):
        os.sched_setaffinity(0, cpus)
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    print(json.dumps(run(_main(received))))

"""Chat through the gateway against a bare aiohttp forwarder, both in front of the same mock provider.

Every server is a process of its own. The one that is measured has a core to itself; the mock provider
and the load generator share another. Rounds alternate, and the median of each is reported. Beside
requests per second stands the processor time per request, which does not depend on who else is busy.

    python bench/chat.py [--requests N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from _load import run_load
from _servers import Server, serving
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from attrs import frozen

from inferc.compiler.plan import (
    SCHEMA,
    AuthScheme,
    CircuitBreakerConfig,
    GatewayPlan,
    Plan,
    ProviderKind,
    RateLimits,
    RemotePoolPlan,
    ReplicaPlacement,
    RetryPolicy,
    SecretRef,
    Serving,
    SourceRef,
    TaskKind,
    Timeouts,
    WireFormat,
)
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from inferc.runtime.http_server import HttpServer, bind, stop_signal
from inferc.runtime.loop import run_async
from inferc.runtime.mock_provider import MockOptions, serve_mock

PATH = "/v1/chat/completions"
CONNECTIONS = 32
KEY = "bench-key"
QUESTION = "Tell me in a few words why the sky is blue on a clear day and red in the evening."


@frozen
class Sample:
    """One round against one server."""

    requests_per_second: float
    p50: float
    p95: float
    cpu: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=4000, help="requests per round")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    measured, others = ({cores[0]}, {cores[1]}) if len(cores) > 1 else (None, None)
    script = str(Path(__file__).resolve())
    with (
        serving([script, "serve", "mock"], cpus=others) as mock,
        serving([script, "serve", "forwarder", mock.url], cpus=measured) as floor,
        serving([script, "serve", "gateway", mock.url], cpus=measured) as gateway,
    ):
        print(f"{'chat':10}{'server':12}{'req/s':>9}{'p50 ms':>9}{'p95 ms':>9}{'cpu µs/req':>12}")
        for name, stream in (("unary", False), ("streamed", True)):
            body = {"model": "gpt", "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
            rounds: dict[str, list[Sample]] = {"forwarder": [], "inferc": []}
            for _ in range(options.rounds):
                for label, server in (("forwarder", floor), ("inferc", gateway)):
                    rounds[label].append(_measure(server, body, options.requests, others))
            _report(name, rounds)


def _measure(server: Server, body: dict[str, object], requests: int, cpus: set[int] | None) -> Sample:
    warmup = requests // 10
    before = server.cpu_seconds()
    result = run_load(
        server.url + PATH,
        [json.dumps(body).encode()],
        requests=requests,
        connections=CONNECTIONS,
        warmup=warmup,
        must_contain="[DONE]" if body["stream"] else '"usage"',
        headers={"Authorization": f"Bearer {KEY}"},
        cpus=cpus,
    )
    if result.errors:
        raise SystemExit(f"{result.errors} of {result.requests} requests failed at {server.url}")
    cpu = (server.cpu_seconds() - before) / (requests + warmup)
    return Sample(result.requests_per_second, result.p50, result.p95, cpu)


def _report(name: str, rounds: dict[str, list[Sample]]) -> None:
    medians = {
        label: [
            statistics.median(getattr(s, field) for s in samples)
            for field in ("requests_per_second", "p50", "p95", "cpu")
        ]
        for label, samples in rounds.items()
    }
    for label, (rate, p50, p95, cpu) in medians.items():
        print(f"{name:10}{label:12}{rate:9.0f}{p50 * 1e3:9.2f}{p95 * 1e3:9.2f}{cpu * 1e6:12.0f}")
    floor, ours = medians["forwarder"], medians["inferc"]
    print(f"{name:10}{'ratio':12}{ours[0] / floor[0]:9.2f}{'':18}{floor[3] / ours[3]:12.2f}")


def _announce(url: str) -> None:
    print(url.rpartition(":")[2], flush=True)


async def _serve_forwarder(upstream: str) -> None:
    """What anyone would write in 20 lines: bytes in, bytes out, nothing looked at."""
    session = ClientSession(
        connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=None)
    )
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    async def forward(request: web.Request) -> web.StreamResponse:
        async with session.post(upstream + PATH, data=await request.read(), headers=headers) as answer:
            if answer.content_type != "text/event-stream":
                body = await answer.read()
                return web.Response(body=body, status=answer.status, content_type=answer.content_type)
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    app = web.Application()
    app.router.add_post(PATH, forward)
    await _serve_app(app)
    await session.close()


async def _serve_app(app: web.Application) -> None:
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="")
    async with stop_signal() as stop:
        await server.start()
        _announce(f":{server.port}")
        await stop.wait()
        await server.stop()


async def _serve_gateway(upstream: str) -> None:
    os.environ["BENCH_KEY"] = KEY
    deployment = RemotePoolPlan(
        deployment="gpt",
        source=SourceRef("chat.infer", 1, 1),
        replicas=(ReplicaPlacement(0, None, ()),),
        serving=Serving(max_concurrent=2 * CONNECTIONS),
        idempotent=True,
        provider=ProviderKind.OPENAI_COMPATIBLE,
        model="gpt-4o-mini",
        endpoint=f"{upstream}/v1",
        wire=WireFormat.OPENAI,
        api_key=(SecretRef.env("BENCH_KEY"),),
        auth=AuthScheme.BEARER,
        credentials=None,
        headers={},
        query={},
        task=TaskKind.CHAT,
        rate_limits=RateLimits(),
        retry=RetryPolicy(),
        timeouts=Timeouts(),
        circuit_breaker=CircuitBreakerConfig(),
        budget=None,
        price=None,
        safety={},
        target=None,
        launch=None,
        settings={},
    )
    gateway = GatewayPlan(port=0)
    plan = Plan(schema=SCHEMA, compiler="bench", gateway=gateway, deployments=(deployment,))
    await serve(Executor(plan, Path.cwd()), gateway, ready=_announce)


SERVERS: dict[str, Callable[..., Awaitable[None]]] = {
    "mock": lambda: serve_mock(0, MockOptions(gap=0), ready=_announce),
    "forwarder": _serve_forwarder,
    "gateway": _serve_gateway,
}


async def _serve_role(role: str, *arguments: str) -> None:
    await SERVERS[role](*arguments)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        run_async(_serve_role(*sys.argv[2:]))
    else:
        main()

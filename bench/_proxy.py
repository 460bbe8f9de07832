"""Chat through the gateway and through bare aiohttp forwarders, in front of the same upstream.

There are two of them: `forwarder` is what anyone would write, `lean` leaves out all of aiohttp that can be
left out.

Every server is a process of its own. The one that is measured has a core to itself; the upstream and the
load generator, both on bare protocols, share another, so that the measured server is the one that is
busy. Rounds alternate, and medians count; beside requests per second stands the processor time per
request, which does not depend on who else is busy.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from _load import run_load
from _servers import Server, serving
from _upstream import EMBEDDINGS, PATH, TEXTS, serve_upstream
from aiohttp import ClientRequest, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from attrs import evolve, frozen
from yarl import URL

from inferc.compiler.plan import (
    SCHEMA,
    AuthScheme,
    Budget,
    BudgetAction,
    CircuitBreakerConfig,
    GatewayPlan,
    KeyPlan,
    Money,
    Plan,
    Price,
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
from inferc.dsl.keys import KeyLimits, KeySecret
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from inferc.runtime.gateway.telemetry.access_log import AccessLog, LogForm
from inferc.runtime.gateway.telemetry.request_records import Records
from inferc.runtime.http.server import HttpServer, bind, stop_signal

SCRIPT = str(Path(__file__).resolve())

KEY = "bench-key"
GAP = 0.002
"""Seconds between two chunks of a stream: they arrive one by one, and the proxy stays busy."""

QUESTION = "Tell me in a few words why the sky is blue on a clear day and red in the evening."

POLICIES: dict[str, Any] = {
    "rate_limits": RateLimits(100_000_000, 1_000_000_000, 10_000),
    "budget": Budget(BudgetAction.REJECT, Money("100000"), Money("1000000")),
    "price": Price(Money("0.15"), Money("0.6"), Money("0.075")),
}
"""Every policy on, with room for what a benchmark sends."""

NO_POLICIES: dict[str, Any] = {"rate_limits": RateLimits(), "budget": None, "price": None}


def plan_of(endpoint: str, **fields: Any) -> RemotePoolPlan:
    """A remote pool of one replica at `endpoint`, with every policy on."""
    return RemotePoolPlan(
        deployment="gpt",
        source=SourceRef("pool.infer", 1, 1),
        replicas=(ReplicaPlacement(0, None, ()),),
        serving=Serving(max_concurrent=1_000),
        idempotent=True,
        provider=ProviderKind.OPENAI_COMPATIBLE,
        model="gpt-4o-mini",
        endpoint=endpoint,
        wire=WireFormat.OPENAI,
        auth=AuthScheme.BEARER,
        credentials=None,
        headers={},
        query={},
        task=TaskKind.CHAT,
        timeouts=Timeouts(),
        circuit_breaker=CircuitBreakerConfig(),
        safety={},
        target=None,
        launch=None,
        settings={},
        **({"retry": RetryPolicy(), "api_key": (SecretRef.env("BENCH_KEY"),)} | POLICIES | fields),
    )


def gateway_of(*, operated: bool) -> GatewayPlan:
    """The gateway's settings; operated: with a key that has limits and a budget of its own."""
    key = KeyPlan(
        name="team",
        secret=(KeySecret.env("BENCH_KEY"),),
        rate_limits=KeyLimits(100_000_000, 500_000_000),
        budget=POLICIES["budget"],
    )
    return GatewayPlan(port=0, keys=(key,) if operated else ())


@frozen
class Sample:
    """One round against one server; times in seconds."""

    requests_per_second: float
    p50: float
    p95: float
    cpu: float


def measure(
    *,
    policies: bool,
    stream: bool,
    connections: int,
    requests: int,
    rounds: int,
    chunks: int = 50,
    operated: bool = False,
    embeddings: bool = False,
) -> dict[str, Sample]:
    """The medians of `rounds` rounds of the forwarder and of the gateway, in turn.

    operated: also of a gateway with a key that has limits and a budget, and an access log. embeddings: of
    texts, in base64, instead of chat.

    Each round has processes of its own: how their memory happens to lie makes a difference of 10 %.
    """
    message = {"role": "user", "content": QUESTION}
    chat = {"messages": [message], "stream": stream}
    texts = {"input": [QUESTION] * TEXTS, "encoding_format": "base64"}
    body = json.dumps({"model": "gpt", **(texts if embeddings else chat)}).encode()
    path = EMBEDDINGS if embeddings else PATH
    kind = "embeddings" if embeddings else "policies" if policies else "plain"
    samples: dict[str, list[Sample]] = {}
    for _ in range(rounds):
        with proxies(chunks, GAP, kind, path, operated=operated) as (servers, others):
            for name, server in servers.items():
                sample = _round(server, path, body, stream, connections, requests, others)
                samples.setdefault(name, []).append(sample)
    fields = ("requests_per_second", "p50", "p95", "cpu")
    return {
        name: Sample(*(statistics.median(getattr(sample, field) for sample in each) for field in fields))
        for name, each in samples.items()
    }


@contextmanager
def proxies(
    chunks: int, gap: float, kind: str, path: str, *, operated: bool, stamped: bool = False
) -> Iterator[tuple[dict[str, Server], set[int] | None]]:
    """The forwarder and the gateway in front of an upstream, and the cores that are left for the load."""
    cores = sorted(os.sched_getaffinity(0))
    measured, others = ({cores[0]}, {cores[1]}) if len(cores) > 1 else (None, None)
    with ExitStack() as stack:
        order = [SCRIPT, "upstream", str(chunks), str(gap), "stamped" if stamped else ""]
        upstream = stack.enter_context(serving(order, cpus=others)).url
        servers = {
            "forwarder": stack.enter_context(serving([SCRIPT, "forwarder", upstream, path], cpus=measured)),
            "lean": stack.enter_context(serving([SCRIPT, "lean", upstream, path], cpus=measured)),
            "inferc": stack.enter_context(serving([SCRIPT, "gateway", upstream, kind], cpus=measured)),
        }
        if operated:
            servers["operated"] = stack.enter_context(
                serving([SCRIPT, "gateway", upstream, "operated"], cpus=measured)
            )
        yield servers, others


def _round(
    server: Server,
    path: str,
    body: bytes,
    stream: bool,
    connections: int,
    requests: int,
    cpus: set[int] | None,
) -> Sample:
    warmup = max(requests // 10, connections)
    before = server.cpu_seconds()
    result = run_load(
        server.url + path,
        [body],
        requests=requests,
        connections=connections,
        warmup=warmup,
        must_contain="[DONE]" if stream else '"usage"',
        headers={"Authorization": f"Bearer {KEY}"},
        cpus=cpus,
    )
    if result.errors:
        raise SystemExit(f"{result.errors} of {result.requests} requests failed at {server.url}")
    cpu = (server.cpu_seconds() - before) / (requests + warmup)
    return Sample(result.requests_per_second, result.p50, result.p95, cpu)


def show(name: str, medians: dict[str, Sample]) -> float:
    """Print a table; gives the ratio of the requests per second to those of `forwarder`."""
    print(f"{name:40}{'req/s':>9}{'p50 ms':>9}{'p95 ms':>9}{'cpu µs/req':>12}")
    for label, one in medians.items():
        times = f"{one.p50 * 1e3:9.2f}{one.p95 * 1e3:9.2f}"
        print(f"  {label:38}{one.requests_per_second:9.0f}{times}{one.cpu * 1e6:12.0f}")
    ours = medians["inferc"]
    for label in ("lean", "forwarder"):
        floor = medians[label]
        ratio = ours.requests_per_second / floor.requests_per_second
        print(f"  {'ratio to ' + label:38}{ratio:9.2f}{'':18}{floor.cpu / ours.cpu:12.2f}")
    return ratio


def _announce(url: str) -> None:
    print(url.rpartition(":")[2], flush=True)


async def _serve_forwarder(upstream: str, path: str) -> None:
    """What anyone would write in 20 lines: bytes in, bytes out, nothing looked at."""
    session = ClientSession(
        connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=None)
    )
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    async def forward(request: web.Request) -> web.StreamResponse:
        async with session.post(upstream + path, data=await request.read(), headers=headers) as answer:
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
    app.router.add_post(path, forward)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="")
    async with stop_signal() as stop:
        await server.start()
        _announce(f":{server.port}")
        await stop.asked.wait()
        await server.stop(stop.at_once)
    await session.close()


def lean_server(upstream: str, path: str, connector: TCPConnector) -> web.Server:
    """The same on a bare `web.Server`, and on aiohttp's connections and parser without its session."""
    loop = asyncio.get_running_loop()
    target = ClientRequest("POST", URL(upstream + path), loop=loop)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {target.url.authority}\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    timeout = ClientTimeout(total=None)

    async def forward(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        connection = await connector.connect(target, [], timeout)
        protocol = connection.protocol
        assert protocol is not None
        assert protocol.transport is not None
        try:
            protocol.set_response_params(read_until_eof=True)
            protocol.transport.write(head + b"%d\r\n\r\n" % len(body) + body)
            message, content = await protocol.read()
            kind = message.headers["Content-Type"]
            if not kind.startswith("text/event-stream"):
                return web.Response(
                    body=await content.read(), status=message.code, headers={"Content-Type": kind}
                )
            response = web.StreamResponse(status=message.code, headers={"Content-Type": kind})
            await response.prepare(request)
            async for piece in content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response
        finally:
            connection.release()

    return web.Server(forward, access_log=None)


async def _serve_lean(upstream: str, path: str) -> None:
    loop, connector = asyncio.get_running_loop(), TCPConnector(limit=0)
    server = lean_server(upstream, path, connector)
    listening = await loop.create_server(server, "127.0.0.1", 0)
    async with stop_signal() as stop:
        _announce(f":{listening.sockets[0].getsockname()[1]}")
        await stop.asked.wait()
    listening.close()
    await connector.close()


async def _serve_gateway(upstream: str, kind: str) -> None:
    os.environ["BENCH_KEY"] = KEY
    plan = plan_of(f"{upstream}/v1", **(NO_POLICIES if kind == "plain" else POLICIES))
    if kind == "embeddings":
        plan = evolve(plan, task=TaskKind.EMBED)
    gateway = gateway_of(operated=kind == "operated")
    with Path(os.devnull).open("wb", 0) as nowhere:  # noqa: ASYNC230, before anything runs
        log = AccessLog(nowhere, LogForm.JSON) if kind == "operated" else None
        executor = Executor(Plan(SCHEMA, "bench", gateway, (plan,)), Path.cwd())
        await serve(executor, gateway, ready=_announce, records=Records(log))


async def _serve_upstream(chunks: str, gap: str, stamped: str = "") -> None:
    await serve_upstream(int(chunks), float(gap), bool(stamped))


_ROLES: dict[str, Callable[..., Awaitable[None]]] = {
    "upstream": _serve_upstream,
    "forwarder": _serve_forwarder,
    "lean": _serve_lean,
    "gateway": _serve_gateway,
}


async def _serve(role: str, *arguments: str) -> None:
    await _ROLES[role](*arguments)


if __name__ == "__main__":
    run_async(_serve(*sys.argv[1:]))

"""Plans of remote deployments, and the real servers that they talk to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from attrs import frozen

from inferc.compiler.plan import (
    SCHEMA,
    AdaptiveKind,
    AuthScheme,
    CapacityPolicy,
    CircuitBreakerConfig,
    DeploymentPlan,
    Duration,
    GatewayPlan,
    JitterKind,
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
from inferc.runtime.concurrency import timeouts
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app as build_gateway
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.mock_provider import MockOptions, Stats, build_app as build_mock
from inferc.runtime.replicas.remote.transport.http_client import Limit
from inferc.runtime.secrets.secret import LiveSecret, Secret

FAST_RETRY = RetryPolicy(
    max_retries=2, initial_backoff=Duration(0.01), max_backoff=Duration(0.5), jitter=JitterKind.NONE
)


def remote_plan(
    name: str = "gpt",
    endpoint: str = "http://127.0.0.1:9/v1",
    *,
    replicas: int = 1,
    max_concurrent: int = 32,
    on_full: CapacityPolicy | None = None,
    adaptive: AdaptiveKind | None = None,
    task: TaskKind = TaskKind.CHAT,
    key: SecretRef | None = None,
    **fields: Any,
) -> RemotePoolPlan:
    """A deployment of `gpt-4o-mini` behind `endpoint`, with quick retries."""
    values: dict[str, Any] = {
        "source": SourceRef("test.infer", 1, 1),
        "idempotent": True,
        "provider": ProviderKind.OPENAI,
        "model": "gpt-4o-mini",
        "wire": WireFormat.OPENAI,
        "api_key": (key,) if key else (),
        "auth": AuthScheme.BEARER,
        "credentials": None,
        "headers": {},
        "query": {},
        "rate_limits": RateLimits(),
        "retry": FAST_RETRY,
        "timeouts": Timeouts(),
        "circuit_breaker": CircuitBreakerConfig(),
        "budget": None,
        "price": None,
        "safety": {},
        "target": None,
        "launch": None,
        "settings": {},
    }
    return RemotePoolPlan(
        deployment=name,
        endpoint=endpoint,
        replicas=tuple(ReplicaPlacement(index, None, ()) for index in range(replicas)),
        serving=Serving(max_concurrent, on_full or CapacityPolicy(), adaptive=adaptive),
        task=task,
        **(values | fields),
    )


def impatient(fault: str, seconds: float) -> Timeouts:
    """Timeouts that run out where `fault` makes wait, and not elsewhere: the machine may be busy."""
    if fault.startswith("slow"):
        return Timeouts(request=Duration(seconds))
    return Timeouts(read=Duration(seconds)) if fault.startswith("stall") else Timeouts()


def plan_of(*deployments: DeploymentPlan, gateway: GatewayPlan | None = None) -> Plan:
    """A plan of these deployments, on a free port."""
    return Plan(SCHEMA, "test", gateway or GatewayPlan(port=0), deployments)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """`app` on a free port; gives its base URL."""
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="", grace=1)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


@frozen
class Mock:
    """A running mock provider."""

    endpoint: str
    stats: Stats

    @property
    def url(self) -> str:
        """The endpoint of those who put the version into their paths."""
        return self.endpoint.removesuffix("/v1")


@asynccontextmanager
async def mock_provider(
    options: MockOptions | None = None, middleware: Middleware | None = None
) -> AsyncIterator[Mock]:
    """A mock provider, which does not dawdle unless told to. middleware: what requests pass first."""
    stats = Stats()
    app = build_mock(options or MockOptions(gap=0), stats)
    app.middlewares.extend([middleware] if middleware else [])
    async with serving(app) as url:
        yield Mock(f"{url}/v1", stats)


def executor_of(
    *deployments: DeploymentPlan, base_dir: Path | None = None
) -> AbstractAsyncContextManager[Executor]:
    """A started executor of these deployments."""
    return running(plan_of(*deployments), base_dir)


@asynccontextmanager
async def running(plan: Plan, base_dir: Path | None = None) -> AsyncIterator[Executor]:
    """A started executor of `plan`."""
    executor = Executor(plan, base_dir or Path.cwd())
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop()


@asynccontextmanager
async def gateway_of(
    executor: Executor, token: Secret | LiveSecret | None = None, **settings: Any
) -> AsyncIterator[str]:
    """The gateway in front of `executor`; gives its base URL. settings: those of its `GatewayPlan`."""
    async with serving(build_gateway(executor, token, GatewayPlan(**settings))) as url:
        yield url


def limit(seconds: float = 30.0) -> Limit:
    """Until when the head of an answer must be here."""
    limits = timeouts.Timeouts(0.01)
    return limits, limits.now() + seconds


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until `holds`, for what another process or connection does in its own time."""
    await until(holds)


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `holds`, for what takes several exchanges with a store, on a busy machine."""
    for _ in range(int(seconds * 200)):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"it did not come true within {seconds:g} s")

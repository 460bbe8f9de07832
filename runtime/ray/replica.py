"""One replica, as Ray Serve runs it: a part of a plan, behind a gateway of its own at a port of the node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ...compiler.plan.codec import parse_plan
from ..concurrency.tasks import end_task
from ..executor import Executor
from ..gateway.health import findings_of
from ..gateway.serve import serve
from ..http_server import Stop, bind
from ..requests.errors import StartError
from .autoscaling import LOAD
from .library import Ray, load_ray
from .registry import BEAT
from .shared_registry import SharedRegistry

LEAVING = 2 * BEAT
"""Seconds in which gateways hear that no more requests should come."""


class NotReady(Exception):
    """Told to Ray, which replaces the replica if that stays so."""


class ServedPart:
    """What Serve makes an actor of, keeps alive and asks for its health; requests do not come through it."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        plan_text: str,
        deployment: str,
        base: str,
        registry: str,
        grace: float,
        load_timeout: float,
        host: str | None,
    ) -> None:
        """host: where to listen; None: where Ray reaches the node."""
        ray = load_ray()
        self._registry = SharedRegistry(ray.core, registry)
        self._deployment = deployment
        self._name = str(ray.serve.get_replica_context().replica_id.unique_id)
        plan = parse_plan(plan_text)
        if host is None:
            host = await asyncio.to_thread(_address_of_node, ray)
        bound = bind(host, 0, advice="Ray's node has no address that can be listened at")
        shown = f"[{host}]" if ":" in host else host
        self._address = f"http://{shown}:{bound.getsockname()[1]}"
        self._load = 0
        self._stop = Stop()
        self._executor = Executor(plan, Path(base), trust_models=False, load_timeout=load_timeout)
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(
            serve(
                self._executor,
                plan.gateway,
                ready=ready.set_result,
                grace=grace,
                drain_delay=LEAVING,
                stopping=self._stopping,
                bound=bound,
            )
        )
        either: list[asyncio.Future[Any]] = [self._serving, ready]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            try:
                await self._serving
            except StartError as error:
                raise RuntimeError(str(error)) from None
        self._telling = asyncio.create_task(self._tell())

    @asynccontextmanager
    async def _stopping(self) -> AsyncIterator[Stop]:
        yield self._stop

    async def _tell(self) -> None:
        """Say again and again where requests are taken."""
        while True:
            load = await self._registry.call("here", self._name, self._deployment, self._address)
            self._load = load if load is not None else self._load
            await asyncio.sleep(BEAT)

    async def check_health(self) -> None:
        """Called by Serve. Raises NotReady."""
        if self._serving.done() or not findings_of(self._executor):
            raise NotReady(f"deployment `{self._deployment}` is not ready")

    def record_autoscaling_stats(self) -> dict[str, int]:
        """Called by Serve, for `replicas_for_load`."""
        return {LOAD: self._load}

    async def __call__(self) -> str:
        """Where it listens, for whoever asks Serve."""
        return self._address

    async def __del__(self) -> None:
        """Called by Serve, which waits for it: take no more requests, and end those that run."""
        telling = getattr(self, "_telling", None)
        if telling is None or self._stop.asked.is_set():
            return
        await end_task(telling)
        await self._registry.call("leave", self._name)
        self._stop.asked.set()
        await asyncio.wait([self._serving])


def _address_of_node(ray: Ray) -> str:
    """Where Ray reaches the node of this process."""
    mine = ray.core.get_runtime_context().get_node_id()
    return next(str(node["NodeManagerAddress"]) for node in ray.core.nodes() if node["NodeID"] == mine)

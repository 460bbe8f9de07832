"""One replica, as Ray Serve runs it: a part of a plan, behind a gateway of its own at a port of the node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp

from ...compiler.plan.codec import parse_plan
from ..concurrency.tasks import end_task
from ..executor import Executor
from ..http.server import bind
from .autoscaling import LOAD
from .bridges import passed_on
from .library import Ray, load_ray
from .registry import BEAT
from .served import NotReady, Served
from .shared_registry import SharedRegistry


class ServedPart:
    """What Serve makes an actor of, keeps alive and asks for its health.

    Requests come to its port; through Serve only from where that cannot be reached.
    """

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
        context = ray.serve.get_replica_context()
        self._name, self._application = str(context.replica_id.unique_id), str(context.app_name)
        self._load = 0
        plan = parse_plan(plan_text)
        if host is None:
            host = await asyncio.to_thread(_address_of_node, ray)
        bound = bind(host, 0, advice="Ray's node has no address that can be listened at")
        shown = f"[{host}]" if ":" in host else host
        self._address = f"http://{shown}:{bound.getsockname()[1]}"
        executor = Executor(plan, Path(base), trust_models=False, load_timeout=load_timeout)
        self._served = Served(executor, plan.gateway, bound, grace)
        await self._served.start()
        self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Say again and again where requests are taken, and hear how many there are."""
        while True:
            load = await self._registry.call(
                "here", self._name, self._deployment, self._address, self._application
            )
            self._load = load if load is not None else self._load
            await asyncio.sleep(BEAT)

    async def check_health(self) -> None:
        """Called by Serve. Raises NotReady."""
        if not self._served.is_well:
            raise NotReady(f"deployment `{self._deployment}` is not ready")

    def record_autoscaling_stats(self) -> dict[str, int]:
        """Called by Serve, for `replicas_for_load`."""
        return {LOAD: self._load}

    async def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> AsyncIterator[tuple[int, list[tuple[str, str]]] | bytes]:
        """The answer to a request that comes through Serve: its status and headers, then its pieces."""
        forever = aiohttp.ClientTimeout(total=None, sock_read=None)  # the gateway knows how long it waits
        async with (
            aiohttp.ClientSession(auto_decompress=False, timeout=forever) as session,
            session.request(method, self._address + path, headers=list(headers), data=body) as answer,
        ):
            yield answer.status, passed_on(list(answer.headers.items()))
            async for piece in answer.content.iter_any():
                yield piece

    async def __call__(self) -> str:
        """Where it listens, for whoever asks Serve."""
        return self._address

    async def __del__(self) -> None:
        """Called by Serve, which waits for it: take no more requests, and end those that run."""
        telling = getattr(self, "_telling", None)
        if telling is None or self._served.is_stopping:
            return
        await end_task(telling)
        await self._registry.call("leave", self._name)
        await self._served.stop()


def _address_of_node(ray: Ray) -> str:
    """Where Ray reaches the node of this process."""
    mine = ray.core.get_runtime_context().get_node_id()
    return next(str(node["NodeManagerAddress"]) for node in ray.core.nodes() if node["NodeID"] == mine)

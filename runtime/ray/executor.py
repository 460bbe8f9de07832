"""An executor whose local models run on a Ray cluster: the rest of the plan runs here, as always."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...compiler.plan import Plan
from ...compiler.plan.split import Part
from ..concurrency.tasks import end_task
from ..executor import Executor
from ..limits.store import is_on_redis
from ..requests.errors import StartError
from .addresses import Addresses
from .cluster import Cluster, ReplicaOptions
from .library import load_ray
from .placing import Wanted, gateway_part, lacks, slug, wanted
from .registry import BEAT, Joined
from .shared_registry import SharedRegistry

log = logging.getLogger(__name__)

FOLLOW = BEAT / 2
"""Seconds between two looks at where replicas are."""


class Parts:
    """Cuts plans, and knows the parts of all that were cut."""

    def __init__(self) -> None:
        self.known: dict[str, Part] = {}

    def gateway(self, plan: Plan) -> Plan:
        """What the gateway runs of `plan`. Raises StartError."""
        if plan.gateway.workers > 1:
            raise StartError(
                "gateway: with `--engine ray`, one process serves: take `workers` out of the file"
            )
        gateway, parts = gateway_part(plan)
        self.known |= parts
        return gateway


class RayExecutor(Executor):
    """Serves the gateway's part of a plan, and keeps the other parts running on Ray.

    application: the name of what runs there; gateways of one name share its replicas. address: of a cluster
    that runs; None: one is started for as long as this. counts: whether the plan counts what gateways must
    share. grace: seconds that requests in flight have to end in. Further, as `Executor`.
    """

    def __init__(
        self,
        plan: Plan,
        base_dir: Path,
        parts: Parts,
        *,
        application: str,
        address: str | None,
        counts: bool,
        grace: float,
        load_timeout: float,
        state: str | Path | None = None,
        **options: Any,
    ) -> None:
        self._addresses = Addresses()
        super().__init__(
            plan, base_dir, state=state, load_timeout=load_timeout, servers=self._addresses, **options
        )
        self._parts = parts
        self._application = slug(application)
        self._cluster = Cluster(load_ray(), address)
        self._counts = counts
        self._load_timeout = load_timeout
        name = f"registry of {self._application}"
        self._registry = SharedRegistry(self._cluster.ray.core, name)
        self._replicas = ReplicaOptions(base_dir, name, grace, load_timeout)
        self._me = secrets.token_hex(8)
        self._shared = sha256(str(state).encode()).hexdigest() if is_on_redis(state) else None
        self._following: asyncio.Task[None] | None = None
        self._connected = False

    async def start(self) -> None:
        try:
            asked = self._wanted(self.plan)
            await asyncio.to_thread(self._cluster.connect, sum(each.replicas for each in asked))
            self._connected = True
            await self._look(at_start=True)
            await self._check_fits(asked)
            await self._deploy(asked)
            await self._all_there(asked)
            self._following = asyncio.create_task(self._follow(), name="follow replicas")
            await super().start()
        except BaseException:
            await self._leave()
            raise

    async def reload(self, plan: Plan) -> None:
        await self._check_fits(self._wanted(plan))
        await super().reload(plan)
        await self._delete_others()

    async def _make_room(self, plan: Plan) -> None:
        before = self._wanted(self.plan)
        try:
            await self._deploy(self._wanted(plan))
        except BaseException:
            log.warning("Ray goes back to what it ran before")
            await self._deploy(before)
            raise

    async def stop(self) -> None:
        await super().stop()
        await self._leave()

    def _wanted(self, plan: Plan) -> tuple[Wanted, ...]:
        known: Mapping[str, Part] = self._parts.known
        return wanted(self._application, plan, known)

    async def _check_fits(self, asked: tuple[Wanted, ...]) -> None:
        """Raises StartError where the cluster is too small."""
        problems = lacks(asked, await asyncio.to_thread(self._cluster.machines))
        if problems:
            raise StartError(*problems)

    async def _deploy(self, asked: tuple[Wanted, ...]) -> None:
        """Have Ray run what is asked for. Raises StartError."""
        deadline = time.monotonic() + self._load_timeout
        await asyncio.to_thread(self._cluster.deploy, asked, self._replicas, deadline)

    async def _all_there(self, asked: tuple[Wanted, ...]) -> None:
        """Wait until each deployment has a replica with an address, and a beat longer for the others."""
        names = {each.deployment for each in asked}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._load_timeout
        while any(not self._addresses.count(name) for name in names):
            if loop.time() > deadline:
                raise StartError("the replicas on Ray do not say where they are; its logs say more")
            await asyncio.sleep(0.1)
            await self._look()

    async def _look(self, *, at_start: bool = False) -> None:
        """See where replicas are. Raises StartError where other gateways count elsewhere."""
        loads = {name: each.running + each.waiting for name, each in self.deployments.items()}
        joined: Joined | None = await self._registry.call("join", self._me, self._shared, loads)
        if joined is None:
            return
        self._addresses.update(joined.addresses)
        for each in self.deployments.values():
            if each.plan.scaling is not None:
                each.follow_scale()
        if at_start and self._counts and any(each is None or each != self._shared for each in joined.others):
            raise StartError(
                f"another gateway serves `{self._application}` on this cluster, and the file has budgets or "
                "limits that both must keep together: give all of them the same `--state redis://…`"
            )

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW)
            await self._look()

    async def _delete_others(self) -> None:
        """Stop what the plan does not ask for any more."""
        names = {each.name for each in self._wanted(self.plan)}
        running = await asyncio.to_thread(self._cluster.running, f"{self._application}.")
        await asyncio.to_thread(self._cluster.delete, [each for each in running if each not in names])

    async def _leave(self) -> None:
        """Stop what runs on Ray, unless another gateway needs it."""
        if not self._connected:
            return
        self._connected = False
        if self._following is not None:
            await end_task(self._following)
        if await self._registry.call("part", self._me) is False:
            running = await asyncio.to_thread(self._cluster.running, f"{self._application}.")
            await asyncio.to_thread(self._cluster.delete, running)
            await asyncio.to_thread(self._registry.end)
        await asyncio.to_thread(self._cluster.disconnect)

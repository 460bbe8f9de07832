"""An executor whose local models run on a Ray cluster: the rest of the plan runs here, as always."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...compiler.plan import Plan
from ...compiler.plan.codec import dump_plan
from ...compiler.plan.split import Part
from ..limits.store import is_on_redis
from ..requests.errors import StartError
from .cluster import Cluster, ReplicaOptions
from .following import FOLLOW, FollowingExecutor, registry_of
from .gateways import GatewayOptions, Gateways, check_gateways
from .library import load_ray
from .placing import Wanted, gateway_part, lacks, slug, wanted
from .registry import Joined, Served

log = logging.getLogger(__name__)


class Parts:
    """Cuts plans, and knows the parts of all that were cut."""

    def __init__(self) -> None:
        self.known: dict[str, Part] = {}

    def gateway(self, plan: Plan) -> Plan:
        """What the gateway runs of `plan`. Raises StartError."""
        if plan.gateway.workers > 1:
            raise StartError(
                "gateway: with `--engine ray`, `--gateways` says how many processes serve: take `workers` "
                "out of the file"
            )
        gateway, parts = gateway_part(plan)
        self.known |= parts
        return gateway


class RayExecutor(FollowingExecutor):
    """Serves the gateway's part of a plan, and keeps the other parts running on Ray.

    application: the name of what runs there; gateways of one name share its replicas. address: of a cluster
    that runs; None: one is started for as long as this. counts: whether the plan counts what gateways must
    share. grace: seconds that requests in flight have to end in. gateways: how many serve, this one among
    them; None: one on each node. Further, as `Executor`.
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
        gateways: int | None = 1,
        share_port: bool = False,
        state: str | Path | None = None,
        **options: Any,
    ) -> None:
        application = slug(application)
        if gateways != 1:
            check_gateways(plan, address, counts_apart=counts and not is_on_redis(state))
        ray = load_ray()
        super().__init__(plan, base_dir, ray, application, state=state, load_timeout=load_timeout, **options)
        self._parts = parts
        self._cluster = Cluster(ray, address)
        self._counts = counts
        self._replicas = ReplicaOptions(base_dir, registry_of(application), grace, load_timeout)
        self._gateways = Gateways(
            self._cluster, gateways, GatewayOptions(application, base_dir, grace, load_timeout, share_port)
        )
        self._served: Served | None = None
        self._connected = False

    async def start(self) -> None:
        await super().start()
        try:
            await self._say_plan(self.plan)
            await asyncio.to_thread(self._gateways.deploy, time.monotonic() + self._load_timeout)
        except BaseException:
            await self.stop()
            raise

    async def _begin(self) -> None:
        asked = self._wanted(self.plan)
        await asyncio.to_thread(self._cluster.connect, sum(each.replicas for each in asked))
        self._connected = True
        self._check_shared(await self._look())
        await self._check_fits(asked)
        await self._deploy(asked)
        await super()._begin()

    async def reload(self, plan: Plan) -> None:
        await self._check_fits(self._wanted(plan))
        await super().reload(plan)
        if self._gateways.others:
            await self._say_plan(plan)
            await asyncio.sleep(4 * FOLLOW)  # until they have heard it
        await self._delete_others()

    async def _make_room(self, plan: Plan) -> None:
        before = self._wanted(self.plan)
        try:
            await self._deploy(self._wanted(plan))
            await self._all_there(plan)
        except BaseException:
            log.warning("Ray goes back to what it ran before")
            try:
                await self._deploy(before)
            except StartError as error:
                log.error("that cannot be run any more: %s", error)
            raise

    def _wanted(self, plan: Plan) -> tuple[Wanted, ...]:
        known: Mapping[str, Part] = self._parts.known
        return wanted(self._application, plan, known)

    async def _check_fits(self, asked: tuple[Wanted, ...]) -> None:
        """Raises StartError where the cluster is too small."""
        machines = await asyncio.to_thread(self._cluster.machines)
        problems = [*lacks(asked, machines), *self._gateways.lacks(len(machines))]
        if problems:
            raise StartError(*problems)

    async def _deploy(self, asked: tuple[Wanted, ...]) -> None:
        """Have Ray run what is asked for. Raises StartError."""
        deadline = time.monotonic() + self._load_timeout
        await asyncio.to_thread(self._cluster.deploy, asked, self._replicas, deadline)

    def _check_shared(self, joined: Joined | None) -> None:
        """Raises StartError where other gateways count elsewhere."""
        others = joined.others if joined is not None and self._counts else ()
        if any(each is None or each != self._shared for each in others):
            raise StartError(
                f"another gateway serves `{self._application}` on this cluster, and the file has budgets or "
                "limits that both must keep together: give all of them the same `--state redis://…`"
            )

    async def _say_plan(self, plan: Plan) -> None:
        """Tell the gateways on Ray what they serve."""
        if self._gateways.others:
            state = None if self.state_at is None else str(self.state_at)
            text = dump_plan(plan)
            self._served = Served(sha256(text.encode()).hexdigest(), text, state)
            await self._registry.call("serve", self._served)

    async def _heard(self, joined: Joined) -> None:
        if self._served is not None and joined.revision is None:  # it was lost with its machine
            await self._registry.call("serve", self._served)

    async def _delete_others(self) -> None:
        """Stop what the plan does not ask for any more."""
        names = {*(each.name for each in self._wanted(self.plan)), self._gateways.name}
        running = await asyncio.to_thread(self._cluster.running, f"{self._application}.")
        await asyncio.to_thread(self._cluster.delete, [each for each in running if each not in names])

    async def _leave(self) -> None:
        """Stop what runs on Ray, unless another gateway needs it."""
        if not self._connected:
            return
        self._connected = False
        others = await self._part()
        if others is None:
            log.warning("the registry of replicas does not answer: what runs on Ray is left there")
        if others is False:
            running = await asyncio.to_thread(self._cluster.running, f"{self._application}.")
            await asyncio.to_thread(self._cluster.delete, running)
            await asyncio.to_thread(self._registry.end)
        await asyncio.to_thread(self._cluster.disconnect)

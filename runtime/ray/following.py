"""An executor whose pools ask replicas on Ray, wherever those are now."""

from __future__ import annotations

import asyncio
import logging
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...compiler.plan import Plan, RemotePoolPlan
from ..concurrency.tasks import end_task
from ..executor import Executor
from ..limits.store import is_on_redis
from ..requests.errors import StartError
from .addresses import Addresses
from .bridges import Bridges
from .library import Ray
from .placing import DIGEST
from .registry import BEAT, Joined
from .shared_registry import SharedRegistry

log = logging.getLogger(__name__)

FOLLOW = BEAT / 2
"""Seconds between two looks at where replicas are."""

_TRIES = 6
"""How often the last word is said to a registry that does not answer."""


class FollowingExecutor(Executor):
    """Serves the gateway's part of a plan.

    application: the name of what runs on Ray. is_on_ray: whether this process is an actor of Ray itself.
    Further, as `Executor`.
    """

    is_on_ray = False

    def __init__(
        self,
        plan: Plan,
        base_dir: Path,
        ray: Ray,
        application: str,
        *,
        load_timeout: float,
        state: str | Path | None = None,
        **options: Any,
    ) -> None:
        self._addresses = Addresses()
        super().__init__(
            plan, base_dir, state=state, load_timeout=load_timeout, servers=self._addresses, **options
        )
        self._ray = ray
        self._application = application
        self._load_timeout = load_timeout
        self._bridges = Bridges(ray)
        self._registry = SharedRegistry(ray.core, registry_of(application))
        self._me = secrets.token_hex(8)
        self._shared = sha256(str(state).encode()).hexdigest() if is_on_redis(state) else None
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        try:
            await self._begin()
            self._following = asyncio.create_task(self._follow(), name="follow replicas")
            await super().start()
        except BaseException:
            await self._leave()
            raise

    async def stop(self) -> None:
        await super().stop()
        await self._leave()

    async def _begin(self) -> None:
        """What comes before all else. Raises StartError."""
        await self._all_there(self.plan)

    async def _leave(self) -> None:
        """What comes after all else."""
        await self._part()

    async def _all_there(self, plan: Plan) -> None:
        """Wait until each deployment of `plan` has a replica with an address. Raises StartError."""
        pools = (each for each in plan.deployments if isinstance(each, RemotePoolPlan))
        names = {each.deployment for each in pools if DIGEST in each.settings}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._load_timeout
        await self._look()
        while any(not self._addresses.count(name) for name in names):
            if loop.time() > deadline:
                raise StartError("the replicas on Ray do not say where they are; its logs say more")
            await asyncio.sleep(0.1)
            await self._look()

    async def _look(self) -> Joined | None:
        """See where replicas are, and say what is to do for them; None where nobody answers."""
        loads = {name: each.running + each.waiting for name, each in self.deployments.items()}
        joined: Joined | None = await self._registry.call(
            "join", self._me, self._shared, loads, self.is_on_ray
        )
        if joined is None:
            return None
        self._addresses.update(await self._bridges.ways_to(joined.addresses, joined.applications))
        for each in self.deployments.values():
            if each.plan.scaling is not None:
                each.follow_scale()
        return joined

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW)
            joined = await self._look()
            if joined is not None:
                await self._heard(joined)

    async def _heard(self, joined: Joined) -> None:
        """What else is to do about what the registry says."""

    async def _part(self) -> bool | None:
        """Follow no longer; whether another gateway still does, None where that is not known."""
        if self._following is not None:
            await end_task(self._following)
            self._following = None
        await self._bridges.stop()
        for _ in range(1 if self.is_on_ray else _TRIES):
            others: bool | None = await self._registry.call("part", self._me)
            if others is not None:
                return others
            await asyncio.sleep(BEAT)  # it may be on its way to another machine
        return None


def registry_of(application: str) -> str:
    """The name of its actor."""
    return f"registry of {application}"

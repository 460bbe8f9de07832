"""A gateway as Ray Serve runs it: what `inferc run` serves, once more, on another node."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ...compiler.plan import Plan, load_plan
from ...compiler.plan.codec import parse_plan
from ..environment import in_environment
from ..http.server import bind
from ..requests.errors import StartError
from .following import FollowingExecutor, registry_of
from .library import Ray, load_ray
from .placing import gateway_part
from .registry import Joined, Served as WhatIsServed
from .served import NotReady, Served
from .shared_registry import SharedRegistry

STATE = "INFERC_STATE"

log = logging.getLogger(__name__)


class _Executor(FollowingExecutor):
    """Takes over each plan that the registry says. revision: of the one that it has."""

    is_on_ray = True

    def __init__(self, *arguments: object, revision: str | None, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._revision = revision

    async def _heard(self, joined: Joined) -> None:
        if self._revision is None or joined.revision in (None, self._revision):
            return
        said: WhatIsServed | None = await self._registry.call("served")
        if said is None:
            return
        self._revision = said.revision
        try:
            await self.reload(parse_plan(said.plan_text))
        except StartError as error:
            log.error("the changed plan is not served here: %s", error)


class ServedGateway:
    """What Serve makes an actor of on each of some nodes, and keeps alive."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        application: str,
        base: str,
        grace: float,
        load_timeout: float,
        share_port: bool = False,
        plan_file: str | None = None,
    ) -> None:
        """plan_file: below `base`, with the whole plan, whose state is where INFERC_STATE says; None: the
        registry says both.
        """
        ray = load_ray()
        state: str | None
        if plan_file is not None:
            plan, state, revision = _gateway_of(Path(base, plan_file)), os.environ.get(STATE), None
        else:
            said = await _said(ray, application)
            plan, state, revision = parse_plan(said.plan_text), said.state, said.revision
        where = plan.gateway
        bound = bind(where.host, where.port, advice="`bind` of the file says where", shared=share_port)
        executor = _Executor(
            plan,
            Path(base),
            ray,
            application,
            load_timeout=load_timeout,
            state=state,
            trust_models=False,
            revision=revision,
        )
        self._served = Served(executor, where, bound, grace)
        await self._served.start()

    async def check_health(self) -> None:
        """Called by Serve. Raises NotReady. A model that is away is no reason to replace a gateway."""
        if self._served.is_over:
            raise NotReady("the gateway has ended")

    async def __call__(self) -> str:
        """Requests do not come through Serve."""
        return "inferc"

    async def __del__(self) -> None:
        """Called by Serve, which waits for it: take no more requests, and end those that run."""
        served = getattr(self, "_served", None)
        if served is not None and not served.is_stopping:
            await served.stop()


def _gateway_of(file: Path) -> Plan:
    """The gateway's part of the plan in a file, with what the environment says of it. Raises StartError."""
    return gateway_part(in_environment(load_plan(file)))[0]


async def _said(ray: Ray, application: str) -> WhatIsServed:
    said: WhatIsServed | None = await SharedRegistry(ray.core, registry_of(application)).call("served")
    if said is None:
        raise RuntimeError("no `inferc run` says what is to be served")
    return said

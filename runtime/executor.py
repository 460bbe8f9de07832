"""The executor: everything that a plan describes, running, and exchanged when the plan changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from pathlib import Path
from random import Random, SystemRandom
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..compiler.plan import Plan, RemotePoolPlan
from .environment import in_environment
from .limits.keys import KeyPolicies
from .limits.plan_policies import PlanPolicies
from .replicas.elsewhere import Servers
from .replicas.replica import LOAD_TIMEOUT
from .requests.answer import Chunk
from .requests.call import NO_HEADERS, Call
from .requests.health import Finding
from .requests.request import Request
from .requests.trace import Trace
from .running_plan import RunningPlan
from .serving.deployment import Deployment
from .serving.model import Model
from .starting import StandIns, Started, Starter

if TYPE_CHECKING:
    from .limits.store import Store
    from .serving.pipelines.pipeline import Pipeline
    from .serving.pipelines.workers.pool import PoolStatus
    from .serving.routes.route import Route

DRAIN_POLL = 0.05
"""Seconds between two looks at what is still in flight."""

MAX_DRAIN = 3600.0
"""Seconds that requests have to finish which are answered by what a reload has taken out."""


class Executor:
    """Serves the deployments, routes and pipelines of one plan.

    base_dir: the directory of the plan file; the paths in the plan are relative to it.
    random: where retries take their jitter from; by default no two processes have the same.
    state: where spend and shared limits are kept: a directory, or a `redis://` URL; None: in memory.
    clock: seconds since 1970, asked once, when the executor starts.
    trust_models: load models at once. Else the first load of each on this machine is tried in a process of
    its own: one that crashes ONNX Runtime is then a problem like others.
    load_timeout: seconds that a model on this machine has to be loaded, and to run once.
    Raises StartError where the environment lacks texts that the plan takes from there.
    stand_ins: for what is outside, where the plan is simulated. servers: what runs servers in our place.
    strict: a deployment that cannot be started or reached at the start is a problem, whoever does without it.
    """

    def __init__(
        self,
        plan: Plan,
        base_dir: Path,
        *,
        random: Random | None = None,
        state: str | Path | None = None,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
        trust_models: bool = True,
        load_timeout: float = LOAD_TIMEOUT,
        stand_ins: StandIns | None = None,
        servers: Servers | None = None,
    ) -> None:
        self.base_dir = base_dir
        self._state = state
        self._clock = clock
        self._starter = Starter(
            base_dir, random or SystemRandom(), strict, trust_models, load_timeout, stand_ins, servers
        )
        self.now = RunningPlan(in_environment(plan))
        """What answers the requests that come now."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where it runs, once it was started: asking for it takes a system call."""
        self._stopping = False
        self._draining: asyncio.Task[None] | None = None
        self.reload_problems: tuple[str, ...] = ()
        """Why the last reload changed nothing; empty without one, and after a good one."""
        self.reloaded_at: float | None = None
        """When a changed plan was taken over the last time, in seconds since 1970."""

    @property
    def plan(self) -> Plan:
        """What is served."""
        return self.now.plan

    @property
    def broken(self) -> frozenset[str]:
        """Deployments that could not be started, and that routes do without."""
        return self.now.broken

    @property
    def state_at(self) -> str | Path | None:
        """Where state is kept, as it was said; None: in memory."""
        return self._state

    @property
    def state(self) -> Store | None:
        """Where spend and shared limits are kept; None before `start`."""
        return self.now.policies.store if self.now.policies else None

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """The deployments by name, in the order of the plan; empty before `start`."""
        return MappingProxyType(self.now.deployments)

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes by name, those inside others, too; empty before `start`."""
        return MappingProxyType(self.now.routes)

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The pipelines by name; empty before `start`."""
        return MappingProxyType(self.now.pipelines)

    @property
    def models(self) -> Mapping[str, Model]:
        """All that requests may name as `model`: deployments, routes, and pipelines from text to text."""
        return MappingProxyType(self.now.models)

    @property
    def keys(self) -> Mapping[str, KeyPolicies]:
        """The policies of the keys of the gateway, by name; empty before `start`."""
        return MappingProxyType(self.now.keys)

    @property
    def workers(self) -> list[PoolStatus]:
        """How the processes are that run code of users, and what may take long; empty without any."""
        return self.now.workers.status if self.now.workers is not None else []

    @property
    def started(self) -> Started:
        """How far the start is, or that of what is taken over."""
        return self._starter.started

    async def start(self) -> None:
        """Start everything. Raises StartError with all problems of all deployments.

        A deployment that cannot be started is no problem where it is the member of a route that has
        another one, unless `strict`.
        A remote endpoint that cannot be reached is only named, unless `strict`: its requests fail, the
        others work.
        """
        self.loop = asyncio.get_running_loop()
        policies = PlanPolicies(self.plan, self._state, self._clock)
        self.now = await self._starter.start(self.plan, policies, None)
        policies.serve()

    async def reload(self, plan: Plan) -> None:
        """Serve `plan` from now on; requests in flight are answered as they began.

        What has not changed goes on: models in memory, connections, circuits, limits and budgets. Raises
        StartError with all problems, and then nothing has changed.
        """
        plan, before = in_environment(plan), self.now
        assert before.policies is not None
        policies = PlanPolicies(plan, self._state, self._clock, before.policies)
        now = await self._starter.start(plan, policies, before)
        try:
            await self._make_room(plan)
        except BaseException:
            await now.stop(before)
            raise
        kept = {id(each) for each in before.deployments.values()}
        for deployment in now.deployments.values():
            if id(deployment) in kept:
                remote = deployment.plan if isinstance(deployment.plan, RemotePoolPlan) else None
                deployment.go_on(now.deployments, policies.of_replicas(remote) if remote else None)
        policies.serve()
        self.now = now
        self.reloaded_at = time.time()
        self._draining = asyncio.create_task(self._drain(before, now, self._draining))

    async def _make_room(self, plan: Plan) -> None:
        """What must happen outside before a plan is served that is found to be good. Raises StartError."""

    async def stop(self) -> None:
        """Stop everything; requests that still run are broken off. Safe to call twice."""
        self._stopping = True
        if self._draining is not None:
            await asyncio.wait([self._draining])
        await self.now.stop()

    async def _drain(self, before: RunningPlan, now: RunningPlan, earlier: asyncio.Task[None] | None) -> None:
        """Stop what `now` does not go on with, once nothing comes to it any more."""
        if earlier is not None:
            await asyncio.wait([earlier])
        kept = {id(each) for each in now.deployments.values()}
        gone = [each for each in before.deployments.values() if id(each) not in kept]
        for _ in range(int(MAX_DRAIN / DRAIN_POLL)):
            if before.is_idle(gone) or self._stopping:
                break
            await asyncio.sleep(DRAIN_POLL)
        await before.stop(now)

    def spent(self) -> dict[str, dict[str, float]]:
        """Dollars by window, for each budget of the gateway and of routes."""
        policies = self.now.policies
        return policies.spent() if policies is not None else {}

    def findings(self) -> Iterator[Finding]:
        """What is wrong with all that is neither a deployment nor a route."""
        return self.now.findings()

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name. Raises UnknownModel, which lists the names there are."""
        return self.now.deployment(name)

    def model(self, name: str) -> Model:
        """What answers requests for `name`. Raises UnknownModel, which lists the names there are."""
        return self.now.model(name)

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises UnknownModel, which lists those there are."""
        return self.now.pipeline(name)

    def deadline(self) -> float | None:
        """When a request that comes now must be answered, in the time of the running loop."""
        return self.now.deadline()

    def stream(
        self,
        name: str,
        request: Request,
        deadline: float | None = None,
        trace: Trace | None = None,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of `name` in pieces; unary answers are one piece.

        deadline: in the time of the running loop. trace: filled in with what became of the request.
        priority: of those who wait for a slot, the highest runs first. headers: of the client's request.
        Close the generator (`contextlib.aclosing`) to cancel. Raises RequestError.
        """
        if self.now.has_patterns:
            request = self.now.completed(name, request)
        call = Call(request, deadline, priority, headers)
        return self.now.asked(name).stream(call, Trace() if trace is None else trace)

    async def answer(
        self,
        name: str,
        request: Request,
        deadline: float | None = None,
        trace: Trace | None = None,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Chunk:
        """The first chunk of the answer: all of it, for a request that wants no stream.

        As `stream`, and faster where replicas have whole answers.
        """
        if self.now.has_patterns:
            request = self.now.completed(name, request)
        call = Call(request, deadline, priority, headers)
        return await self.now.asked(name).answer(call, Trace() if trace is None else trace)

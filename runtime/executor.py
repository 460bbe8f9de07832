"""The executor: everything that a plan describes, running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from difflib import get_close_matches
from pathlib import Path
from random import Random, SystemRandom
from types import MappingProxyType

from ..compiler.plan import DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from .deployment import Deployment, Trace
from .errors import StartError, UnknownModel
from .guarding import Guarding
from .passage import Guards
from .replica import Chunk, Replica, Request


class Executor:
    """Serves the deployments of one plan.

    base_dir: the directory of the plan file; the paths in the plan are relative to it.
    random: where retries take their jitter from; by default no two processes have the same.
    state: where spend and shared limits are kept: a directory, or a `redis://` URL; None: in memory.
    clock: seconds since 1970, asked once, when the executor starts.
    strict: a remote endpoint that cannot be reached at the start is a problem, and not just a warning.
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
    ) -> None:
        self.plan = plan
        self.base_dir = base_dir
        self._random = random or SystemRandom()
        self._state = state
        self._clock = clock
        self._strict = strict
        self._guarding: Guarding | None = None
        self._deployments: dict[str, Deployment] = {}

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """The deployments by name, in the order of the plan; empty before `start`."""
        return MappingProxyType(self._deployments)

    async def start(self) -> None:
        """Start every deployment. Raises StartError with all problems of all of them.

        A remote endpoint that cannot be reached is only named, unless `strict`: its requests fail, the
        others work.
        """
        problems: list[str] = []
        guarding = self._guarding = Guarding(self.plan, self._state, self._clock)
        for plan in self.plan.deployments:
            try:
                self._deployments[plan.deployment] = self._build(plan, guarding)
            except StartError as error:
                problems += error.problems
        try:
            try:
                await guarding.start()
            except StartError as error:
                problems += error.problems
            outcomes = await asyncio.gather(
                *(deployment.start() for deployment in self._deployments.values()), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, StartError):
                    problems += outcome.problems
                elif outcome is not None:
                    raise outcome
            problems += await self._unreachable()
            if problems:
                raise StartError(*problems)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every deployment; requests that still run are broken off. Safe to call twice."""
        await asyncio.gather(*(deployment.stop() for deployment in self._deployments.values()))
        if self._guarding:
            await self._guarding.stop()

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name. Raises UnknownModel, which lists the names there are."""
        try:
            return self._deployments[name]
        except KeyError:
            raise UnknownModel(self._unknown(name), param="model") from None

    def deadline(self) -> float | None:
        """When a request that comes now must be answered, in the time of the running loop."""
        timeout = self.plan.gateway.timeout
        return asyncio.get_running_loop().time() + timeout if timeout is not None else None

    def stream(
        self,
        name: str,
        request: Request,
        deadline: float | None = None,
        trace: Trace | None = None,
        *,
        priority: int = 0,
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of deployment `name` in pieces; unary answers are one piece.

        deadline: in the time of the running loop. trace: filled in with what became of the request.
        priority: of those who wait for a slot, the highest runs first.
        Close the generator (`contextlib.aclosing`) to cancel. Raises RequestError.
        """
        trace = Trace() if trace is None else trace
        return self.deployment(name).stream(request, deadline, trace, priority=priority)

    async def answer(
        self,
        name: str,
        request: Request,
        deadline: float | None = None,
        trace: Trace | None = None,
        *,
        priority: int = 0,
    ) -> Chunk:
        """The first chunk of the answer: all of it, for a request that wants no stream.

        As `stream`, and faster where replicas have whole answers.
        """
        trace = Trace() if trace is None else trace
        deployment = self._deployments.get(name)
        if deployment is not None:
            return await deployment.answer(request, deadline, trace, priority=priority)
        async with aclosing(self.stream(name, request, deadline, trace, priority=priority)) as chunks:
            return await anext(chunks)

    def _build(self, plan: DeploymentPlan, guarding: Guarding) -> Deployment:
        replicas: list[Replica]
        guards: list[Guards] | None = None
        match plan:
            case RemotePoolPlan():
                from .remote import make_replica

                guards = guarding.guards(plan)
                replicas = [
                    make_replica(plan, placement, self.base_dir, guard.permits.observe)
                    for placement, guard in zip(plan.replicas, guards, strict=True)
                ]
            case OnnxServingPlan():
                try:
                    from .onnx import OnnxReplica
                except ImportError as error:
                    raise StartError(
                        f"deployment `{plan.deployment}`: it needs {error.name}, which is not installed: "
                        "pip install 'inferc[gpu,embed]', or 'inferc[cpu,embed]' without a GPU"
                    ) from None
                replicas = [OnnxReplica(plan, placement, self.base_dir) for placement in plan.replicas]
            case _:
                raise TypeError(f"no such kind of plan: {plan!r}")
        return Deployment(plan, replicas, self._deployments, self._random, guards)

    async def _unreachable(self) -> list[str]:
        """What is wrong with remote endpoints that cannot be reached, where that is to stop the start."""
        remote = [plan for plan in self.plan.deployments if isinstance(plan, RemotePoolPlan)]
        if not remote:
            return []
        from .remote.reach import name_unreachable

        return await name_unreachable(remote, strict=self._strict)

    def _unknown(self, name: str) -> str:
        names = list(self._deployments)
        near = get_close_matches(name, names, n=4)
        ordered = [*near, *(other for other in names if other not in near)]
        listed = ", ".join(f"`{other}`" for other in ordered) or "none"
        return f"there is no model `{name}`; the models here are: {listed}"

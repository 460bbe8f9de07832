"""The executor: everything that a plan describes, running."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from random import Random, SystemRandom
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..compiler.plan import CascadePlan, DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from .concurrency.tasks import end_tasks
from .environment import in_environment
from .limits.keys import KeyPolicies
from .limits.plan_policies import PlanPolicies
from .replicas.factory import BrokenReplica, make_replicas
from .replicas.replica import LOAD_TIMEOUT
from .requests.answer import Chunk
from .requests.call import NO_HEADERS, Call
from .requests.errors import StartError, UnknownModel
from .requests.health import Finding
from .requests.request import Request
from .requests.trace import Trace
from .secret import secret_variables
from .serving.deployment import Deployment
from .serving.model import Model
from .serving.spare_deployments import replaceable

if TYPE_CHECKING:
    from .limits.store import Store
    from .serving.pipelines import Extern, Pipeline, PoolStatus, Threads, Workers
    from .serving.routes.route import Route

log = logging.getLogger(__name__)


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
    ) -> None:
        self.plan = in_environment(plan)
        self.base_dir = base_dir
        self._random = random or SystemRandom()
        self._state = state
        self._clock = clock
        self._strict = strict
        self._trust_models = trust_models
        self._load_timeout = load_timeout
        self._policies: PlanPolicies | None = None
        self._deployments: dict[str, Deployment] = {}
        self._routes: dict[str, Route] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._reachable: dict[str, Model] = {}
        self._models: dict[str, Model] = {}
        self._workers: Workers | None = None
        self._threads: Threads | None = None
        self.broken: frozenset[str] = frozenset()
        """Deployments that could not be started, and that routes do without."""
        self.reload_problems: tuple[str, ...] = ()
        """What the last reload could not take over, and why; empty without one, and after a good one."""

    @property
    def state(self) -> Store | None:
        """Where spend and shared limits are kept; None before `start`."""
        return self._policies.store if self._policies else None

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """The deployments by name, in the order of the plan; empty before `start`."""
        return MappingProxyType(self._deployments)

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes by name, those inside others, too; empty before `start`."""
        return MappingProxyType(self._routes)

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The pipelines by name; empty before `start`."""
        return MappingProxyType(self._pipelines)

    @property
    def models(self) -> Mapping[str, Model]:
        """All that requests may name as `model`: deployments, routes, and pipelines from text to text."""
        return MappingProxyType(self._models)

    @property
    def keys(self) -> Mapping[str, KeyPolicies]:
        """The policies of the keys of the gateway, by name; empty before `start`."""
        return self._policies.keys if self._policies else MappingProxyType({})

    @property
    def workers(self) -> list[PoolStatus]:
        """How the processes are that run code of users, and what may take long; empty without any."""
        return self._workers.status if self._workers is not None else []

    async def start(self) -> None:
        """Start everything. Raises StartError with all problems of all deployments.

        A deployment that cannot be started is no problem where it is the member of a route that has
        another one, unless `strict`.
        A remote endpoint that cannot be reached is only named, unless `strict`: its requests fail, the
        others work.
        """
        problems: list[str] = []
        failed: dict[str, tuple[str, ...]] = {}
        policies = self._policies = PlanPolicies(self.plan, self._state, self._clock)
        for plan in self.plan.deployments:
            try:
                self._deployments[plan.deployment] = self._build(plan, policies)
            except StartError as error:
                failed[plan.deployment] = error.problems
        loading = asyncio.create_task(self._load_externs())
        try:
            try:
                await policies.start()
            except StartError as error:
                problems += error.problems
            names = list(self._deployments)
            outcomes = await asyncio.gather(
                *(deployment.start() for deployment in self._deployments.values()), return_exceptions=True
            )
            for name, outcome in zip(names, outcomes, strict=True):
                if isinstance(outcome, StartError):
                    failed[name] = outcome.problems
                elif outcome is not None:
                    raise outcome
            problems = [*await self._do_without(failed), *problems, *await self._unreachable()]
            self._models = dict(self._deployments)
            try:
                externs = await loading
            except StartError as error:
                problems += error.problems
                externs = {}
            if not problems:
                self._serve_routes()
                self._serve_pipelines(externs, problems)
            if problems:
                raise StartError(*problems)
            if self._workers is not None:
                self._workers.start()
        except BaseException:
            await end_tasks([loading])
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every deployment; requests that still run are broken off. Safe to call twice."""
        await asyncio.gather(*(deployment.stop() for deployment in self._deployments.values()))
        if self._threads is not None:
            self._threads.stop()
        if self._workers is not None:
            await self._workers.stop()
        if self._policies:
            await self._policies.stop()

    def spent(self) -> dict[str, dict[str, float]]:
        """Dollars by window, for each budget of the gateway and of routes."""
        return self._policies.spent() if self._policies else {}

    def findings(self) -> Iterator[Finding]:
        """What is wrong with all that is neither a deployment nor a route."""
        if self._policies:
            yield from self._policies.findings()
        if self._threads is not None:
            yield from self._threads.findings()
        if self._workers is not None:
            yield from self._workers.findings()

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name. Raises UnknownModel, which lists the names there are."""
        try:
            return self._deployments[name]
        except KeyError:
            raise UnknownModel(self._unknown(name), param="model") from None

    def model(self, name: str) -> Model:
        """What answers requests for `name`, or for the part of it before a slash, where clients say the rest.

        Raises UnknownModel, which lists the names there are.
        """
        try:
            return self._models[name]
        except KeyError:
            model = self._models.get(name.partition("/")[0])
            if model is not None and model.is_wildcard:
                return model
            raise UnknownModel(self._unknown(name), param="model") from None

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises UnknownModel, which lists those there are."""
        try:
            return self._pipelines[name]
        except KeyError:
            listed = _listed(name, self._pipelines)
            message = f"there is no pipeline `{name}`; the pipelines here are: {listed}"
            if name in self._models:
                message = f"`{name}` is no pipeline, but a model: name it as `model`; pipelines: {listed}"
            raise UnknownModel(message, param="pipeline", code="pipeline_not_found") from None

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
        headers: Mapping[str, str] = NO_HEADERS,
        payers: tuple[str, ...] = (),
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of `name` in pieces; unary answers are one piece.

        deadline: in the time of the running loop. trace: filled in with what became of the request.
        priority: of those who wait for a slot, the highest runs first. headers: of the client's request.
        payers: whose budgets what it costs is charged to, beside those of the deployments.
        Close the generator (`contextlib.aclosing`) to cancel. Raises RequestError.
        """
        trace = Trace() if trace is None else trace
        return self.model(name).stream(Call(request, deadline, priority, headers, payers=payers), trace)

    async def answer(
        self,
        name: str,
        request: Request,
        deadline: float | None = None,
        trace: Trace | None = None,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
        payers: tuple[str, ...] = (),
    ) -> Chunk:
        """The first chunk of the answer: all of it, for a request that wants no stream.

        As `stream`, and faster where replicas have whole answers.
        """
        trace = Trace() if trace is None else trace
        return await self.model(name).answer(Call(request, deadline, priority, headers, payers=payers), trace)

    def _build(self, plan: DeploymentPlan, policies: PlanPolicies) -> Deployment:
        replicas, guards = make_replicas(
            plan,
            self.plan,
            self.base_dir,
            policies,
            trust_models=self._trust_models,
            load_timeout=self._load_timeout,
        )
        assert isinstance(plan, OnnxServingPlan | RemotePoolPlan)
        return Deployment(plan, replicas, self._deployments, self._random, guards)

    def _broken(self, plan: DeploymentPlan, problems: Sequence[str]) -> Deployment:
        """What stands for a deployment that could not be started, so that routes can do without it."""
        replicas = [BrokenReplica(plan.deployment, problems) for _ in plan.replicas]
        assert isinstance(plan, OnnxServingPlan | RemotePoolPlan)
        return Deployment(plan, replicas, self._deployments, self._random)

    async def _load_externs(self) -> dict[str, Extern]:
        """The functions that pipelines call. Raises StartError with all that is wrong with them."""
        if not self.plan.pipelines and not any(isinstance(each, CascadePlan) for each in self.plan.routes):
            return {}
        from .serving.pipelines import Threads, Workers, load_externs

        self._workers = workers = Workers(secret_variables(self.plan))
        self._threads = threads = Threads()
        return await load_externs(self.plan, self.base_dir, workers, threads, self._random)

    def _serve_routes(self) -> None:
        """Let routes answer beside the deployments; those inside others only there."""
        self._reachable = dict(self._deployments)
        for plan in self.plan.routes:
            from .serving.routes.build import build_route

            route = build_route(plan, self._reachable, self._random, self._workers)
            self._routes[plan.route] = self._reachable[plan.route] = route
            if not plan.inner:
                self._models[plan.route] = route

    def _serve_pipelines(self, externs: Mapping[str, Extern], problems: list[str]) -> None:
        """Let pipelines answer, those that chat beside the deployments, too."""
        if not self.plan.pipelines:
            return
        from .serving.pipelines import PipelineModel, build_pipelines

        assert self._workers is not None
        try:
            self._pipelines = build_pipelines(
                self.plan, self._reachable, externs, self._workers, self._random
            )
        except StartError as error:
            problems += error.problems
        for name, pipeline in self._pipelines.items():
            if pipeline.chats:
                self._models[name] = PipelineModel(pipeline)

    async def _do_without(self, failed: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Keep what works of a route when a member could not be started; gives all other problems."""
        spared = set() if self._strict else replaceable(self.plan, failed)
        problems: dict[str, None] = {}
        working: dict[str, Deployment] = {}
        for plan in self.plan.deployments:
            name = plan.deployment
            if name in spared:
                if name in self._deployments:
                    await self._deployments[name].stop()
                working[name] = self._broken(plan, failed[name])
                for problem in failed[name]:
                    log.warning("%s; routes do without it", problem)
            elif name in failed:
                problems |= dict.fromkeys(failed[name])
            if name not in working and name in self._deployments:
                working[name] = self._deployments[name]
        self.broken = frozenset(spared)
        self._deployments.clear()
        self._deployments |= working
        return list(problems)

    async def _unreachable(self) -> list[str]:
        """What is wrong with remote endpoints that cannot be reached, where that is to stop the start."""
        remote = [
            plan
            for plan in self.plan.deployments
            if isinstance(plan, RemotePoolPlan) and plan.deployment not in self.broken
        ]
        if not remote:
            return []
        from .replicas.remote.reachability import name_unreachable

        return await name_unreachable(remote, strict=self._strict)

    def _unknown(self, name: str) -> str:
        if name in self._pipelines:
            return f"`{name}` is a pipeline that does not chat: send the request to /v1/pipelines/{name}"
        return f"there is no model `{name}`; the models here are: {_listed(name, self._models)}"


def _listed(name: str, names: Iterable[str]) -> str:
    """All of `names`, those nearest to `name` first."""
    all_names = list(names)
    near = get_close_matches(name, all_names, n=4)
    ordered = [*near, *(other for other in all_names if other not in near)]
    return ", ".join(f"`{other}`" for other in ordered) or "none"

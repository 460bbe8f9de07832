"""A plan is started: all of it, or what is new in it where another one is served already."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

from attrs import evolve, field

from ..compiler.plan import CascadePlan, DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from ..compiler.plan.record import define, frozen
from .concurrency.tasks import end_tasks
from .limits.plan_policies import PlanPolicies
from .limits.replica_policies import ReplicaPolicies
from .replicas.elsewhere import Servers
from .replicas.factory import BrokenReplica, make_replicas
from .replicas.stand_ins import ReplicaStandIns
from .requests.errors import StartError
from .running_plan import RunningPlan
from .secrets.secret import secret_variables
from .serving.deployment import Deployment
from .serving.spare_deployments import replaceable

if TYPE_CHECKING:
    from .serving.pipelines.externs import Extern
    from .serving.pipelines.threads import Threads
    from .serving.pipelines.workers.workers import Workers

log = logging.getLogger(__name__)


class StandIns(ReplicaStandIns, Protocol):
    """What stands for the world outside, in a simulation: workers without processes, too."""

    def workers(self, hidden: Iterable[str]) -> Workers:
        """What runs code of users, and what may take long."""
        ...

    def threads(self) -> Threads:
        """The same, where a file wants no process for it."""
        ...


@define
class Started:
    """How far a start is: how many deployments there are, and which are not there yet."""

    count: int = 0
    waiting: set[str] = field(factory=set)


@frozen
class Starter:
    """How plans are started: as an `Executor` was told."""

    base_dir: Path
    random: Random
    strict: bool
    trust_models: bool
    load_timeout: float
    stand_ins: StandIns | None = None
    servers: Servers | None = None
    started: Started = field(factory=Started, eq=False)

    async def start(self, plan: Plan, policies: PlanPolicies, before: RunningPlan | None) -> RunningPlan:
        """`plan`, running, with those deployments of `before` that have not changed.

        What is before goes on as it is, but for models on this machine that are exchanged in their place,
        which is done last. Raises StartError with all problems, and leaves nothing behind.
        """
        new, hidden = RunningPlan(plan, policies), secret_variables(plan)
        self.started.count = len(plan.deployments)
        self.started.waiting.clear()
        problems: list[str] = []
        failed: dict[str, tuple[str, ...]] = {}
        started: list[Deployment] = []
        exchanged: list[tuple[Deployment, OnnxServingPlan]] = []
        for each in plan.deployments:
            name = each.deployment
            old = before.deployments.get(name) if before is not None and name not in before.broken else None
            try:
                if old is not None and _is_same(old, each, policies):
                    new.deployments[name] = old
                elif old is not None and isinstance(each, OnnxServingPlan) and old.can_reload(each):
                    new.deployments[name] = old
                    exchanged.append((old, each))
                else:
                    new.deployments[name] = self._build(each, hidden, policies, new)
                    started.append(new.deployments[name])
            except StartError as error:
                failed[name] = error.problems
        loading = asyncio.create_task(self._load_externs(new, hidden, before))
        try:
            try:
                await policies.start()
            except StartError as error:
                problems += error.problems
            outcomes = await asyncio.gather(*(self._start(each) for each in started), return_exceptions=True)
            for deployment, outcome in zip(started, outcomes, strict=True):
                if isinstance(outcome, StartError):
                    failed[deployment.name] = outcome.problems
                elif outcome is not None:
                    raise outcome
            problems = [*await self._do_without(new, failed), *problems]
            problems += await self._unreachable(new, started)
            new.models = dict(new.deployments)
            try:
                new.externs = await loading
            except StartError as error:
                problems += error.problems
            if not problems:
                self._serve_routes(new)
                self._serve_pipelines(new, problems)
                self._guard(new)
            if problems:
                raise StartError(*problems)
            await _exchange(exchanged)
            if new.workers is not None and (before is None or before.workers is not new.workers):
                new.workers.start()
        except BaseException:
            await end_tasks([loading])
            await new.stop(before)
            raise
        if before is not None:
            _go_on_counting(new, before)
        return new

    async def _start(self, deployment: Deployment) -> None:
        self.started.waiting.add(deployment.name)
        try:
            await deployment.start()
        finally:
            self.started.waiting.discard(deployment.name)

    def _build(
        self, plan: DeploymentPlan, hidden: frozenset[str], policies: PlanPolicies, new: RunningPlan
    ) -> Deployment:
        replicas, guards = make_replicas(
            plan,
            hidden,
            self.base_dir,
            policies,
            trust_models=self.trust_models,
            load_timeout=self.load_timeout,
            stand_ins=self.stand_ins,
            servers=self.servers,
        )
        assert isinstance(plan, OnnxServingPlan | RemotePoolPlan)
        return Deployment(plan, replicas, new.deployments, self.random, guards)

    def _broken(self, plan: DeploymentPlan, problems: Sequence[str], new: RunningPlan) -> Deployment:
        """What stands for a deployment that could not be started, so that routes can do without it."""
        replicas = [BrokenReplica(plan.deployment, problems) for _ in plan.replicas]
        assert isinstance(plan, OnnxServingPlan | RemotePoolPlan)
        return Deployment(plan, replicas, new.deployments, self.random)

    async def _load_externs(
        self, new: RunningPlan, hidden: frozenset[str], before: RunningPlan | None
    ) -> Mapping[str, Extern]:
        """The functions that pipelines call, loaded anew. Raises StartError with all that is wrong."""
        plan = new.plan
        guards = any(each.request or each.answer for each in plan.gateway.guards)
        if not plan.pipelines and not guards and not any(isinstance(x, CascadePlan) for x in plan.routes):
            return {}
        if before is not None and before.workers is not None and not (plan.externs or before.plan.externs):
            new.workers, new.threads = before.workers, before.threads
            return before.externs
        from .serving.pipelines.build import load_externs
        from .serving.pipelines.threads import Threads
        from .serving.pipelines.workers.workers import Workers

        stand_ins = self.stand_ins
        new.workers = workers = Workers(hidden) if stand_ins is None else stand_ins.workers(hidden)
        new.threads = threads = Threads() if stand_ins is None else stand_ins.threads()
        return await load_externs(plan, self.base_dir, workers, threads, self.random)

    def _guard(self, new: RunningPlan) -> None:
        """Let guards see what is asked and answered, where there are any."""
        if new.plan.gateway.guards:
            from .serving.guards import Guards

            new.guards = Guards(new.plan.gateway.guards, new.externs)

    def _serve_routes(self, new: RunningPlan) -> None:
        """Let routes answer beside the deployments; those inside others only there."""
        new.reachable = dict(new.deployments)
        for plan in new.plan.routes:
            from .serving.routes.build import build_route

            route = build_route(plan, new.reachable, self.random, new.workers)
            new.routes[plan.route] = new.reachable[plan.route] = route
            if not plan.inner:
                new.models[plan.route] = route

    def _serve_pipelines(self, new: RunningPlan, problems: list[str]) -> None:
        """Let pipelines answer, those that chat beside the deployments, too."""
        if not new.plan.pipelines:
            return
        from .serving.pipelines.build import build_pipelines
        from .serving.pipelines.model import PipelineModel

        assert new.workers is not None
        try:
            new.pipelines = build_pipelines(new.plan, new.reachable, new.externs, new.workers, self.random)
        except StartError as error:
            problems += error.problems
        for name, pipeline in new.pipelines.items():
            if pipeline.plan.chats:
                new.models[name] = PipelineModel(pipeline)

    async def _do_without(self, new: RunningPlan, failed: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Keep what works of a route when a member could not be started; gives all other problems."""
        spared = set() if self.strict else replaceable(new.plan, failed)
        problems: dict[str, None] = {}
        working: dict[str, Deployment] = {}
        for plan in new.plan.deployments:
            name = plan.deployment
            if name in spared:
                if name in new.deployments:
                    await new.deployments[name].stop()
                working[name] = self._broken(plan, failed[name], new)
                for problem in failed[name]:
                    log.warning("%s; routes do without it", problem)
            elif name in failed:
                problems |= dict.fromkeys(failed[name])
            if name not in working and name in new.deployments:
                working[name] = new.deployments[name]
        new.broken = frozenset(spared)
        new.deployments.clear()
        new.deployments |= working
        return list(problems)

    async def _unreachable(self, new: RunningPlan, started: Sequence[Deployment]) -> list[str]:
        """What is wrong with remote endpoints that cannot be reached, where that is to stop the start."""
        names = {each.name for each in started} - new.broken
        remote = [
            plan
            for plan in new.plan.deployments
            if isinstance(plan, RemotePoolPlan) and plan.deployment in names
        ]
        if not remote or self.stand_ins is not None:
            return []
        from .replicas.remote.transport.reachability import name_unreachable

        return await name_unreachable(remote, strict=self.strict)


def _is_same(old: Deployment, plan: DeploymentPlan, policies: PlanPolicies) -> bool:
    """Whether `old` is `plan`, wherever in the file it stands, behind the same policies."""
    if old.plan != evolve(plan, source=old.plan.source):
        return False
    if not isinstance(plan, RemotePoolPlan):
        return True

    def parts(each: ReplicaPolicies | None) -> tuple[object, ...]:
        assert each is not None
        return each.breaker, each.limiter, each.budget

    now, then = policies.of_replicas(plan), old.policies
    return all(
        one is other
        for mine, its in zip(now, then, strict=True)
        for one, other in zip(parts(mine), parts(its), strict=True)
    )


async def _exchange(wanted: Sequence[tuple[Deployment, OnnxServingPlan]]) -> None:
    """Exchange models where they are served; all of them, or none. Raises StartError."""
    done: list[tuple[Deployment, OnnxServingPlan]] = []
    try:
        for deployment, plan in wanted:
            assert isinstance(deployment.plan, OnnxServingPlan)
            done.append((deployment, deployment.plan))
            await deployment.reload(plan)
    except StartError:
        for deployment, plan in reversed(done):
            try:
                await deployment.reload(plan)
            except StartError as error:
                log.error("the model that was served before cannot be loaded any more: %s", error)
        raise


def _go_on_counting(new: RunningPlan, before: RunningPlan) -> None:
    """Counters do not begin anew when a plan has changed."""
    for name, deployment in new.deployments.items():
        if name in before.deployments:
            deployment.counters = before.deployments[name].counters
    for name, route in new.routes.items():
        if name in before.routes:
            counters = before.routes[name].counters
            for member in route.members:
                counters.answers.setdefault(member.name, 0)
            route.counters = counters
    for name, pipeline in new.pipelines.items():
        if name in before.pipelines:
            pipeline.counters = before.pipelines[name].counters
    if new.guards is not None and before.guards is not None:
        counted = {each.plan.name: each.counters for each in before.guards.all}
        for guard in new.guards.all:
            guard.counters = counted.get(guard.plan.name, guard.counters)

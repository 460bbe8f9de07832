"""The replicas of a deployment, made from its plan, and what stands for one that cannot be started."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from ...compiler.plan import DeploymentPlan, OnnxServingPlan, RemotePoolPlan
from ...compiler.plan.installing import pip_install
from ..limits.plan_policies import PlanPolicies
from ..limits.replica_policies import ReplicaPolicies
from ..requests.answer import Chunk
from ..requests.errors import ServerDown, StartError
from ..requests.request import Request
from .elsewhere import Servers
from .replica import Replica, ReplicaStatus
from .stand_ins import ReplicaStandIns


class BrokenReplica:
    """Stands for one that could not be started, and says why to whoever asks."""

    def __init__(self, deployment: str, problems: Sequence[str]) -> None:
        self._deployment = deployment
        self._problems = tuple(problems)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=False, warnings=self._problems)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        nothing: tuple[Chunk, ...] = ()
        for chunk in nothing:
            yield chunk
        reason = "; ".join(self._problems)
        raise ServerDown(f"it was not started: {reason}", deployment=self._deployment, retryable=False)


def make_replicas(
    plan: DeploymentPlan,
    secret_variables: frozenset[str],
    base_dir: Path,
    plan_policies: PlanPolicies,
    *,
    trust_models: bool,
    load_timeout: float,
    stand_ins: ReplicaStandIns | None = None,
    servers: Servers | None = None,
) -> tuple[Sequence[Replica], Sequence[ReplicaPolicies] | None]:
    """The replicas of one deployment, and the policies of each. Raises StartError.

    secret_variables: of the environment, for the whole plan, which servers that are launched do not get.
    stand_ins: for what is outside, where the plan is simulated. servers: what runs servers in our place.
    """
    match plan:
        case RemotePoolPlan():
            from .remote import make_replica

            policies = plan_policies.of_replicas(plan)
            return [
                make_replica(
                    plan,
                    placement,
                    base_dir,
                    each.limiter.observe,
                    each.breaker.begin_anew,
                    secret_variables,
                    stand_ins,
                    servers,
                )
                for placement, each in zip(plan.replicas, policies, strict=True)
            ], policies
        case OnnxServingPlan():
            if stand_ins is not None:
                return [stand_ins.local(plan, each) for each in plan.replicas], None
            try:
                from .onnx import OnnxReplica
            except ImportError as error:
                raise StartError(
                    f"deployment `{plan.deployment}`: it needs {error.name}, which is not installed: "
                    f"{pip_install('gpu,embed')}, or {pip_install('cpu,embed')} without a GPU"
                ) from None
            return [
                OnnxReplica(plan, placement, base_dir, trusted=trust_models, time_limit=load_timeout)
                for placement in plan.replicas
            ], None
    raise TypeError(f"no such kind of plan: {plan!r}")

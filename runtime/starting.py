"""Starting deployments: what is made for each, and which of them may be missing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from pathlib import Path

from ..compiler.plan import DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from ..compiler.plan.reach import members_of
from .errors import ServerDown, StartError
from .guarding import Guarding
from .passage import Guards
from .replica import Chunk, Replica, ReplicaStatus, Request


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
    plan: DeploymentPlan, base_dir: Path, guarding: Guarding, *, trust_models: bool
) -> tuple[Sequence[Replica], Sequence[Guards] | None]:
    """The replicas of one deployment, and the policies of each. Raises StartError."""
    match plan:
        case RemotePoolPlan():
            from .remote import make_replica

            guards = guarding.guards(plan)
            return [
                make_replica(plan, placement, base_dir, guard.permits.observe)
                for placement, guard in zip(plan.replicas, guards, strict=True)
            ], guards
        case OnnxServingPlan():
            try:
                from .onnx import OnnxReplica
            except ImportError as error:
                raise StartError(
                    f"deployment `{plan.deployment}`: it needs {error.name}, which is not installed: "
                    "pip install 'inferc[gpu,embed]', or 'inferc[cpu,embed]' without a GPU"
                ) from None
            return [
                OnnxReplica(plan, placement, base_dir, trusted=trust_models) for placement in plan.replicas
            ], None
    raise TypeError(f"no such kind of plan: {plan!r}")


def replaceable(plan: Plan, broken: Collection[str]) -> set[str]:
    """Those of the `broken` deployments that a route does without: it has another member that works."""
    reached: dict[str, set[str]] = {each.deployment: {each.deployment} for each in plan.deployments}
    spared: set[str] = set()
    for route in plan.routes:
        together = set().union(*(reached[name] for name in members_of(route)))
        reached[route.route] = together
        if not together <= set(broken):
            spared |= together & set(broken)
    return spared

"""The replicas that a deployment has: how they start, stop, and get another model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...compiler.plan import OnnxServingPlan, RemotePoolPlan
from ...compiler.plan.reach import differ_in_model_alone
from ..replicas.replica import Reloadable, Replica, ReplicaStatus
from ..requests.errors import Drained, ShuttingDown, StartError, Unsupported
from .model import Model


class Replicated(Model):
    """What `plan` says is served, by `replicas`."""

    def __init__(self, plan: OnnxServingPlan | RemotePoolPlan, replicas: Sequence[Replica]) -> None:
        self.name = plan.deployment
        self.plan = plan
        self.task = plan.task_kind
        self._replicas = replicas
        self._loading = asyncio.Lock()
        self.is_stopping = False
        """Whether no request is answered any more."""
        self.is_drained = False
        """Whether the operator lets nothing come here; what runs may end."""

    @property
    def missing(self) -> int:
        """How many replicas are not ready, of those that there always are."""
        always = len(self._replicas) if self.plan.scaling is None else self.plan.scaling.min_replicas
        return max(0, always - sum(status.ready for status in self.status()))

    def is_ready(self) -> bool:
        """Whether a replica is: requests go to those that are."""
        return any(status.ready for status in self.status())

    def status(self) -> tuple[ReplicaStatus, ...]:
        """How each replica is."""
        if self.is_stopping:
            return (ReplicaStatus(ready=False),) * len(self._replicas)
        return tuple(replica.status() for replica in self._replicas)

    def check_open(self) -> None:
        """Whether requests are let in. Raises ShuttingDown, Drained."""
        if self.is_stopping:
            raise ShuttingDown("the executor is stopping", deployment=self.name)
        if self.is_drained:
            message = f"deployment `{self.name}`: its operator lets no requests come"
            raise Drained(message, deployment=self.name)

    async def start(self) -> None:
        """Start all replicas. Raises StartError with the problems of all of them."""
        outcomes = await asyncio.gather(*(r.start() for r in self._replicas), return_exceptions=True)
        problems: dict[str, None] = {}
        for outcome in outcomes:
            if isinstance(outcome, StartError):
                problems.update(dict.fromkeys(outcome.problems))
            elif outcome is not None:
                raise outcome
        if problems:
            raise StartError(*problems)

    async def stop(self) -> None:
        """Refuse new requests, and stop all replicas."""
        self.is_stopping = True
        await asyncio.gather(*(replica.stop() for replica in self._replicas))

    def can_reload(self, plan: OnnxServingPlan) -> bool:
        """Whether `plan` differs from the one that is served in no more than the model."""
        return isinstance(self.plan, OnnxServingPlan) and differ_in_model_alone(self.plan, plan)

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve the model of `plan` from now on. Raises StartError, and goes on with what it served before.

        One replica after the other, and requests are answered all the time.
        """
        for replica in self._replicas:
            assert isinstance(replica, Reloadable)
            await replica.reload(plan)
        self.plan = plan

    async def load(self) -> None:
        """Read the model anew, and answer again where it was unloaded. Raises StartError, Unsupported."""
        plan = self.plan
        if not isinstance(plan, OnnxServingPlan):
            raise Unsupported(f"`{self.name}` is no local model")
        async with self._loading:
            await self.reload(plan)
            self.is_drained = False

    async def unload(self) -> None:
        """Give back what the model takes, once its requests are answered; new ones are refused."""
        async with self._loading:
            self.is_drained = True
            for replica in self._replicas:
                assert isinstance(replica, Reloadable)
                await replica.unload()

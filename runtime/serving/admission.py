"""What a request meets at a deployment before its first attempt: up to the slot that it then holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import evolve

from ...compiler.plan import BudgetAction, RemotePoolPlan, RouteKey, TaskKind
from ..limits.replica_policies import ReplicaPolicies
from ..policies.capacity import FallBack
from ..replicas.replica import Adapting, Omitting, Replica
from ..requests.call import Call
from ..requests.errors import RequestTimeout
from ..requests.request import ChatRequest
from ..requests.trace import Trace
from .affinity import OF_REPLICAS, by_preference, key_of
from .counters import DIVERTED, DeploymentCounters, outcome_now
from .model import check_task, fits_task
from .replicated import Replicated
from .request_filler import RequestFiller
from .slots import Slot, Slots


class Admission:
    """Lets requests in to `deployment`: those that are for it, with what the file adds to them, as its model
    takes them.

    policies: of its replicas; None where there are none. counters: who counts those that are not let in.
    """

    def __init__(
        self,
        deployment: Replicated,
        replicas: Sequence[Replica],
        slots: Slots,
        counters: DeploymentCounters,
        policies: Sequence[ReplicaPolicies] | None,
    ) -> None:
        plan = deployment.plan
        self._deployment = deployment
        self._slots = slots
        self.counters = counters
        affinity, self._replicas = plan.serving.affinity, len(replicas)
        self._together = OF_REPLICAS[affinity] if affinity is not None and len(replicas) > 1 else None
        self._filler = RequestFiller(plan) if plan.request is not None else None
        self._adapting = replicas[0] if isinstance(replicas[0], Adapting) else None
        says_more = deployment.task is not TaskKind.TENSOR  # than its inputs
        self._omitting = replicas[0] if says_more and isinstance(replicas[0], Omitting) else None
        budget = plan.budget if isinstance(plan, RemotePoolPlan) else None
        throttles = budget is not None and budget.on_exceeded is BudgetAction.THROTTLE
        self.throttling = policies[0] if policies and throttles else None
        """Whose budget may want half the slots; None: nobody's."""

    @property
    def changes_nothing(self) -> bool:
        """Whether requests go out as they came."""
        return self._omitting is None and self._adapting is None and self._filler is None

    def go_on(self, policies: Sequence[ReplicaPolicies]) -> None:
        """Serve with other policies."""
        self.throttling = policies[0] if self.throttling is not None else None

    def filled(self, call: Call) -> Call:
        """`call` with the parameters that the deployment adds."""
        return call if self._filler is None else evolve(call, request=self._filler.fill(call.request))

    def at_once(self, call: Call, began: float) -> Slot | None:
        """A slot for a request that goes out as it is; None: there is more to see to, which `enter` does."""
        deployment = self._deployment
        if deployment.is_stopping or deployment.is_drained or call.is_over(began):
            return None
        return self._slots.at_once(began) if fits_task(deployment.task, call.request) else None

    async def enter(self, call: Call, trace: Trace, began: float) -> tuple[Slot | FallBack, Call]:
        """A slot, or who takes over; and the call as it goes out. Raises RequestError.

        began: when the request came, in the time of the loop.
        """
        deployment = self._deployment
        try:
            if deployment.is_stopping or deployment.is_drained:
                deployment.check_open()
            check_task("deployment", deployment.name, deployment.task, call.request)
            if call.deadline is not None and call.is_over(began):
                message = f"deployment `{deployment.name}`: the deadline passed before the request was sent"
                raise RequestTimeout(message, deployment=deployment.name)
            own = call if self._filler is None else self.filled(call)
            if self._adapting is not None and isinstance(own.request, ChatRequest):
                fitted = self._adapting.fit_at_once(own.request)
                if fitted is None:
                    fitted = await asyncio.to_thread(self._adapting.fit, own.request)
                trace.adapted = fitted.changes
            elif self._omitting is not None:
                trace.adapted = self._omitting.left_out(own.request)
            if self.throttling is not None:
                self.throttle(deployment.loop.time())
            prefer = None if self._together is None else self._preferred(call, self._together)
            slot: Slot | FallBack | None = self._slots.at_once(began, prefer)
            if slot is None:
                asker = call.payers[0] if call.payers else ""
                slot = await self._slots.enter(
                    call.priority, call.deadline, began, call.wait_until, asker, prefer
                )
        except BaseException:
            self.counters.end(outcome_now(call.request, False), deployment.loop.time() - began)
            raise
        if isinstance(slot, FallBack):
            self.counters.end(DIVERTED, 0.0)
        elif trace.adapted:
            self.counters.adapted += 1
        return slot, own

    def throttle(self, now: float) -> None:
        """Halve the slots while the budget wants it."""
        policies = self.throttling
        if policies is not None and policies.budget is not None:
            self._slots.throttle(policies.budget.is_throttled(now + policies.epoch))

    def _preferred(self, call: Call, together: RouteKey) -> int | None:
        """The replica to which requests go that belong together with this one; None where it has no such."""
        key = key_of(call, together)
        return None if key is None else by_preference(key, [f"#{i}" for i in range(self._replicas)])[0]

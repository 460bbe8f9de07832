"""The policies of all remote deployments of a plan, with the state that they keep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from ...compiler.plan import Plan, RemotePoolPlan
from ..policies.budget import Budget, Ledger
from ..policies.estimate import Tariff
from ..requests.health import Finding, Health
from .accounts import Accounts
from .replica_policies import ReplicaPolicies
from .spend import SpendRecorder
from .store import open_store

log = logging.getLogger(__name__)


class PlanPolicies:
    """Made and started with an executor, and stopped with it.

    state: a directory, or a `redis://` URL; None: in memory. clock: seconds since 1970, asked once.
    Raises StartError.
    """

    def __init__(self, plan: Plan, state: str | Path | None, clock: Callable[[], float]) -> None:
        self._store = open_store(state)
        self._accounts = Accounts(plan, self._store)
        self._epoch = clock() - asyncio.get_running_loop().time()
        self._spend: list[SpendRecorder] = []

    def of_replicas(self, plan: RemotePoolPlan) -> list[ReplicaPolicies]:
        """What each replica of `plan` is behind."""
        budget, tariff = self._budget(plan)
        breaker = self._accounts.breaker(plan)
        return [
            ReplicaPolicies(
                plan,
                breaker,
                self._accounts.limiter(plan, index),
                budget,
                tariff,
                self._epoch,
                self._accounts.tell_hold(plan, index),
            )
            for index in range(len(plan.replicas))
        ]

    def findings(self) -> Iterator[Finding]:
        """A store that cannot be reached."""
        if self._accounts.is_cut_off or any(each.is_lost for each in self._spend):
            without = "it cannot be reached: limits and spend are not shared until then"
            yield Finding("store", Health.DEGRADED, without)

    async def start(self) -> None:
        """Make the store ready and load what it holds. Raises StartError."""
        await self._store.start()
        await self._accounts.start()
        for each in self._spend:
            await each.start()

    async def stop(self) -> None:
        """Write what is not written yet, and end every task. Safe to call twice."""
        for each in self._spend:
            await each.stop()
        await self._accounts.stop()
        await self._store.stop()

    def _budget(self, plan: RemotePoolPlan) -> tuple[Budget | None, Tariff]:
        if plan.budget is None:
            return None, Tariff.free()
        if plan.price is None:
            log.warning(
                "deployment `%s`: the price of %s is not known, so its budget cannot be kept: "
                "add `price { input = …, output = … }`",
                plan.deployment,
                plan.model,
            )
            return None, Tariff.free()
        ledger = Ledger()
        self._spend.append(SpendRecorder(plan.deployment, ledger, self._store, self._epoch))
        return Budget(plan.budget, ledger), Tariff.of(plan.price)

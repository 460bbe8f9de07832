"""The policies of all remote deployments of a plan, with the state that they keep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from ...compiler.plan import BudgetAction, Plan, RemotePoolPlan
from ..policies.budget import Budget, Ledger
from ..policies.estimate import Tariff
from ..requests.errors import StartError
from ..requests.health import Finding, Health
from .accounts import Accounts
from .replica_policies import ReplicaPolicies
from .shared_budget import SharedBudget
from .store import Store, open_store

log = logging.getLogger(__name__)


class PlanPolicies:
    """Made and started with an executor, and stopped with it.

    state: a directory, or a `redis://` URL; None: in memory. clock: seconds since 1970, asked once.
    Raises StartError.
    """

    def __init__(self, plan: Plan, state: str | Path | None, clock: Callable[[], float]) -> None:
        self.store: Store = open_store(state)
        self._state = plan.state
        self._accounts = Accounts(plan, self.store)
        self._epoch = clock() - asyncio.get_running_loop().time()
        self._budgets: list[SharedBudget] = []

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
        """What is wrong with the state."""
        for reason in dict.fromkeys(self.store.problems.now.values()):
            yield Finding("state", Health.DEGRADED, reason)

    async def start(self) -> None:
        """Make the store ready and load what it holds. Raises StartError."""
        await self.store.start()
        await self._accounts.start()
        for each in self._budgets:
            await each.start()

    async def stop(self) -> None:
        """Write what is not written yet, and end every task. Safe to call twice."""
        for each in self._budgets:
            await each.stop()
        await self._accounts.stop()
        await self.store.stop()

    def _budget(self, plan: RemotePoolPlan) -> tuple[Budget | None, Tariff]:
        if plan.budget is None:
            return None, Tariff.free()
        if plan.price is None:
            problem = (
                f"deployment `{plan.deployment}`: the price of {plan.model} is not known, so its "
                "budget cannot be kept: add `price { input = …, output = … }`"
            )
            if plan.budget.on_exceeded is BudgetAction.REJECT:
                raise StartError(problem)
            log.warning("%s", problem)
            return None, Tariff.free()
        if self.store.spend is None:
            return Budget(plan.budget, Ledger()), Tariff.of(plan.price)
        account = f"{self._state.name}/{plan.deployment}"
        shared = SharedBudget(
            plan.budget,
            plan.deployment,
            account,
            self.store.spend,
            self._state.on_unavailable,
            self._epoch,
        )
        self._budgets.append(shared)
        return shared, Tariff.of(plan.price)

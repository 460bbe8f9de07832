"""The policies of all remote deployments of a plan, with the state that they keep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

from ...compiler.plan import Budget as BudgetConfig, BudgetAction, Plan, RemotePoolPlan
from ..policies.budget import Budget, Ledger
from ..requests.errors import StartError
from ..requests.health import Finding, Health
from .accounts import Accounts
from .idle_budgets import IdleBudgets
from .keys import KeyPolicies, key_policies, payer_name
from .rate_limiters import RateLimiter
from .replica_policies import Payer, ReplicaPolicies, route_payer
from .shared_budget import SharedBudget
from .store import Store, open_store

log = logging.getLogger(__name__)

_AT_ONCE = 50
"""Budgets and limiters that ask the store at the same time, at the start and at the end."""


class PlanPolicies:
    """Made and started with a plan, and stopped with it.

    state: a directory, or a `redis://` URL; None: in memory. clock: seconds since 1970, asked once.
    before: those of the plan that is served, whose store they share; what has not changed goes on, with all
    it knows. Raises StartError.
    """

    def __init__(
        self,
        plan: Plan,
        state: str | Path | None,
        clock: Callable[[], float],
        before: PlanPolicies | None = None,
    ) -> None:
        self._before = before
        self._state = plan.state
        self._budgets: dict[str, tuple[BudgetConfig, Budget]] = {}
        self._payers: dict[str, Payer] = {}
        self.keys: dict[str, KeyPolicies] = {}
        """The policies of each key, by its name."""
        if before is None:
            self.store: Store = open_store(state, several=plan.gateway.workers > 1)
            self.epoch = clock() - asyncio.get_running_loop().time()
            """What to add to the loop's time to get seconds since 1970."""
            self._idle = IdleBudgets(self.store.spend) if self.store.spend is not None else None
            self._accounts = Accounts(plan, self.store)
        else:
            self.store, self.epoch, self._idle = before.store, before.epoch, before._idle
            self._accounts = Accounts(plan, self.store, before._accounts)
        self.shared: dict[str, Payer] = {}
        """The budgets of the gateway and of routes, by whose they are."""
        self._everyone = self._shared("gateway", "gateway", self._account("gateway"), plan.gateway.budget)
        for route in plan.routes:
            name = route_payer(route.route)
            account = self._account("route", route.route)
            payer = self._shared(name, f"route `{route.route}`", account, route.budget)
            if payer is not None:
                self._payers[name] = payer
        for key in plan.gateway.keys:
            budget = None
            if key.budget is not None:
                budget = self._ledger(key.budget, f"key `{key.name}`", self._account("key", key.name))
            old = before.keys.get(key.name) if before is not None else None
            policies = self.keys[key.name] = key_policies(key, plan.state, self.store, budget, old)
            if policies.payer is not None:
                self._payers[payer_name(key.name)] = policies.payer

    def of_replicas(self, plan: RemotePoolPlan) -> list[ReplicaPolicies]:
        """What each replica of `plan` is behind."""
        budget = self._budget(plan)
        return [
            ReplicaPolicies(
                plan,
                self._accounts.breaker(plan, index),
                self._accounts.limiter(plan, index),
                budget,
                self.epoch,
                self._accounts.tell_hold(plan, index),
                self._payers,
                self._everyone,
            )
            for index in range(len(plan.replicas))
        ]

    def spent(self) -> dict[str, dict[str, float]]:
        """Dollars by window, for each budget of the gateway and of routes."""
        now = asyncio.get_running_loop().time() + self.epoch
        return {whose: payer.budget.spent(now) for whose, payer in self.shared.items()}

    def findings(self) -> Iterator[Finding]:
        """What is wrong with the state."""
        for reason in dict.fromkeys(self.store.problems.now.values()):
            yield Finding("state", Health.DEGRADED, reason)

    async def start(self) -> None:
        """Make the store ready and load what it holds. Raises StartError."""
        if self._before is None:
            await self.store.start()
        await self._accounts.start()
        await _in_groups(part.start for part in self._own_parts(self._before))

    def serve(self) -> None:
        """These hold from now on, and those before no more than for what is in flight."""
        self._accounts.serve()
        self._before = None

    async def stop(self, after: PlanPolicies | None = None) -> None:
        """Write what is not written yet, and end every task that `after` does not go on with. Safe to call
        twice.
        """
        await _in_groups(part.stop for part in self._own_parts(after))
        await self._accounts.stop(after._accounts if after is not None else None)
        if after is None and self._before is None:
            await self.store.stop()

    def _own_parts(self, other: PlanPolicies | None) -> list[RateLimiter | SharedBudget]:
        """Limiters of keys, and budgets, that `other` does not have."""
        theirs = {id(each) for each in other._own_parts(None)} if other is not None else set()
        limiters = [key.limiter for key in self.keys.values() if key.limiter is not None]
        budgets = [each for _, each in self._budgets.values() if isinstance(each, SharedBudget)]
        parts: list[RateLimiter | SharedBudget] = [*budgets, *limiters]
        return [each for each in parts if id(each) not in theirs]

    def _budget(self, plan: RemotePoolPlan) -> Budget | None:
        if plan.budget is None:
            return None
        if plan.price is None:
            problem = (
                f"deployment `{plan.deployment}`: the price of {plan.model} is not known, so its "
                "budget cannot be kept: add `price { input = …, output = … }`"
            )
            if plan.budget.on_exceeded is BudgetAction.REJECT:
                raise StartError(problem)
            log.warning("%s", problem)
            return None
        account = f"{self._state.name}/{plan.deployment}"
        return self._ledger(plan.budget, f"deployment `{plan.deployment}`", account)

    def _account(self, kind: str, name: str = "") -> str:
        """What the store calls the budget of what is no deployment: names of states are not empty."""
        return f"/{kind}/{self._state.name}/{name}"

    def _ledger(self, config: BudgetConfig, owner: str, account: str) -> Budget:
        """What keeps the budget of `owner`: in the store as `account`, or here alone."""
        if account in self._budgets:
            return self._budgets[account][1]
        known = self._before._budgets.get(account) if self._before is not None else None
        if known is not None and known[0] == config and self._same_state:
            budget = known[1]
        elif self._idle is not None:
            action = self._state.on_unavailable
            budget = SharedBudget(config, owner, account, self._idle, action, self.epoch)
        else:
            budget = Budget(config, Ledger() if known is None else known[1].ledger)
        self._budgets[account] = config, budget
        return budget

    @property
    def _same_state(self) -> bool:
        return self._before is not None and self._before._state == self._state

    def _shared(self, name: str, who: str, account: str, config: BudgetConfig | None) -> Payer | None:
        """Who pays for several deployments; None without a budget."""
        if config is None:
            return None
        payer = self.shared[name] = Payer(who, self._ledger(config, who, account))
        return payer


async def _in_groups(steps: Iterable[Callable[[], Awaitable[None]]]) -> None:
    waiting = tuple(steps)
    for begin in range(0, len(waiting), _AT_ONCE):
        await asyncio.gather(*(step() for step in waiting[begin : begin + _AT_ONCE]))

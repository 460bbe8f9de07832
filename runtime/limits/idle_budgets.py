"""Budgets that nobody draws on here: one look at the store, each second, is for all of them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..concurrency.tasks import end_task
from ..policies.lease import SpendState
from .store import SharedSpend, StoreError

SYNC = 1.0
"""Seconds after which the store hears what was spent, and this process what others spend."""

RETRY = 0.5
"""Seconds between two attempts to reach a store that does not answer."""

_AT_ONCE = 20
"""Budgets that have changed after which others on the event loop come first."""


class IdleBudget(Protocol):
    """A budget of which this process holds nothing."""

    account: str

    def looked(self, state: SpendState | None) -> None:
        """The store answers, with what it keeps where that may have changed."""

    def failed(self, reason: str) -> None:
        """The store does not answer."""


class IdleBudgets:
    """The budgets of this process that need not ask `store` themselves."""

    def __init__(self, store: SharedSpend) -> None:
        self.store = store
        self._idle: dict[IdleBudget, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, budget: IdleBudget) -> None:
        """It is looked at until it is taken away."""
        self._idle[budget] = None
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="idle budgets")

    def remove(self, budget: IdleBudget) -> None:
        """It asks for itself."""
        del self._idle[budget]

    async def rest(self) -> None:
        """Ask nothing any more where no budget is left that needs it: a store may be closed then."""
        if not self._idle and self._task is not None:
            task, self._task = self._task, None
            await end_task(task)

    async def _work(self) -> None:
        pause = SYNC
        while True:
            await asyncio.sleep(pause)
            if not self._idle:
                self._task = None
                return
            pause = SYNC if await self._look() else RETRY

    async def _look(self) -> bool:
        """Whether the store answers."""
        idle = list(self._idle)
        try:
            found = await self.store.look(list(dict.fromkeys(budget.account for budget in idle)))
        except StoreError as error:
            for budget in list(self._idle):
                budget.failed(str(error))
            return False
        for number, budget in enumerate(idle):
            state = found.get(budget.account)
            if budget in self._idle:
                budget.looked(state)
            if state is not None and number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return True

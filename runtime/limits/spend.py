"""Keeping a ledger and a store in step, so that spend survives a restart."""

from __future__ import annotations

import asyncio
import logging

from ..concurrency.tasks import end_task
from ..policies.budget import DAY, MINUTE, Ledger
from .store import Store, StoreError

log = logging.getLogger(__name__)

SAVE = 0.25
"""Seconds after which what was spent or reserved is in the store, whatever happens to this process."""

REFRESH = 1.0
"""Seconds after which spend of other processes is known here."""

_RECENT = 3


class SpendRecorder:
    """Writes what `ledger` counts under `account`, and reads what others count there.

    epoch: what to add to the loop's time to get seconds since 1970.
    """

    def __init__(self, account: str, ledger: Ledger, store: Store, epoch: float) -> None:
        self._account = account
        self._ledger = ledger
        self._store = store
        self._epoch = epoch
        self.is_lost = False
        """Whether the store could not be reached the last time."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the spend of the last day."""
        if not self._store.lasting:
            return
        try:
            self._ledger.merge(await self._store.spend(self._account, self._minute() - DAY))
        except StoreError as error:
            self._failed(error)
        self._task = asyncio.create_task(self._keep(), name=f"spend of {self._account}")

    async def stop(self) -> None:
        """Write what is not written yet."""
        task, self._task = self._task, None
        if task:
            await end_task(task)
            await self._save()

    async def _keep(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(SAVE)
            rounds += 1
            await self._save()
            if rounds * SAVE >= REFRESH:
                rounds = 0
                await self._refresh()

    async def _save(self) -> None:
        unsaved = self._ledger.take_unsaved()
        if not unsaved:
            return
        try:
            await asyncio.shield(self._store.add_spend(self._account, unsaved, self._minute() - DAY - 1))
        except StoreError as error:
            self._ledger.put_back(unsaved)
            self._failed(error)
        else:
            self.is_lost = False

    async def _refresh(self) -> None:
        try:
            stored = await self._store.spend(
                self._account, self._minute() - (DAY if self.is_lost else _RECENT)
            )
        except StoreError as error:
            self._failed(error)
        else:
            self._ledger.merge(stored)

    def _failed(self, error: StoreError) -> None:
        if not self.is_lost:
            self.is_lost = True
            log.warning("%s: the spend of `%s` is counted in memory until then", error, self._account)

    def _minute(self) -> int:
        return int((asyncio.get_running_loop().time() + self._epoch) / MINUTE)

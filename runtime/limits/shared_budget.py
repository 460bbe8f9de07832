"""A budget that processes share through a store: each leases a part of it, and spends that without asking."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict

from attrs import evolve

from ...compiler.plan import Budget as BudgetConfig, UnavailableAction
from ..concurrency.tasks import end_task
from ..concurrency.waiting_room import WaitingRoom
from ..policies.budget import MINUTE, Budget, Exceeded, Ledger, Reservation
from ..policies.lease import Granted, LeaseRequest, SpendState, renew
from ..policies.lease_holder import LeaseHolder
from ..requests.errors import ShuttingDown, StoreUnavailable
from ..requests.usage import PICODOLLARS
from .idle_budgets import RETRY, SYNC, IdleBudgets
from .store import StoreError

log = logging.getLogger(__name__)

REFUSED = 0.1
"""Seconds for which the store is not asked again for what it has just refused."""

PATIENCE = 10.0
"""Seconds that a request waits for the store at most."""


class SharedBudget(Budget):
    """The budget that the store of `idle` keeps as `account`.

    owner: whose it is, for the log. idle: asks for those that nobody draws on. action: what is done without
    the store: refuse requests that the lease does not cover, or serve them by what is known here. epoch: what
    to add to the loop's time to get seconds since 1970.
    """

    def __init__(
        self,
        config: BudgetConfig,
        owner: str,
        account: str,
        idle: IdleBudgets,
        action: UnavailableAction,
        epoch: float,
    ) -> None:
        super().__init__(config, Ledger())
        spans = [(window.span, ceiling) for _, window, ceiling, _ in self._ceilings] if self.rejects else []
        self.account = account
        self._owner = owner
        self._idle, self._store = idle, idle.store
        self._refuses = self.rejects and action is UnavailableAction.REFUSE
        self._lease = LeaseHolder(secrets.token_hex(8), spans)
        self._epoch = epoch
        self._skew = 0.0
        self._held_by_others = 0
        self._in_flight: dict[int, int] = {}
        self._room: WaitingRoom[Reservation | Exceeded] = WaitingRoom()
        self._queue: OrderedDict[int, int] = OrderedDict()
        self._refused: tuple[float, int, Exceeded] | None = None
        self._news = asyncio.Event()
        self._lost = ""
        self._is_untold = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn what is spent already."""
        await self._exchange()
        self._task = asyncio.create_task(self._work(), name=f"budget of {self._owner}")

    async def stop(self) -> None:
        """Give back what is not spent. Safe to call twice."""
        self._room.close(lambda: ShuttingDown("the executor is stopping"))
        self._queue.clear()
        task, self._task = self._task, None
        if task:
            await end_task(task)
            await self._idle.rest()
            self._lease.give_back()
            if not self._lease.is_empty:
                await self._exchange()

    def reserve(self, now: float, amount: int) -> Reservation | Exceeded | None:
        if not self._queue:
            if self._lease.take(now - self._epoch, amount):
                if self._lease.free < self._lease.low:
                    self._news.set()
                return self._count(now, amount)
            if self._lost and not self._refuses:
                return self._reserve_alone(now, amount)
            if self._refused is not None and self._is_refused(now, amount):
                return self._refused[2]
        if self.rejects and any(amount > most for _, _, most, _ in self._ceilings):
            return self._refusal(now + self._skew, amount)
        return None

    async def acquire(self, amount: int, deadline: float | None) -> Reservation | Exceeded:
        if self._lost:
            raise self._unavailable()
        if self._task is None:
            raise ShuttingDown("the executor is stopping")
        until = asyncio.get_running_loop().time() + PATIENCE
        if deadline is not None:
            until = min(until, deadline)
        ticket = self._room.ticket()
        self._queue[ticket] = amount
        waiter = self._room.join(ticket)
        self._news.set()
        try:
            return await self._room.wait(
                ticket, waiter, until, lambda: self._queue.pop(ticket, None), self._unclaimed
            )
        except TimeoutError:
            raise StoreUnavailable("the store of its budget does not answer in time") from None

    def settle(self, held: Reservation, cost: int) -> None:
        super().settle(held, cost)
        left = self._in_flight[held.minute] - held.amount
        if left:
            self._in_flight[held.minute] = left
        else:
            del self._in_flight[held.minute]
        self._lease.settle(held.minute, held.amount, cost)
        if self._lease.free < 0:
            self._news.set()

    def spent(self, now: float) -> dict[str, float]:
        """As for any budget; what other processes have leased counts, too."""
        return {
            name: dollars + self._held_by_others / PICODOLLARS
            for name, dollars in super().spent(now + self._skew).items()
        }

    def is_throttled(self, now: float) -> bool:
        return super().is_throttled(now + self._skew)

    def _count(self, now: float, amount: int) -> Reservation:
        """The reservation of an amount that the lease holds."""
        minute = int((now + self._skew) / MINUTE)
        self._ledger.expire(minute)
        self._in_flight[minute] = self._in_flight.get(minute, 0) + amount
        return self._set_aside(minute, amount)

    def _reserve_alone(self, now: float, amount: int) -> Reservation | Exceeded:
        """A reservation by what is known here, without the store."""
        outcome = super().reserve(now + self._skew, amount)
        if isinstance(outcome, Reservation):
            self._in_flight[outcome.minute] = self._in_flight.get(outcome.minute, 0) + amount
            self._lease.overdraw(amount)
            self._news.set()
        assert outcome is not None
        return outcome

    def _unclaimed(self, outcome: Reservation | Exceeded) -> None:
        if isinstance(outcome, Reservation):
            self.settle(outcome, 0)

    async def _work(self) -> None:
        while True:
            if self._lease.is_empty and not self._queue:
                self._idle.add(self)
                try:
                    await self._news.wait()
                finally:
                    self._idle.remove(self)
            elif self._lost:
                await asyncio.sleep(RETRY)
            else:
                try:
                    async with asyncio.timeout(SYNC):
                        await self._news.wait()
                except TimeoutError:
                    if self._lease.is_idle:
                        self._lease.give_back()
            self._news.clear()
            await self._exchange()

    async def _exchange(self) -> None:
        """Tell what was spent, and lease what is wanted; answer those who wait."""
        loop = asyncio.get_running_loop()
        amounts = list(self._queue.values())
        ask = self._lease.ask(loop.time(), amounts)
        try:
            granted = await self._store.update(self.account, lambda state, now: renew(state, now, ask))
        except StoreError as error:
            self._is_untold = True  # a store that answers who looks may still refuse what it is told
            self.failed(str(error))
            return
        self._is_untold = False
        self._found()
        self._lease.heard(granted)
        self._skew = granted.now - loop.time() - self._epoch
        self._follow(granted.state, granted.now)
        self._serve(ask, granted)

    def looked(self, state: SpendState | None) -> None:
        """Nobody draws on the budget, and the store, which answers, keeps `state` now; None: as before."""
        if self._is_untold:
            self._news.set()
            return
        self._found()
        known = self._lease.known
        assert known is not None
        now = asyncio.get_running_loop().time() + self._epoch + self._skew
        if state is not None and self._lease.lacks(state, now):
            self._news.set()  # it has forgotten, or was looked at before it was told
        elif state is not None or self._held_by_others:  # whose leases may have ended
            self._lease.known = state or known
            self._follow(self._lease.known, now)

    def _found(self) -> None:
        if self._lost:
            self._lost = ""
            log.warning("the budget of %s can be kept again", self._owner)

    def _follow(self, state: SpendState, now: float) -> None:
        """Count what the store keeps, and what it has not heard of yet."""
        spend = state.settled(now)
        for pending in (self._lease.pending(), self._in_flight):
            for minute, amount in pending.items():
                spend[minute] = spend.get(minute, 0) + amount
        oldest = int(now / MINUTE) - self._ledger.longest
        self._ledger.replace({minute: amount for minute, amount in spend.items() if minute >= oldest})
        self._held_by_others = state.leased(now, except_to=self._lease.holder)

    def _serve(self, ask: LeaseRequest, granted: Granted) -> None:
        """Answer those who wait, in their order, as far as the lease goes, and refuse what cannot be had."""
        loop_now = asyncio.get_running_loop().time()
        now = loop_now + self._epoch
        is_short = granted.amount < ask.need
        while self._queue:
            ticket, amount = next(iter(self._queue.items()))
            if self._lease.take(loop_now, amount):
                self._answer(ticket, self._count(now, amount))
            elif is_short or self._is_refused(now, amount):
                if is_short:  # for others, what is left here may be enough
                    is_short = False
                    shortage = self._shortage(now, amount)
                    self._refused = (now + REFUSED, amount, evolve(shortage, notice=None))
                    self._lease.give_back()
                    self._news.set()
                    self._answer(ticket, shortage)
                elif self._refused is not None:
                    self._answer(ticket, self._refused[2])
            else:
                self._news.set()
                return

    def _is_refused(self, now: float, amount: int) -> bool:
        """Whether the store has just refused as much."""
        return self._refused is not None and now < self._refused[0] and amount >= self._refused[1]

    def _answer(self, ticket: int, outcome: Reservation | Exceeded) -> None:
        del self._queue[ticket]
        if not self._room.call(ticket, outcome):
            self._unclaimed(outcome)

    def _shortage(self, now: float, amount: int) -> Exceeded:
        """Why `amount` is not to be had."""
        return self._refusal(now + self._skew, amount) or Exceeded(
            "what is left of the budget is set aside for requests in flight, here or in other processes",
            SYNC,
            None,
        )

    def failed(self, reason: str) -> None:
        """The store does not answer: go by what is known here, or refuse those who wait."""
        if not self._lost:
            follows = "requests are refused" if self._refuses else "it is kept by what is known here"
            log.warning("%s: until then the budget of %s is not shared: %s", reason, self._owner, follows)
        self._lost = reason
        if self._refuses:
            self._queue.clear()
            self._room.close(self._unavailable)
        now = asyncio.get_running_loop().time() + self._epoch
        for ticket, amount in list(self._queue.items()):
            self._answer(ticket, self._reserve_alone(now, amount))

    def _unavailable(self) -> StoreUnavailable:
        return StoreUnavailable(f"its budget: {self._lost}")

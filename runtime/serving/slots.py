"""The slots of a deployment, and waiting for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from ...compiler.plan import CapacityPolicy
from ...compiler.plan.record import new_tuple
from ..concurrency.waiting_room import WaitingRoom
from ..policies.capacity import MIN_RETRY_AFTER, Admit, Capacity, FallBack, Refuse, Wait
from ..requests.errors import Backpressure, RequestTimeout, ShuttingDown


class Slot(NamedTuple):
    """The right to run on `replica`; to be given back with `leave`, once."""

    replica: int
    since: float


class Slots:
    """Who runs on which replica of deployment `name`, and who waits.

    rank: of a replica; those with the lowest are chosen first. longest: seconds that a request waits at most,
    also when its deadline is later.
    """

    def __init__(
        self,
        name: str,
        replicas: int,
        limit: int,
        policy: CapacityPolicy,
        rank: Callable[[int], float],
        longest: float = 60.0,
    ) -> None:
        self._name = name
        self._longest = longest
        self._full_limit = limit
        self._throttled = False
        self._adapted = limit
        self._capacity = Capacity(replicas, limit, policy, rank)
        self._room: WaitingRoom[Slot] = WaitingRoom()

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._capacity.running

    def running_on(self, replica: int) -> int:
        """Those of them that run there."""
        return self._capacity.running_on(replica)

    @property
    def free(self) -> int:
        """Requests that would have a slot at once."""
        return self._capacity.limit - self._capacity.running

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._capacity.waiting

    def free_at(self, now: float) -> float:
        """When a request that comes now would have a slot, as far as can be told."""
        return now + self._capacity.free_in()

    @property
    def limit(self) -> int:
        """Requests that may hold a slot at the same time, for now."""
        return self._capacity.limit

    def at_once(self, now: float, prefer: int | None = None) -> Slot | None:
        """A slot; None where the request has to wait for one, or to go elsewhere."""
        admitted = self._capacity.admit_at_once(prefer)
        return None if admitted is None else new_tuple(Slot, (admitted, now))

    async def enter(
        self,
        priority: int,
        deadline: float | None,
        now: float,
        wait_until: float,
        asker: str = "",
        prefer: int | None = None,
    ) -> Slot | FallBack:
        """A slot, as soon as there is one, or where to go instead. Raises RequestError.

        wait_until: up to when waiting makes sense. asker: who takes turns with others that wait. prefer: the
        replica on which it runs, if that has room.
        """
        ticket = self._room.ticket()
        patience = self._longest if deadline is None else min(self._longest, deadline - now)
        decision = self._capacity.arrive(ticket, priority, asker, patience, prefer)
        match decision:
            case Admit():
                return Slot(decision.replica, now)
            case Wait():
                return await self._wait(ticket, now, deadline, wait_until)
            case FallBack():
                return decision
            case Refuse(retry_after, waiting, float(wait)):
                also = (
                    f", {waiting} waiting; a place would come free in about {wait:.3g} s, which is too late"
                )
                raise self.full(also, retry_after)
            case Refuse(retry_after, waiting):
                raise self.full(f", {waiting} waiting" if waiting else "", retry_after)

    def leave(self, slot: Slot, now: float) -> None:
        """Give the slot back, and let the next request run."""
        admitted = self._capacity.release(slot.replica, now - slot.since)
        if admitted is not None:
            self._admit(admitted, now)

    def move(self, slot: Slot, replica: int) -> Slot:
        """The slot, on another replica."""
        self._capacity.move(slot.replica, replica)
        return slot._replace(replica=replica)

    def throttle(self, throttled: bool) -> None:
        """Make do with half the slots, or have all of them again."""
        self._throttled = throttled
        self._resize()

    def adapt(self, limit: int) -> None:
        """Make do with so many, until another number is said."""
        self._adapted = limit
        self._resize()

    def resize(self, limit: int) -> None:
        """Have so many slots from now on, as replicas come and go."""
        self._adapted = limit if self._adapted == self._full_limit else min(limit, self._adapted)
        self._full_limit = limit
        self._resize()

    def _resize(self) -> None:
        limit = max(self._full_limit // 2, 1) if self._throttled else self._full_limit
        limit = min(limit, self._adapted)
        if limit != self._capacity.limit and not self._capacity.waiting:
            self._capacity.resize(limit)
        elif limit != self._capacity.limit:
            now = asyncio.get_running_loop().time()
            while (admitted := self._capacity.resize(limit)) is not None:
                self._admit(admitted, now)

    def wait_at_most(self, requests: int) -> None:
        """Let no more wait."""
        self._capacity.most_waiting = requests

    def close(self) -> None:
        """Refuse all who wait."""
        for ticket in self._room.close(self._shutting_down):
            self._capacity.leave(ticket)

    def full(self, also: str, retry_after: float) -> Backpressure:
        """The error of a request that finds no slot."""
        message = f"deployment `{self._name}` is full: {self.running} running{also}"
        return Backpressure(message, deployment=self._name, retry_after=retry_after)

    async def _wait(self, ticket: int, now: float, deadline: float | None, wait_until: float) -> Slot:
        if wait_until <= now:
            self._capacity.leave(ticket)
            raise self.full("", MIN_RETRY_AFTER)
        longest = min(now + self._longest, wait_until)
        until = longest if deadline is None else min(longest, deadline)
        waiter = self._room.join(ticket)
        try:
            return await self._room.wait(
                ticket, waiter, until, lambda: self._capacity.leave(ticket), self._give_back
            )
        except TimeoutError:
            if until == deadline:
                message = (
                    f"deployment `{self._name}` is full, and the deadline passed while the request waited"
                )
                raise RequestTimeout(message, deployment=self._name) from None
            raise self.full(f", and no slot came free within {longest - now:g} s", MIN_RETRY_AFTER) from None

    def _give_back(self, slot: Slot) -> None:
        self.leave(slot, asyncio.get_running_loop().time())

    def _admit(self, admitted: Admit | None, now: float) -> None:
        """Let that one run; those that were cancelled meanwhile pass their slot on."""
        while admitted is not None and not self._room.call(admitted.ticket, Slot(admitted.replica, now)):
            admitted = self._capacity.release(admitted.replica, 0.0)

    def _shutting_down(self) -> ShuttingDown:
        return ShuttingDown("the executor is stopping", deployment=self._name)

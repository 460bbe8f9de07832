"""What one process holds of a budget that several lease from, and what it tells the store of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .lease import LEASE, Granted, LeaseRequest, SpendState, add_spend, renew

AHEAD = 0.5
"""Seconds of spending that a process leases ahead."""


class LeaseHolder:
    """The lease of one process: `free` to be reserved, and what its requests in flight have reserved.

    Money may be reserved and settled while a request to the store is on its way. now: of any clock that does
    not jump.
    """

    def __init__(self, holder: str, ceilings: Sequence[tuple[int, int]] = ()) -> None:
        self.holder = holder
        self.free = 0
        self.reserved = 0
        self.known: SpendState | None = None
        self.low = 0
        """Below so much free money, more should be leased."""
        self._ceilings = tuple(ceilings)
        self._ends = float("-inf")
        self._number = 0
        self._leased = 0  # what the store counts as ours
        self._unsaid: dict[int, int] = {}
        self._asked: LeaseRequest | None = None
        self._asked_at = 0.0
        self._used = 0
        self._overdrawn = 0
        self._flow = 0.0  # what was used of late: half as much counts after `AHEAD` seconds

    @property
    def is_idle(self) -> bool:
        """Whether nothing was reserved or settled since the store was last told, and it has answered."""
        return not (self._used or self._unsaid or self._asked)

    @property
    def is_empty(self) -> bool:
        """Whether the store counts nothing as ours any more, and there is nothing to tell it."""
        return not (self._leased or self.free or self.reserved or self._unsaid or self._asked)

    def lacks(self, state: SpendState, now: float) -> bool:
        """Whether `state`, of which we hold nothing, lacks something that the store has said before."""
        return renew(state, now, self._request({})).state != state

    def take(self, now: float, amount: int) -> bool:
        """Reserve `amount`, where the lease holds it."""
        if self.free < amount or now >= self._ends:
            return False
        self.free -= amount
        self.reserved += amount
        self._used += amount
        return True

    def overdraw(self, amount: int) -> None:
        """Reserve `amount` which was not leased; it is counted as soon as the store can be told."""
        self.free -= amount
        self.reserved += amount
        self._used += amount

    def settle(self, minute: int, amount: int, cost: int) -> None:
        """A request has ended for which `amount` was reserved; its `cost` counts in `minute`."""
        self.reserved -= amount
        self.free += amount - cost
        self._used += cost - amount
        if cost:
            self._unsaid[minute] = self._unsaid.get(minute, 0) + cost

    def give_back(self) -> None:
        """Keep no money that is not reserved, from the next exchange on, and lease none ahead."""
        self.free = min(self.free, 0)
        self._used, self._flow = 0, 0.0

    def ask(self, now: float, waiting: Sequence[int] = ()) -> LeaseRequest:
        """What to tell the store. waiting: the amounts that could not be taken, in their order."""
        if self._asked is None:
            self._number += 1
            spent, self._unsaid = self._unsaid, {}
        else:  # its answer was lost
            spent = dict(self._asked.spent)
        free, self._overdrawn = max(self.free, 0), max(-self.free, 0)
        self._flow = max(self._flow * 0.5 ** ((now - self._asked_at) / AHEAD) + self._used, 0)
        self._used = 0
        ahead = int(self._flow)
        self.low = ahead // 2
        self._asked_at = now
        self._asked = self._request(
            spent,
            held=self.reserved + free + sum(self._unsaid.values()),
            need=max(waiting[0] - free, 0) if waiting else 0,
            want=max(sum(waiting) + ahead - free, 0),
        )
        return self._asked

    def heard(self, granted: Granted) -> None:
        """The store has answered the last `ask`."""
        asked, self._asked = self._asked, None
        assert asked is not None
        self._ends = self._asked_at + LEASE
        self._leased = asked.held + granted.amount
        self.free += granted.amount + self._overdrawn  # which the lease covers now
        self.known = granted.state
        if granted.amount < asked.want:
            self.low = 0  # there is no more to be had

    def _request(self, spent: Mapping[int, int], held: int = 0, need: int = 0, want: int = 0) -> LeaseRequest:
        return LeaseRequest(self.holder, self._number, spent, held, need, want, self._ceilings, self.known)

    def pending(self) -> dict[int, int]:
        """Spend by minute that the store has not confirmed."""
        pending = dict(self._unsaid)
        if self._asked is not None:
            add_spend(pending, self._asked.spent)
        return pending

"""`balance [a, b] by round_robin|least_busy`: one of the members, so that all have as much to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from attrs import frozen

from ....compiler.plan import BalanceKind, BalancePlan
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from ..model import Model
from .failover import with_failover
from .route import Route


@frozen
class Load:
    """How a member is now. busy: requests that it answers, and that wait for it."""

    available: bool
    busy: int


class Balancing:
    """In which order the members are asked."""

    def __init__(self, by: BalanceKind) -> None:
        self._by = by
        self._next = 0

    def decide(self, loads: Sequence[Load]) -> list[int]:
        """Where the members stand for one request: who is not free comes last.

        round_robin: the next one after the one that was picked last. least_busy: the one with the
        fewest requests, and of those that have as many, the next one after the one picked last.
        """
        count = len(loads)
        ring = [(self._next + step) % count for step in range(count)]
        by_load = self._by is BalanceKind.LEAST_BUSY
        order = sorted(
            ring, key=lambda index: (not loads[index].available, loads[index].busy if by_load else 0)
        )
        self._next = order[0] + 1
        return order


class Balance(Route):
    """Who is not available is passed over; who fails in a way that allows it is followed by the next."""

    def __init__(self, plan: BalancePlan, members: Sequence[Model]) -> None:
        super().__init__(plan, members)
        self._balancing = Balancing(plan.by)

    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        now = asyncio.get_running_loop().time()
        loads = [Load(each.free_at(now) <= now, each.running + each.waiting) for each in self.members]
        return with_failover(self, self._balancing.decide(loads), call, trace)

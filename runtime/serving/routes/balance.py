"""`balance [a, b] by …`: one of the members, in turn or by what is known of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from math import exp
from typing import Any

from ....compiler.plan import BalanceKind, BalancePlan
from ....compiler.plan.record import frozen
from ...policies.estimate import Estimate, estimate
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from ..affinity import by_preference, key_of
from ..model import Model
from .failover import whole_with_failover, with_failover
from .route import Route

MEMORY = 10.0
"""Seconds in which what was seen of a member's quickness is forgotten to a third."""


@frozen
class Load:
    """How a member is now. rank: of those that are available, the one with the lowest is asked."""

    available: bool
    rank: float


class Balancing:
    """In which order the members are asked."""

    def __init__(self) -> None:
        self._next = 0

    def decide(self, loads: Sequence[Load]) -> list[int]:
        """Where the members stand for one request: who is not free comes last, the others stand by rank.

        Of those that are alike, it is the turn of the next one after the one that was picked last.
        """
        count = len(loads)
        ring = [(self._next + step) % count for step in range(count)]
        order = sorted(ring, key=lambda index: (not loads[index].available, loads[index].rank))
        self._next = order[0] + 1
        return order


class Quickness:
    """How long a member takes to begin an answer, of late.

    A slow answer counts at once, quick ones by and by; what is old is forgotten, so that a slow member is
    tried again.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at = 0.0

    def saw(self, now: float, seconds: float) -> None:
        """An answer began after so long."""
        weight = exp((self._at - now) / MEMORY)
        kept = self._seconds
        self._seconds = seconds if seconds > kept else kept * weight + seconds * (1 - weight)
        self._at = now

    def seconds(self, now: float) -> float:
        """The time that is expected; 0 where nothing is known."""
        return self._seconds * exp((self._at - now) / MEMORY)


class Balance(Route):
    """Who is not available is passed over; who fails in a way that allows it is followed by the next."""

    def __init__(self, plan: BalancePlan, members: Sequence[Model]) -> None:
        super().__init__(plan, members)
        self._balancing = Balancing()
        self._quickness = [Quickness() for _ in members]
        self._by = plan.by
        self._key = plan.key
        self._names = [member.name for member in members]

    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        return with_failover(self, self._order(call), call, trace)

    def pick_whole(self, call: Call, trace: Trace) -> Coroutine[Any, Any, Chunk]:
        return whole_with_failover(self, self._order(call), call, trace)

    def _order(self, call: Call) -> list[int]:
        """The members as they are asked."""
        now = asyncio.get_running_loop().time()
        rank = self._rank(call, now)
        loads = [Load(each.free_at(now) <= now, rank(index)) for index, each in enumerate(self.members)]
        return self._balancing.decide(loads)

    def answers(self, index: int, took: float = 0.0) -> None:
        super().answers(index, took)
        if self._by is BalanceKind.LEAST_LATENCY:
            self._quickness[index].saw(asyncio.get_running_loop().time(), took)

    def cost(self, size: Estimate) -> float:
        """What the cheapest member costs, where that is the one that is asked."""
        costs = [member.cost(size) for member in self.members]
        return min(costs) if self._by is BalanceKind.LEAST_COST else max(costs)

    def _rank(self, call: Call, now: float) -> Callable[[int], float]:
        """What orders the members for `call`."""
        members = self.members
        match self._by:
            case BalanceKind.LEAST_BUSY:
                return lambda index: _busy(members[index])
            case BalanceKind.LEAST_COST:
                size = estimate(call.request)
                return lambda index: members[index].cost(size)
            case BalanceKind.LEAST_LATENCY:
                return lambda index: self._quickness[index].seconds(now) * (1 + _busy(members[index]))
            case BalanceKind.USAGE:
                return lambda index: members[index].used(now)
            case BalanceKind.KEY:
                key = key_of(call, self._key) if self._key is not None else None
                if key is not None:
                    return by_preference(key, self._names).index
        return lambda _: 0.0


def _busy(member: Model) -> int:
    """Requests that it answers, and that wait for it."""
    return member.running + member.waiting

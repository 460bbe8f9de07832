"""What all routes have in common: their members, and what became of the requests to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from attrs import evolve

from ....compiler.plan import RoutePlan, TaskKind
from ...limits.replica_policies import route_payer
from ...policies.estimate import Estimate
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from ..counters import RouteCounters, outcome_now
from ..model import Model, check_task, first_chunk


class Route(Model):
    """Several deployments or routes behind one name."""

    relays = True

    def __init__(self, plan: RoutePlan, members: Sequence[Model]) -> None:
        self.name = plan.route
        self.plan = plan
        self.task: TaskKind = plan.task
        self.members = members
        self.counters = RouteCounters(member.name for member in members)
        self._payers = () if plan.budget is None else (route_payer(plan.route),)

    @property
    def is_wildcard(self) -> bool:
        """Whether one of its members is."""
        return any(member.is_wildcard for member in self.members)

    @property
    def running(self) -> int:
        """Requests that its members answer, whoever asked them."""
        return sum(member.running for member in self.members)

    @property
    def waiting(self) -> int:
        """Requests that wait for its members, whoever asked them."""
        return sum(member.waiting for member in self.members)

    def is_ready(self) -> bool:
        """Whether one of its members is."""
        return any(member.is_ready() for member in self.members)

    def free_at(self, now: float) -> float:
        """When the first of its members is."""
        return min(member.free_at(now) for member in self.members)

    def cost(self, size: Estimate) -> float:
        """What the member costs that is asked first."""
        return self.members[0].cost(size)

    def used(self, now: float) -> float:
        """Of the member that has most left."""
        return min(member.used(now) for member in self.members)

    async def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer of the member that is picked. Raises RequestError."""
        loop = self.loop
        began, begun = loop.time(), False
        if self._payers:
            call = evolve(call, payers=call.payers + self._payers)
        try:
            check_task("route", self.name, self.task, call.request)
            async with aclosing(self.pick(call, trace)) as chunks:
                async for chunk in chunks:
                    begun = True
                    yield chunk
        finally:
            self.counters.end(outcome_now(call.request, begun), loop.time() - began)

    async def answer(self, call: Call, trace: Trace) -> Chunk:
        if getattr(call.request, "stream", False):
            return await first_chunk(self.stream(call, trace))
        loop = self.loop
        began, begun = loop.time(), False
        if self._payers:
            call = evolve(call, payers=call.payers + self._payers)
        try:
            check_task("route", self.name, self.task, call.request)
            chunk = await self.pick_whole(call, trace)
            begun = True
            return chunk
        finally:
            self.counters.end(outcome_now(call.request, begun), loop.time() - began)

    def pick_whole(self, call: Call, trace: Trace) -> Coroutine[Any, Any, Chunk]:
        """As `pick`, of a request that wants no stream."""
        return first_chunk(self.pick(call, trace))

    @abstractmethod
    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer, as the strategy has it; says by `answers` and `moves` who is asked why."""

    def answers(self, index: int, took: float = 0.0) -> None:
        """The member at `index` gives the answer, and began it within `took` seconds."""
        self.counters.answers[self.members[index].name] += 1

    def moves(self, index: int, reason: str) -> None:
        """Another member is asked, because of what the one at `index` did."""
        self.counters.moves[self.members[index].name, reason] += 1

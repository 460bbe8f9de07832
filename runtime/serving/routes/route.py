"""What all routes have in common: their members, and asking one after the other."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from attrs import frozen

from ....compiler.plan import RoutePlan, TaskKind
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.errors import RequestError, forget_frames
from ...requests.trace import Trace
from ..counters import RouteCounters, outcome_now
from ..model import Model, check_task
from .failover import exhausted, fails_over
from .first_content import open_answer


class Route(Model):
    """Several deployments or routes behind one name."""

    def __init__(self, plan: RoutePlan, members: Sequence[Model]) -> None:
        self.name = plan.route
        self.plan = plan
        self.task: TaskKind = plan.task
        self.members = members
        self.counters = RouteCounters(member.name for member in members)

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

    def is_available(self) -> bool:
        """Whether one of its members is."""
        return any(member.is_available() for member in self.members)

    async def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer of the member that is picked. Raises RequestError."""
        loop = asyncio.get_running_loop()
        began, begun = loop.time(), False
        try:
            check_task("route", self.name, self.task, call.request)
            async with aclosing(self.pick(call, trace)) as chunks:
                async for chunk in chunks:
                    begun = True
                    yield chunk
        finally:
            self.counters.end(outcome_now(call.request, begun), loop.time() - began)

    @abstractmethod
    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer, as the strategy has it; says by `answers` and `moves` who is asked why."""

    def answers(self, index: int) -> None:
        """The member at `index` gives the answer."""
        self.counters.answers[self.members[index].name] += 1

    def moves(self, index: int, reason: str) -> None:
        """Another member is asked, because of what the one at `index` did."""
        self.counters.moves[self.members[index].name, reason] += 1


@frozen
class Ask:
    """Ask the member at `index`."""

    index: int


@frozen
class GiveUp:
    """No other member is asked; `error` is what the client gets."""

    error: RequestError


class Failover:
    """The members of `route` in an order, each asked when those before it failed in a way that allows it."""

    def __init__(self, route: str, order: Sequence[int]) -> None:
        self._route = route
        self._left = list(reversed(order))
        self._failures: list[RequestError] = []

    def first(self) -> Ask:
        """Who is asked first."""
        return Ask(self._left.pop())

    def failed(self, error: RequestError, *, is_over: bool) -> Ask | GiveUp:
        """The member asked last failed before its first content. is_over: no time is left."""
        if not fails_over(error):
            return GiveUp(error)
        self._failures.append(error)
        if is_over or not self._left:
            return GiveUp(exhausted(self._route, self._failures))
        return Ask(self._left.pop())


async def with_failover(
    route: Route, order: Sequence[int], call: Call, trace: Trace
) -> AsyncGenerator[Chunk, None]:
    """The answer of the first of the members in `order` that gives one. Raises RequestError."""
    loop = asyncio.get_running_loop()
    failover = Failover(route.name, order)
    decision: Ask | GiveUp = failover.first()
    while isinstance(decision, Ask):
        asked = decision.index
        try:
            opened = await open_answer(route.members[asked].stream(call, trace))
            break
        except RequestError as error:
            decision = failover.failed(error, is_over=call.is_over(loop.time()))
            forget_frames(error)  # this one among them, which keeps the error
            if isinstance(decision, Ask):
                route.moves(asked, type(error).code)
    else:
        raise decision.error
    route.answers(asked)
    async with aclosing(opened.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk

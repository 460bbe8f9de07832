"""What all routes have in common: their members, and asking them in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from attrs import frozen

from ...compiler.plan import RoutePlan, TaskKind
from ..errors import RequestError
from ..replica import Chunk, Request
from ..served import NO_HEADERS, Served, check_task, first_chunk
from ..trace import Trace
from .moving_on import exhausted, moves_on
from .opening import Opened, open_answer


@frozen
class Asking:
    """A request, and all that goes with it to a member."""

    request: Request
    deadline: float | None
    priority: int
    headers: Mapping[str, str]

    async def open(self, member: Served, trace: Trace, request: Request | None = None) -> Opened:
        """The answer of `member`, up to its first content. Raises RequestError."""
        return await open_answer(self.stream(member, trace, request))

    def stream(
        self, member: Served, trace: Trace, request: Request | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of `member`; request: instead of the client's."""
        return member.stream(
            request or self.request, self.deadline, trace, priority=self.priority, headers=self.headers
        )

    def is_over(self, now: float) -> bool:
        """Whether the request has no time left."""
        return self.deadline is not None and now >= self.deadline


class Route:
    """Several deployments or routes behind one name."""

    def __init__(self, plan: RoutePlan, members: Sequence[Served]) -> None:
        self.name = plan.route
        self.plan = plan
        self.task: TaskKind = plan.task
        self.members = members

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

    def stream(
        self,
        request: Request,
        deadline: float | None,
        trace: Trace,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of the member that is picked. Raises RequestError."""
        check_task("route", self.name, self.task, request)
        return self.ask(Asking(request, deadline, priority, headers), trace)

    async def answer(
        self,
        request: Request,
        deadline: float | None,
        trace: Trace,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Chunk:
        """Its first chunk: all of it, for a request that wants no stream. Raises RequestError."""
        return await first_chunk(self.stream(request, deadline, trace, priority=priority, headers=headers))

    def ask(self, asking: Asking, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer, as the strategy has it."""
        raise NotImplementedError


@frozen
class Ask:
    """Ask the member at `index`."""

    index: int


@frozen
class GiveUp:
    """No other member is asked; `error` is what the client gets."""

    error: RequestError


class Turns:
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
        if not moves_on(error):
            return GiveUp(error)
        self._failures.append(error)
        if is_over or not self._left:
            return GiveUp(exhausted(self._route, self._failures))
        return Ask(self._left.pop())


async def ask_in_turn(
    route: Route, order: Sequence[int], asking: Asking, trace: Trace
) -> AsyncGenerator[Chunk, None]:
    """The answer of the first of the members in `order` that gives one. Raises RequestError."""
    loop = asyncio.get_running_loop()
    turns = Turns(route.name, order)
    decision: Ask | GiveUp = turns.first()
    while isinstance(decision, Ask):
        try:
            opened = await asking.open(route.members[decision.index], trace)
            break
        except RequestError as error:
            decision = turns.failed(error, is_over=asking.is_over(loop.time()))
    else:
        raise decision.error
    async with aclosing(opened.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk

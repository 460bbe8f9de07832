"""`hedge [a, b] after 400ms`: the next is asked, too, when the first is slow; the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from math import inf

from attrs import evolve

from ....compiler.plan import HedgePlan
from ....compiler.plan.record import frozen
from ...concurrency.tasks import end_tasks
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.errors import RequestError
from ...requests.trace import Trace
from ..counters import SLOW
from ..first_content import Opened, open_answer
from ..model import Model
from .failover import Ask, GiveUp, exhausted, fails_over, last_word
from .route import Route


@frozen
class Wait:
    """Nobody is asked before `until`, unless someone fails; None: whatever comes is waited for."""

    until: float | None


class Hedging:
    """Who is asked when. Members are known by their place in the order."""

    def __init__(self, route: str, members: int, after: float) -> None:
        self._route = route
        self._members = members
        self._after = after
        self._asked = 0
        self._next_at = 0.0
        self._failures: list[RequestError] = []

    def decide(self, now: float) -> Ask | Wait:
        """What to do at `now`, while those who were asked are silent."""
        if self._asked == self._members:
            return Wait(None)
        if self._asked > len(self._failures) and now < self._next_at:
            return Wait(self._next_at)
        self._asked += 1
        self._next_at = now + self._after
        return Ask(self._asked - 1)

    def failed(self, error: RequestError, *, is_over: bool) -> GiveUp | None:
        """One that was asked failed; None: the next one is asked at once, or others are still expected."""
        if not fails_over(error):
            return GiveUp(last_word(self._route, error, self._failures))
        self._failures.append(error)
        if is_over or len(self._failures) == self._members:
            return GiveUp(exhausted(self._route, self._failures))
        self._next_at = 0.0
        return None


class Hedge(Route):
    """Who loses is cancelled at once, and so is its connection to the provider; what it cost counts."""

    def __init__(self, plan: HedgePlan, members: Sequence[Model]) -> None:
        super().__init__(plan, members)
        self._after = float(plan.after)

    async def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        race = Race(self, call, trace, self._after)
        try:
            opened = await race.winner()
            async with aclosing(opened.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            await race.end()


class Race:
    """One request to a hedge; `end` is to be called whatever happens."""

    def __init__(self, route: Route, call: Call, trace: Trace, after: float) -> None:
        self._route = route
        self._call = call
        self._trace = trace
        self._hedging = Hedging(route.name, len(route.members), after)
        now = asyncio.get_running_loop().time()
        frees = [max(member.free_at(now), now) for member in route.members]
        self._order = sorted(range(len(frees)), key=frees.__getitem__)
        """The members as they are asked: those that are free first."""
        self._wait_until = [frees[index] for index in self._order[1:]] + [inf]
        self._traces: dict[asyncio.Task[Opened], Trace] = {}
        self._won: asyncio.Task[Opened] | None = None
        self._failed: tuple[int, str] | None = None

    async def winner(self) -> Opened:
        """The answer that begins first; the others are cancelled. Raises RequestError."""
        loop = asyncio.get_running_loop()
        running: set[asyncio.Task[Opened]] = set()
        while True:
            decision = self._hedging.decide(loop.time())
            if isinstance(decision, Ask):
                if decision.index:
                    self._route.moves(*(self._failed or (self._order[decision.index - 1], SLOW)))
                    self._failed = None
                running.add(self._ask(decision.index))
                continue
            timeout = None if decision.until is None else max(decision.until - loop.time(), 0)
            done, running = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=list(self._traces).index):
                if self._wins(task):
                    return task.result()

    async def end(self) -> None:
        """Cancel who is still asked, and close what nobody reads."""
        losers = [task for task in self._traces if task is not self._won]
        await end_tasks(losers)
        for task in losers:
            if not task.cancelled() and not task.exception():
                await task.result().rest.aclose()

    def _wins(self, task: asyncio.Task[Opened]) -> bool:
        """Whether `task` has an answer. Raises RequestError where no other one is to be waited for."""
        loop = asyncio.get_running_loop()
        error = task.exception()
        if error is None:
            self._won = task
            self._route.answers(self._index(task))
            self._trace.follow(self._traces[task])
            for other in self._traces:
                other.cancel()
            return True
        if not isinstance(error, RequestError):
            raise error
        decision = self._hedging.failed(error, is_over=self._call.is_over(loop.time()))
        if decision is not None:
            raise decision.error
        self._failed = self._index(task), type(error).code
        return False

    def _index(self, task: asyncio.Task[Opened]) -> int:
        """Which member `task` asks."""
        return self._order[list(self._traces).index(task)]

    def _ask(self, place: int) -> asyncio.Task[Opened]:
        """Ask the member at that place of the order; it waits for no limit while the next one is free."""
        trace = self._trace.branch()
        call = evolve(self._call, wait_until=min(self._call.wait_until, self._wait_until[place]))
        task = asyncio.create_task(open_answer(self._route.members[self._order[place]].stream(call, trace)))
        self._traces[task] = trace
        return task

"""A rate limiter for this process alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ....compiler.plan import RateLimits
from ...concurrency.waiting_room import WaitingRoom
from ...dialects.rate_limit_headers import remaining
from ...policies.rate_limit import Permit, RateLimit
from ...requests.errors import ShuttingDown
from ...requests.upstream import Left
from .limiter import MAX_WAIT, log_hold, too_late


class LocalRateLimiter:
    """Exact within this process.

    account: whose limits they are, for errors.
    """

    def __init__(self, account: str, limits: RateLimits) -> None:
        self.account = account
        self.limits = limits
        self._state = RateLimit(limits)
        self._room: WaitingRoom[Permit] = WaitingRoom()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> int:
        return self._state.running

    @property
    def waiting(self) -> int:
        return self._state.waiting

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for ticket in self._room.close(lambda: ShuttingDown("the executor is stopping")):
            self._state.leave(ticket)

    def opens_at(self, now: float, tokens: int) -> float:
        return self._state.opens_at(now, tokens)

    def used(self, now: float) -> float | None:
        return self._state.used(now)

    def left(self, now: float) -> Left:
        return self._state.left(now)

    def take(self, now: float, tokens: int) -> Permit | None:
        return self._state.take(now, tokens)

    async def acquire(self, tokens: int, deadline: float | None) -> Permit:
        loop = asyncio.get_running_loop()
        now = loop.time()
        ticket = self._room.ticket()
        permit = self._state.ask(now, ticket, tokens)
        if permit is not None:
            return permit
        longest = now + MAX_WAIT
        until = longest if deadline is None else min(longest, deadline)
        opens = self._state.opens_at(now, tokens)
        if until < opens < float("inf"):
            self._state.leave(ticket)
            raise too_late(self.account, opens - now)
        waiter = self._room.join(ticket)
        self._advance()
        try:
            return await self._room.wait(
                ticket, waiter, until, lambda: self._left(ticket), lambda permit: self.finish(permit, None)
            )
        except TimeoutError:
            opens = self._state.opens_at(until, tokens) - until
            raise too_late(self.account, opens if 0 < opens < float("inf") else None) from None

    def finish(self, permit: Permit, tokens: int | None) -> None:
        self._state.finish(permit, tokens)
        if self._state.queue:
            self._advance()

    def hold(self, seconds: float, *, probe: bool = False) -> None:
        if self._state.hold(asyncio.get_running_loop().time(), seconds, probe=probe):
            log_hold(self.account, seconds, self.limits)

    def held_for(self, now: float) -> float:
        return self._state.held_for(now)

    def observe(self, headers: Mapping[str, str]) -> None:
        requests, tokens = remaining(headers, "requests"), remaining(headers, "tokens")
        if requests is not None or tokens is not None:
            self._state.learn(asyncio.get_running_loop().time(), requests, tokens)
            if self._state.waiting:
                self._advance()

    def _left(self, ticket: int) -> None:
        self._state.leave(ticket)
        self._advance()

    def _advance(self, at: float | None = None) -> None:
        """Let pass who may, and come back when the next one may. at: the time that a timer was set for."""
        loop = asyncio.get_running_loop()
        now = loop.time() if at is None else max(at, loop.time())
        if self._timer:
            self._timer.cancel()
            self._timer = None
        again: float | None = now
        while again is not None and again <= now:
            granted, again = self._state.advance(now)
            unclaimed = [permit for ticket, permit in granted if not self._room.call(ticket, permit)]
            for permit in unclaimed:
                self._state.finish(permit, None)
            if unclaimed:
                again = now
        if again is not None:
            self._timer = loop.call_at(again, self._advance, again)

"""What processes that share a store know together about providers: open circuits, and accounts on hold.

Each process counts failures by itself. A circuit that one of them opens is open for all a second later,
and one process probes it for all. Nothing of this is asked for on the way of a request, unless its
circuit is not closed. While the store does not answer, each process goes by what it knows.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping

from ...compiler.plan import CircuitBreakerConfig
from ..concurrency.tasks import end_task
from ..policies.circuit_breaker import PROBE_WAIT, Blocked, CircuitBreaker, Outcome, Pass
from .rate_limiters import RateLimiter
from .store import Opening, SharedHealth, StoreError

log = logging.getLogger(__name__)

SYNC = 1.0
"""Seconds between two looks at what other processes have learnt."""


class SharedCircuitBreaker(CircuitBreaker):
    """The circuit of `endpoint`, which other processes may open and close, too."""

    def __init__(self, config: CircuitBreakerConfig, endpoint: str, health: SharedCircuits) -> None:
        super().__init__(config)
        self._endpoint = endpoint
        self._shared = health

    def report(self, now: float, held: Pass, outcome: Outcome) -> None:
        stale, before = self.is_stale(held), self.is_closed
        super().report(now, held, outcome)
        if self.is_stale(held) and not stale:
            self._shared.tell(self._endpoint)
        elif not before and not stale and not self.is_probing:
            self._shared.release(self._endpoint)

    def open_for_operator(self, until: float, seconds: float) -> None:
        super().open_for_operator(until, seconds)
        self._shared.tell(self._endpoint)

    def close_for_operator(self, now: float) -> None:
        super().close_for_operator(now)
        self._shared.tell(self._endpoint)

    async def claim(self, now: float, held: Pass) -> Pass | Blocked:
        try:
            answer = await self._shared.probe(self._endpoint)
        except StoreError:
            return held
        if self.is_stale(held):  # heard of meanwhile
            return self.enter(now)
        match answer:
            case True:
                return held
            case None:
                self.closed_elsewhere(now)
                return self.enter(now)
            case Opening():
                self.opened_elsewhere(now + answer.seconds, max(answer.open_for, self.open_for))
                return Blocked(now + answer.seconds)
            case _:
                super().report(now, held, Outcome.NOTHING)
                return Blocked(now + PROBE_WAIT)


class SharedCircuits:
    """Tells `store` what this process learns, and learns from it what others told.

    breakers, limiters: by endpoint and by account.
    """

    def __init__(self, store: SharedHealth) -> None:
        self.breakers: Mapping[str, SharedCircuitBreaker] = {}
        self.limiters: Mapping[str, RateLimiter] = {}
        self._store = store
        self._process = secrets.token_hex(8)
        self._untold: set[str] = set()
        self._released: set[str] = set()
        self._holds: dict[str, float] = {}
        self._news = asyncio.Event()
        self._lost = False
        """Whether the store could not be reached the last time."""
        self._task: asyncio.Task[None] | None = None

    def know(self, breakers: Mapping[str, SharedCircuitBreaker], limiters: Mapping[str, RateLimiter]) -> None:
        """Speak of these from now on, and of no others."""
        self.breakers, self.limiters = breakers, limiters
        self._untold &= breakers.keys()

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._work(), name="health of providers")

    async def stop(self) -> None:
        """Tell what is not told yet. Safe to call twice."""
        task, self._task = self._task, None
        if task:
            await end_task(task)
            await self._exchange()

    def tell(self, endpoint: str) -> None:
        """The circuit of `endpoint` has changed here."""
        self._untold.add(endpoint)
        self._news.set()

    def release(self, endpoint: str) -> None:
        """No probe of this process is under way any more, and it knows no more than before."""
        self._released.add(endpoint)
        self._news.set()

    def hold(self, account: str, seconds: float) -> None:
        """A provider asked to send nothing for so long."""
        until = asyncio.get_running_loop().time() + seconds
        self._holds[account] = max(until, self._holds.get(account, 0.0))
        self._news.set()

    async def probe(self, endpoint: str) -> Opening | bool | None:
        """Whether this process may probe. Raises StoreError."""
        self._released.discard(endpoint)
        return await self._store.probe(endpoint, self._process)

    async def _work(self) -> None:
        while True:
            await self._exchange()
            try:
                async with asyncio.timeout(SYNC):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _exchange(self) -> None:
        self._news.clear()
        try:
            await self._speak()
            await self._listen()
        except StoreError as error:
            if not self._lost:
                self._lost = True
                log.warning("%s: until then this process learns of failing providers by itself", error)
            self._news.clear()
        else:
            self._lost = False

    async def _speak(self) -> None:
        now = asyncio.get_running_loop().time()
        for endpoint in list(self._untold):
            breaker = self.breakers[endpoint]
            until = breaker.open_until
            if until is None:
                await self._store.close(endpoint)
            else:
                await self._store.open(endpoint, Opening(max(until - now, 0.0), breaker.open_for))
            if breaker.open_until == until:
                self._untold.discard(endpoint)
        while self._released:
            await self._store.release(self._released.pop(), self._process)
        for account, until in list(self._holds.items()):
            if until > now:
                await self._store.hold(account, until - now)
            if self._holds[account] == until:
                del self._holds[account]

    async def _listen(self) -> None:
        endpoints, accounts = list(self.breakers), list(self.limiters)
        openings, holds = await self._store.heard(endpoints, accounts)
        now = asyncio.get_running_loop().time()
        for endpoint, opening in zip(endpoints, openings, strict=True):
            if endpoint not in self._untold:
                _follow(self.breakers[endpoint], opening, now)
        for endpoint, breaker in self.breakers.items():
            if breaker.is_probing:  # so that no other process takes over
                await self._store.probe(endpoint, self._process)
        for account, seconds in zip(accounts, holds, strict=True):
            limiter = self.limiters[account]
            if seconds > limiter.held_for(now) + SYNC:
                limiter.hold(seconds, probe=True)


def _follow(breaker: SharedCircuitBreaker, opening: Opening | None, now: float) -> None:
    """Open or close `breaker` as others have done. A moment more or less is no news."""
    until = breaker.open_until
    if opening is None:
        if until is not None:
            breaker.closed_elsewhere(now)
    elif opening.seconds > 0 and (until is None or now + opening.seconds > until + SYNC):
        breaker.opened_elsewhere(now + opening.seconds, opening.open_for)
    elif until is None:  # others may be probing it already
        breaker.opened_elsewhere(now, opening.open_for)

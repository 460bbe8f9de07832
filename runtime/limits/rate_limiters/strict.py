"""A rate limiter that asks a common store for each permit: exact across all processes that share it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from math import inf

from attrs import evolve

from ....compiler.plan import RateLimits, UnavailableAction
from ...concurrency.tasks import end_task
from ...concurrency.waiting_room import WaitingRoom
from ...dialects.rate_limit_headers import remaining
from ...policies.rate_limit import Permit, RateLimit
from ...requests.errors import ShuttingDown, StoreUnavailable
from ...requests.upstream import Left
from ..store import SharedLimits, StoreError
from ..store.protocol import Ask, Return
from .limiter import MAX_WAIT, log_hold, too_late

log = logging.getLogger(__name__)

BATCH = 64
"""Requests that one exchange with the store asks for at most."""

RENEW = 1.0
"""Seconds after which the store hears again of requests that are still in flight."""

FLUSH = 0.1
"""Seconds after which the store hears of what requests consumed when nothing else is to be said."""

RECHECK = 0.25
"""Seconds after which the store is asked again at the latest, for other processes give tokens back."""


class StrictRateLimiter:
    """Permits out of limits that are kept in `store`. Without it, `action` says whether nothing is sent, or
    what this process alone may send.

    Requests of this process pass in the order of their arrival; between processes, who asks first.
    account: whose limits they are, for errors. key: the name of the limits in the store.
    """

    def __init__(
        self,
        account: str,
        limits: RateLimits,
        key: str,
        store: SharedLimits,
        action: UnavailableAction = UnavailableAction.REFUSE,
    ) -> None:
        self.account = account
        self.limits = limits
        self._store = store.account(key, limits)
        self._process = secrets.token_hex(8)
        # what the provider says is not in the store
        self._heard = RateLimit(RateLimits(max_hold=limits.max_hold))
        self._sent = RateLimit(evolve(limits, concurrent_requests=None))  # counts, and holds nobody
        self._alone = RateLimit(limits) if action is UnavailableAction.SERVE else None
        self._queue: OrderedDict[int, int] = OrderedDict()
        self._room: WaitingRoom[Permit] = WaitingRoom()
        self._held: set[str] = set()
        self._returns: list[Return] = []
        self._news = asyncio.Event()
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> int:
        return self._heard.running

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name=f"limits of {self.account}")

    async def stop(self) -> None:
        self._room.close(lambda: ShuttingDown("the executor is stopping"))
        self._queue.clear()
        task, self._task = self._task, None
        if task:
            await end_task(task)
            if self._returns:
                await self._exchange()

    def opens_at(self, now: float, tokens: int) -> float:
        return self._heard.opens_at(now, tokens)

    def used(self, now: float) -> float | None:
        return self._sent.used(now)

    def left(self, now: float) -> Left:
        return self._sent.left(now)

    def take(self, now: float, tokens: int) -> Permit | None:
        if self._alone is None or not self._lost or self._heard.opens_at(now, tokens) > now:
            return None  # the store alone can say
        permit = self._alone.take(now, tokens)
        return permit and permit._replace(probe=self._heard.grant(now, tokens).probe)

    async def acquire(self, tokens: int, deadline: float | None) -> Permit:
        now = asyncio.get_running_loop().time()
        until = now + MAX_WAIT if deadline is None else min(now + MAX_WAIT, deadline)
        opens = self._heard.opens_at(now, tokens)
        if until < opens < inf:
            raise too_late(self.account, opens - now)
        if self._task is None:
            raise ShuttingDown("the executor is stopping")
        ticket = self._room.ticket()
        if not self._queue:
            self._news.set()
        self._queue[ticket] = tokens
        waiter = self._room.join(ticket)
        try:
            return await self._room.wait(
                ticket,
                waiter,
                until,
                lambda: self._queue.pop(ticket, None),
                lambda permit: self.finish(permit, None),
            )
        except TimeoutError:
            raise too_late(self.account, None) from None

    def finish(self, permit: Permit, tokens: int | None) -> None:
        self._heard.finish(permit, tokens)
        if permit.probe:
            self._news.set()
        if self._alone is not None and not permit.shared_bucket:
            self._alone.finish(permit._replace(probe=0), tokens)
            return
        lease = permit.lease
        if lease is not None:
            self._held.discard(lease)
        if lease is not None or tokens != permit.tokens:
            unsent = 1 if tokens is None else 0
            self._returns.append(Return(permit.shared_bucket, unsent, permit.tokens - (tokens or 0), lease))
            self._news.set()

    def hold(self, seconds: float, *, probe: bool = False) -> None:
        if self._heard.hold(asyncio.get_running_loop().time(), seconds, probe=probe):
            log_hold(self.account, seconds, self.limits)

    def held_for(self, now: float) -> float:
        return self._heard.held_for(now)

    def observe(self, headers: Mapping[str, str]) -> None:
        now = asyncio.get_running_loop().time()
        self._heard.learn(now, remaining(headers, "requests"), remaining(headers, "tokens"))

    async def _work(self) -> None:
        """Talk to the store whenever there is something to ask or to tell."""
        wait: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
            if not self._queue and self._returns and not self._held:
                await asyncio.sleep(FLUSH)
            self._news.clear()
            wait = await self._exchange()

    async def _exchange(self) -> float | None:
        """Tell what has ended, ask for those who wait; gives the seconds until the next time."""
        now = opens = asyncio.get_running_loop().time()
        asking = list(self._queue.items())[:BATCH]
        if asking:
            opens = self._heard.opens_at(now, asking[0][1])
            asking = asking[: 0 if opens > now else 1 if self._heard.is_doubtful(now) else BATCH]
        leases = [f"{self._process}:{ticket}" for ticket, _ in asking]
        asks = [Ask(tokens, lease) for (_, tokens), lease in zip(asking, leases, strict=True)]
        returns, self._returns = self._returns, []
        try:
            grant = await self._store.acquire(asks, returns, tuple(self._held))
        except StoreError as error:
            self._fail(str(error))
            return RENEW
        if self._lost:
            self._lost = False
            log.warning("the limits of %s can be kept again", self.account)
        for (ticket, tokens), lease in list(zip(asking, leases, strict=True))[: grant.granted]:
            self._grant(ticket, tokens, grant.bucket, lease)
        if grant.granted < len(asking):
            return min(grant.wait, RECHECK)
        if opens > now:
            return min(opens - now, RENEW) if self._held else None if opens == inf else opens - now
        if self._queue:
            return 0
        return RENEW if self._held else None

    def _grant(self, ticket: int, tokens: int, bucket: int, lease: str) -> None:
        concurrent = self.limits.concurrent_requests is not None
        now = asyncio.get_running_loop().time()
        heard = self._heard.grant(now, tokens)
        self._sent.grant(now, tokens)
        permit = heard._replace(shared_bucket=bucket, lease=lease if concurrent else None)
        if concurrent:
            self._held.add(lease)
        if self._queue.pop(ticket, None) is None or not self._room.call(ticket, permit):
            self.finish(permit, None)

    def _fail(self, reason: str) -> None:
        """The store does not answer: those who wait get what this process alone may send, or nothing."""
        if not self._lost:
            self._lost = True
            follows = "requests are refused" if self._alone is None else "each process keeps them by itself"
            log.warning("%s: `strict` limits cannot be kept without it, so %s", reason, follows)
        now = asyncio.get_running_loop().time()
        for ticket, tokens in list(self._queue.items()):
            permit = self.take(now, tokens)
            if permit is not None:
                del self._queue[ticket]
                if not self._room.call(ticket, permit):
                    self.finish(permit, None)
        self._queue.clear()
        self._room.close(lambda: StoreUnavailable(f"the limits of {self.account}: {reason}"))

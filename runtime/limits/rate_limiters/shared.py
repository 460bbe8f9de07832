"""A rate limiter over shares of a limit, which processes take from a common store once a second.

A share is taken out of the limit atomically and before it is used, so that all processes together
keep to the limit; requests wait for no store as long as the share lasts. While the store does not
answer, each process goes on with its part of the limit, by the number of processes it last knew:
together they may then send up to twice the limit in the minute in which the store was lost, and
the limit in the minutes after, plus one limit for each process that starts meanwhile.
"""

from __future__ import annotations

import asyncio
import logging

from ....compiler.plan import RateLimits
from ...concurrency.tasks import end_task
from ...policies.rate_limit import Allowance, Permit
from ..store import SharedLimits, StoreError
from ..store.protocol import Return, Share
from .local import LocalRateLimiter

log = logging.getLogger(__name__)

SYNC = 1.0
"""Seconds between two exchanges with the store while requests are sent."""


class SharedRateLimiter(LocalRateLimiter):
    """One process' part of limits that are kept in `store`.

    key: the name of the limits there.
    """

    def __init__(self, account: str, limits: RateLimits, key: str, store: SharedLimits) -> None:
        super().__init__(account, limits)
        self._store = store.account(key, limits)
        self._share: Share | None = None
        self._returns: list[Return] = []
        self._members = 1
        self._lost = False
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._state.allowance = self._nothing()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._sync(), name=f"limits of {self.account}")

    async def stop(self) -> None:
        await super().stop()
        task, self._task = self._task, None
        if task:
            await end_task(task)
            await self._exchange(need=0)

    def take(self, now: float, tokens: int) -> Permit | None:
        self._wanted.set()
        return super().take(now, tokens)

    async def acquire(self, tokens: int, deadline: float | None) -> Permit:
        self._wanted.set()
        return await super().acquire(tokens, deadline)

    def finish(self, permit: Permit, tokens: int | None) -> None:
        if permit.shared_bucket and tokens != permit.tokens:
            unsent = 1 if tokens is None else 0
            self._returns.append(Return(permit.shared_bucket, unsent, permit.tokens - (tokens or 0)))
        super().finish(permit, tokens)

    async def _sync(self) -> None:
        while True:
            await self._wanted.wait()
            while self._wanted.is_set() or self.running or self.waiting:
                self._wanted.clear()
                await self._exchange(need=max(self._state.first_need(), 1))
                await asyncio.sleep(SYNC)
            await self._exchange(need=0)

    async def _exchange(self, need: int) -> None:
        """Tell what of the share was used, and take a new one."""
        used = self._used()
        self._share = None
        if self._state.allowance is not None:
            self._state.allowance = self._nothing()
        returns, self._returns = self._returns, []
        try:
            share = await self._store.share(need, used, returns)
        except StoreError as error:
            self._state.allowance = None
            self._state.divide(windows=self._members, slots=self._members)
            if not self._lost:
                self._lost = True
                part = f"1/{self._members} of " if self._members > 1 else ""
                log.warning(
                    "%s: until then this process keeps to %sthe limits of %s", error, part, self.account
                )
        else:
            if self._lost:
                self._lost = False
                log.warning("the limits of %s are shared again", self.account)
            self._share, self._members = share, share.members
            self._state.divide(windows=1, slots=share.members)
            self._state.allowance = Allowance(share.requests, share.tokens, share.bucket)
        self._advance()

    def _used(self) -> tuple[int, int]:
        """Requests and tokens of the share that were sent."""
        share, left = self._share, self._state.allowance
        if share is None or left is None:
            return 0, 0
        return (share.requests or 0) - (left.requests or 0), (share.tokens or 0) - (left.tokens or 0)

    def _nothing(self) -> Allowance:
        limits = self.limits
        return Allowance(
            None if limits.requests_per_minute is None else 0, None if limits.tokens_per_minute is None else 0
        )

"""Tokens that end: asked for when they are needed, renewed before they end, and kept nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from random import Random
from typing import Protocol

from .....compiler.plan import RemotePoolPlan
from ....requests.errors import RequestError
from ....secrets.secret import Secret
from .authorizer import RENEW_EVERY, Authorization

log = logging.getLogger(__name__)

RENEW_EARLY = 300.0
"""Seconds before the end of a token when the next is asked for; at most a fifth of its life. By chance it is
up to half as long earlier, since those who started together are not to ask together."""

_TRY_AGAIN = 10.0


class TokenSource(Protocol):
    """Who gives tokens."""

    async def start(self) -> None:
        """Read what is shown for a token. Raises StartError."""

    def look(self, now: float) -> bool:
        """Whether tokens are for somebody else than before, at a price that each request can pay."""
        ...

    def read_again(self) -> bool:
        """The same, whether or not it looks changed."""
        ...

    async def fetch(self) -> tuple[Secret, float]:
        """A new token and for how many seconds it is good. Raises RequestError."""
        ...


class TokenAuthorizer:
    """A token, renewed before it ends, when it is for somebody else, or when refused.

    Only one is asked for at a time. The last serves until it ends, while the next is asked for, and where
    none comes. beside: headers that requests have beside it. random: what spreads renewals.
    """

    def __init__(
        self,
        plan: RemotePoolPlan,
        source: TokenSource,
        beside: Mapping[str, str] | None = None,
        random: Random | None = None,
    ) -> None:
        self._scheme = plan.auth
        self._source = source
        self._beside = beside or {}
        self._random = random or Random()
        self._current: Authorization | None = None
        self._renew_at = self._ends_at = self._refusable_at = 0.0
        self._version = 0
        self._renewing: asyncio.Task[RequestError | None] | None = None

    async def start(self) -> None:
        await self._source.start()

    async def stop(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def version(self) -> int:
        self._follow(asyncio.get_running_loop().time())
        return self._version

    async def authorize(self) -> Authorization:
        now = asyncio.get_running_loop().time()
        self._follow(now)
        if self._current is not None and now < self._renew_at:
            return self._current
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        if self._current is not None and now < self._ends_at:
            return self._current
        error = await asyncio.shield(self._renewing)
        if error is not None:
            raise error
        assert self._current is not None
        return self._current

    async def refused(self, used: Authorization) -> bool:
        if used is not self._current:
            return True
        changed = self._source.read_again()
        now = asyncio.get_running_loop().time()
        if changed:
            self._version += 1
        elif now < self._refusable_at:
            return False
        self._refusable_at = now + RENEW_EVERY
        self._renew_at = self._ends_at = 0.0
        return True

    def _follow(self, now: float) -> None:
        """Ask for another token once it is for somebody else."""
        if self._source.look(now):
            self._version += 1
            self._renew_at = self._ends_at = 0.0

    async def _renew(self) -> RequestError | None:
        """Ask for a token; the error that there is instead of one, which is said while the last is good."""
        loop = asyncio.get_running_loop()
        while True:
            version = self._version
            try:
                token, life = await self._source.fetch()
            except RequestError as error:
                if loop.time() < self._ends_at:
                    log.warning("%s; the last access token is still good", error)
                    self._renew_at = min(loop.time() + self._spread(_TRY_AGAIN), self._ends_at)
                return error
            if version == self._version:
                break
        self._ends_at = loop.time() + life
        self._renew_at = self._ends_at - self._spread(min(RENEW_EARLY, life / 5))
        self._current = Authorization.of(self._scheme, token, self._beside)
        return None

    def _spread(self, seconds: float) -> float:
        return seconds * self._random.uniform(1.0, 1.5)

"""What a rate limiter is to a deployment, whoever keeps the limits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from ....compiler.plan import RateLimits
from ...policies.rate_limit import Permit
from ...requests.errors import RateLimited
from ...requests.upstream import Left

log = logging.getLogger(__name__)

MAX_WAIT = 60.0
"""Seconds that a request waits for a permit at most, also when its deadline is later."""

_DAY, _MOST_DAYS = 86400.0, 10_000


class RateLimiter(Protocol):
    """Gives permits to send requests of one account: a provider, a key and a model."""

    @property
    def running(self) -> int:
        """Permits that are held."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a permit."""

    async def start(self) -> None:
        """Become ready."""

    async def stop(self) -> None:
        """End every task of ours. Safe to call twice."""

    def opens_at(self, now: float, tokens: int) -> float:
        """When a request of about `tokens` may be sent, as far as is known here without asking; infinite:
        not by waiting alone. In the time of the loop.
        """
        ...

    def used(self, now: float) -> float | None:
        """The share of the limit that is used up most, as far as is known here; None without limits."""
        ...

    def left(self, now: float) -> Left:
        """What is left of the limits on requests and tokens, as far as is known here."""
        ...

    def take(self, now: float, tokens: int) -> Permit | None:
        """A permit for a request of about `tokens`, where it need not wait; else `acquire` one."""

    async def acquire(self, tokens: int, deadline: float | None) -> Permit:
        """A permit for a request of about `tokens`, after those that asked before. Raises RequestError."""
        ...

    def finish(self, permit: Permit, tokens: int | None) -> None:
        """The request has ended, and consumed `tokens`; None: it was never sent."""

    def hold(self, seconds: float, *, probe: bool = False) -> None:
        """The provider asks to send nothing for so long; for `max_hold` at most, nothing is sent.

        probe: one request is to go alone afterwards, also where the whole wait is kept to.
        """

    def held_for(self, now: float) -> float:
        """Seconds for which nothing is sent because of what the provider said; 0: it may be."""
        ...

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer that say what is left."""


def too_late(account: str, wait: float | None) -> RateLimited:
    """The error of a request that finds no permit in time. wait: seconds until there is one, if known."""
    when = "" if wait is None else f", the next request may be sent in {wait:.3g} s"
    return RateLimited(
        f"the rate limits of {account} are used up{when}", retry_after=1.0 if wait is None else wait
    )


def log_hold(account: str, asked: float, limits: RateLimits) -> None:
    """Say that nothing is sent for a while. asked: seconds for which the provider wants that."""
    longest = limits.max_hold
    if asked > longest:
        log.warning(
            "%s asks to wait %s: nothing is sent for `max_hold = %s`, then one request tries",
            account,
            spoken(asked),
            longest,
        )
    else:
        log.info("%s asks to wait %s: nothing is sent for so long", account, spoken(asked))


def spoken(seconds: float) -> str:
    """A wait as people say it: `0.5 s`, `3 d`, and no digits without end."""
    if seconds < _DAY:
        return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"
    days = seconds / _DAY
    return f"{days:.0f} d" if days < _MOST_DAYS else f"more than {_MOST_DAYS} d"

"""What a rate limiter is to a deployment, whoever keeps the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ...policies.rate_limit import Permit
from ...requests.errors import RateLimited

MAX_WAIT = 60.0
"""Seconds that a request waits for a permit at most, also when its deadline is later."""


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

    def take(self, now: float, tokens: int) -> Permit | None:
        """A permit for a request of about `tokens`, where it need not wait; else `acquire` one."""

    async def acquire(self, tokens: int, deadline: float | None) -> Permit:
        """A permit for a request of about `tokens`, after those that asked before. Raises RequestError."""
        ...

    def finish(self, permit: Permit, tokens: int | None) -> None:
        """The request has ended, and consumed `tokens`; None: it was never sent."""

    def hold(self, seconds: float) -> None:
        """The provider asks to send nothing for so long."""

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer."""


def too_late(account: str, wait: float | None) -> RateLimited:
    """The error of a request that finds no permit in time. wait: seconds until there is one, if known."""
    when = "" if wait is None else f", the next request may be sent in {wait:.3g} s"
    return RateLimited(
        f"the rate limits of {account} are used up{when}", retry_after=1.0 if wait is None else wait
    )

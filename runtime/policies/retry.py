"""Whether and when a failed request is sent again: a pure policy."""

from __future__ import annotations

from math import inf
from random import Random

from ...compiler.plan import JitterKind, RetryPolicy
from ...compiler.plan.record import frozen
from ..requests.errors import RequestError, StaleConnection

MAX_TOTAL_WAIT = 120.0
"""Seconds that one request may spend waiting between its attempts, all waits together."""


@frozen
class RetryIn:
    """Send again after `seconds`."""

    seconds: float


@frozen
class GiveUp:
    """The error is final; `reason` is what the client should know beyond the error, or empty."""

    reason: str = ""


@frozen
class Retry:
    """A plan's retry policy, ready to decide.

    idempotent: False never sends a request again.
    """

    policy: RetryPolicy
    idempotent: bool
    random: Random

    def decide(
        self,
        error: RequestError,
        attempt: int,
        waited: float,
        free_in: float = inf,
        asked: float | None = None,
    ) -> RetryIn | GiveUp:
        """What follows from `error`.

        attempt: the attempts made so far, at least 1. waited: seconds spent between them. free_in: seconds
        until someone else can be asked, who makes it unnecessary to wait as long as the error says. asked:
        seconds that the provider asked to wait, where clients are told less.
        """
        asked = error.retry_after if asked is None else asked
        if not error.retryable or not self.idempotent or attempt > self.policy.max_retries:
            return GiveUp()
        if asked is not None and asked > 0 and self.policy.respect_retry_after:
            asked = min(asked, free_in)
            longest = self.policy.max_backoff
            if asked > longest:
                return GiveUp(f"the provider asks to wait {asked:.6g} s, longer than max_backoff = {longest}")
            wait = asked
        else:
            wait = 0.0 if attempt == 1 and isinstance(error, StaleConnection) else self._backoff(attempt)
        if waited + wait > MAX_TOTAL_WAIT:
            return GiveUp(f"retries may wait {MAX_TOTAL_WAIT:g} s in all")
        return RetryIn(wait)

    def _backoff(self, attempt: int) -> float:
        policy = self.policy
        try:
            full = policy.initial_backoff * policy.backoff_multiplier ** (attempt - 1)
        except OverflowError:
            full = policy.max_backoff
        full = min(full, policy.max_backoff)
        match policy.jitter:
            case JitterKind.NONE:
                return float(full)
            case JitterKind.EQUAL:
                return full / 2 + self.random.uniform(0, full / 2)
            case JitterKind.FULL:
                return self.random.uniform(0, full)

"""Retries: what follows an attempt at a deployment, the next one or the end."""

from __future__ import annotations

import asyncio

from ..limits.replica_policies import ReplicaPolicies
from ..policies.estimate import Estimate, Tariff, estimate
from ..policies.retry import GiveUp, Retry
from ..requests.errors import RequestError, forget_frames
from ..requests.request import Request
from ..requests.trace import Trace
from ..requests.usage import Usage
from .attempt import Attempt

NOTHING = Estimate(0, 0)


class Retrier:
    """The attempts of one request at one replica, one after the other.

    For each: `enter`, then `failed` where it failed, then `leave`, always.
    """

    __slots__ = (
        "_attempt",
        "_count",
        "_deadline",
        "_deployment",
        "_loop",
        "_policies",
        "_request",
        "_retry",
        "_sent",
        "_tariff",
        "_trace",
        "_waited",
    )

    def __init__(
        self,
        deployment: str,
        policies: ReplicaPolicies | None,
        retry: Retry,
        tariff: Tariff | None,
        request: Request,
        deadline: float | None,
        trace: Trace,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        trace.deployment = self._deployment = deployment
        self._policies = policies
        self._retry = retry
        self._tariff = tariff
        self._request = request
        self._deadline = deadline
        self._trace = trace
        self._loop = loop
        self._attempt: Attempt | None = None
        self._count = 0
        self._waited = self._sent = 0.0

    @property
    def begun(self) -> bool:
        """Whether a part of the answer has been handed out."""
        return self._attempt is not None and self._attempt.begun

    @property
    def usage(self) -> Usage | None:
        """The tokens of the last attempt, as far as they have been told."""
        return None if self._attempt is None else self._attempt.usage

    async def enter(self) -> Attempt:
        """The next attempt passes its policies and goes out now. Raises RequestError, holding nothing."""
        self._count += 1
        self._trace.attempts = self._count
        attempt = Attempt(self._policies, estimate(self._request) if self._policies else NOTHING)
        self._attempt = attempt
        await attempt.enter(self._loop.time(), self._deadline)
        self._sent = self._loop.time()
        attempt.send()
        return attempt

    def failed(self, error: RequestError) -> float | None:
        """Seconds until the next attempt; None where none follows, and `error` is the outcome."""
        forget_frames(error)
        attempt, now, deadline = self._attempt, self._loop.time(), self._deadline
        assert attempt is not None
        attempt.failed(now, error, deadline)
        error.attempts = self._count
        if attempt.begun:
            return None
        decision = self._retry.decide(error, self._count, self._waited)
        if isinstance(decision, GiveUp):
            if decision.reason:
                error.message = f"{error.message}; {decision.reason}"
            return None
        if deadline is not None and now + decision.seconds >= deadline:
            return None
        self._waited += decision.seconds
        return decision.seconds

    def leave(self) -> None:
        """Give back what the attempt held."""
        attempt, now = self._attempt, self._loop.time()
        assert attempt is not None
        attempt.leave(now)
        trace = self._trace
        if trace.spans is not None:
            answered = attempt.answered(streamed=getattr(self._request, "stream", False))
            used = attempt.used()
            cost = None if self._tariff is None else self._tariff.cost(used)
            trace.record(self._deployment, self._sent, now, used, cost, answered)

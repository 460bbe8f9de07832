"""What follows one attempt at a deployment: the next one or the end, however its answer is read."""

from __future__ import annotations

import asyncio

from .errors import RequestError
from .passage import Guards, Passage
from .policies.estimate import Estimate, Tariff, estimate
from .policies.retry import GiveUp, Retry
from .replica import Request, Usage
from .trace import Trace

NOTHING = Estimate(0, 0)


class Attempts:
    """The attempts of one request at one replica, one after the other.

    For each: `enter`, then `failed` where it failed, then `leave`, always.
    """

    __slots__ = (
        "_count",
        "_deadline",
        "_deployment",
        "_guards",
        "_loop",
        "_passage",
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
        guards: Guards | None,
        retry: Retry,
        tariff: Tariff | None,
        request: Request,
        deadline: float | None,
        trace: Trace,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        trace.deployment = self._deployment = deployment
        self._guards = guards
        self._retry = retry
        self._tariff = tariff
        self._request = request
        self._deadline = deadline
        self._trace = trace
        self._loop = loop
        self._passage: Passage | None = None
        self._count = 0
        self._waited = self._sent = 0.0

    @property
    def begun(self) -> bool:
        """Whether a part of the answer has been handed out."""
        return self._passage is not None and self._passage.begun

    @property
    def usage(self) -> Usage | None:
        """The tokens of the last attempt, as far as they have been told."""
        return None if self._passage is None else self._passage.usage

    async def enter(self) -> Passage:
        """The next attempt passes its policies and goes out now. Raises RequestError, holding nothing."""
        self._count += 1
        self._trace.attempts = self._count
        passage = Passage(self._guards, estimate(self._request) if self._guards else NOTHING)
        self._passage = passage
        await passage.enter(self._loop.time(), self._deadline)
        self._sent = self._loop.time()
        passage.send()
        return passage

    def failed(self, error: RequestError) -> float:
        """Seconds until the next attempt; raises `error` where there is none: none follows a chunk."""
        passage, now, deadline = self._passage, self._loop.time(), self._deadline
        assert passage is not None
        passage.failed(now, error, deadline)
        error.attempts = self._count
        if passage.begun:
            raise error
        decision = self._retry.decide(error, self._count, self._waited)
        if isinstance(decision, GiveUp):
            if decision.reason:
                error.message = f"{error.message}; {decision.reason}"
            raise error
        if deadline is not None and now + decision.seconds >= deadline:
            raise error
        self._waited += decision.seconds
        return decision.seconds

    def leave(self) -> None:
        """Give back what the attempt held."""
        passage, now = self._passage, self._loop.time()
        assert passage is not None
        passage.leave(now)
        trace = self._trace
        if trace.spans is not None:
            answered = passage.answered(streamed=getattr(self._request, "stream", False))
            trace.record(self._deployment, self._sent, now, passage.used(), self._tariff, answered)

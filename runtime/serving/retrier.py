"""Retries: what follows an attempt at a deployment, the next one or the end."""

from __future__ import annotations

import asyncio
from math import inf

from ..limits.rate_limiters import MAX_WAIT
from ..policies.estimate import NO_SIZE
from ..policies.retry import GiveUp, Retry
from ..policies.tariff import Tariff
from ..requests.call import Call
from ..requests.errors import (
    CircuitOpen,
    Forbidden,
    NetworkError,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerDown,
    ServerError,
    Unauthorized,
    forget_frames,
)
from ..requests.request import ChatRequest, CompletionRequest
from ..requests.trace import Trace
from ..requests.usage import NOTHING_USED
from .attempt import Attempt
from .availability import Availability
from .slots import Slot, Slots

ITS_OWN = (RateLimited, Unauthorized, Forbidden, ServerDown)
"""Errors of one replica, its key or its server: another replica may answer at once, without a retry."""

MOST_CUTS = 2
"""Generations of one request that may end without a first byte in time: more are not begun."""

ITS_OWN_PERHAPS = (ServerError, NetworkError, RequestTimeout)
"""Errors that may be those of one replica: the retry, after its pause, goes to another one that is free."""

PASSING = (RateLimited, ServerDown)
"""Errors that go by waiting: who has somebody else to ask does not wait."""


NOBODY: frozenset[int] = frozenset()

_WAITED = 0.05
"""Seconds: who was waited for so long may be free by now, and is asked again; who said no at once is not."""


class RetryContext:
    """What the attempts of all requests at `deployment` have in common.

    tariff: None where the price is not known.
    """

    __slots__ = ("availability", "deployment", "retry", "slots", "tariff")

    def __init__(
        self,
        deployment: str,
        availability: Availability,
        slots: Slots,
        retry: Retry,
        tariff: Tariff | None,
    ) -> None:
        self.deployment = deployment
        self.availability = availability
        self.slots = slots
        self.retry = retry
        self.tariff = tariff


class Retrier:
    """The attempts of one request at a deployment, one after the other, each at one of its replicas.

    For each: `enter`, then `failed` where it failed, then `leave`, always. slot: which the request holds; it
    moves along to the replica that is asked.
    """

    __slots__ = (
        "_call",
        "_context",
        "_count",
        "_cuts",
        "_loop",
        "_moves",
        "_passed",
        "_trace",
        "_tried",
        "_waited",
        "attempt",
        "sent",
        "slot",
        "used",
    )

    def __init__(
        self, context: RetryContext, slot: Slot, call: Call, trace: Trace, loop: asyncio.AbstractEventLoop
    ) -> None:
        trace.deployment = context.deployment
        self.slot = slot
        self._context = context
        self._call = call
        self._trace = trace
        self._loop = loop
        self.attempt: Attempt | None = None
        """The last one."""
        self.used = NOTHING_USED
        """By the last one that was sent."""
        self._count = self._moves = self._cuts = 0
        self._tried = self._passed = NOBODY
        self._waited = self.sent = 0.0

    async def enter(self) -> Attempt:
        """The next attempt passes its policies and goes out now. Raises RequestError, holding nothing."""
        self._count += 1
        trace, call, context = self._trace, self._call, self._context
        availability = context.availability
        trace.attempts = self._count
        began = now = self._loop.time()
        self._passed = NOBODY
        while True:
            index = self.slot.replica
            trace.replica = index
            entered, policies = now, availability.policies[index]
            size = NO_SIZE if policies is None else policies.size_of(call.request)
            attempt = self.attempt = Attempt(policies, size, self._loop, context.tariff)
            if policies is None:  # so that there is none to pass
                self.sent = now
                return attempt
            try:
                await attempt.enter(now, call.deadline, self._waits_until, call.payers)
                break
            except RequestError as error:
                now = self._loop.time()
                trace.note(now, f"{context.deployment} #{index}: not sent: {error.message}")
                if not isinstance(error, RateLimited | CircuitOpen):
                    raise
                passed = self._passed = (NOBODY if now - entered >= _WAITED else self._passed) | {index}
                if (
                    now - began >= MAX_WAIT
                    or call.is_over(now)
                    or not (
                        self._moves_on(now, passed | self._tried)
                        or (isinstance(error, CircuitOpen) and self._waits_elsewhere(now, passed))
                    )
                ):
                    raise
        self.sent = self._loop.time()
        if availability.refusals:
            availability.sent(index, self.sent)
        attempt.is_sent = True
        return attempt

    def _waits_until(self, now: float) -> float:
        """Up to when the attempt waits for its rate limit: another replica may take it by then."""
        return min(
            self._call.wait_until,
            self._context.availability.others(self.slot.replica, now, self._passed),
        )

    def failed(self, error: RequestError) -> float | None:
        """Seconds until the next attempt; None where none follows, and `error` is the outcome."""
        forget_frames(error)
        attempt, now, deadline = self.attempt, self._loop.time(), self._call.deadline
        context = self._context
        assert attempt is not None
        asked = error.retry_after
        attempt.failed(now, error, deadline)
        context.availability.failed(self.slot.replica, now, error)
        error.attempts = self._count
        self._trace.note(now, f"{context.deployment} #{self.slot.replica}: failed: {error.message}")
        if attempt.handed_out():
            return None
        free_in = inf
        if isinstance(error, ITS_OWN) and not self._call.is_over(now):
            self._tried |= {self.slot.replica}
            if self._moves_on(now, self._tried, same_account=isinstance(error, ServerDown)):
                self._moves += 1
                return 0.0
            free_in = max(context.availability.others(self.slot.replica, now) - now, 0.0) or inf
        if self._is_cut(error):
            return None
        decision = context.retry.decide(error, self._count - self._moves, self._waited, free_in, asked)
        if isinstance(decision, GiveUp):
            if decision.reason:
                error.message = f"{error.message}; {decision.reason}"
            return None
        next_at = now + decision.seconds
        if deadline is not None and next_at >= deadline:
            return None
        if isinstance(error, PASSING) and next_at > self._call.wait_until:
            return None
        self._waited += decision.seconds
        self._tried = NOBODY
        if isinstance(error, ITS_OWN_PERHAPS):
            self._moves_on(now, self._tried, same_account=True)
        self._trace.note(now, f"{context.deployment}: tries again in {decision.seconds:.3g} s")
        return decision.seconds

    def _is_cut(self, error: RequestError) -> bool:
        """Whether our own clock ended a generation that is not to be begun anew: it is paid for each time."""
        if not isinstance(error, RequestTimeout) or error.upstream_status is not None:
            return False
        if not isinstance(self._call.request, ChatRequest | CompletionRequest):
            return False
        self._cuts += 1
        if not error.at_work and self._cuts < MOST_CUTS:
            return False
        is_over = self._call.is_over(self._loop.time())  # then it was the client's time that ended
        if not error.at_work and not is_over and self._context.retry.policy.max_retries >= MOST_CUTS:
            error.message += f"; it is not sent again after {MOST_CUTS} such timeouts: raise `timeouts`"
        return True

    def leave(self) -> None:
        """Give back what the attempt held."""
        attempt, trace, now = self.attempt, self._trace, self._loop.time()
        assert attempt is not None
        attempt.leave(now)
        used = self.used = attempt.used
        availability = self._context.availability
        if (availability.refusals or availability.rests) and attempt.handed_out():
            availability.answered(self.slot.replica, now)
        trace.record(
            self._context.deployment,
            self.sent,
            now,
            used,
            attempt.cost,
            attempt.answered(streamed=getattr(self._call.request, "stream", False)),
            trace.replica,
            attempt.first,
            attempt.failure,
        )

    def _moves_on(self, now: float, tried: frozenset[int], *, same_account: bool = False) -> bool:
        """Whether another replica is free that is not among `tried`; the slot moves there."""
        other = self._context.availability.another(self.slot.replica, now, tried, same_account=same_account)
        if other is None:
            return False
        self.slot = self._context.slots.move(self.slot, other)
        return True

    def _waits_elsewhere(self, now: float, passed: frozenset[int]) -> bool:
        """Whether another replica only has to be waited for; the slot moves there."""
        other = self._context.availability.waiting(self.slot.replica, now, passed | self._tried)
        if other is None:
            return False
        self.slot = self._context.slots.move(self.slot, other)
        return True

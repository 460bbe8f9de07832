"""Asking another member when one has failed: after which errors, who is next, and what is said at the end."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from copy import copy
from math import inf
from typing import Any, TypeVar

from ....compiler.plan.record import frozen
from ...limits.rate_limiters import MAX_WAIT
from ...requests import errors as e
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.errors import forget_frames
from ...requests.trace import Trace
from ..first_content import Opened, open_answer
from ..model import Model
from .route import Route

log = logging.getLogger(__name__)

T = TypeVar("T")

FAILS_OVER: dict[type[e.RequestError], str] = {
    e.Backpressure: "it is full",
    e.CircuitOpen: "its endpoint keeps failing and is left alone",
    e.RateLimited: "its rate limit leaves no place before the deadline, or its quota is used up",
    e.ServerError: "it failed",
    e.NetworkError: "it cannot be reached, or broke off",
    e.RequestTimeout: "it took too long, and the request has time left",
    e.ServerDown: "its server does not run, or the deployment could not be started",
    e.Drained: "its operator lets no requests come to it",
    e.StoreUnavailable: "what its limits are kept in cannot be reached",
    e.BudgetExceeded: "what it may spend is spent",
    e.Unauthorized: "its key is not accepted, which is logged as an error",
    e.ContextLengthExceeded: "the request is too long for its model: another one may take longer ones",
    e.Incapable: "its model cannot do what the request asks: nothing was sent",
    e.Unsupported: "it has no such service, or answers 501: another one may have it",
    e.Forbidden: "its key may not do this, or its credit is used up, which is logged as an error",
}
"""Another member may do better."""

STAYS: dict[type[e.RequestError], str] = {
    e.RequestError: "a defect, or what a plugin does not explain",
    e.BadRequest: "the request is wrong, wherever it is sent",
    e.ContentFiltered: "the content is refused: it is not to be tried until someone takes it",
    e.RequestTooLarge: "the request is too large",
    e.GatewayFull: "the gateway itself has no memory for the request",
    e.UnknownModel: "nothing here has the name that was asked",
    e.ShuttingDown: "everything stops",
    e.InvalidAnswer: "the answer is there, but not as it was asked for",
    e.StepFailed: "a step of a pipeline fails on what it was given",
    e.ExternFailed: "code of the user's failed",
    e.GuardRefused: "a guard lets it not pass",
    e.GuardFailed: "a guard could not be asked",
}
"""Another member would say the same, or must not be asked."""


REFUSALS = (e.BadRequest, e.UnknownModel, e.Unsupported)
"""Errors that say something of one member and the request, and nothing of the others."""

WAITS = (e.RateLimited, e.Backpressure)
"""Errors after which the same member may be asked again, once it is free."""


def fails_over(error: e.RequestError) -> bool:
    """Whether another member may be asked after `error`; the nearest class in the tables decides."""
    for kind in type(error).__mro__:
        if kind in FAILS_OVER:
            return True
        if kind in STAYS:
            return False
    return False


def exhausted(route: str, failures: Sequence[e.RequestError]) -> e.RequestError:
    """The error of a route none of whose members could answer: the last one that may go by when the client
    tries again, else the last one, with what the others said.

    It comes back as soon as the first of them may.
    """
    if len(failures) == 1:
        return failures[0]
    error = copy(next((each for each in reversed(failures) if each.retryable), failures[-1]))
    reasons = "; ".join(dict.fromkeys(failure.message for failure in failures))
    error.message = f"route `{route}`: no member could answer: {reasons}"
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    error.retry_after = min(waits, default=None)
    error.attempts = sum(failure.attempts for failure in failures)
    return error


def last_word(route: str, error: e.RequestError, failures: Iterable[e.RequestError]) -> e.RequestError:
    """What the client is told when `error` ends it all: `error`, unless one of `failures` may go by.

    What one member refuses, another one, which only failed for the moment, may well answer.
    """
    before = list(failures)
    if isinstance(error, REFUSALS) and any(failure.retryable for failure in before):
        return exhausted(route, [*before, error])
    return error


@frozen
class Ask:
    """Ask the member at `index`; it may wait until `wait_until`, when another member is free."""

    index: int
    wait_until: float = inf


@frozen
class GiveUp:
    """No other member is asked; `error` is what the client gets."""

    error: e.RequestError


class Failover:
    """Which of the members of a route is asked, and who is when it has failed.

    Of those that are left, the first that is free; when none is, the one that is free first, which then may
    wait for as long as no other is. A member whose limit is reached is asked again when it is free.
    order: the members by preference.
    """

    def __init__(self, route: str, order: Sequence[int]) -> None:
        self._route = route
        self._left = list(order)
        self._asks_left = 2 * len(order)
        self._asked = -1
        self._failures: dict[int, e.RequestError] = {}

    def next(self, free_at: Sequence[float]) -> Ask:
        """Who is asked now. free_at: when each member is free; all that are free now have the same moment."""
        first = second = inf
        self._asked = self._left[0]
        for index in self._left:
            free = free_at[index]
            if free < first:
                self._asked, first, second = index, free, first
            elif free < second:
                second = free
        self._asks_left -= 1
        return Ask(self._asked, second)

    def failed(self, error: e.RequestError, *, is_over: bool, free_at: float) -> GiveUp | None:
        """The member asked last failed before its first content; None: `next` says who follows.

        is_over: no time is left. free_at: when the member is free again, infinite if it is not to be asked.
        """
        if not fails_over(error):
            return GiveUp(last_word(self._route, error, self._failures.values()))
        self._failures[self._asked] = error
        waits = isinstance(error, WAITS) and error.retryable and error.retry_after is not None
        if not (waits and free_at < inf):
            self._left.remove(self._asked)
        if is_over or not self._left or not self._asks_left:
            return GiveUp(exhausted(self._route, list(self._failures.values())))
        return None


async def with_failover(
    route: Route, order: Sequence[int], call: Call, trace: Trace
) -> AsyncGenerator[Chunk, None]:
    """The answer of the first of the members in `order` that gives one. Raises RequestError."""

    def opened(member: Model, call: Call) -> Coroutine[Any, Any, Opened]:
        return open_answer(member.stream(call, trace))

    async with aclosing((await _first_of(route, order, call, trace, opened)).chunks()) as chunks:
        async for chunk in chunks:
            yield chunk


def whole_with_failover(
    route: Route, order: Sequence[int], call: Call, trace: Trace
) -> Coroutine[Any, Any, Chunk]:
    """The same to a request that wants no stream."""
    return _first_of(route, order, call, trace, lambda member, call: member.answer(call, trace))


async def _first_of(
    route: Route,
    order: Sequence[int],
    call: Call,
    trace: Trace,
    ask: Callable[[Model, Call], Coroutine[Any, Any, T]],
) -> T:
    """What `ask` gives of the first of the members that does not fail. Raises RequestError."""
    loop = route.loop
    failover = Failover(route.name, order)
    while True:
        now = loop.time()
        asked = failover.next([each.free_at(now) for each in route.members])
        member = route.members[asked.index]
        try:
            answer = await ask(member, call.until(asked.wait_until))
            route.answers(asked.index, loop.time() - now)
            return answer
        except e.RequestError as error:
            now = loop.time()
            free = member.free_at(now)
            latest = min(call.wait_until, now + MAX_WAIT, inf if call.deadline is None else call.deadline)
            again = free if now < free < latest else inf
            end = failover.failed(error, is_over=call.is_over(now), free_at=again)
            forget_frames(error)  # this one among them, which keeps the error
            if end is not None and end.error is not error:
                kind = {"kind": ("route", route.name, type(error).code)}
                log.warning("%s", end.error.message, extra=kind)
                end.error.is_logged = True
            elif end is None:
                route.moves(asked.index, type(error).code)
                trace.note(now, f"route {route.name}: {member.name} failed, another member is asked")
        if end is not None:
            raise end.error

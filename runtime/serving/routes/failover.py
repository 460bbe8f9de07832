"""Asking another member when one has failed: after which errors, who is next, and what is said at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from copy import copy

from attrs import frozen

from ...requests import errors as e
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from .first_content import open_answer
from .route import Route

FAILS_OVER: dict[type[e.RequestError], str] = {
    e.Backpressure: "it is full",
    e.CircuitOpen: "its endpoint keeps failing and is left alone",
    e.RateLimited: "its rate limit leaves no place before the deadline, or its quota is used up",
    e.ServerError: "it failed",
    e.NetworkError: "it cannot be reached, or broke off",
    e.RequestTimeout: "it took too long, and the request has time left",
    e.ServerDown: "its server does not run, or the deployment could not be started",
    e.StoreUnavailable: "what its limits are kept in cannot be reached",
    e.BudgetExceeded: "what it may spend is spent",
}
"""Another member may do better."""

STAYS: dict[type[e.RequestError], str] = {
    e.RequestError: "a defect, or what a plugin does not explain",
    e.BadRequest: "the request is wrong, wherever it is sent",
    e.ContextLengthExceeded: "the conversation is too long",
    e.ContentFiltered: "the content is refused: it is not to be tried until someone takes it",
    e.RequestTooLarge: "the request is too large",
    e.UnknownModel: "the provider does not know the model",
    e.Unsupported: "it cannot do what was asked",
    e.Unauthorized: "the key is not accepted: someone has to see that",
    e.Forbidden: "the key may not do this: someone has to see that",
    e.ShuttingDown: "everything stops",
    e.InvalidAnswer: "the answer is there, but not as it was asked for",
    e.StepFailed: "a step of a pipeline fails on what it was given",
    e.ExternFailed: "code of the user's failed",
}
"""Another member would say the same, or must not be asked."""


def fails_over(error: e.RequestError) -> bool:
    """Whether another member may be asked after `error`; the nearest class in the tables decides."""
    for kind in type(error).__mro__:
        if kind in FAILS_OVER:
            return True
        if kind in STAYS:
            return False
    return False


def exhausted(route: str, failures: Sequence[e.RequestError]) -> e.RequestError:
    """The error of a route none of whose members could answer: the last one, and what the others said.

    It comes back as soon as the first of them may.
    """
    if len(failures) == 1:
        return failures[0]
    error = copy(failures[-1])
    reasons = "; ".join(dict.fromkeys(failure.message for failure in failures))
    error.message = f"route `{route}`: no member could answer: {reasons}"
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    error.retry_after = min(waits, default=None)
    error.attempts = sum(failure.attempts for failure in failures)
    return error


@frozen
class Ask:
    """Ask the member at `index`."""

    index: int


@frozen
class GiveUp:
    """No other member is asked; `error` is what the client gets."""

    error: e.RequestError


class Failover:
    """The members of `route` in an order, each asked when those before it failed in a way that allows it."""

    def __init__(self, route: str, order: Sequence[int]) -> None:
        self._route = route
        self._left = list(reversed(order))
        self._failures: list[e.RequestError] = []

    def first(self) -> Ask:
        """Who is asked first."""
        return Ask(self._left.pop())

    def failed(self, error: e.RequestError, *, is_over: bool) -> Ask | GiveUp:
        """The member asked last failed before its first content. is_over: no time is left."""
        if not fails_over(error):
            return GiveUp(error)
        self._failures.append(error)
        if is_over or not self._left:
            return GiveUp(exhausted(self._route, self._failures))
        return Ask(self._left.pop())


async def with_failover(
    route: Route, order: Sequence[int], call: Call, trace: Trace
) -> AsyncGenerator[Chunk, None]:
    """The answer of the first of the members in `order` that gives one. Raises e.RequestError."""
    loop = asyncio.get_running_loop()
    failover = Failover(route.name, order)
    decision: Ask | GiveUp = failover.first()
    while isinstance(decision, Ask):
        asked = decision.index
        try:
            opened = await open_answer(route.members[asked].stream(call, trace))
            break
        except e.RequestError as error:
            decision = failover.failed(error, is_over=call.is_over(loop.time()))
            if isinstance(decision, Ask):
                route.moves(asked, type(error).code)
    else:
        raise decision.error
    route.answers(asked)
    async with aclosing(opened.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk

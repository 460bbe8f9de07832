"""Which errors let a route ask another member, and what is said when no member can answer."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from ...requests import errors as e

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

"""What became of the requests of a deployment, counted."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections import Counter

from .errors import RequestError
from .replica import Request, Usage

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds that the buckets of durations end at; one more holds what took longer."""

OK, CANCELLED, DIVERTED, INTERNAL = "ok", "cancelled", "diverted", RequestError.code


class Tally:
    """Counts from the start of the deployment on.

    outcomes: requests by how they ended: `ok`, `cancelled` by the client, `diverted` to a fallback, or the
    code of an error. durations: requests by bucket. seconds: all of them together. tokens: as far as
    they are told.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.durations = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def end(self, outcome: str, seconds: float, usage: Usage | None = None) -> None:
        """A request has ended, after so long."""
        self.outcomes[outcome] += 1
        self.durations[bisect_left(BOUNDS, round(seconds, 6))] += 1
        self.seconds += seconds
        if usage is not None:
            self.prompt_tokens += usage.prompt_tokens
            self.completion_tokens += usage.completion_tokens


def outcome_now(request: Request, begun: bool) -> str:
    """How `request` ends, in the `finally` that it passes.

    begun: whether a part of its answer has been handed out; of an answer in one part, that is all.
    """
    error = sys.exception()
    if error is None:
        return OK
    if isinstance(error, RequestError):
        return type(error).code  # its own may be a provider's, and there is no end of those
    if isinstance(error, Exception):
        return INTERNAL
    return OK if begun and not getattr(request, "stream", False) else CANCELLED

"""How many requests may run at the same time, found out by how a model answers: a pure state machine.

`aimd` adds one for each round of answers, and takes a tenth away for each sign of overload, as TCP does.
`gradient` compares how long the first part of an answer takes with how long it takes when hardly anything
runs: while it takes longer, requests queue there, and fewer run. That is the gradient controller of Envoy's
adaptive concurrency; how long it takes at best is found out now and then, while only a few run.
"""

from __future__ import annotations

from math import sqrt

from ...compiler.plan import AdaptiveKind

BACKOFF = 0.9
"""What is left of the limit at a sign of overload."""
BUFFER = 1.25
"""How much longer than at best an answer may take before fewer run."""
LEAST_GRADIENT, MOST_GRADIENT = 0.5, 2.0
SMOOTHING = 0.2
QUIET = 3
"""Requests that run while it is found out how long an answer takes at best."""
MEASURED = 25
"""Answers that say it."""
MEASURE_EVERY = 1000
"""Answers after which it is found out anew."""


class AdaptiveConcurrency:
    """The limit of one deployment, which is never above `most`, where it begins."""

    def __init__(self, kind: AdaptiveKind, most: int) -> None:
        self._kind = kind
        self._most = most
        self._limit = float(most)
        self._best = 0.0
        self._answers = MEASURE_EVERY
        self._ignored = 0
        self._measured: list[float] = []

    @property
    def limit(self) -> int:
        """Requests that may run at the same time."""
        limit = max(int(self._limit), 1)
        return min(limit, QUIET) if self._is_measuring else limit

    def answered(self, seconds: float, running: int) -> int:
        """An answer began after `seconds`, while so many ran; gives the limit."""
        if self._kind is AdaptiveKind.AIMD:
            if running * 2 >= self._limit:
                self._set(self._limit + 1 / self._limit)
        elif self._is_measuring:
            self._measure(seconds)
        else:
            self._answers += 1
            if self._answers == MEASURE_EVERY:
                self._ignored = running  # they were sent while more ran
            elif running * 2 >= self._limit:
                gradient = BUFFER * self._best / max(seconds, 1e-6)
                gradient = max(LEAST_GRADIENT, min(MOST_GRADIENT, gradient))
                wanted = self._limit * gradient + sqrt(self._limit)
                self._set(self._limit + SMOOTHING * (wanted - self._limit))
        return self.limit

    def overloaded(self) -> int:
        """There was too much to do, or no answer in time; gives the limit."""
        self._set(self._limit * BACKOFF)
        return self.limit

    @property
    def _is_measuring(self) -> bool:
        return self._kind is AdaptiveKind.GRADIENT and self._answers >= MEASURE_EVERY

    def _measure(self, seconds: float) -> None:
        if self._ignored > 0:
            self._ignored -= 1
            return
        self._measured.append(seconds)
        if len(self._measured) == MEASURED:
            self._best = sorted(self._measured)[MEASURED // 2]
            self._measured.clear()
            self._answers = 0

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), float(self._most))

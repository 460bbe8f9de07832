"""When a failing endpoint is left alone, and how it is tried again: a pure state machine.

Closed, every request passes; `failure_threshold` failures in a row open the circuit. Open, none
passes. After the open time exactly `half_open_max_probes` pass: when all of them succeed the circuit
closes, the first that fails opens it again, for twice as long.
"""

from __future__ import annotations

from enum import Enum, auto

from ...compiler.plan import CircuitBreakerConfig
from ...compiler.plan.record import frozen

MAX_GROWTH = 16
"""How many times `open_duration` an open time can grow to."""

PROBE_WAIT = 1.0
"""Seconds that a request is told to wait while probes are under way."""


class Outcome(Enum):
    """What an attempt says about the health of its endpoint."""

    SUCCESS = auto()
    FAILURE = auto()
    NOTHING = auto()


SUCCESS, FAILURE, NOTHING = Outcome


@frozen
class Pass:
    """The request may be sent; its outcome is to be reported with this pass, once.

    era: which stretch of the breaker's life it belongs to. Outcomes of an earlier one are stale.
    """

    era: int


@frozen
class Blocked:
    """The request fails at once; trying again makes sense at `retry_at`."""

    retry_at: float


class CircuitBreaker:
    """The circuit of one endpoint."""

    def __init__(self, config: CircuitBreakerConfig) -> None:
        self._threshold = config.failure_threshold
        self._duration = float(config.open_duration)
        self._max_probes = config.half_open_max_probes
        self._pass = Pass(0)
        self._failures = 0
        self.open_until: float | None = None
        """When probes may pass; None while it is closed."""
        self._open_for = 0.0
        self._closed_at = 0.0
        self._probes = 0
        self._probe_successes = 0

    @property
    def is_closed(self) -> bool:
        """Whether every request passes."""
        return self.open_until is None

    def free_at(self, now: float) -> float:
        """When a request would pass, as far as that is known: while probes are under way, in a while."""
        if self.open_until is None:
            return now
        is_full = self._probes >= self._max_probes
        return max(self.open_until, now + PROBE_WAIT if is_full else now)

    @property
    def is_probing(self) -> bool:
        """Whether probes have passed whose outcome does not decide yet."""
        return self._probes > 0

    @property
    def open_for(self) -> float:
        """Seconds for which it opened last."""
        return self._open_for

    def opened_elsewhere(self, until: float, open_for: float) -> None:
        """Others have opened the circuit until then, for the time of `open_for`."""
        self._turn()
        self.open_until, self._open_for = until, open_for

    def closed_elsewhere(self, now: float) -> None:
        """Others have closed the circuit."""
        self._turn()
        self.open_until, self._closed_at = None, now

    def open_for_operator(self, until: float, seconds: float) -> None:
        """An operator wants the endpoint left alone until then."""
        self.opened_elsewhere(until, seconds)

    def close_for_operator(self, now: float) -> None:
        """An operator wants it to be tried again."""
        self.closed_elsewhere(now)

    def begin_anew(self) -> None:
        """The endpoint is served by another process now: nothing that is known of it holds any more."""
        self._turn()
        self.open_until, self._open_for = None, 0.0

    async def claim(self, now: float, held: Pass) -> Pass | Blocked:
        """Whether a probe that passed here may really be sent: yes, where nobody else probes."""
        return held

    def enter(self, now: float) -> Pass | Blocked:
        """Whether a request may be sent now."""
        if self.open_until is None:
            return self._pass
        if now < self.open_until:
            return Blocked(self.open_until)
        if self._probes >= self._max_probes:
            return Blocked(now + PROBE_WAIT)
        self._probes += 1
        return self._pass

    def is_stale(self, held: Pass) -> bool:
        """Whether the circuit has opened or closed since `held` was given."""
        return held.era != self._pass.era

    def report(self, now: float, held: Pass, outcome: Outcome) -> None:
        """What became of a request that passed. Stale outcomes change nothing."""
        if held.era != self._pass.era:
            return
        if self.open_until is None:
            if outcome is SUCCESS:
                self._failures = 0
            elif outcome is FAILURE:
                self._failures += 1
                if self._failures >= self._threshold:
                    self._open(now)
        elif outcome is FAILURE:
            self._open(now)
        elif outcome is NOTHING:
            self._probes -= 1
        else:
            self._probe_successes += 1
            if self._probe_successes >= self._max_probes:
                self._turn()
                self.open_until = None
                self._closed_at = now

    def _open(self, now: float) -> None:
        relapse = self.open_until is not None or (
            self._open_for > 0 and now - self._closed_at < self._open_for
        )
        longest = self._duration * MAX_GROWTH
        self._open_for = min(self._open_for * 2, longest) if relapse else self._duration
        self._turn()
        self.open_until = now + self._open_for

    def _turn(self) -> None:
        self._pass = Pass(self._pass.era + 1)
        self._failures = self._probes = self._probe_successes = 0

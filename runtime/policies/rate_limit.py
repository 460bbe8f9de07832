"""When the next request may be sent under the limits of an account: a pure state machine.

Requests pass in the order of their arrival. Counted are requests and tokens of the last minute,
requests in flight, and what the provider itself says: what remains, and how long to wait. That is kept to
for no longer than `max_hold`. Where a provider asks for more, one request, the probe, then goes alone, and
the others follow when it has not been refused.
"""

from __future__ import annotations

from collections import OrderedDict
from math import inf
from typing import NamedTuple

from ...compiler.plan import RateLimits
from ...compiler.plan.record import define, new_tuple
from ..requests.upstream import UNLIMITED, Left, Remaining
from .sliding_window import ANY, SlidingWindow

NEWS = 1.0
"""Seconds by which a wait must be longer than the one that is known already, to be news."""


class Permit(NamedTuple):
    """A request may be sent, and was counted as `tokens`. To be given back with `finish`, once.

    bucket: the part of the window that counts it. shared_bucket, lease: where the request is counted outside
    of this process, if it is. probe: not 0 where the request goes alone, to see whether others may follow.
    """

    tokens: int
    bucket: int = 0
    shared_bucket: int = 0
    lease: str | None = None
    probe: int = 0


@define
class _Known:
    """What a provider said at `at`, less what has been sent since; kept to until `until`.

    is_cut: the provider said that it means something for longer.
    """

    said: Remaining
    at: float
    until: float
    is_cut: bool
    used: int = 0

    def fits_at(self, now: float, amount: int) -> float:
        said = self.said
        missing = min(amount, said.limit) + self.used - said.amount
        if missing <= 0 or now >= self.until:
            return now
        return max(now, min(self.at + missing * said.every, self.until))


@define
class Allowance:
    """What this process may still send until it is told more; None is no limit.

    bucket: where it is counted outside of this process.
    """

    requests: int | None
    tokens: int | None
    bucket: int = 0

    def fits(self, tokens: int, most: int | None) -> bool:
        """Whether a request of `tokens` fits, where no more than `most` are counted for one."""
        if self.requests is not None and self.requests < 1:
            return False
        return self.tokens is None or self.tokens >= (tokens if most is None else min(tokens, most))

    def take(self, tokens: int) -> None:
        if self.requests is not None:
            self.requests -= 1
        if self.tokens is not None:
            self.tokens -= tokens


class RateLimit:
    """The limits of one account at one provider, and the queue in front of them.

    allowance: set where a share of a limit is handed out from outside; None: all of it is ours.
    """

    def __init__(self, limits: RateLimits) -> None:
        requests, tokens = limits.requests_per_minute, limits.tokens_per_minute
        self._limits = limits
        self._window = SlidingWindow(requests or ANY, tokens or ANY) if requests or tokens else None
        self._concurrent = limits.concurrent_requests
        self._running = 0
        self._max_hold = float(limits.max_hold)
        self._held_until = 0.0
        self._is_cut = False
        self._probe = self._probes = 0
        self._probe_at = 0.0
        self._known_requests: _Known | None = None
        self._known_tokens: _Known | None = None
        self.queue: OrderedDict[int, int] = OrderedDict()
        """The tokens of those who wait, by ticket."""
        self.allowance: Allowance | None = None

    @property
    def running(self) -> int:
        """Requests in flight."""
        return self._running

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self.queue)

    def take(self, now: float, tokens: int) -> Permit | None:
        """A permit, where the request has to wait for nothing and nobody."""
        if self.queue:
            return None
        if (
            self._held_until <= now
            and (self._concurrent is None or self._running < self._concurrent)
            and self._known_requests is None
            and self._known_tokens is None
            and self.allowance is None
            and not self._is_cut
        ):  # what is counted here is all that there is, as nearly always
            window = self._window
            if window is None or (
                window.requests < window.most_requests and window.tokens + tokens <= window.most_tokens
            ):
                self._running += 1
                bucket = 0 if window is None else window.add(now, tokens)
                return new_tuple(Permit, (tokens, bucket, 0, None, 0))
        return self.grant(now, tokens) if self.opens_at(now, tokens) <= now else None

    def ask(self, now: float, ticket: int, tokens: int) -> Permit | None:
        """A permit, or None: the request waits until `advance` names its ticket."""
        permit = self.take(now, tokens)
        if permit is None:
            self.queue[ticket] = tokens
        return permit

    def leave(self, ticket: int) -> bool:
        """A waiting request gives up; False where it was not waiting."""
        return self.queue.pop(ticket, None) is not None

    def advance(self, now: float) -> tuple[list[tuple[int, Permit]], float | None]:
        """Those who may be sent now, and when to ask again; None: when something else happens."""
        granted: list[tuple[int, Permit]] = []
        while self.queue:
            ticket, tokens = next(iter(self.queue.items()))
            opens = self.opens_at(now, tokens)
            if opens > now:
                return granted, None if opens == inf else opens
            del self.queue[ticket]
            granted.append((ticket, self.grant(now, tokens)))
        return granted, None

    def finish(self, permit: Permit, tokens: int | None) -> None:
        """The request has ended and consumed `tokens`; None: it was never sent."""
        self._running -= 1
        unsent = tokens is None
        expected, bucket, _, _, probe = permit
        if probe and probe == self._probe:
            self._end_probe(unsent)
        if self._window is not None and (unsent or tokens != expected):
            self._window.correct(bucket, -1 if unsent else 0, (tokens or 0) - expected)

    def hold(self, now: float, seconds: float, *, probe: bool = False) -> bool:
        """The provider asks to send nothing for so long; whether that is news.

        probe: one request is to go alone afterwards, also where the whole wait is kept to.
        """
        until = now + min(seconds, self._max_hold)
        if until <= self._held_until:
            return False
        is_news = until > self._held_until + NEWS
        self._held_until = until
        self._is_cut = self._is_cut or probe or seconds > self._max_hold
        self._probe = 0
        return is_news

    def used(self, now: float) -> float | None:
        """The share of the limit that is used up most, by what is counted here; None without limits."""
        shares = [] if self._window is None else [self._window.used(now)]
        if self._concurrent is not None:
            shares.append(self._running / self._concurrent)
        return max(shares, default=None)

    def left(self, now: float) -> Left:
        """What is left of the limits on requests and tokens, by what is counted here."""
        return UNLIMITED if self._window is None else self._window.left(now)

    def held_for(self, now: float) -> float:
        """Seconds for which nothing is sent because of what the provider said; 0: it may be."""
        opens = self._held_until
        for known in (self._known_requests, self._known_tokens):
            if known:
                opens = max(opens, known.fits_at(now, 1))
        return max(opens - now, 0.0)

    def learn(self, now: float, requests: Remaining | None, tokens: Remaining | None) -> None:
        """What the provider says is left; None: it does not say."""
        if requests is not None:
            self._known_requests = self._known(requests, now)
        if tokens is not None:
            self._known_tokens = self._known(tokens, now)

    def _known(self, said: Remaining, now: float) -> _Known:
        is_cut = said.until > self._max_hold
        return _Known(said, now, now + (self._max_hold if is_cut else said.until), is_cut)

    def divide(self, windows: int, slots: int) -> None:
        """Keep to one part in so many of what is counted within a minute, and of requests in flight;
        at least to one."""
        limits = self._limits
        if self._window and limits.requests_per_minute:
            self._window.most_requests = max(limits.requests_per_minute // windows, 1)
        if self._window and limits.tokens_per_minute:
            self._window.most_tokens = max(limits.tokens_per_minute // windows, 1)
        if limits.concurrent_requests:
            self._concurrent = max(limits.concurrent_requests // slots, 1)

    def first_need(self) -> int:
        """Tokens that the request needs that waits longest; 0: none waits."""
        return next(iter(self.queue.values()), 0)

    def opens_at(self, now: float, tokens: int) -> float:
        """When a request of `tokens` may be sent if no other is; infinite: not by waiting alone."""
        if self._concurrent is not None and self._running >= self._concurrent:
            return inf
        if self.allowance is not None and not self.allowance.fits(tokens, self._limits.tokens_per_minute):
            return inf
        opens = now if self._held_until <= now else self._held_until
        if self._window is not None and (fits := self._window.fits_at(now, tokens)) > opens:
            opens = fits
        if self._known_requests is not None and (fits := self._known_requests.fits_at(now, 1)) > opens:
            opens = fits
        if self._known_tokens is not None and (fits := self._known_tokens.fits_at(now, tokens)) > opens:
            opens = fits
        return inf if self._probe and opens <= now and self.is_doubtful(now) else opens

    def is_doubtful(self, now: float) -> bool:
        """Whether a wait was cut short and nothing has been answered since."""
        if self._known_requests is None and self._known_tokens is None:
            return self._is_cut
        return self._is_cut or _is_spent(self._known_requests, now) or _is_spent(self._known_tokens, now)

    def grant(self, now: float, tokens: int) -> Permit:
        """A permit for a request that is sent now, whatever the limits say."""
        self._running += 1
        if self.is_doubtful(now):
            self._probes += 1
            self._probe, self._probe_at = self._probes, now
            probe = self._probe
        else:
            probe = 0
        if self._known_requests:
            self._known_requests.used += 1
        if self._known_tokens:
            self._known_tokens.used += tokens
        if self.allowance is not None:
            self.allowance.take(tokens)
        return Permit(
            tokens,
            self._window.add(now, tokens) if self._window else 0,
            self.allowance.bucket if self.allowance is not None else 0,
            None,
            probe,
        )

    def _end_probe(self, unsent: bool) -> None:
        """The probe has ended, and the provider has not asked to wait again."""
        self._probe = 0
        if unsent:
            return
        self._is_cut = False
        if self._known_requests and self._known_requests.at < self._probe_at:
            self._known_requests = None
        if self._known_tokens and self._known_tokens.at < self._probe_at:
            self._known_tokens = None


def _is_spent(known: _Known | None, now: float) -> bool:
    """Whether what the provider said would mean something longer than it is kept to."""
    return known is not None and known.is_cut and now >= known.until

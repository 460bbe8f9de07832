"""Which requests of a long load are played in place of all of them.

Of each window of the time, a part is played as it is: all its requests, before all slots and limits. Queues
and limits fill anew in each part, so that its beginning is not counted. Where even those requests are too
many, one of several is played, before so much smaller limits. The fewer are left of a limit, the more chance
decides: before that happens, parts become shorter, and more requests are played.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from attrs import evolve, frozen

from ...compiler.plan import CapacityKind, DeploymentPlan, Plan, RemotePoolPlan
from ...compiler.plan.reach import budgets_of, only
from ...compiler.plan.scenarios import LoadPlan, ProviderPlan, Shape
from ..policies.capacity import MAX_WAITING

USUAL, MOST = 200_000, 300_000
"""Requests that are played of more, and where limits are small: the latter take from 15 to 40 seconds."""

ENOUGH, COARSE = 100, 20
"""A limit of so many is not made smaller than that, if it can be; one that is smaller than that is coarse."""

PARTS = ((60.0, 60.0), (30.0, 30.0), (15.0, 15.0))
"""Seconds of a part: of its beginning, at least, and those that count. The first is tried first."""

_LONGEST = 300.0
"""Seconds that its beginning has, at most."""
_MINUTE = 65.0
"""Seconds after which limits by the minute are as full as they become."""
_TIMES = 3
"""Attempts for each request, about: a limit that lets more pass in a minute is never reached."""
_FEW = 2
"""Of so many, half of one more is no more than a quarter."""
_SLOW = 60.0
"""Seconds that a slow answer takes longer."""
_HOUR = 3600.0
"""Seconds in which the traffic of a working day hardly changes."""


@frozen
class Sample:
    """What is played. every: a part of so many seconds; 0: all of the time. settles, counts: the seconds of
    that part that are played before those that count, and these. thinned: of the requests in it, one in so
    many. why: all of the time is played, where parts of it would do for others.
    """

    thinned: float = 1.0
    every: float = 0.0
    settles: float = 0.0
    counts: float = 0.0
    why: str = ""

    @property
    def scale(self) -> float:
        """How many requests each one stands for that is counted."""
        return self.thinned * self.every / self.counts if self.every else self.thinned

    @property
    def played(self) -> float:
        """How many each one stands for that is played: those that are not counted cost, too."""
        return self.thinned * self.every / (self.settles + self.counts) if self.every else self.thinned

    @property
    def begins(self) -> float:
        """When in its window what counts begins: in the middle."""
        return (self.every - self.counts) / 2

    def is_counted(self, at: float) -> bool:
        """Whether a request counts that comes after so many seconds."""
        return not self.every or 0 <= at % self.every - self.begins <= self.counts

    def goes_on(self, at: float) -> float | None:
        """When requests come again, where none comes at `at`; None: one does."""
        if not self.every:
            return None
        window, within = divmod(at, self.every)
        begin = self.begins - self.settles
        if within < begin:
            return window * self.every + begin
        return None if within < self.begins + self.counts else (window + 1) * self.every + begin


def sample_of(
    plan: Plan,
    world: Mapping[str, ProviderPlan],
    load: LoadPlan | None,
    requests: float,
    windows: int,
    most: int | None,
) -> Sample:
    """What is played of `requests` in all. load: None for those that once came. windows: of its time.

    most: requests that are played; None: as many as it takes, within bounds.
    """
    usual, longest = (USUAL, MOST) if most is None else (most, most)
    if requests <= usual:
        return Sample()
    smallest = min((limit for *_, limit in limits_of(plan, world, load)), default=float("inf"))
    enough = smallest / min(smallest, ENOUGH)
    why = _why_all(plan, world, load)
    for playing in (usual, longest):
        less = max(requests / playing, 1.0)
        parts = list(_parts(plan, world, load, less, windows)) if load is not None and not why else []
        for found in parts or [Sample(less, why=why or "it does not last long enough")]:
            if found.thinned <= enough:
                return found
    whole = round(smallest / found.thinned)  # which a small limit must be, too
    return found if whole < _FEW else evolve(found, thinned=smallest / whole)


def limits_of(
    plan: Plan, world: Mapping[str, ProviderPlan], load: LoadPlan | None
) -> Iterator[tuple[str, str, float]]:
    """Of what requests may reach: a deployment or key, a limit, and how many requests that lets through."""
    tokens = 1 if load is None else load.prompt + load.answer
    for each in _reached(plan, load):
        yield each.deployment, "max_concurrent", each.serving.max_concurrent
        provider = world.get(each.deployment)
        if provider is not None:
            yield from _by_minute(each.deployment, provider, tokens)
        if isinstance(each, RemotePoolPlan):
            yield from _by_minute(each.deployment, each.rate_limits, tokens)
            if each.rate_limits.concurrent_requests is not None:
                yield each.deployment, "concurrent_requests", each.rate_limits.concurrent_requests
    for key in plan.gateway.keys:
        if load is not None and key.name == load.key:
            yield from _by_minute(key.name, key.rate_limits, tokens)
            if key.rate_limits.concurrent_requests is not None:
                yield key.name, "concurrent_requests", key.rate_limits.concurrent_requests


def _by_minute(name: str, limits: Any, tokens: int) -> Iterator[tuple[str, str, float]]:
    if limits.requests_per_minute is not None:
        yield name, "requests_per_minute", limits.requests_per_minute
    if limits.tokens_per_minute is not None:
        yield name, "tokens_per_minute", limits.tokens_per_minute / tokens


def _reached(plan: Plan, load: LoadPlan | None) -> tuple[DeploymentPlan, ...]:
    """The deployments that requests may reach."""
    if load is None:
        return plan.deployments
    found = {each.deployment for part in load.traffic for each in only(plan, part.name).deployments}
    return tuple(each for each in plan.deployments if each.deployment in found)


def _why_all(plan: Plan, world: Mapping[str, ProviderPlan], load: LoadPlan | None) -> str:
    """Why parts of the time do not stand for all of it; empty where they do."""
    if load is None:
        return "its requests came when they came"
    if any(each.start or each.seconds != load.traffic[0].seconds for each in load.traffic):
        return "its loads begin and end at times of their own"
    for each in world.values():
        if any(fail.start or fail.seconds is not None or fail.times is not None for fail in each.failures):
            return f"`{each.deployment}` fails at times of its own"
    if any(budget.max_spend_per_hour is not None for *_, budget in budgets_of(plan)):
        return "there is a budget by the hour"
    return ""


def _parts(
    plan: Plan, world: Mapping[str, ProviderPlan], load: LoadPlan, less: float, windows: int
) -> Iterator[Sample]:
    """Parts of the time, the longest first. less: one request in so many is to be played."""
    seconds = load.traffic[0].seconds
    many = windows * (ceil(seconds / windows / _HOUR) if load.shape is Shape.DAY else 1)
    every = seconds / many
    fills = _fills(plan, world, load)
    most = _TIMES * _MINUTE * sum(each.per_second for each in load.traffic)
    is_by_minute = any("minute" in what and limit < most for _, what, limit in limits_of(plan, world, load))
    for settles, counts in PARTS:
        settles = min(max(settles, fills, _MINUTE if is_by_minute else 0.0), _LONGEST)
        counts = max(counts, every / less - settles)
        if settles + counts < every:
            yield Sample(max(less * (settles + counts) / every, 1.0), every, settles, counts)


def _fills(plan: Plan, world: Mapping[str, ProviderPlan], load: LoadPlan) -> float:
    """Seconds after which all is as full as it becomes: one queue after the other, where more comes at the
    peak than slots can take.
    """
    longest, queues, peak = 0.0, 0.0, sum(each.per_second for each in load.traffic)
    for each in _reached(plan, load):
        provider = world.get(each.deployment) or ProviderPlan(each.deployment)
        answer = load.answer if provider.answer is None else provider.answer
        slow = _SLOW if any(fail.what in ("slow", "stall") for fail in provider.failures) else 0.0
        spread, tokens = provider.first_token, answer / provider.rate
        longest = max(longest, spread.high + tokens + slow, provider.service.high)
        serving, usual = each.serving, spread.median + tokens
        slots = serving.max_concurrent * max(len(each.replicas), 1)
        if serving.on_capacity_exhausted.kind is CapacityKind.QUEUE and peak * usual > slots:
            queues += min(float(serving.queue_timeout), MAX_WAITING / slots * usual)
    return max(2 * longest, queues + longest)

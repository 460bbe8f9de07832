"""When each replica of a deployment may be sent a request: asked before one is picked, and before waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Sequence, Set
from math import inf

from ..dialects.provider_errors.codes import is_final_limit
from ..limits.rate_limiters import RateLimiter
from ..limits.replica_policies import ReplicaPolicies
from ..replicas.replica import Replica
from ..requests.errors import Forbidden, RateLimited, RequestError, Unauthorized

log = logging.getLogger(__name__)

REFUSED_FOR = 60.0
"""Seconds after which a replica whose key was refused is tried once more with the same key."""

FIRST_REST, LONGEST_REST = 1.0, 32.0
"""Seconds in which others are asked before an account whose provider said that it is too much, and not for
how long: at first, and at most, since each such answer after a rest doubles it."""


class Availability:
    """Of the replicas of deployment `name`.

    policies: of each replica; None for those that have none. running: how many requests a replica has.
    """

    def __init__(
        self,
        name: str,
        replicas: Sequence[Replica],
        policies: Sequence[ReplicaPolicies | None],
        running: Callable[[int], int],
    ) -> None:
        self._name = name
        self._replicas = replicas
        self.policies = policies
        self._running = running
        self.refusals: dict[int, tuple[float, int]] = {}
        """Of replicas whose key was refused: until when, and which credential that was."""
        self.rests: dict[RateLimiter, tuple[float, float]] = {}
        """Of accounts that others are asked before: until when, and for how many seconds."""

    def free_at(self, index: int, now: float) -> float:
        """When a request to the replica at `index` would be sent: `now` if nothing keeps it, infinite where
        waiting alone does not help. In the time of the loop.
        """
        status = self._replicas[index].status()
        if not status.ready:
            return inf
        free = now
        if index in self.refusals:
            until, credential = self.refusals[index]
            if status.credential != credential:
                del self.refusals[index]
                log.warning(
                    "deployment `%s`: replica %d has another key, and is used again", self._name, index
                )
            else:
                free = max(free, until)
        policies = self.policies[index]
        if policies is not None:
            for opens in (policies.breaker.free_at(now), policies.limiter.opens_at(now, 1)):
                if opens > free:
                    free = opens
            if self.rests and (rest := self.rests.get(policies.limiter)) is not None and rest[0] > free:
                free = rest[0]
        return free

    def first(self, now: float) -> float:
        """When the first of them is free."""
        if len(self._replicas) == 1:
            return self.free_at(0, now)
        return min(self.free_at(index, now) for index in range(len(self._replicas)))

    def another(self, index: int, now: float, tried: Set[int], *, same_account: bool) -> int | None:
        """A replica that is free now, and is neither the one at `index` nor among `tried`: the one with the
        fewest requests.

        same_account: whether it may use the same key as the one at `index`.
        """
        fit = [
            other
            for other in self._after(index, tried, same_account=same_account)
            if self.free_at(other, now) <= now
        ]
        return min(fit, key=self._running, default=None)

    def waiting(self, index: int, now: float, tried: Set[int]) -> int | None:
        """Where none is free, the replica that is free first by waiting for its limits alone."""
        free = {
            other: self.free_at(other, now)
            for other in self._after(index, tried, same_account=False)
            if (policies := self.policies[other]) is None or policies.breaker.free_at(now) <= now
        }
        first = min(free, key=free.__getitem__, default=None)
        return None if first is None or free[first] == inf else first

    def _after(self, index: int, tried: Set[int], *, same_account: bool) -> list[int]:
        """The other replicas, from the next one on, but for those in `tried`."""
        count = len(self._replicas)
        ring = ((index + step) % count for step in range(1, count))
        return [
            other
            for other in ring
            if other not in tried and (same_account or self._has_another_account(other, index))
        ]

    def others(self, index: int, now: float, passed: Container[int] = ()) -> float:
        """When the first replica with another account is free, but for those in `passed`; infinite where
        there is none.
        """
        count = len(self._replicas)
        if count == 1:
            return inf
        others = (
            other for other in range(count) if other not in passed and self._has_another_account(other, index)
        )
        return min((self.free_at(other, now) for other in others), default=inf)

    def _has_another_account(self, other: int, index: int) -> bool:
        one, two = self.policies[index], self.policies[other]
        return one is None or two is None or one.limiter is not two.limiter

    def sent(self, index: int, now: float) -> None:
        """A request goes to the replica at `index`: where its key was refused, no other does for a while."""
        if index in self.refusals:
            self.refusals[index] = now + REFUSED_FOR, self.refusals[index][1]

    def failed(self, index: int, now: float, error: RequestError) -> None:
        """The replica at `index` has failed: one whose key is refused gets nothing more for a while, and
        others are asked before one whose provider says that it is too much.
        """
        if error.upstream_status is None:
            return
        if isinstance(error, RateLimited) and not is_final_limit(error.code):
            if error.retry_after is None:
                self._rest(index, now)
            return
        policies = self.policies[index]
        if isinstance(error, Forbidden) and policies is not None and policies.plan.is_wildcard:
            return  # it may be the model that the client named
        if not isinstance(error, Unauthorized | Forbidden | RateLimited):
            return
        if index not in self.refusals:
            log.error(
                "deployment `%s`: the key of replica %d is refused (%s): it gets no requests until its key "
                "changes, but for one every %g s",
                self._name,
                index,
                error.code,
                REFUSED_FOR,
            )
        self.refusals[index] = now + REFUSED_FOR, self._replicas[index].status().credential

    def _rest(self, index: int, now: float) -> None:
        policies = self.policies[index]
        if policies is None:
            return
        until, seconds = self.rests.get(policies.limiter, (0.0, 0.0))
        if now >= until:  # else it was sent before
            seconds = min(2 * seconds, LONGEST_REST) or FIRST_REST
            still_used = {each.limiter for each in self.policies if each is not None}
            self.rests = {each: rest for each, rest in self.rests.items() if each in still_used}
            self.rests[policies.limiter] = now + seconds, seconds
            log.info(
                "deployment `%s`: the provider takes no more of replica %d for now, and does not say for how "
                "long: others are asked first for %g s",
                self._name,
                index,
                seconds,
            )

    def answered(self, index: int, now: float) -> None:
        """The replica at `index` has answered, so its key is accepted."""
        if self.refusals.pop(index, None) is not None:
            log.warning("deployment `%s`: the key of replica %d is accepted again", self._name, index)
        if (policies := self.policies[index]) is not None and self.rests:
            until, _ = self.rests.get(policies.limiter, (inf, 0.0))
            if now >= until:
                del self.rests[policies.limiter]

    @property
    def refused(self) -> frozenset[int]:
        """The replicas whose key was refused when it was last shown."""
        return frozenset(self.refusals)

"""When each replica of a deployment may be sent a request: asked before one is picked, and before waiting."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from math import inf

from ..limits.replica_policies import ReplicaPolicies
from ..replicas.replica import Replica
from ..requests.errors import Forbidden, RequestError, Unauthorized

log = logging.getLogger(__name__)

REFUSED_FOR = 60.0
"""Seconds after which a replica whose key was refused is tried once more with the same key."""


class Availability:
    """Of the replicas of deployment `name`.

    policies: of each replica; None for those that have none.
    """

    def __init__(
        self, name: str, replicas: Sequence[Replica], policies: Sequence[ReplicaPolicies | None]
    ) -> None:
        self._name = name
        self._replicas = replicas
        self.policies = policies
        self._refused: dict[int, tuple[float, int]] = {}

    def free_at(self, index: int, now: float) -> float:
        """When a request to the replica at `index` would be sent: `now` if nothing keeps it, infinite where
        waiting alone does not help. In the time of the loop.
        """
        status = self._replicas[index].status()
        if not status.ready:
            return inf
        free = now
        if index in self._refused:
            until, credential = self._refused[index]
            if status.credential != credential:
                del self._refused[index]
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
        return free

    def first(self, now: float) -> float:
        """When the first of them is free."""
        if len(self._replicas) == 1:
            return self.free_at(0, now)
        return min(self.free_at(index, now) for index in range(len(self._replicas)))

    def another(self, index: int, now: float, tried: set[int], *, same_account: bool) -> int | None:
        """A replica that is free now, and is neither the one at `index` nor among `tried`.

        same_account: whether it may use the same key as the one at `index`.
        """
        for step in range(1, len(self._replicas)):
            other = (index + step) % len(self._replicas)
            fits = other not in tried and (same_account or self._has_another_account(other, index))
            if fits and self.free_at(other, now) <= now:
                return other
        return None

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

    def failed(self, index: int, now: float, error: RequestError) -> None:
        """The replica at `index` has failed: one whose key is refused gets nothing more for a while."""
        if not isinstance(error, Unauthorized | Forbidden) or error.upstream_status is None:
            return
        if index not in self._refused:
            log.error(
                "deployment `%s`: the key of replica %d is refused (%s): it gets no requests until its key "
                "changes, but for one every %g s",
                self._name,
                index,
                error.code,
                REFUSED_FOR,
            )
        self._refused[index] = now + REFUSED_FOR, self._replicas[index].status().credential

    def answered(self, index: int) -> None:
        """The replica at `index` has answered, so its key is accepted."""
        if self._refused.pop(index, None) is not None:
            log.warning("deployment `%s`: the key of replica %d is accepted again", self._name, index)

    @property
    def refused(self) -> frozenset[int]:
        """The replicas whose key was refused when it was last shown."""
        return frozenset(self._refused)

"""Who may run now: the slots of a deployment and the queue in front of them, as a pure state machine.

Each method changes the state and says what follows; none ever waits. Of the replicas that
are free, the least busy is chosen: with `limit` = replicas x slots each, and all of them free, none has more
than its share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from ...compiler.plan import CapacityKind, CapacityPolicy
from ...compiler.plan.record import frozen

MAX_WAITING = 1024
"""Requests that may wait for a slot of one deployment; the next one is refused."""

MIN_RETRY_AFTER, MAX_RETRY_AFTER = 1.0, 60.0
"""Bounds, in seconds, of what a refused request is told to wait."""

_SMOOTHING = 0.1

_KNOWN = 10
"""Requests after which it is known how long they take."""


class Admit(NamedTuple):
    """The request runs now, on this replica."""

    ticket: int
    replica: int


@frozen
class Wait:
    """The request waits until an `Admit` names its ticket."""


@frozen
class Refuse:
    """The deployment is full; trying again makes sense after `retry_after` seconds."""

    retry_after: float
    waiting: int
    wait: float | None = None
    """Seconds that it would have waited, where that is why."""


@frozen
class FallBack:
    """The deployment is full; `target` takes over."""

    target: str
    retry_after: float


Decision = Admit | Wait | Refuse | FallBack

_WAIT = Wait()


class Capacity:
    """The slots of one deployment.

    replicas: how many share the work. limit: requests that run at the same time on all of them. rank: of a
    replica; those with the lowest are chosen before all others, however busy they are. 0: none is lower.
    """

    def __init__(
        self,
        replicas: int,
        limit: int,
        policy: CapacityPolicy,
        rank: Callable[[int], float] = lambda replica: 0,
    ) -> None:
        self._running = [0] * replicas
        self._rank = rank
        self._limit = limit
        self._policy = policy
        self._total = 0
        self._next = 0
        self._waiting: dict[int, tuple[int, str, int | None]] = {}
        self._queue: list[tuple[int, float, int]] = []
        self._turns: dict[str, float] = {}
        self._turn = 0.0
        self._priorities: Counter[int] = Counter()
        self._askers: Counter[str] = Counter()
        self._hold = MIN_RETRY_AFTER
        self._seen = 0
        self.most_waiting = MAX_WAITING
        """Requests that may wait; the next one is refused."""

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._total

    def running_on(self, replica: int) -> int:
        """Those of them that run there."""
        return self._running[replica]

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @property
    def limit(self) -> int:
        """Requests that may run at the same time."""
        return self._limit

    def arrive(
        self,
        ticket: int,
        priority: int = 0,
        asker: str = "",
        patience: float | None = None,
        prefer: int | None = None,
    ) -> Decision:
        """A request wants a slot; `ticket` is a name for it that no other request has, and later ones
        have higher.

        Those with the higher priority run first. Of the same priority, askers take turns, and of the same
        asker, those that came first are the first. patience: seconds that it can wait. prefer: the replica on
        which it runs, if that has room.
        """
        if (replica := self.admit_at_once(prefer)) is not None:
            return Admit(ticket, replica)
        match self._policy:
            case CapacityPolicy(kind=CapacityKind.QUEUE):
                if patience is not None and (wait := self._expected(priority, asker)) > patience:
                    again = min(max(wait - patience, MIN_RETRY_AFTER), MAX_RETRY_AFTER)
                    return Refuse(again, len(self._waiting), wait)
                if len(self._waiting) < self.most_waiting:
                    self._enqueue(ticket, priority, asker, prefer)
                    return _WAIT
            case CapacityPolicy(kind=CapacityKind.FALLBACK, target=str(target)):
                return FallBack(target, self._retry_after())
        return Refuse(self._retry_after(), len(self._waiting))

    def leave(self, ticket: int) -> None:
        """A waiting request gives up."""
        self._forget(ticket)

    def release(self, replica: int, held: float) -> Admit | None:
        """A request that ran on `replica` for `held` seconds gives its slot back; one that waits may run."""
        self._running[replica] -= 1
        self._total -= 1
        self._seen += 1
        weight = 1 / self._seen
        self._hold += (weight if weight > _SMOOTHING else _SMOOTHING) * (held - self._hold)
        return self._admit_next() if self._waiting else None

    def move(self, replica: int, other: int) -> None:
        """A request that runs on `replica` goes on on the `other` one."""
        self._running[replica] -= 1
        self._running[other] += 1

    def free_in(self) -> float:
        """Seconds until a request that comes now would run, going by how long requests take."""
        full = self._total >= self._limit and self._policy.kind is not CapacityKind.FALLBACK
        return self._retry_after() if full else 0.0

    def resize(self, limit: int) -> Admit | None:
        """From now on `limit` requests run at the same time, perhaps also one that waits: ask again then.
        Those that run already go on."""
        self._limit = limit
        return self._admit_next()

    def _enqueue(self, ticket: int, priority: int, asker: str, prefer: int | None) -> None:
        if len(self._queue) > 2 * MAX_WAITING:  # most of them have left
            self._queue = [entry for entry in self._queue if entry[2] in self._waiting]
            heapify(self._queue)
        turn = self._turns[asker] = max(self._turn, self._turns.get(asker, 0.0)) + 1
        heappush(self._queue, (-priority, turn, ticket))
        self._waiting[ticket] = priority, asker, prefer
        self._priorities[priority] += 1
        self._askers[asker] += 1

    def _forget(self, ticket: int) -> None:
        """The request waits no longer."""
        waited = self._waiting.pop(ticket, None)
        if waited is None:
            return
        priority, asker, _ = waited
        self._priorities[priority] -= 1
        self._askers[asker] -= 1
        if not self._priorities[priority]:
            del self._priorities[priority]
        if not self._askers[asker]:
            del self._askers[asker]
        if not self._waiting:
            self._queue.clear()
            self._turns.clear()
            self._turn = 0.0

    def _admit_next(self) -> Admit | None:
        while self._waiting and self._total < self._limit:
            _, turn, ticket = heappop(self._queue)
            self._turn = max(self._turn, turn)
            waited = self._waiting.get(ticket)
            if waited is not None:
                self._forget(ticket)
                replica = self.admit_at_once(waited[2])
                assert replica is not None
                return Admit(ticket, replica)
        return None

    def _expected(self, priority: int, asker: str) -> float:
        """Seconds that a request would wait, going by how long requests take; 0 where that is not known."""
        if self._seen < _KNOWN:
            return 0.0
        before = sum(count for each, count in self._priorities.items() if each >= priority)
        askers = len(self._askers) + (asker not in self._askers)
        turns = min(before, self._askers[asker] * askers + askers - 1) + 1
        return self._hold * turns / self._limit

    def admit_at_once(self, prefer: int | None) -> int | None:
        """The replica that one more request runs on from now on; None: it has to `arrive`, since all are
        busy."""
        if self._total >= self._limit:
            return None
        running = self._running
        count = len(running)
        replica = 0
        if prefer is not None and self._has_room(prefer):
            replica = prefer
        elif count > 1:
            order = [*range(self._next, count), *range(self._next)]
            order.sort(key=running.__getitem__)
            for replica in order:  # nearly always the first one, however many there are
                if self._rank(replica) == 0:
                    break
            else:
                replica = min(order, key=self._rank)
            self._next = (replica + 1) % count
        running[replica] += 1
        self._total += 1
        return replica

    def _has_room(self, replica: int) -> bool:
        """Whether one more on `replica` leaves the others no more to do than their share."""
        share = -(-self._limit // len(self._running))
        best = min(map(self._rank, range(len(self._running))))
        return self._running[replica] < share and self._rank(replica) <= best

    def _retry_after(self) -> float:
        """How long until this request would have had its turn, going by how long requests take."""
        turns = (len(self._waiting) + 1) / self._limit
        return min(max(self._hold * turns, MIN_RETRY_AFTER), MAX_RETRY_AFTER)

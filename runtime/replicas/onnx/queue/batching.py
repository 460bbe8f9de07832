"""Which queued jobs share the next run of a model: a pure state machine.

A job is one or more rows of one kind: texts of about the same length, tensors that fit together.
`BatchQueue.decide(now, event)` changes the state and says what follows; it never waits and never looks
at a clock.

A job runs at once when nothing else does. Otherwise it waits for a free run, and in the queue for
company: until `max_size` or a `preferred` number of rows is there, or the oldest of them has waited for
`max_delay`. Rows share a run only within one bucket, so that they fit together and padding stays small.
Where each run takes all cores, rows wait for the end of a run of their bucket, so that more of them share
the next one; those of other buckets, which would gain nothing by that, run beside it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from .....compiler.plan import Batching
from .....compiler.plan.record import frozen
from .scheduling import MOST_RUNS


@frozen
class Job:
    """Rows that stay together. bucket: jobs with the same one may share a run. deadline: seconds."""

    id: int
    rows: int
    bucket: Hashable
    deadline: float | None = None


@frozen
class Arrived:
    """A job wants to run."""

    job: Job


@frozen
class Abandoned:
    """Nobody waits for the job any more; it may be queued, running or done."""

    job_id: int


@frozen
class Finished:
    """So many runs have ended. bucket: with batching, that of the run."""

    runs: int = 1
    bucket: Hashable = None


@frozen
class Due:
    """The time a decision named in `wake_at` has come."""


Event = Arrived | Abandoned | Finished | Due


@frozen
class Decision:
    """runs: the ids of the jobs of each run that starts now. expired: jobs dropped at their deadline.

    wake_at: when to ask again if nothing else happens; None when there is nothing to wait for.
    """

    runs: tuple[tuple[int, ...], ...] = ()
    expired: tuple[int, ...] = ()
    wake_at: float | None = None


@frozen
class _Waiting:
    job: Job
    since: float


class BatchQueue:
    """The queue in front of a model that takes `max_runs` runs at the same time.

    batching: None lets every job run alone. shares_cores: runs at the same time make each other slower, so
    that of one bucket only full ones go beside each other. short_runs: runs are so short that threads get
    several of them for one after the other; without batching, `max_runs` is no limit then.
    """

    def __init__(self, batching: Batching | None, max_runs: int, *, shares_cores: bool = False) -> None:
        self._batching = batching
        self._max_runs = max_runs
        self._shares_cores = shares_cores
        self.short_runs = False
        self._running = 0
        self._busy: list[Hashable] = []
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._waiting)

    def decide(self, now: float, event: Event) -> Decision:
        """What follows from `event` at `now`."""
        max_runs = MOST_RUNS if self.short_runs and not self._batching else self._max_runs
        match event:
            case Arrived(job):
                if self._batching is None and not self._waiting and self._running < max_runs:
                    self._running += 1
                    return Decision(((job.id,),))
                self._waiting[job.id] = _Waiting(job, now)
            case Abandoned(job_id):
                self._waiting.pop(job_id, None)
            case Finished(ended, bucket):
                self._running -= ended
                if self._shares_cores:
                    self._busy.remove(bucket)
            case Due():
                pass
        runs: list[tuple[int, ...]] = []
        expired = self._drop_expired(now) if self._running < max_runs else []
        wake_at: float | None = None
        while self._running < max_runs and self._waiting:
            group, wake_at = self._next_group(now)
            if not group:
                break
            if self._shares_cores:
                self._busy.append(self._waiting[group[0]].job.bucket)
            for job_id in group:
                del self._waiting[job_id]
            runs.append(group)
            self._running += 1
        return Decision(tuple(runs), tuple(expired), wake_at)

    def _drop_expired(self, now: float) -> list[int]:
        expired = [
            job_id
            for job_id, waiting in self._waiting.items()
            if waiting.job.deadline is not None and waiting.job.deadline <= now
        ]
        for job_id in expired:
            del self._waiting[job_id]
        return expired

    def _next_group(self, now: float) -> tuple[tuple[int, ...], float | None]:
        """The jobs to run now, the bucket of the oldest first; or none, and when there will be some."""
        if self._batching is None:
            return (next(iter(self._waiting)),), None
        wake_at: float | None = None
        for bucket, since in self._buckets().items():
            group, full = self._fill(bucket)
            if not full and bucket in self._busy:
                continue
            ready_at = since + self._batching.max_delay
            if full or not self._running or ready_at <= now:
                return group, None
            wake_at = ready_at if wake_at is None else min(wake_at, ready_at)
        return (), wake_at

    def _buckets(self) -> dict[Hashable, float]:
        """The buckets that have jobs, and since when the oldest of each waits; the longest wait first."""
        buckets: dict[Hashable, float] = {}
        for waiting in self._waiting.values():
            buckets.setdefault(waiting.job.bucket, waiting.since)
        return buckets

    def _fill(self, bucket: Hashable) -> tuple[tuple[int, ...], bool]:
        """The oldest jobs of `bucket` that make a good run, and whether it need not wait for more.

        Good is a run with no room left, else one of the largest preferred size that can be made.
        """
        assert self._batching
        group: list[int] = []
        preferred = 0
        rows = 0
        for job_id, waiting in self._waiting.items():
            if waiting.job.bucket != bucket:
                continue
            if group and rows + waiting.job.rows > self._batching.max_size:
                rows = self._batching.max_size
                break
            group.append(job_id)
            rows += waiting.job.rows
            if rows in self._batching.preferred:
                preferred = len(group)
        if rows >= self._batching.max_size or not preferred:
            return tuple(group), rows >= self._batching.max_size
        return tuple(group[:preferred]), True

from __future__ import annotations

from hypothesis import given, strategies as st

from inferc.compiler.plan import Batching, Duration
from inferc.runtime.replicas.onnx.queue.batching import (
    Abandoned,
    Arrived,
    BatchQueue,
    Decision,
    Due,
    Finished,
    Job,
)

BATCHING = Batching(max_size=4, max_delay=Duration(0.01))


def job(number: int, rows: int = 1, bucket: int = 16, deadline: float | None = None) -> Job:
    return Job(number, rows, bucket, deadline)


def test_when_idle_a_lone_job_runs_at_once() -> None:
    queue = BatchQueue(BATCHING, max_runs=2)
    decision = queue.decide(0.0, Arrived(job(1)))
    assert decision.runs == ((1,),)
    assert decision.wake_at is None


def test_without_batching_each_job_runs_alone() -> None:
    queue = BatchQueue(None, max_runs=1)
    queue.decide(0.0, Arrived(job(1)))
    queue.decide(0.0, Arrived(job(2)))
    queue.decide(0.0, Arrived(job(3)))
    assert queue.decide(1.0, Finished()).runs == ((2,),)
    assert queue.decide(2.0, Finished()).runs == ((3,),)


def test_jobs_that_queued_during_a_run_share_the_next() -> None:
    queue = BatchQueue(BATCHING, max_runs=1)
    for number in range(7):
        queue.decide(0.0, Arrived(job(number)))
    assert queue.decide(1.0, Finished()).runs == ((1, 2, 3, 4),)
    assert queue.decide(2.0, Finished()).runs == ((5, 6),)


def test_beside_another_run_a_job_waits_for_company_up_to_the_delay() -> None:
    queue = BatchQueue(BATCHING, max_runs=2)
    queue.decide(0.0, Arrived(job(1)))
    waits = queue.decide(1.0, Arrived(job(2)))
    assert waits.runs == ()
    assert waits.wake_at == 1.01
    assert queue.decide(1.005, Arrived(job(3))).wake_at == 1.01
    assert queue.decide(1.01, Due()).runs == ((2, 3),)


def test_a_full_group_does_not_wait() -> None:
    queue = BatchQueue(BATCHING, max_runs=2)
    for number in range(4):
        assert queue.decide(0.0, Arrived(job(number))).runs == (((0,),) if number == 0 else ())
    assert queue.decide(0.0, Arrived(job(4))).runs == ((1, 2, 3, 4),)


def test_a_preferred_size_does_not_wait_and_the_largest_one_is_taken() -> None:
    queue = BatchQueue(Batching(max_size=8, max_delay=Duration(0.01), preferred=(2, 4)), max_runs=2)
    queue.decide(0.0, Arrived(job(0)))
    assert queue.decide(0.0, Arrived(job(1))).runs == ()
    assert queue.decide(0.0, Arrived(job(2))).runs == ((1, 2),)
    for number in range(3, 8):
        assert queue.decide(0.0, Arrived(job(number))).runs == ()
    assert queue.decide(0.001, Finished()).runs == ((3, 4, 5, 6),)


def test_rows_are_counted_not_jobs() -> None:
    queue = BatchQueue(BATCHING, max_runs=1)
    queue.decide(0.0, Arrived(job(0)))
    queue.decide(0.0, Arrived(job(1, rows=3)))
    queue.decide(0.0, Arrived(job(2, rows=2)))
    queue.decide(0.0, Arrived(job(3, rows=1)))
    assert queue.decide(1.0, Finished()).runs == ((1,),)
    assert queue.decide(2.0, Finished()).runs == ((2, 3),)


def test_lengths_of_different_buckets_never_share_a_run_and_the_oldest_goes_first() -> None:
    queue = BatchQueue(BATCHING, max_runs=1)
    queue.decide(0.0, Arrived(job(0)))
    queue.decide(0.1, Arrived(job(1, bucket=64)))
    queue.decide(0.2, Arrived(job(2, bucket=16)))
    queue.decide(0.3, Arrived(job(3, bucket=64)))
    assert queue.decide(1.0, Finished()).runs == ((1, 3),)
    assert queue.decide(2.0, Finished()).runs == ((2,),)


def test_where_runs_share_cores_a_short_text_does_not_wait_for_a_run_of_long_ones() -> None:
    queue = BatchQueue(BATCHING, max_runs=2, shares_cores=True)
    assert queue.decide(0.0, Arrived(job(1, bucket=128))).runs == ((1,),)
    assert queue.decide(0.001, Arrived(job(2, bucket=8))) == Decision(wake_at=0.011)
    assert queue.decide(0.002, Arrived(job(3, bucket=8))) == Decision(wake_at=0.011)
    assert queue.decide(0.011, Due()).runs == ((2, 3),)


def test_where_runs_share_cores_texts_of_one_length_share_the_next_run_and_not_the_cores() -> None:
    queue = BatchQueue(BATCHING, max_runs=2, shares_cores=True)
    queue.decide(0.0, Arrived(job(1)))
    for number in range(2, 5):
        assert queue.decide(0.0, Arrived(job(number))) == Decision()
    assert queue.decide(5.0, Finished(bucket=16)).runs == ((2, 3, 4),)


def test_where_runs_share_cores_a_run_that_cannot_grow_goes_beside_one_of_its_length() -> None:
    queue = BatchQueue(BATCHING, max_runs=2, shares_cores=True)
    for number in range(4):
        queue.decide(0.0, Arrived(job(number)))
    assert queue.decide(0.0, Arrived(job(4))).runs == ((1, 2, 3, 4),)
    queue.decide(0.0, Arrived(job(5)))
    assert queue.decide(1.0, Finished(bucket=16)) == Decision()
    assert queue.decide(2.0, Finished(bucket=16)).runs == ((5,),)


def test_an_abandoned_job_is_never_run() -> None:
    queue = BatchQueue(BATCHING, max_runs=1)
    for number in range(3):
        queue.decide(0.0, Arrived(job(number)))
    queue.decide(0.5, Abandoned(1))
    assert queue.decide(1.0, Finished()).runs == ((2,),)


def test_a_job_past_its_deadline_is_dropped_and_named() -> None:
    queue = BatchQueue(BATCHING, max_runs=1)
    queue.decide(0.0, Arrived(job(0)))
    queue.decide(0.0, Arrived(job(1, deadline=0.9)))
    queue.decide(0.0, Arrived(job(2, deadline=1.1)))
    decision = queue.decide(1.0, Finished())
    assert decision.expired == (1,)
    assert decision.runs == ((2,),)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4), st.sampled_from([8, 16]), st.floats(0, 0.02), st.booleans(), st.booleans()
        ),
        max_size=60,
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_job_runs_exactly_once_or_was_abandoned_and_runs_stay_within_bounds(
    steps: list[tuple[int, int, float, bool, bool]], max_runs: int, shares_cores: bool
) -> None:
    queue = BatchQueue(BATCHING, max_runs, shares_cores=shares_cores)
    now = 0.0
    running: list[int] = []
    jobs: dict[int, Job] = {}
    ran: list[int] = []
    abandoned: set[int] = set()

    def follow(decision: Decision) -> None:
        for group in decision.runs:
            members = [jobs[number] for number in group]
            [bucket] = {each.bucket for each in members}
            assert sum(each.rows for each in members) <= BATCHING.max_size
            ran.extend(group)
            running.append(bucket)
        assert len(running) <= max_runs
        assert not (queue.waiting and not running)

    for number, (rows, bucket, pause, finish, abandon) in enumerate(steps):
        now += pause
        jobs[number] = Job(number, rows, bucket)
        follow(queue.decide(now, Arrived(jobs[number])))
        if abandon and number not in ran:
            abandoned.add(number)
            follow(queue.decide(now, Abandoned(number)))
        if finish and running:
            follow(queue.decide(now, Finished(bucket=running.pop(0))))
    while running:
        now += 1
        follow(queue.decide(now, Finished(bucket=running.pop(0))))
    assert sorted(ran) == sorted(jobs.keys() - abandoned)

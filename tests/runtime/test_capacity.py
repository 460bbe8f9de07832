from __future__ import annotations

from hypothesis import given, strategies as st

from inferc.compiler.plan import CapacityKind, CapacityPolicy
from inferc.runtime.policies.capacity import (
    MAX_RETRY_AFTER,
    MAX_WAITING,
    Admit,
    Capacity,
    FallBack,
    Refuse,
    Wait,
)

QUEUE = CapacityPolicy(CapacityKind.QUEUE)
REJECT = CapacityPolicy(CapacityKind.REJECT)


def test_requests_go_to_the_least_busy_replica() -> None:
    capacity = Capacity(replicas=3, limit=9, policy=QUEUE)
    first = [capacity.arrive(ticket) for ticket in range(3)]
    assert sorted(d.replica for d in first if isinstance(d, Admit)) == [0, 1, 2]
    capacity.release(1, 1)
    assert capacity.arrive(3) == Admit(3, 1)


def test_requests_spread_over_replicas_that_are_equally_idle() -> None:
    capacity = Capacity(replicas=2, limit=4, policy=QUEUE)
    used = []
    for ticket in range(4):
        decision = capacity.arrive(ticket)
        assert isinstance(decision, Admit)
        used.append(decision.replica)
        capacity.release(decision.replica, 0)
    assert used == [0, 1, 0, 1]


def test_a_full_deployment_rejects_where_it_is_told_to() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=REJECT)
    capacity.arrive(1)
    assert isinstance(capacity.arrive(2), Refuse)
    assert capacity.waiting == 0


def test_a_full_deployment_hands_over_to_its_fallback() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=CapacityPolicy.fallback("other"))
    capacity.arrive(1)
    decision = capacity.arrive(2)
    assert isinstance(decision, FallBack)
    assert decision.target == "other"


def test_those_who_wait_are_admitted_in_the_order_of_their_arrival() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    capacity.arrive(1)
    assert [capacity.arrive(ticket) for ticket in (2, 3, 4)] == [Wait()] * 3
    capacity.leave(3)
    assert capacity.release(0, 2) == Admit(2, 0)
    assert capacity.release(0, 1) == Admit(4, 0)
    assert capacity.release(0, 1) is None


def test_the_queue_is_bounded() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    decisions = [capacity.arrive(ticket) for ticket in range(MAX_WAITING + 2)]
    assert isinstance(decisions[MAX_WAITING], Wait)
    assert isinstance(decisions[MAX_WAITING + 1], Refuse)


def test_the_time_to_wait_follows_from_how_long_requests_take() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=REJECT)
    for start in range(0, 1000, 10):
        capacity.arrive(start)
        capacity.release(0, 10)
    capacity.arrive(1)
    refused = capacity.arrive(2)
    assert isinstance(refused, Refuse)
    assert 9 < refused.retry_after < 11


@given(st.lists(st.integers(0, 2), max_size=200), st.integers(1, 3), st.integers(1, 3))
def test_no_replica_ever_has_more_than_its_share_and_no_slot_is_lost(
    steps: list[int], replicas: int, slots: int
) -> None:
    capacity = Capacity(replicas, replicas * slots, QUEUE)
    running: list[int] = []
    waiting: list[int] = []
    for ticket, step in enumerate(steps):
        match step:
            case 0:
                match capacity.arrive(ticket):
                    case Admit(_, replica):
                        running.append(replica)
                    case _:
                        waiting.append(ticket)
            case 1 if running:
                match capacity.release(running.pop(0), ticket):
                    case Admit(admitted, replica):
                        assert admitted == waiting.pop(0)
                        running.append(replica)
            case 2 if waiting:
                capacity.leave(waiting.pop())
        assert max((running.count(replica) for replica in range(replicas)), default=0) <= slots
        assert (capacity.running, capacity.waiting) == (len(running), len(waiting))
        assert not waiting or len(running) == replicas * slots


def test_nobody_is_told_to_wait_longer_than_the_bound() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=REJECT)
    capacity.arrive(1)
    capacity.release(0, 100_000)
    capacity.arrive(2)
    refused = capacity.arrive(3)
    assert isinstance(refused, Refuse)
    assert refused.retry_after == MAX_RETRY_AFTER


def drained(capacity: Capacity, most: int) -> list[int]:
    """The tickets that run one after the other."""
    return [admitted.ticket for _ in range(most) if (admitted := capacity.release(0, 1.0)) is not None]


def test_askers_take_turns_and_priorities_go_before() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    capacity.arrive(0)
    for ticket in range(1, 5):
        capacity.arrive(ticket, asker="many")
    capacity.arrive(5, asker="few")
    capacity.arrive(6, asker="few")
    capacity.arrive(7, priority=1, asker="many")
    assert drained(capacity, 7) == [7, 1, 5, 2, 6, 3, 4]
    capacity.release(0, 1)
    capacity.arrive(8, asker="many")
    capacity.arrive(9, asker="many")
    capacity.arrive(10, asker="new")
    assert drained(capacity, 3) == [9, 10], "what was is forgotten when nobody waits"


def busy(queued: int, asker: str = "many") -> Capacity:
    """One slot that each request has for two seconds, and as many that wait for it."""
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    for ticket in range(200):
        capacity.arrive(ticket)
        capacity.release(0, 2.0)
    for ticket in range(queued + 1):
        capacity.arrive(1000 + ticket, asker=asker)
    return capacity


def test_who_cannot_wait_for_so_long_is_refused_at_once_and_told_when_to_come_back() -> None:
    decision = busy(4).arrive(1, asker="many", patience=5.0)
    assert isinstance(decision, Refuse)
    assert decision.wait is not None
    assert round(decision.wait) == 10
    assert round(decision.retry_after) == 5
    assert busy(4).arrive(1, asker="many", patience=11.0) == Wait()
    assert busy(4).arrive(1, priority=1, asker="many", patience=3.0) == Wait(), "nobody is before it"
    assert busy(4).arrive(1, asker="few", patience=5.0) == Wait(), "it has the second turn"


def test_nobody_is_refused_for_a_wait_that_is_not_known_yet() -> None:
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    for ticket in range(5):
        decision = capacity.arrive(ticket, patience=0.001)
    assert decision == Wait()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 1), st.booleans()), max_size=60))
def test_each_request_that_waits_runs_once_whoever_leaves(requests: list[tuple[str, int, bool]]) -> None:
    capacity = Capacity(replicas=1, limit=1, policy=QUEUE)
    capacity.arrive(0)
    for ticket, (asker, priority, _) in enumerate(requests, 1):
        capacity.arrive(ticket, priority, asker)
    for ticket, (_, _, leaves) in enumerate(requests, 1):
        if leaves:
            capacity.leave(ticket)
    left = [ticket for ticket, (_, _, leaves) in enumerate(requests, 1) if not leaves]
    assert capacity.waiting == len(left)
    assert sorted(drained(capacity, len(requests) + 1)) == left


def test_of_many_replicas_few_are_asked_whether_they_are_free() -> None:
    asked: list[int] = []

    def rank(replica: int) -> float:
        asked.append(replica)
        return 5.0 if replica in busy else 0.0

    busy: set[int] = set()
    capacity = Capacity(100, 1000, CapacityPolicy(), rank)
    chosen = [capacity.admit_at_once(None) for _ in range(300)]
    assert [chosen.count(replica) for replica in range(100)] == [3] * 100
    assert len(asked) == 300
    busy.update(range(99))
    assert capacity.admit_at_once(None) == 99, "who is free comes first, however busy"
    busy.add(99)
    assert capacity.admit_at_once(None) == 0, "then the least busy of those that are free the soonest"

from __future__ import annotations

from hypothesis import given, strategies as st

from inferc.compiler.plan import CircuitBreakerConfig, Duration
from inferc.runtime.policies.circuit_breaker import MAX_GROWTH, Blocked, CircuitBreaker, Outcome, Pass


def breaker(threshold: int = 3, open_for: float = 30, probes: int = 1) -> CircuitBreaker:
    return CircuitBreaker(CircuitBreakerConfig(threshold, Duration(open_for), probes))


def enter(target: CircuitBreaker, now: float) -> Pass:
    outcome = target.enter(now)
    assert isinstance(outcome, Pass)
    return outcome


def fail(target: CircuitBreaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        target.report(now, enter(target, now), Outcome.FAILURE)


def test_failures_in_a_row_open_the_circuit() -> None:
    target = breaker(threshold=3)
    fail(target, 0, 2)
    assert target.is_closed
    fail(target, 5)
    assert target.enter(5) == Blocked(retry_at=35)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    target = breaker(threshold=3)
    fail(target, 0, 2)
    target.report(0, enter(target, 0), Outcome.SUCCESS)
    fail(target, 0, 2)
    assert target.is_closed


def test_what_says_nothing_neither_counts_nor_starts_the_count_anew() -> None:
    target = breaker(threshold=3)
    fail(target, 0, 2)
    target.report(0, enter(target, 0), Outcome.NOTHING)
    assert target.is_closed
    fail(target, 0)
    assert not target.is_closed


def test_after_the_open_time_exactly_the_allowed_number_of_probes_pass() -> None:
    target = breaker(threshold=1, open_for=30, probes=2)
    fail(target, 0)
    assert isinstance(target.enter(29.9), Blocked)
    outcomes = [target.enter(30) for _ in range(10)]
    assert [isinstance(outcome, Pass) for outcome in outcomes] == [True, True, *[False] * 8]
    assert outcomes[2] == Blocked(retry_at=31)


def test_the_circuit_closes_when_all_probes_succeed() -> None:
    target = breaker(threshold=1, probes=2)
    fail(target, 0)
    first, second = enter(target, 30), enter(target, 30)
    target.report(31, first, Outcome.SUCCESS)
    assert isinstance(target.enter(31), Blocked)
    target.report(32, second, Outcome.SUCCESS)
    assert target.is_closed
    assert isinstance(target.enter(32), Pass)


def test_a_probe_that_says_nothing_leaves_room_for_another() -> None:
    target = breaker(threshold=1)
    fail(target, 0)
    probe = enter(target, 30)
    assert isinstance(target.enter(30), Blocked)
    target.report(31, probe, Outcome.NOTHING)
    assert isinstance(target.enter(31), Pass)
    assert isinstance(target.enter(31), Blocked)


def test_successes_and_failures_from_before_the_opening_change_nothing() -> None:
    target = breaker(threshold=1)
    stale = [enter(target, 0) for _ in range(4)]
    target.report(0, stale[0], Outcome.FAILURE)
    target.report(1, stale[1], Outcome.SUCCESS)
    assert target.enter(1) == Blocked(30)
    probe = enter(target, 30)
    target.report(30, stale[2], Outcome.SUCCESS)
    target.report(30, stale[3], Outcome.FAILURE)
    assert isinstance(target.enter(30), Blocked)
    target.report(30, probe, Outcome.SUCCESS)
    assert target.is_closed


def test_the_open_time_doubles_with_each_relapse_up_to_a_cap() -> None:
    target = breaker(threshold=1, open_for=10)
    now, waits = 0.0, []
    for _ in range(7):
        fail(target, now)
        outcome = target.enter(now)
        assert isinstance(outcome, Blocked)
        waits.append(outcome.retry_at - now)
        now = outcome.retry_at
    assert waits == [10, 20, 40, 80, 160, 160, 160]
    assert waits[-1] == 10 * MAX_GROWTH


def test_a_circuit_that_stayed_closed_for_long_opens_for_the_first_time_again() -> None:
    target = breaker(threshold=1, open_for=10)
    fail(target, 0)
    fail(target, 10)  # the probe: 20 s now
    target.report(30, enter(target, 30), Outcome.SUCCESS)
    fail(target, 49)
    assert target.enter(49) == Blocked(49 + 40)  # closed for less than it had been open
    target.report(89, enter(target, 89), Outcome.SUCCESS)
    fail(target, 200)
    assert target.enter(200) == Blocked(210)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 5)), max_size=80), st.integers(1, 3))
def test_whatever_happens_no_more_than_the_probes_are_under_way_while_it_is_not_closed(
    steps: list[tuple[float, int]], probes: int
) -> None:
    target = breaker(threshold=2, open_for=10, probes=probes)
    now = 0.0
    held: list[tuple[Pass, bool]] = []
    for wait, choice in steps:
        now += wait
        if choice < 3 or not held:
            closed = target.is_closed
            if isinstance(passed := target.enter(now), Pass):
                held.append((passed, not closed))
        else:
            passed, _ = held.pop(0)
            target.report(now, passed, list(Outcome)[choice - 3])
        if not target.is_closed:
            assert sum(probe and not target.is_stale(passed) for passed, probe in held) <= probes


def test_another_process_at_the_endpoint_begins_with_a_closed_circuit_and_a_short_open_time() -> None:
    target = breaker(threshold=1, open_for=30)
    fail(target, 0)
    fail(target, 30)
    held = enter(target, 90)
    target.begin_anew()
    target.report(91, held, Outcome.FAILURE)  # it was sent to the process before
    assert target.is_closed
    fail(target, 92)
    assert target.enter(92) == Blocked(retry_at=122)

from __future__ import annotations

from random import Random

import pytest

from inferc.compiler.plan import Duration, JitterKind, RetryPolicy
from inferc.runtime.policies.retry import MAX_TOTAL_WAIT, GiveUp, Retry, RetryIn
from inferc.runtime.requests.errors import BadRequest, RateLimited, RequestError, ServerError, StaleConnection


def retry(*, idempotent: bool = True, **fields: object) -> Retry:
    values: dict[str, object] = {"max_retries": 5, "jitter": JitterKind.NONE}
    return Retry(RetryPolicy(**(values | fields)), idempotent, Random(1))  # type: ignore[arg-type]


def waits(policy: Retry, error: RequestError, attempts: int) -> list[float]:
    decisions = [policy.decide(error, attempt, 0) for attempt in range(1, attempts + 1)]
    return [d.seconds for d in decisions if isinstance(d, RetryIn)]


def test_waits_grow_exponentially_up_to_the_maximum() -> None:
    assert waits(retry(max_backoff=Duration(5)), ServerError("x"), 5) == [1, 2, 4, 5, 5]


def test_a_huge_multiplier_stays_at_the_maximum() -> None:
    policy = retry(backoff_multiplier=1e300, max_retries=10)
    assert waits(policy, ServerError("x"), 4) == [1, 60, 60, 60]


def test_equal_jitter_keeps_the_lower_half_and_full_jitter_nothing() -> None:
    error = ServerError("x")
    policy = retry(jitter=JitterKind.EQUAL, initial_backoff=Duration(8))
    equal = [waits(policy, error, 1)[0] for _ in range(200)]
    assert 4 <= min(equal) < 4.5
    assert 7.5 < max(equal) <= 8
    policy = retry(jitter=JitterKind.FULL, initial_backoff=Duration(8))
    full = [waits(policy, error, 1)[0] for _ in range(200)]
    assert 0 <= min(full) < 0.5
    assert 7.5 < max(full) <= 8


def test_behind_a_connection_that_was_closed_meanwhile_a_new_one_is_asked_at_once() -> None:
    assert waits(retry(), StaleConnection("x"), 3) == [0, 2, 4]
    assert waits(retry(idempotent=False), StaleConnection("x"), 1) == []


def test_retries_end_after_their_number() -> None:
    policy = retry(max_retries=2)
    assert isinstance(policy.decide(ServerError("x"), 2, 0), RetryIn)
    assert policy.decide(ServerError("x"), 3, 0) == GiveUp()


@pytest.mark.parametrize(
    "error", [BadRequest("x"), RateLimited("x", retryable=False)], ids=["bad request", "spent quota"]
)
def test_a_final_error_is_never_retried(error: RequestError) -> None:
    assert retry().decide(error, 1, 0) == GiveUp()


def test_what_is_not_idempotent_is_never_retried() -> None:
    assert retry(idempotent=False).decide(ServerError("x"), 1, 0) == GiveUp()


def test_the_provider_is_given_the_time_it_asks_for() -> None:
    assert retry().decide(RateLimited("x", retry_after=7.5), 1, 0) == RetryIn(7.5)


def test_the_providers_wish_counts_only_where_it_is_respected() -> None:
    policy = retry(respect_retry_after=False)
    assert policy.decide(RateLimited("x", retry_after=7.5), 1, 0) == RetryIn(1)


def test_a_wish_beyond_the_longest_wait_is_final_and_says_so() -> None:
    decision = retry().decide(RateLimited("x", retry_after=300), 1, 0)
    assert isinstance(decision, GiveUp)
    assert "300 s" in decision.reason
    assert "max_backoff = 1m" in decision.reason


def test_all_waits_together_are_capped() -> None:
    assert isinstance(retry().decide(RateLimited("x", retry_after=30), 1, MAX_TOTAL_WAIT - 30), RetryIn)
    assert isinstance(retry().decide(RateLimited("x", retry_after=30), 1, MAX_TOTAL_WAIT - 29), GiveUp)

from __future__ import annotations

from bisect import bisect_right
from random import Random

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.plan import RateLimits
from inferc.runtime.dialects.rate_limit_headers import remaining
from inferc.runtime.policies.rate_limit import Permit, RateLimit
from inferc.runtime.policies.sliding_window import MARGIN, SPAN, SlidingWindow
from inferc.runtime.requests.upstream import Remaining

from ..support.rows import each_row


def granted(state: RateLimit, now: float, tokens: int = 1, ticket: int = 0) -> Permit:
    permit = state.ask(now, ticket, tokens)
    assert permit is not None
    return permit


def most_within_a_minute(times: list[float], amounts: list[int]) -> int:
    sums = [0]
    for amount in amounts:
        sums.append(sums[-1] + amount)
    return max(
        (sums[bisect_right(times, t + SPAN)] - sums[i] for i, t in enumerate(times)),
        default=0,
    )


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), max_size=200),
)
def test_no_minute_ever_holds_more_than_the_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    window = SlidingWindow(most_tokens=limit)
    now, times, amounts = 0.0, [], []
    for wait, amount in steps:
        now += wait
        if amount <= limit and window.fits_at(now, amount) <= now:
            window.add(now, amount)
            times.append(now)
            amounts.append(amount)
    assert most_within_a_minute(times, amounts) <= limit


@given(st.integers(1, 20), st.lists(st.tuples(st.floats(0, 10), st.integers(1, 20)), max_size=60))
def test_the_time_that_is_told_is_the_time_at_which_it_fits(
    limit: int, steps: list[tuple[float, int]]
) -> None:
    window = SlidingWindow(most_tokens=limit)
    now = 0.0
    for wait, amount in steps:
        now += wait
        opens = window.fits_at(now, amount)
        if opens > now:
            assert window.fits_at(opens - 0.001, amount) > opens - 0.001
            now = opens
        assert window.fits_at(now, amount) == now
        window.add(now, amount)


@given(
    st.integers(1, 5),
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60), st.booleans()), max_size=60),
)
def test_requests_and_tokens_are_kept_to_together(
    requests: int, tokens: int, steps: list[tuple[float, int, bool]]
) -> None:
    window = SlidingWindow(requests, tokens)
    alone = SlidingWindow(most_requests=requests), SlidingWindow(most_tokens=tokens)
    now = 0.0
    for wait, amount, unsent in steps:
        now += wait
        opens = window.fits_at(now, amount)
        assert opens == max(each.fits_at(now, amount) for each in alone)
        if opens <= now:
            for each in (window, *alone):
                bucket = each.add(now, amount)
                if unsent:
                    each.correct(bucket, -1, -amount)


def test_a_full_minute_opens_again_when_it_has_passed_with_its_margin() -> None:
    state = RateLimit(RateLimits(requests_per_minute=2))
    granted(state, 0)
    granted(state, 10)
    assert state.ask(20, 3, 1) is None
    granted_now, again = state.advance(20)
    assert granted_now == []
    assert again == pytest.approx(SPAN + MARGIN + 0.1)
    grants, again = state.advance(SPAN + MARGIN + 0.1)
    assert ([ticket for ticket, _ in grants], again) == ([3], None)


def test_tokens_are_counted_as_estimated_and_corrected_when_they_are_known() -> None:
    state = RateLimit(RateLimits(tokens_per_minute=100))
    permit = granted(state, 0, tokens=80)
    assert state.opens_at(0, 30) > 0
    state.finish(permit, 10)
    assert state.opens_at(0, 90) == 0
    state.finish(granted(state, 0, tokens=10), 95)
    assert state.opens_at(0, 1) > 0


def test_a_request_that_was_never_sent_counts_nothing() -> None:
    state = RateLimit(RateLimits(requests_per_minute=1, tokens_per_minute=10, concurrent_requests=1))
    state.finish(granted(state, 0, tokens=10), None)
    assert state.opens_at(0, 10) == 0
    assert state.running == 0


def test_a_request_larger_than_the_limit_is_sent_alone() -> None:
    state = RateLimit(RateLimits(tokens_per_minute=100))
    granted(state, 0, tokens=500)
    assert state.opens_at(1, 1) == pytest.approx(SPAN + MARGIN + 0.1)


def test_no_more_requests_are_in_flight_than_the_account_allows() -> None:
    state = RateLimit(RateLimits(concurrent_requests=2))
    permits = [granted(state, 0) for _ in range(2)]
    assert state.ask(0, 3, 1) is None
    assert state.advance(1000) == ([], None)
    state.finish(permits[0], 1)
    assert [ticket for ticket, _ in state.advance(1000)[0]] == [3]


def test_nobody_overtakes_who_waits_also_not_with_a_small_request() -> None:
    state = RateLimit(RateLimits(tokens_per_minute=100))
    granted(state, 0, tokens=90)
    assert state.ask(1, 1, 50) is None
    assert state.ask(2, 2, 5) is None
    grants, _ = state.advance(SPAN + MARGIN + 0.1)
    assert [ticket for ticket, _ in grants] == [1, 2]


def test_who_gives_up_waiting_makes_way() -> None:
    state = RateLimit(RateLimits(tokens_per_minute=100))
    granted(state, 0, tokens=90)
    state.ask(1, 1, 50)
    state.ask(2, 2, 5)
    assert state.leave(1)
    assert not state.leave(1)
    assert [ticket for ticket, _ in state.advance(2)[0]] == [2]


def test_a_provider_that_asks_for_quiet_gets_it_from_everyone() -> None:
    state = RateLimit(RateLimits())
    assert state.hold(0, 7)
    assert not state.hold(0, 5)
    assert state.ask(1, 1, 1) is None
    assert state.advance(1) == ([], 7)
    assert state.opens_at(7, 1) == 7


YEAR = 365 * 86400.0
LONGEST = float(RateLimits().max_hold)


def test_a_wait_beyond_the_bound_is_cut_and_one_request_then_goes_alone() -> None:
    state = RateLimit(RateLimits())
    state.hold(0, YEAR)
    assert state.held_for(0) == state.opens_at(0, 1) == LONGEST
    probe = granted(state, LONGEST)
    assert state.ask(LONGEST, 1, 1) is None
    assert state.advance(2 * LONGEST) == ([], None)
    state.finish(probe, 1)
    assert [ticket for ticket, _ in state.advance(2 * LONGEST)[0]] == [1]
    granted(state, 2 * LONGEST)


def test_a_probe_that_is_refused_holds_everyone_again_and_the_next_one_probes() -> None:
    state = RateLimit(RateLimits())
    state.hold(0, YEAR)
    probe = granted(state, LONGEST)
    state.hold(LONGEST, 2)
    state.finish(probe, 0)
    assert state.opens_at(LONGEST, 1) == LONGEST + 2
    granted(state, LONGEST + 2)
    assert state.take(LONGEST + 2, 1) is None


def test_a_probe_that_was_never_sent_leaves_room_for_another() -> None:
    state = RateLimit(RateLimits())
    state.hold(0, YEAR)
    state.finish(granted(state, LONGEST), None)
    granted(state, LONGEST)
    assert state.take(LONGEST, 1) is None


def test_a_wait_within_the_bound_is_kept_to_and_everyone_goes_after_it() -> None:
    state = RateLimit(RateLimits())
    state.hold(0, LONGEST)
    for _ in range(3):
        granted(state, LONGEST)


@pytest.mark.parametrize("amount", [0, 1])
def test_a_limit_that_is_back_in_years_is_doubted_after_the_bound(amount: int) -> None:
    state = RateLimit(RateLimits())
    state.learn(0, Remaining(amount, limit=5, every=YEAR / 5, until=YEAR), None)
    for _ in range(amount):
        state.finish(granted(state, 0), 1)
    assert state.held_for(0) == LONGEST
    probe = granted(state, LONGEST)
    assert state.take(LONGEST, 1) is None
    state.finish(probe, 1)
    for _ in range(3):
        granted(state, LONGEST)


def test_what_the_answer_to_a_probe_says_is_left_stays_known() -> None:
    state = RateLimit(RateLimits())
    state.learn(0, None, Remaining(amount=0, limit=1000, every=YEAR / 1000, until=YEAR))
    probe = granted(state, LONGEST)
    state.learn(LONGEST, None, Remaining(amount=0, limit=1000, every=1, until=60))
    state.finish(probe, 1)
    assert state.opens_at(LONGEST, 10) == LONGEST + 10


def test_what_the_provider_says_is_left_is_kept_to() -> None:
    state = RateLimit(RateLimits())
    state.learn(0, Remaining(amount=2, limit=60, every=1, until=58), None)
    for _ in range(2):
        granted(state, 0)
    assert state.opens_at(0, 1) == 1
    state.learn(0.5, Remaining(amount=10, limit=60, every=1, until=50), None)
    assert state.opens_at(0.5, 1) == 0.5


def test_what_the_provider_said_is_forgotten_when_its_limit_is_whole_again() -> None:
    state = RateLimit(RateLimits())
    state.learn(0, None, Remaining(amount=0, limit=1000, every=0.06, until=60))
    assert state.opens_at(0, 500) == pytest.approx(30)
    assert state.opens_at(60, 500) == 60


def test_a_share_of_the_limits_is_all_that_is_given_when_there_is_one() -> None:
    state = RateLimit(RateLimits(requests_per_minute=60))
    state.divide(windows=3, slots=1)
    for _ in range(20):
        granted(state, 0)
    assert state.opens_at(0, 1) > 0
    state.divide(windows=1, slots=1)
    assert state.opens_at(0, 1) == 0


def test_a_day_of_traffic_at_the_limit_uses_it() -> None:
    state, random = RateLimit(RateLimits(requests_per_minute=60)), Random(1)
    now, times = 0.0, []
    while now < 24 * 3600:
        opens = state.opens_at(now, 1)
        now = max(opens, now) + random.random() / 10
        if state.opens_at(now, 1) <= now:
            state.finish(granted(state, now), 1)
            times.append(now)
    assert most_within_a_minute(times, [1] * len(times)) <= 60
    assert len(times) >= 0.97 * 60 * 24 * 60


OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "57",
    "x-ratelimit-reset-requests": "3s",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "date": "Tue, 15 Nov 2026 08:12:31 GMT",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "40",
    "anthropic-ratelimit-requests-reset": "2026-11-15T08:12:41Z",
}


def test_openais_headers_are_understood() -> None:
    assert remaining(OPENAI, "requests") == Remaining(57, 60, 1, 3)
    assert remaining(OPENAI, "tokens") == Remaining(0, 1000, 0.36, 360)


def test_anthropics_headers_are_understood_relative_to_the_answers_own_date() -> None:
    assert remaining(ANTHROPIC, "requests") == Remaining(40, 50, 1, 10)
    assert remaining(ANTHROPIC, "tokens") is None


@each_row(
    ("name", "value"),
    [
        ("x-ratelimit-remaining-requests", "-1"),
        ("x-ratelimit-limit-requests", "0"),
        ("x-ratelimit-reset-requests", "0"),
        ("x-ratelimit-reset-requests", "soon"),
        ("x-ratelimit-remaining-requests", "61"),
        ("x-ratelimit-limit-requests", ""),
        ("x-ratelimit-limit-requests", "9" * 5000),
        ("x-ratelimit-remaining-requests", "\u0663"),
    ],
)
def test_headers_without_sense_say_nothing(name: str, value: str) -> None:
    assert remaining(OPENAI | {name: value}, "requests") is None


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
NOW = 1792567680


@each_row(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("1h2m3.5s", 3723.5),
        ("2m59.56s", 179.56),
        ("500us", 0.0005),
        ("20", 20),
        ("20.5", 20.5),
        (str(NOW + 2), 2),
        (f"{NOW + 2}.5", 2.5),
        (str(1000 * NOW + 2500), 2.5),
        ("2026-10-21T07:28:02Z", 2),
        ("2026-10-21T09:28:02+02:00", 2),
        ("Wed, 21 Oct 2026 07:28:02 GMT", 2),
    ],
)
def test_a_reset_comes_in_several_forms(text: str, seconds: float) -> None:
    found = remaining(OPENAI | {"x-ratelimit-reset-requests": text, "date": DATE}, "requests")
    assert found is not None
    assert found.until == pytest.approx(seconds)


@each_row(
    "text",
    [
        *(
            "nan",
            "inf",
            "-1",
            "1e999",
            "9" * 400,
            "9" * 400 + "s",
            "1_000",
            "\u0663",
            "1s" * 500,
            "20260101x",
        ),
        *("1e12", str(NOW), str(NOW - 9), "2026-10-21T07:28:02", "2026-10-21T07:27:59Z", str(NOW * 10**6)),
        "Wed, 21 Oct 99999 07:28:02 GMT",
        "Wed, 21 Oct 2026 07:28:02 +99999999999999",
    ],
)
def test_what_is_no_time_or_is_past_says_nothing(text: str) -> None:
    headers = OPENAI | {"x-ratelimit-reset-requests": text, "date": DATE}
    assert remaining(headers, "requests") is None


@pytest.mark.parametrize("date", [{}, {"date": "today"}])
def test_a_moment_says_nothing_where_the_answer_has_no_date(date: dict[str, str]) -> None:
    assert remaining(OPENAI | {"x-ratelimit-reset-requests": str(NOW + 2)} | date, "requests") is None

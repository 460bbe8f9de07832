from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.plan import Budget as BudgetConfig, BudgetAction, Money, Price
from inferc.runtime.policies.budget import DAY, HOUR, Budget, Exceeded, Ledger, Reservation
from inferc.runtime.policies.estimate import (
    DEFAULT_ANSWER_TOKENS,
    FRAME_BYTES,
    MOST_FRAME_BYTES,
    TOKENS_PER_IMAGE,
    estimate,
    frame_of,
    streamed_tokens,
)
from inferc.runtime.policies.tariff import Tariff
from inferc.runtime.requests.request import ChatRequest, EmbedRequest, RerankRequest
from inferc.runtime.requests.usage import PICODOLLARS, Usage

DOLLAR = PICODOLLARS


def budget(
    action: BudgetAction = BudgetAction.REJECT,
    *,
    hour: float | None = None,
    day: float | None = None,
    ledger: Ledger | None = None,
) -> Budget:
    ceilings = [Money(str(ceiling)) if ceiling is not None else None for ceiling in (hour, day)]
    return Budget(BudgetConfig(action, *ceilings), ledger or Ledger())


def spend(target: Budget, now: float, dollars: float) -> Reservation:
    held = target.reserve(now, int(dollars * DOLLAR))
    assert isinstance(held, Reservation)
    target.settle(held, int(dollars * DOLLAR))
    return held


def refused(target: Budget, now: float, dollars: float) -> Exceeded:
    outcome = target.reserve(now, int(dollars * DOLLAR))
    assert isinstance(outcome, Exceeded)
    return outcome


def test_requests_at_the_same_time_cannot_overshoot_together() -> None:
    target = budget(hour=1)
    outcomes = [target.reserve(0, DOLLAR // 10) for _ in range(50)]
    assert sum(isinstance(outcome, Reservation) for outcome in outcomes) == 10


def test_what_a_request_did_not_cost_is_there_again() -> None:
    target = budget(hour=1)
    held = target.reserve(0, DOLLAR)
    assert isinstance(held, Reservation)
    refused(target, 0, 0.5)
    target.settle(held, 0)
    spend(target, 0, 1)


def test_a_request_may_cost_more_than_was_reserved_and_is_counted_in_full() -> None:
    target = budget(hour=1)
    held = target.reserve(0, DOLLAR // 10)
    assert isinstance(held, Reservation)
    target.settle(held, 2 * DOLLAR)
    refused(target, 0, 0.01)


def test_an_hour_gives_back_what_was_spent_an_hour_ago() -> None:
    target = budget(hour=1)
    spend(target, 10 * 60, 0.6)
    spend(target, 40 * 60, 0.4)
    outcome = refused(target, 50 * 60, 0.5)
    assert outcome.retry_after == (10 + HOUR + 1 - 50) * 60
    refused(target, (10 + HOUR) * 60 + 59, 0.5)
    spend(target, (10 + HOUR + 1) * 60, 0.5)


def test_a_day_is_a_ceiling_of_its_own() -> None:
    target = budget(hour=1, day=3)
    for hour in range(3):
        spend(target, hour * 2 * 3600, 1)
    outcome = refused(target, 12 * 3600, 0.5)
    assert "$3 of $3 per day" in outcome.reason
    spend(target, (DAY + 1) * 60, 0.5)


def test_a_request_dearer_than_the_whole_budget_is_told_so() -> None:
    outcome = refused(budget(hour=1), 0, 1.5)
    assert outcome.reason == "the request may cost $1.5, the budget is $1 per hour"
    assert outcome.retry_after is None


def test_each_crossing_is_told_once() -> None:
    target = budget(hour=1)
    spend(target, 0, 1)
    notices = [refused(target, 0, 0.5).notice for _ in range(3)]
    assert notices == ["the budget is used up ($1 of $1 per hour): requests are rejected", None, None]
    later = (HOUR + 1) * 60
    spend(target, later, 1)
    assert refused(target, later, 0.5).notice is not None


def test_a_budget_that_warns_lets_everything_pass_and_says_so_once_per_crossing() -> None:
    target = budget(BudgetAction.WARN, hour=1)
    notices = [spend(target, 0, 0.6).notice for _ in range(5)]
    assert notices == [None, None, "the budget of $1 per hour is spent", None, None]
    later = (HOUR + 1) * 60
    assert [spend(target, later, 1).notice for _ in range(2)] == [None, "the budget of $1 per hour is spent"]
    assert not target.is_throttled(later)


def test_a_budget_that_throttles_does_so_while_it_is_spent_and_not_for_what_is_only_reserved() -> None:
    target = budget(BudgetAction.THROTTLE, hour=1)
    held = target.reserve(0, 5 * DOLLAR)
    assert isinstance(held, Reservation)
    assert not target.is_throttled(0)
    target.settle(held, DOLLAR)
    assert target.is_throttled(0)
    assert not target.is_throttled((HOUR + 1) * 60)


def test_a_day_of_requests_never_spends_more_than_the_budget_within_any_hour_or_day() -> None:
    """A request every second and a half, each of which costs less than was reserved for it."""
    target, random = budget(hour=2, day=20), Random(1)
    spent: dict[int, int] = {}
    now = 0.0
    while now < DAY * 60 * 1.5:
        held = target.reserve(now, DOLLAR // 100)
        if isinstance(held, Reservation):
            cost = random.randrange(DOLLAR // 100)
            target.settle(held, cost)
            spent[int(now)] = spent.get(int(now), 0) + cost
        now += 1.5
    for span, ceiling in ((3600, 2), (86400, 20)):
        times = sorted(spent)
        total, first, most = 0, 0, 0
        for time in times:
            total += spent[time]
            while times[first] <= time - span:
                total -= spent[times[first]]
                first += 1
            most = max(most, total)
        assert most <= ceiling * DOLLAR
        assert most >= 0.95 * ceiling * DOLLAR


@pytest.mark.parametrize(("window", "days"), [("week", 7), ("month", 31)])
def test_longer_windows_hold_what_they_say(window: str, days: int) -> None:
    target = Budget(
        BudgetConfig(
            BudgetAction.REJECT, max_spend_per_day=Money(5), **{f"max_spend_per_{window}": Money(20)}
        ),
        Ledger(),
    )
    for day in range(4):
        spend(target, day * DAY * 60 + day * 60, 5)
    now = 5 * DAY * 60
    exceeded = refused(target, now, 1)
    assert f"$20 per {window}" in exceeded.reason
    assert exceeded.retry_after == (days * DAY + 1) * 60 - now
    spend(target, now + exceeded.retry_after, 5)


def test_what_another_process_spent_counts_once_it_is_known() -> None:
    ledger = Ledger()
    target = budget(hour=1, ledger=ledger)
    spend(target, 0, 0.3)
    ledger.replace({0: int(0.3 * DOLLAR) + DOLLAR // 2})
    assert ledger.total(ledger.hour) == int(0.8 * DOLLAR)
    refused(target, 0, 0.3)
    ledger.replace({0: int(0.3 * DOLLAR)})
    spend(target, 0, 0.3)


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_what_is_reserved_and_settled_counts_in_its_minute_however_late(
    requests: list[tuple[int, int, int]],
) -> None:
    ledger = Ledger()
    target = budget(hour=1, ledger=ledger)
    settled: dict[int, int] = {}
    waiting: list[tuple[Reservation, int]] = []
    now = 0
    for minutes, amount, cost in requests:
        now += minutes
        held = target.reserve(now * 60.0, amount)
        assert isinstance(held, Reservation)
        waiting.append((held, cost))
        if len(waiting) > 2:  # the one before the last ends
            old, paid = waiting.pop(0)
            target.settle(old, paid)
            settled[old.minute] = settled.get(old.minute, 0) + paid
        pending = {each.minute: 0 for each, _ in waiting}
        for each, _ in waiting:
            pending[each.minute] += each.amount
        for window in (ledger.hour, ledger.day):
            counted = (*settled.items(), *pending.items())
            assert ledger.total(window) == sum(v for k, v in counted if k >= now - window.span)


@given(st.lists(st.dictionaries(st.integers(0, 3000), st.integers(1, 9), max_size=40), max_size=8))
def test_a_ledger_counts_what_it_was_told_last(said: list[dict[int, int]]) -> None:
    ledger, minute = Ledger(), 3000
    for amounts in said:
        ledger.expire(minute)
        ledger.replace({when: amount for when, amount in amounts.items() if when >= minute - DAY})
        assert ledger.total(ledger.day) == sum(v for k, v in amounts.items() if k >= minute - DAY)
        assert ledger.total(ledger.hour) == sum(v for k, v in amounts.items() if k >= minute - HOUR)


def test_costs_are_exact_and_cached_tokens_are_cheaper() -> None:
    tariff = Tariff.of(Price(Money("0.15"), Money("0.6"), Money("0.075")))
    assert tariff.cost(Usage(1_000_000, 1_000_000)) == int(0.75 * DOLLAR)
    assert tariff.cost(Usage(1_000_000, 0, cached_tokens=1_000_000)) == int(0.075 * DOLLAR)
    assert tariff.cost(Usage(1, 1)) == 750_000
    assert Tariff.of(Price(Money("3"), Money("15"))).cached_input == 3_000_000


def test_what_a_provider_writes_to_its_cache_has_a_price_of_its_own() -> None:
    price = Price(Money("3"), Money("15"), Money("0.3"), Money("3.75"), Money("6"))
    usage = Usage(
        1_000_000, 0, cached_tokens=400_000, cache_write_tokens=300_000, cache_write_1h_tokens=100_000
    )
    parts = 0.3 * 3 + 0.4 * 0.3 + 0.2 * 3.75 + 0.1 * 6
    assert Tariff.of(price).cost(usage) == pytest.approx(parts * DOLLAR)
    assert Tariff.of(Price(Money("3"), Money("15"))).cost(usage) == 3 * DOLLAR


def test_a_prompt_is_estimated_from_its_text_and_an_answer_from_its_maximum() -> None:
    messages = [{"role": "user", "content": "x" * 400}]
    found = estimate(ChatRequest({"messages": messages, "max_tokens": 50, "n": 2}, False))
    assert (found.prompt, found.answer) == (105, 100)
    assert estimate(ChatRequest({"messages": messages}, False)).answer == DEFAULT_ANSWER_TOKENS
    assert estimate(EmbedRequest(("x" * 40, "y"))).total() == 12


def test_an_image_is_not_taken_for_its_text() -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}},
    ]
    found = estimate(ChatRequest({"messages": [{"role": "user", "content": content}]}, False))
    assert TOKENS_PER_IMAGE < found.prompt < TOKENS_PER_IMAGE + 20


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": 3},
        {"messages": [None, {"content": [1, None]}], "max_tokens": "many", "n": -1},
    ],
)
def test_odd_bodies_are_estimated_too(body: dict[str, Any]) -> None:
    assert estimate(ChatRequest(body, False)).total() > 0


def test_a_streamed_answer_has_at_least_a_token_per_chunk() -> None:
    assert streamed_tokens(10, 10 * 221, 220) == 10
    assert streamed_tokens(1, 220 + 400, 220) == 100


LONG = (
    b'{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741569952,'
    b'"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_f7a584cf1f",'
    b'"choices":[{"index":0,"delta":{%s},"logprobs":null,"finish_reason":null}],"usage":null}'
)
SHORT = b'{"id":"c","model":"m","choices":[{"index": 0, "delta": {%s}, "finish_reason": null}]}'


@pytest.mark.parametrize("around", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize(
    ("first", "later"),
    [
        (b'"role":"assistant","content":"","refusal":null', b'"content":"%s"'),
        (b'"role": "assistant", "content": null', b'"content": "%s"'),
        (b'"role":"assistant","content":"Good"', b'"role":"assistant","content":"%s"'),
        (b'"content":"\\"Good\\"","role":"assistant"', b'"content":"%s","role":"assistant"'),
        (b'"content":"Good"', b'"content":"%s"'),
    ],
    ids=["who speaks alone", "no text", "who speaks in each", "who speaks behind", "nobody speaks"],
)
@pytest.mark.parametrize(("text", "tokens"), [(b" day", 1), (b" words and more of", 4)])
def test_only_the_text_of_a_streamed_answer_is_tokens(
    around: bytes, first: bytes, later: bytes, text: bytes, tokens: int
) -> None:
    begin, more = around % first, around % (later % text)
    counted = streamed_tokens(100, len(more) * 100, frame_of(begin))
    assert 0.5 * tokens * 100 <= counted <= 2 * tokens * 100


def test_a_first_chunk_that_does_not_show_its_text_has_a_frame_all_the_same() -> None:
    assert frame_of(b"{}") == 2
    assert frame_of(LONG % b'"tool_calls":[]') == FRAME_BYTES
    assert frame_of(LONG % (b'"content":"%s"' % (b"x" * 10_000))) == FRAME_BYTES
    assert frame_of(LONG % (b'"content":"","reasoning":"%s"' % (b"x" * 900))) == MOST_FRAME_BYTES


def test_sound_has_prices_of_its_own() -> None:
    price = Price(Money("2"), Money("8"), audio_input=Money("40"), audio_output=Money("80"))
    tariff = Tariff.of(price)
    usage = Usage(1_000_000, 500_000, cached_tokens=0, audio_tokens=250_000, audio_answer_tokens=100_000)
    assert tariff.cost(usage) == DOLLAR * (0.75 * 2 + 0.25 * 40 + 0.4 * 8 + 0.1 * 80)
    absurd = Usage(10, 10, audio_tokens=1_000, audio_answer_tokens=1_000)  # never more than there are
    assert tariff.cost(absurd) == 10 * (40 + 80) * DOLLAR // 1_000_000
    as_text = Tariff.of(Price(Money("2"), Money("8")))
    assert as_text.cost(usage) == as_text.cost(Usage(1_000_000, 500_000))


def test_a_second_of_sound_has_a_price() -> None:
    whisper = Tariff.of(Price(Money(0), Money(0), per_second=Money("0.0001")))
    assert whisper.cost(Usage(0, audio_ms=90_500)) == DOLLAR * 905 // 100_000


def test_searches_and_pictures_are_reserved_before_and_paid_for_after() -> None:
    tariff = Tariff.of(Price(Money(0), Money(0), per_search=Money("0.002"), per_image=Money("0.04")))
    ranking = RerankRequest("q", ("short",) * 250)
    assert tariff.estimated(estimate(ranking)) == DOLLAR * 6 // 1000  # three times a hundred documents
    long = RerankRequest("q", ("x" * 4 * 499 * 3,) * 50)  # each as three of five hundred tokens
    assert estimate(long).searches == 2
    assert tariff.cost(Usage(500, searches=2, images=3)) == DOLLAR * (4 + 120) // 1000


def test_what_a_provider_says_that_it_charges_is_what_a_request_cost() -> None:
    told = Usage(1_000_000, 1_000_000, searches=3, told_cost=DOLLAR // 4)
    assert Tariff.of(Price(Money(2), Money(8))).cost(told) == DOLLAR // 4
    assert Tariff.free().cost(told) == DOLLAR // 4

"""`balance`: as much to do for each, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from inferc.compiler.plan import BalanceKind, CircuitBreakerConfig, Duration, Money, Price, RateLimits
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import BadRequest, ServerError
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.routes.balance import Balancing, Load

from ...support.members import Speaker, hear, member, route
from ...support.pipelines import balance

FREE = Load(available=True, rank=0)
GONE = Load(available=False, rank=0)


def test_each_is_asked_after_the_other() -> None:
    balancing = Balancing()
    assert [balancing.decide([FREE] * 3)[0] for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_who_is_gone_is_asked_last_and_gets_its_turn_when_it_is_back() -> None:
    balancing = Balancing()
    assert [balancing.decide([FREE, GONE, FREE])[0] for _ in range(4)] == [0, 2, 0, 2]
    assert balancing.decide([FREE, GONE, FREE]) == [0, 2, 1]
    assert balancing.decide([FREE] * 3)[0] == 1


def test_the_lowest_is_asked_and_those_that_are_as_low_take_turns() -> None:
    balancing = Balancing()
    assert balancing.decide([Load(True, 3), Load(True, 1), Load(True, 2)]) == [1, 2, 0]
    assert balancing.decide([Load(True, 1), Load(False, 0), Load(True, 1)])[0] == 2
    assert balancing.decide([Load(True, 1), Load(False, 0), Load(True, 1)])[0] == 0


def test_the_cheapest_that_is_free_is_asked_by_what_the_request_will_cost() -> None:
    async def scenario() -> None:
        dear_to_read = member("a", reader := Speaker(), price=Price(Money(9), Money(1)))
        dear_to_write = member("b", writer := Speaker(), price=Price(Money(1), Money(9)))
        unknown = member("c", other := Speaker(), price=None)
        it = route(
            balance("r", "a", "b", "c", by=BalanceKind.LEAST_COST), dear_to_read, dear_to_write, unknown
        )
        long = ChatRequest({"messages": [{"role": "user", "content": "x" * 40000}], "max_tokens": 1}, False)
        for request in (long, long, ChatRequest({"messages": [], "max_tokens": 4000}, False)):
            await it.answer(Call(request), Trace())
        assert [len(each.started) for each in (reader, writer, other)] == [1, 2, 0]

    run_virtual(scenario())


def test_the_quickest_is_asked_and_one_that_was_slow_is_tried_again() -> None:
    async def scenario() -> None:
        quick, slow = Speaker(delay=0.2), Speaker(delay=3)
        it = route(
            balance("r", "a", "b", by=BalanceKind.LEAST_LATENCY), member("a", slow), member("b", quick)
        )
        for _ in range(20):
            await hear(it)
        assert len(quick.started) >= 17
        slow.delay, quick.delay = 0.1, 2
        await asyncio.sleep(60)
        before = len(slow.started)
        for _ in range(20):
            await hear(it)
        assert len(slow.started) - before >= 17

    run_virtual(scenario())


def test_who_has_most_of_its_limits_left_is_asked() -> None:
    async def scenario() -> None:
        speakers = [Speaker(delay=0), Speaker(delay=0)]
        limits = [RateLimits(requests_per_minute=number) for number in (100, 300)]
        members = [
            member(name, speaker, rate_limits=limit)
            for name, speaker, limit in zip("ab", speakers, limits, strict=True)
        ]
        it = route(balance("r", "a", "b", by=BalanceKind.USAGE), *members)
        for _ in range(200):
            await hear(it)
        assert [len(each.started) for each in speakers] == [50, 150]

    run_virtual(scenario())


def test_requests_spread_over_the_members() -> None:
    async def scenario() -> None:
        speakers = [Speaker(delay=1), Speaker(delay=1), Speaker(delay=1)]
        it = route(balance("r", "a", "b", "c"), *map(member, "abc", speakers))
        await asyncio.gather(*(hear(it) for _ in range(30)))
        assert [len(each.started) for each in speakers] == [10, 10, 10]

    run_virtual(scenario())


def test_the_least_busy_gets_more_when_it_is_faster() -> None:
    async def scenario() -> None:
        fast, slow = Speaker(delay=1), Speaker(delay=9)
        it = route(balance("r", "a", "b", by=BalanceKind.LEAST_BUSY), member("a", fast), member("b", slow))

        async def client() -> None:
            for _ in range(20):
                await hear(it)

        await asyncio.gather(*(client() for _ in range(4)))
        assert len(fast.started) > 3 * len(slow.started)

    run_virtual(scenario())


def test_another_member_answers_when_the_one_that_was_picked_cannot() -> None:
    async def scenario() -> None:
        it = route(
            balance("r", "a", "b"),
            member("a", Speaker(errors=[ServerError("x")])),
            member("b", Speaker(("b",))),
        )
        trace = Trace()
        assert await hear(it, trace=trace) == "b"
        assert trace.deployment == "b"

    run_virtual(scenario())


def test_what_all_must_refuse_is_refused_at_once() -> None:
    async def scenario() -> None:
        b = Speaker()
        it = route(balance("r", "a", "b"), member("a", Speaker(errors=[BadRequest("x")])), member("b", b))
        with pytest.raises(BadRequest):
            await hear(it)
        assert not b.started

    run_virtual(scenario())


def test_an_open_circuit_is_passed_over() -> None:
    async def scenario() -> None:
        breaker = CircuitBreakerConfig(failure_threshold=1, open_duration=Duration(60))
        a, b = Speaker(broken=ServerError("x"), delay=0), Speaker(delay=0)
        it = route(balance("r", "a", "b"), member("a", a, circuit_breaker=breaker), member("b", b))
        for _ in range(10):
            await hear(it)
        assert (len(a.started), len(b.started)) == (1, 10)

    run_virtual(scenario())


def test_a_member_that_is_not_ready_gets_nothing() -> None:
    async def scenario() -> None:
        a, b = Speaker(ready=False), Speaker()
        it = route(balance("r", "a", "b"), member("a", a), member("b", b))
        for _ in range(3):
            await hear(it)
        assert Counter(a=len(a.started), b=len(b.started)) == {"a": 0, "b": 3}
        assert it.is_ready()

    run_virtual(scenario())

"""`hedge`: a second chance for slow answers, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import BadRequest, RequestTimeout, ServerError
from inferc.runtime.requests.trace import Spent, Trace
from inferc.runtime.serving.routes.failover import Ask, GiveUp
from inferc.runtime.serving.routes.hedge import Hedging, Wait

from ...support.fakes import CHAT
from ...support.members import Speaker, hear, member, route
from ...support.pipelines import hedge


def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_next_is_asked_when_the_time_is_over_or_one_failed() -> None:
    hedging = Hedging("r", 3, 0.4)
    assert hedging.decide(10) == Ask(0)
    assert hedging.decide(10) == Wait(10.4)
    assert hedging.decide(10.4) == Ask(1)
    assert hedging.decide(10.4) == Wait(10.8)
    assert hedging.failed(ServerError("x"), is_over=False) is None
    assert hedging.decide(10.5) == Ask(2)
    assert hedging.decide(10.5) == Wait(None)
    assert hedging.failed(ServerError("y"), is_over=False) is None
    assert isinstance(hedging.failed(ServerError("z"), is_over=False), GiveUp)


@pytest.mark.parametrize("stream", [True, False])
def test_a_fast_answer_asks_nobody_else(stream: bool) -> None:
    async def scenario() -> None:
        b = Speaker()
        it = route(hedge("r", "a", "b", after=0.4), member("a", Speaker(delay=0.3, gap=1.0)), member("b", b))
        assert await hear(it, stream=stream) == "one two"
        assert not b.started

    run_virtual(scenario())


@pytest.mark.parametrize("stream", [True, False])
def test_the_loser_is_cancelled_at_once_and_its_cost_counts(stream: bool) -> None:
    async def scenario() -> None:
        a, b = Speaker(delay=10), Speaker(("b",), delay=1)
        members = [member("a", a), member("b", b)]
        it = route(hedge("r", "a", "b", after=0.5), *members)
        trace = Trace(spans=[])
        assert await hear(it, stream=stream, trace=trace) == "b"
        assert now() == 1.5
        assert (a.running, a.cancelled, trace.deployment) == (0, 1, "b")
        spans = {span.deployment: span for span in trace.spans or ()}
        assert not spans["a"].ok
        assert spans["a"].usage.prompt_tokens > 0  # the provider has read it
        assert Spent.of(trace.spans or []).cost > 0.002  # type: ignore[operator]
        assert (it.running, it.waiting) == (0, 0)

    run_virtual(scenario())


def test_the_loser_is_gone_before_the_winner_has_ended() -> None:
    async def scenario() -> None:
        a, b = Speaker(delay=100), Speaker(delay=1, gap=20)
        it = route(hedge("r", "a", "b", after=0.5), member("a", a), member("b", b))
        async with aclosing(it.stream(Call(CHAT), Trace())) as chunks:
            await anext(chunks)
            await anext(chunks)
            await asyncio.sleep(0)
            assert (a.running, b.running) == (0, 1)

    run_virtual(scenario())


def test_the_first_may_still_win() -> None:
    async def scenario() -> None:
        a, b = Speaker(("a",), delay=1), Speaker(("b",), delay=10)
        trace = Trace()
        it = route(hedge("r", "a", "b", after=0.5), member("a", a), member("b", b))
        assert await hear(it, trace=trace) == "a"
        assert (now(), trace.deployment, b.running, b.cancelled) == (1, "a", 0, 1)

    run_virtual(scenario())


def test_a_failure_does_not_wait_for_the_time() -> None:
    async def scenario() -> None:
        a, b = Speaker(delay=0.1, errors=[ServerError("x")]), Speaker(("b",), delay=1)
        assert await hear(route(hedge("r", "a", "b", after=5), member("a", a), member("b", b))) == "b"
        assert now() == 1.1

    run_virtual(scenario())


def test_a_failure_of_one_leaves_the_other_its_time() -> None:
    async def scenario() -> None:
        a, b = Speaker(("a",), delay=3), Speaker(delay=0.1, errors=[ServerError("x")])
        assert await hear(route(hedge("r", "a", "b", after=1), member("a", a), member("b", b))) == "a"

    run_virtual(scenario())


def test_what_all_must_refuse_ends_the_others() -> None:
    async def scenario() -> None:
        a, b = Speaker(delay=10), Speaker(delay=1, errors=[BadRequest("no")])
        with pytest.raises(BadRequest):
            await hear(route(hedge("r", "a", "b", after=1), member("a", a), member("b", b)))
        assert (a.running, b.running) == (0, 0)

    run_virtual(scenario())


def test_when_all_fail_the_error_says_so() -> None:
    async def scenario() -> None:
        a, b = Speaker(errors=[ServerError("a failed")]), Speaker(errors=[RequestTimeout("b is slow")])
        with pytest.raises(RequestTimeout, match="no member could answer: a failed; b is slow"):
            await hear(route(hedge("r", "a", "b", after=5), member("a", a), member("b", b)))

    run_virtual(scenario())


def test_two_that_answer_in_the_same_moment_leave_nothing_open() -> None:
    async def scenario() -> None:
        a, b = Speaker(("a",), delay=1, gap=5), Speaker(("b",), delay=0.5, gap=5)
        it = route(hedge("r", "a", "b", after=0.5), member("a", a), member("b", b))
        assert await hear(it) == "a"
        assert (a.running, b.running, it.running) == (0, 0, 0)

    run_virtual(scenario())


@pytest.mark.parametrize("after", [0.2, 0.7, 1.2, 2.0, 3.5])
def test_whoever_leaves_frees_everything_wherever_the_request_is(after: float) -> None:
    async def scenario() -> None:
        a, b = Speaker(delay=10), Speaker(delay=1, gap=1.0)
        it = route(hedge("r", "a", "b", after=0.5), member("a", a), member("b", b))
        task = asyncio.create_task(hear(it))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (it.running, it.waiting, a.running, b.running) == (0, 0, 0, 0)
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario())


def test_it_cuts_the_slowest_answers_as_the_arithmetic_predicts() -> None:
    """One answer in twenty takes 10 s, all others 1 s: two in a row are one in four hundred."""

    async def scenario() -> None:
        from random import Random

        random = Random(7)

        class Sometimes(Speaker):
            async def stream(self, request, deadline):  # type: ignore[no-untyped-def]
                self.delay = 10.0 if random.random() < 0.05 else 1.0
                async for chunk in Speaker.stream(self, request, deadline):
                    yield chunk

        async def p99(target: object) -> float:
            times = []
            for _ in range(2000):
                before = now()
                await hear(target)  # type: ignore[arg-type]
                times.append(now() - before)
            return sorted(times)[int(len(times) * 0.99)]

        alone = member("a", Sometimes())
        hedged = route(hedge("r", "a", "b", after=2), member("a", Sometimes()), member("b", Sometimes()))
        assert await p99(alone) == pytest.approx(10)
        assert await p99(hedged) == pytest.approx(3)

    run_virtual(scenario())

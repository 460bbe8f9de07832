"""`fallback`: the first member that can answer, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from inferc.compiler.plan import (
    CapacityKind,
    CapacityPolicy,
    CircuitBreakerConfig,
    Duration,
    RetryPolicy,
    TaskKind,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.gateway.outgoing.errors import log_failure
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import (
    Backpressure,
    BadRequest,
    BudgetExceeded,
    CircuitOpen,
    ContentFiltered,
    ContextLengthExceeded,
    Forbidden,
    NetworkError,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerDown,
    ServerError,
    StoreUnavailable,
    Unauthorized,
    Unsupported,
)
from inferc.runtime.requests.request import EmbedRequest
from inferc.runtime.requests.trace import Spent, Trace

from ...support.fakes import CHAT
from ...support.members import Speaker, hear, member, route, text_in
from ...support.pipelines import Graph, balance, cascade, fallback, hedge
from ...support.rows import each_row

REJECT = CapacityPolicy(CapacityKind.REJECT)
GO_ON = (
    Backpressure,
    CircuitOpen,
    RateLimited,
    ServerError,
    NetworkError,
    RequestTimeout,
    ServerDown,
    StoreUnavailable,
    BudgetExceeded,
    Unauthorized,
    ContextLengthExceeded,
    Forbidden,
    Unsupported,
)
STOP = (ContentFiltered, BadRequest)


@each_row("stream", [True, False])
@each_row("kind", GO_ON)
def test_the_next_member_answers_when_one_cannot(kind: type[RequestError], stream: bool) -> None:
    async def scenario() -> None:
        a, b = Speaker(errors=[kind("no")]), Speaker(("from b",))
        trace = Trace(spans=[])
        assert (
            await hear(
                route(fallback("r", "a", "b"), member("a", a), member("b", b)), stream=stream, trace=trace
            )
            == "from b"
        )
        assert trace.deployment == "b"
        assert [(span.deployment, span.ok) for span in trace.spans or ()] == [("a", False), ("b", True)]

    run_virtual(scenario())


@pytest.mark.parametrize("kind", STOP)
def test_no_other_member_is_asked_for_what_all_must_refuse(kind: type[RequestError]) -> None:
    async def scenario() -> None:
        b = Speaker()
        with pytest.raises(kind, match=r"^no$"):
            await hear(
                route(fallback("r", "a", "b"), member("a", Speaker(errors=[kind("no")])), member("b", b))
            )
        assert not b.started

    run_virtual(scenario())


def test_after_the_first_content_of_a_stream_nobody_else_is_asked() -> None:
    async def scenario() -> None:
        b = Speaker()
        it = route(fallback("r", "a", "b"), member("a", Speaker(fail_at=1)), member("b", b))
        heard = []

        async def listen() -> None:
            async with aclosing(it.stream(Call(CHAT), Trace())) as chunks:
                async for chunk in chunks:
                    heard.append(text_in(chunk))

        with pytest.raises(RequestError, match="broke off"):
            await listen()
        assert "".join(heard) == "one "
        assert not b.started

    run_virtual(scenario())


def test_what_came_before_the_first_content_is_not_seen_twice() -> None:
    async def scenario() -> None:
        it = route(
            fallback("r", "a", "b"), member("a", Speaker(errors=[ServerError("x")])), member("b", Speaker())
        )
        async with aclosing(it.stream(Call(CHAT), Trace())) as chunks:
            data = [chunk.data async for chunk in chunks]  # type: ignore[union-attr]
        assert sum(b"assistant" in each for each in data) == 1

    run_virtual(scenario())


def test_a_full_member_is_passed_over() -> None:
    async def scenario() -> None:
        a = Speaker(delay=100)
        full = member("a", a, max_concurrent=1, on_full=REJECT)
        it = route(fallback("r", "a", "b"), full, member("b", Speaker(("from b",))))
        first = asyncio.create_task(hear(it))
        await asyncio.sleep(1)
        assert await hear(it) == "from b"
        await first

    run_virtual(scenario())


def test_an_open_circuit_costs_no_time() -> None:
    async def scenario() -> None:
        breaker = CircuitBreakerConfig(failure_threshold=1, open_duration=Duration(60))
        a = member("a", Speaker(errors=[ServerError("x")]), circuit_breaker=breaker)
        it = route(fallback("r", "a", "b"), a, member("b", Speaker(delay=1)))
        await hear(it)
        before = asyncio.get_running_loop().time()
        await hear(it)
        assert asyncio.get_running_loop().time() - before == 1

    run_virtual(scenario())


def test_when_the_deadline_has_passed_nobody_else_is_asked() -> None:
    async def scenario() -> None:
        b = Speaker()
        a = Speaker(delay=5, errors=[RequestTimeout("too late")])
        with pytest.raises(RequestTimeout, match="too late"):
            await hear(route(fallback("r", "a", "b"), member("a", a), member("b", b)), deadline=5)
        assert not b.started

    run_virtual(scenario())


def test_when_all_fail_the_error_names_what_each_said() -> None:
    async def scenario() -> None:
        a, b = Speaker(errors=[RateLimited("a says no")]), Speaker(errors=[ServerError("b says no")])
        with pytest.raises(ServerError) as caught:
            await hear(route(fallback("r", "a", "b"), member("a", a), member("b", b)))
        assert caught.value.message == "route `r`: no member could answer: a says no; b says no"

    run_virtual(scenario())


def test_routes_stand_in_routes() -> None:
    async def scenario() -> None:
        a, b, c = (member(name, Speaker((name,))) for name in "abc")
        a._replicas[0].errors = [ServerError("x")]  # type: ignore[attr-defined]
        b._replicas[0].errors = [ServerError("x")]  # type: ignore[attr-defined]
        inner = route(fallback("r.1", "a", "b", inner=True), a, b)
        trace = Trace(spans=[])
        assert await hear(route(fallback("r", "r.1", "c"), inner, c), stream=False, trace=trace) == "c"
        assert [span.deployment for span in trace.spans or ()] == ["a", "b", "c"]
        assert Spent.of(trace.spans or []).cost == 0.002

    run_virtual(scenario())


def test_a_request_of_another_kind_is_refused_by_the_name_of_the_route() -> None:
    async def scenario() -> None:
        it = route(fallback("r", "a"), member("a"))
        with pytest.raises(BadRequest, match="route `r` gives no embeddings, its task is `chat`"):
            await it.answer(Call(EmbedRequest(("x",))), Trace())
        assert it.task is TaskKind.CHAT

    run_virtual(scenario())


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5, 3.5])
def test_whoever_leaves_frees_everything_wherever_the_request_is(after: float) -> None:
    async def scenario() -> None:
        a, b = Speaker(errors=[ServerError("x")]), Speaker(gap=1.0)
        members = [member("a", a), member("b", b)]
        it = route(fallback("r", "a", "b"), *members)
        task = asyncio.create_task(hear(it))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (it.running, it.waiting, a.running, b.running) == (0, 0, 0, 0)

    run_virtual(scenario())


def limited(seconds: float) -> RateLimited:
    return RateLimited("slow down", retry_after=seconds, upstream_status=429)


PATIENT = RetryPolicy(max_retries=3, initial_backoff=Duration(1), max_backoff=Duration(60))


@pytest.mark.parametrize("make", [fallback, balance, hedge])
def test_a_member_on_hold_costs_no_time_while_another_is_free(make: Any) -> None:
    async def scenario() -> None:
        a = Speaker(delay=0, errors=[limited(30)])
        it = route(make("r", "a", "b"), member("a", a, retry=PATIENT), member("b", Speaker(("b",), delay=0)))
        for _ in range(5):
            assert await hear(it) == "b"
        assert asyncio.get_running_loop().time() == 0
        assert len(a.started) == 1

    run_virtual(scenario())


@pytest.mark.parametrize("make", [fallback, balance, hedge])
def test_when_all_are_on_hold_the_one_that_is_free_first_is_waited_for(make: Any) -> None:
    async def scenario() -> None:
        a = member("a", Speaker(("a",), delay=0, errors=[limited(30)]), retry=PATIENT)
        b = member("b", Speaker(("b",), delay=0, errors=[limited(5)]), retry=PATIENT)
        it = route(make("r", "a", "b"), a, b)
        for each in (a, b):
            with pytest.raises(RateLimited):
                await hear(each, deadline=1)
        assert await hear(it) == "b"
        assert asyncio.get_running_loop().time() == 5

    run_virtual(scenario())


def test_a_cascade_does_not_wait_for_its_small_model_while_the_large_one_is_free() -> None:
    async def scenario() -> None:
        small = member("a", Speaker(delay=0, errors=[limited(30)]), retry=PATIENT)
        graph = Graph()
        enough = graph.operator("ok", ">=", graph.field("c", "it", "tokens"), graph.constant("x", 0))
        it = route(
            cascade("r", "a", "b", condition=graph, accept=enough),
            small,
            member("b", Speaker(("b",), delay=0)),
        )
        assert await hear(it) == "b"
        assert asyncio.get_running_loop().time() == 0

    run_virtual(scenario())


def test_a_member_with_a_full_queue_is_passed_over_while_another_is_free() -> None:
    async def scenario() -> None:
        full = member("a", Speaker(delay=100), max_concurrent=1)
        it = route(fallback("r", "a", "b"), full, member("b", Speaker(("b",), delay=0)))
        first = asyncio.create_task(hear(it))
        await asyncio.sleep(1)
        assert await hear(it) == "b"
        assert asyncio.get_running_loop().time() == 1
        await first

    run_virtual(scenario())


def test_what_may_go_by_stays_retryable_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        a = Speaker(errors=[RateLimited("a is limited", retry_after=7, upstream_status=429)])
        b = Speaker(errors=[Forbidden("b has no credit", upstream_status=402)])
        with pytest.raises(RateLimited) as caught:
            await hear(route(fallback("r", "a", "b"), member("a", a), member("b", b)), deadline=5)
        assert caught.value.retryable
        assert caught.value.message == "route `r`: no member could answer: a is limited; b has no credit"
        log_failure(caught.value)  # as the gateway does with each error

    with caplog.at_level("WARNING"):
        run_virtual(scenario())
    assert caplog.text.count("no member could answer: a is limited; b has no credit") == 1

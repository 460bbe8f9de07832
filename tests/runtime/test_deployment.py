from __future__ import annotations

import asyncio
from contextlib import aclosing
from random import Random
from typing import Any

import pytest

from inferc.compiler.plan import (
    AdaptiveKind,
    CapacityKind,
    CapacityPolicy,
    Duration,
    FileRef,
    GenerateSpec,
    JitterKind,
    RetryPolicy,
    Serving,
    TaskKind,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import (
    Backpressure,
    BadRequest,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
    ShuttingDown,
)
from inferc.runtime.requests.request import ChatRequest, EmbedRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.deployment import Deployment

from ..support.fakes import CHAT, FakeReplica
from ..support.policies import policies_of
from ..support.remote import remote_plan
from ..support.rows import each_row
from .onnx.plans import onnx_plan

WHOLE = ChatRequest(CHAT.body, stream=False)
REJECT = CapacityPolicy(CapacityKind.REJECT)
RETRY = RetryPolicy(max_retries=3, initial_backoff=Duration(1), jitter=JitterKind.NONE)


def deployment(
    *replicas: FakeReplica, others: dict[str, Deployment] | None = None, **fields: Any
) -> Deployment:
    plan = remote_plan(**({"retry": RETRY, "replicas": len(replicas)} | fields))
    made = Deployment(plan, replicas, others if others is not None else {}, Random(1), policies_of(plan))
    if others is not None:
        others[made.name] = made
    return made


async def ask(target: Deployment, deadline: float | None = None, trace: Trace | None = None) -> list[bytes]:
    async with aclosing(target.stream(Call(CHAT, deadline), trace or Trace())) as chunks:
        return [chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)]


def test_no_more_requests_run_than_the_replicas_have_slots() -> None:
    async def scenario() -> None:
        replicas = [FakeReplica(), FakeReplica()]
        target = deployment(*replicas, max_concurrent=2)
        await asyncio.gather(*(ask(target) for _ in range(20)))
        assert [replica.most for replica in replicas] == [2, 2]
        assert [len(replica.started) for replica in replicas] == [10, 10]
        assert (target.running, target.waiting) == (0, 0)

    run_virtual(scenario())


def test_those_who_wait_run_in_the_order_of_their_arrival() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(), max_concurrent=1)
        finished: list[int] = []

        async def one(number: int) -> None:
            await ask(target)
            finished.append(number)

        await asyncio.gather(*(one(number) for number in range(5)))
        assert finished == [0, 1, 2, 3, 4]
        assert asyncio.get_running_loop().time() == pytest.approx(10)

    run_virtual(scenario())


def test_a_full_deployment_that_rejects_says_when_to_come_back() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(), max_concurrent=1, on_full=REJECT)
        running = asyncio.create_task(ask(target))
        await asyncio.sleep(0)
        with pytest.raises(Backpressure, match=r"`gpt` is full: 1 running$") as caught:
            await ask(target)
        assert caught.value.retry_after == pytest.approx(1)
        assert await running == [b"0"]

    run_virtual(scenario())


def test_a_waiting_request_gives_up_at_its_deadline() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(delay=100), max_concurrent=1)
        running = asyncio.create_task(ask(target))
        await asyncio.sleep(0)
        with pytest.raises(RequestTimeout, match="`gpt`"):
            await ask(target, deadline=5)
        assert asyncio.get_running_loop().time() == pytest.approx(5)
        assert (target.running, target.waiting) == (1, 0)
        await running

    run_virtual(scenario())


def test_a_cancelled_waiter_leaves_the_queue() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(), max_concurrent=1)
        tasks = [asyncio.create_task(ask(target)) for _ in range(3)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[1].cancelled()
        assert tasks[2].result() == [b"0"]
        assert (target.running, target.waiting) == (0, 0)

    run_virtual(scenario())


def test_a_waiter_cancelled_in_the_moment_of_its_admission_passes_the_slot_on() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(), max_concurrent=1)
        first = target.stream(Call(CHAT), Trace())
        await anext(first)
        tasks = [asyncio.create_task(ask(target)) for _ in range(2)]
        await asyncio.sleep(0)
        await first.aclose()  # admits tasks[0], which has not run yet
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[0].cancelled()
        assert tasks[1].result() == [b"0"]
        assert target.running == 0

    run_virtual(scenario())


def test_a_slot_skips_a_waiter_that_was_cancelled_just_before() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(), max_concurrent=1)
        first = target.stream(Call(CHAT), Trace())
        await anext(first)
        tasks = [asyncio.create_task(ask(target)) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # has not noticed yet when the slot comes free
        await first.aclose()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[1].result() == [b"0"]
        assert target.running == 0

    run_virtual(scenario())


@each_row("moment", [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
def test_a_cancelled_request_gives_its_slot_back_wherever_it_was(moment: float) -> None:
    """At 0 to 1 s it waits for a slot, then for the attempt, the retry, the second attempt, and chunks."""

    async def scenario() -> None:
        replica = FakeReplica(chunks=2)
        target = deployment(replica, max_concurrent=1)
        first = target.stream(Call(CHAT), Trace())
        await anext(first)  # at 1 s
        replica.errors = [ServerError("x")]
        task = asyncio.create_task(ask(target))
        await asyncio.sleep(min(moment, 1))
        if moment > 1:
            await first.aclose()
            await asyncio.sleep(moment - 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await first.aclose()
        assert (target.running, target.waiting, replica.running) == (0, 0, 0)
        assert await ask(target) == [b"0", b"1"]

    run_virtual(scenario())


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.5, 2.5])
def test_a_cancelled_request_for_a_whole_answer_gives_its_slot_back_wherever_it_was(moment: float) -> None:
    """It waits for the attempt up to 1 s, for the retry up to 2 s, then for the second attempt."""

    async def scenario() -> None:
        replica = FakeReplica(errors=[ServerError("x")])
        target = deployment(replica, max_concurrent=1)
        task, waiting = (asyncio.create_task(target.answer(Call(WHOLE), Trace())) for _ in range(2))
        await asyncio.sleep(moment)
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        assert task.cancelled()
        assert waiting.cancelled()
        assert (target.running, target.waiting, replica.running) == (0, 0, 0)
        assert target.counters.outcomes == {"cancelled": 2}
        replica.errors.clear()
        assert await target.answer(Call(WHOLE), Trace()) == ChatChunk(b"0")

    run_virtual(scenario())


def test_whole_answers_are_retried_counted_and_traced_as_streams_are() -> None:
    async def scenario(whole: bool) -> tuple[object, ...]:
        replica = FakeReplica(errors=[ServerError("x"), RateLimited("x", retry_after=10)], usage=Usage(5, 6))
        target = deployment(replica)

        async def first(trace: Trace) -> Chunk:
            if whole:
                return await target.answer(Call(WHOLE), trace)
            async with aclosing(target.stream(Call(WHOLE), trace)) as chunks:
                return await anext(chunks)

        traces = [Trace(spans=[]), Trace(spans=[])]
        answer = await first(traces[0])
        replica.errors = [ServerError("x") for _ in range(4)]
        with pytest.raises(ServerError) as caught:
            await first(traces[1])
        counters = target.counters
        counted = (
            dict(counters.outcomes),
            counters.durations.seconds,
            counters.prompt_tokens,
            counters.completion_tokens,
        )
        return answer, traces, caught.value.attempts, counted

    streamed, whole = (run_virtual(scenario(whole)) for whole in (False, True))
    assert streamed == whole
    assert whole[0] == ChatChunk(b"0", Usage(5, 6))
    assert whole[2] == 4


def local(replica: FakeReplica) -> Deployment:
    spec = GenerateSpec(tokenizer=FileRef("tokenizer.json", "0" * 64, 1), temperature=0.0)
    plan = onnx_plan(deployment="gpt", task=spec, serving=Serving(max_concurrent=1))
    return Deployment(plan, [replica], {}, Random(1))


@pytest.mark.parametrize("usage", [Usage(5, 6), Usage(0), None])
def test_whole_answers_of_a_local_model_are_counted_and_traced_as_streams_are(usage: Usage | None) -> None:
    """Its first attempt is its last, so that it takes a shorter way."""

    async def scenario(whole: bool) -> tuple[object, ...]:
        replica = FakeReplica(usage=usage)
        target = local(replica)

        async def first(trace: Trace) -> Chunk:
            if whole:
                return await target.answer(Call(WHOLE), trace)
            async with aclosing(target.stream(Call(WHOLE), trace)) as chunks:
                return await anext(chunks)

        traces = [Trace(spans=[]) for _ in range(4)]
        answer = await first(traces[0])
        replica.errors = [ServerError("it failed", retry_after=7)]
        with pytest.raises(ServerError, match="it failed") as caught:
            await first(traces[1])
        both = [asyncio.create_task(first(trace)) for trace in traces[2:]]
        await asyncio.sleep(0.5)
        for task in both:  # one runs, the other waits
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        assert (target.running, target.waiting, replica.running) == (0, 0, 0)
        counters = target.counters
        counted = (
            dict(counters.outcomes),
            [each.buckets for each in (counters.durations, counters.waits, counters.input_tokens)],
            {outcome: each.seconds for outcome, each in counters.operations.items()},
            counters.prompt_tokens,
            counters.completion_tokens,
        )
        return answer, traces, caught.value.attempts, counted

    streamed, whole = (run_virtual(scenario(whole)) for whole in (False, True))
    assert whole == streamed
    assert whole[2] == 1
    traces = whole[1]
    assert isinstance(traces, list)
    assert [[span.ok for span in trace.spans] for trace in traces] == [[True], [False], [False], []]
    assert [note.text for note in traces[1].notes] == ["gpt #0: failed: it failed"]


def test_a_full_deployment_hands_over_to_its_fallback() -> None:
    async def scenario() -> None:
        others: dict[str, Deployment] = {}
        small = deployment(
            FakeReplica(),
            others=others,
            name="small",
            max_concurrent=1,
            on_full=CapacityPolicy.fallback("big"),
        )
        deployment(FakeReplica(), others=others, name="big")
        traces = [Trace(), Trace()]
        await asyncio.gather(*(ask(small, trace=trace) for trace in traces))
        assert [trace.deployment for trace in traces] == ["small", "big"]
        assert [other.running for other in others.values()] == [0, 0]
        await asyncio.gather(*(small.answer(Call(WHOLE), trace) for trace in traces))
        assert [trace.deployment for trace in traces] == ["small", "big"]

    run_virtual(scenario())


def test_fallbacks_that_point_at_each_other_do_not_loop() -> None:
    async def scenario() -> None:
        others: dict[str, Deployment] = {}
        a = deployment(
            FakeReplica(), others=others, name="a", max_concurrent=1, on_full=CapacityPolicy.fallback("b")
        )
        b = deployment(
            FakeReplica(), others=others, name="b", max_concurrent=1, on_full=CapacityPolicy.fallback("a")
        )
        running = [asyncio.create_task(ask(target)) for target in (a, b)]
        await asyncio.sleep(0)
        with pytest.raises(Backpressure, match=", and so is its fallback `a`"):
            await ask(a)
        await asyncio.gather(*running)

    run_virtual(scenario())


def test_a_failed_attempt_is_repeated_after_its_backoff() -> None:
    async def scenario() -> None:
        replica = FakeReplica(errors=[ServerError("x"), RateLimited("x", retry_after=10)])
        trace = Trace()
        assert await ask(deployment(replica), trace=trace) == [b"0"]
        assert replica.started == pytest.approx([0, 2, 13])
        assert trace.attempts == 3

    run_virtual(scenario())


def test_an_error_that_outlives_its_retries_knows_how_often_it_was_tried() -> None:
    async def scenario() -> None:
        with pytest.raises(ServerError) as caught:
            await ask(deployment(FakeReplica(errors=[ServerError("x") for _ in range(9)])))
        assert caught.value.attempts == 4

    run_virtual(scenario())


def test_nothing_is_repeated_after_the_first_chunk() -> None:
    async def scenario() -> None:
        replica = FakeReplica(chunks=3, fail_at=1)
        target = deployment(replica)
        with pytest.raises(ServerError, match="broke off"):
            await ask(target)
        assert len(replica.started) == 1
        assert target.running == 0

    run_virtual(scenario())


def test_no_retry_starts_that_would_outlive_the_deadline() -> None:
    async def scenario() -> None:
        replica = FakeReplica(errors=[RateLimited("x", retry_after=10)])
        with pytest.raises(RateLimited):
            await ask(deployment(replica), deadline=9)
        assert asyncio.get_running_loop().time() == pytest.approx(1)

    run_virtual(scenario())


def test_a_request_that_the_task_does_not_fit_is_told_where_to_go() -> None:
    async def scenario() -> None:
        with pytest.raises(BadRequest, match="its task is `chat`: send the request to /v1/chat/completions"):
            await anext(deployment(FakeReplica()).stream(Call(EmbedRequest(("a",))), Trace()))
        with pytest.raises(BadRequest, match="its task is `embed`: send the request to /v1/embeddings"):
            await ask(deployment(FakeReplica(), task=TaskKind.EMBED))

    run_virtual(scenario())


def test_stopping_refuses_those_who_wait_and_those_who_come() -> None:
    async def scenario() -> None:
        replica = FakeReplica()
        target = deployment(replica, max_concurrent=1)
        running, waiting = (asyncio.create_task(ask(target)) for _ in range(2))
        await asyncio.sleep(0.5)
        await target.stop()
        with pytest.raises(ShuttingDown):
            await waiting
        with pytest.raises(ShuttingDown):
            await ask(target)
        assert await running == [b"0"]
        assert replica.stopped
        assert (target.running, target.waiting) == (0, 0)

    run_virtual(scenario())


@pytest.mark.parametrize(("at_work", "started"), [(False, 2), (True, 1)])
def test_a_generation_that_our_own_clock_cut_is_not_begun_again_and_again(
    at_work: bool, started: int
) -> None:
    async def scenario() -> None:
        errors: list[RequestError] = [RequestTimeout("too slow") for _ in range(4)]
        for error in errors:
            error.at_work = at_work  # type: ignore[attr-defined]
        replica = FakeReplica(errors=errors)
        with pytest.raises(RequestTimeout) as caught:
            await ask(deployment(replica))
        assert len(replica.started) == started
        assert ("raise `timeouts`" in caught.value.message) is not at_work

    run_virtual(scenario())


def test_a_timeout_that_the_provider_tells_is_retried_as_any_error() -> None:
    async def scenario() -> None:
        errors: list[RequestError] = [RequestTimeout("slow", upstream_status=504) for _ in range(4)]
        replica = FakeReplica(errors=errors)
        with pytest.raises(RequestTimeout):
            await ask(deployment(replica))
        assert len(replica.started) == 4

    run_virtual(scenario())


def test_who_would_wait_for_too_long_is_refused_at_once_and_others_are_answered_in_time() -> None:
    async def scenario() -> None:
        target = deployment(FakeReplica(delay=1.0, chunks=1), max_concurrent=2)
        for _ in range(10):
            await ask(target)
        now = asyncio.get_running_loop().time()
        outcomes = await asyncio.gather(
            *(ask(target, deadline=now + 9.5) for _ in range(30)), return_exceptions=True
        )
        answered = [each for each in outcomes if not isinstance(each, BaseException)]
        refused = [each for each in outcomes if isinstance(each, Backpressure)]
        assert len(answered) + len(refused) >= 29, "hardly anybody waits in vain until the deadline"
        assert 8 <= len(answered) <= 12
        assert all(each.retry_after is not None and each.retry_after >= 1 for each in refused)

    run_virtual(scenario())


def test_a_deployment_whose_provider_says_that_it_is_too_much_asks_less_at_once() -> None:
    async def scenario() -> None:
        busy = [RateLimited("slow down", upstream_status=429) for _ in range(12)]
        replica = FakeReplica(errors=busy)
        target = deployment(replica, max_concurrent=20, adaptive=AdaptiveKind.AIMD)
        await asyncio.gather(*(ask(target) for _ in range(20)))
        low = target.limit
        assert low < 10
        for _ in range(40):
            await asyncio.gather(*(ask(target) for _ in range(20)))
        assert target.limit > low, "and more again when all is well"

    run_virtual(scenario())

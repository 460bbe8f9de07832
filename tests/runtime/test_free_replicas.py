"""Several keys behind one deployment: who is free answers, and nobody waits for one that is not."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from inferc.compiler.plan import CircuitBreakerConfig, Duration, RateLimits, RetryPolicy
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.limits.rate_limiters import LocalRateLimiter
from inferc.runtime.limits.replica_policies import ReplicaPolicies
from inferc.runtime.policies.circuit_breaker import CircuitBreaker
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import (
    CircuitOpen,
    Forbidden,
    RateLimited,
    RequestError,
    ServerDown,
    ServerError,
    Unauthorized,
)
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.availability import FIRST_REST, REFUSED_FOR
from inferc.runtime.serving.deployment import Deployment

from ..support.fakes import CHAT, FakeReplica
from ..support.remote import remote_plan
from ..support.rows import each_row

PATIENT = RetryPolicy(max_retries=3, initial_backoff=Duration(1), max_backoff=Duration(60))
WHOLE = Call(ChatRequest(CHAT.body, stream=False))


class Keyed(FakeReplica):
    """A replica whose key has a number that changes with its source."""

    credential = 0

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(not self.stopped, credential=self.credential)


def limited(seconds: float) -> RateLimited:
    return RateLimited("slow down", retry_after=seconds, upstream_status=429)


def pool(
    *replicas: FakeReplica,
    limits: RateLimits | None = None,
    breaker: CircuitBreakerConfig | None = None,
    **fields: Any,
) -> Deployment:
    """A deployment with a key of its own for each of `replicas`."""
    plan = remote_plan(replicas=len(replicas), **fields)
    policies = [
        ReplicaPolicies(
            plan,
            CircuitBreaker(breaker or CircuitBreakerConfig()),
            LocalRateLimiter(f"key {index}", limits or RateLimits()),
        )
        for index in range(len(replicas))
    ]
    return Deployment(plan, replicas, {}, Random(1), policies)


def now() -> float:
    return asyncio.get_running_loop().time()


async def ask(target: Deployment, stream: bool = False) -> Trace:
    trace = Trace()
    if stream:
        chunks = [chunk async for chunk in target.stream(Call(CHAT), trace)]
        assert chunks
    else:
        await target.answer(WHOLE, trace)
    return trace


@each_row("stream", [True, False])
@each_row(
    "error",
    [
        limited(60),
        RateLimited("no credit", code="insufficient_quota", retryable=False, upstream_status=429),
        Unauthorized("who are you", upstream_status=401),
        Forbidden("not with this key", upstream_status=403),
        ServerDown("it crashed"),
    ],
    ids=lambda error: type(error).code + error.code,
)
def test_what_is_wrong_with_one_key_or_server_is_answered_by_another_at_once(
    error: RequestError, stream: bool
) -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0, errors=[error]), Keyed(delay=0)
        trace = await ask(pool(one, other), stream)
        assert now() <= 1  # what a streamed answer of the fake takes
        assert (len(one.started), len(other.started)) == (1, 1)
        assert (trace.replica, trace.attempts) == (1, 2)

    run_virtual(scenario())


def test_a_key_on_hold_gets_nothing_while_another_is_free() -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0, errors=[limited(60)]), Keyed(delay=0)
        target = pool(one, other)
        for _ in range(20):
            await ask(target)
        assert now() == 0
        assert (len(one.started), len(other.started)) == (1, 20)
        await asyncio.sleep(60)
        await asyncio.gather(*(ask(target) for _ in range(10)))
        assert len(one.started) == 6

    run_virtual(scenario())


def test_when_no_key_is_free_the_one_that_is_free_first_is_waited_for() -> None:
    async def scenario() -> None:
        for waits in ((50, 7), (7, 50)):
            began = now()
            replicas = [Keyed(delay=0, errors=[limited(wait)]) for wait in waits]
            await ask(pool(*replicas, retry=PATIENT))
            assert now() - began == 7
            assert [len(each.started) for each in replicas] == [1 + (wait == 7) for wait in waits]

    run_virtual(scenario())


def test_who_waits_for_one_key_goes_to_another_when_a_hold_comes_between() -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0), Keyed(delay=0)
        target = pool(one, other, limits=RateLimits(requests_per_minute=1))
        for _ in range(2):
            await ask(target)
        await asyncio.sleep(10)
        waiting = asyncio.create_task(ask(target))
        await asyncio.sleep(20)
        policies = target.policies[0]
        assert policies is not None
        policies.limiter.hold(600)
        trace = await waiting
        assert trace.replica == 1
        assert 60 <= now() < 63

    run_virtual(scenario())


def test_a_refused_key_is_left_out_loudly_until_its_source_changes(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0, failing=lambda at: False), Keyed(delay=0)
        one.errors = [Unauthorized("revoked", upstream_status=401)]
        target = pool(one, other)
        for _ in range(10):
            await ask(target)
        assert (len(one.started), len(other.started)) == (1, 10)
        assert target.refused == {0}
        one.credential += 1
        await asyncio.gather(*(ask(target) for _ in range(4)))
        assert len(one.started) == 3
        assert target.refused == frozenset()

    with caplog.at_level(logging.WARNING):
        run_virtual(scenario())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "the key of replica 0 is refused" in said[0]
    assert caplog.records[0].levelno == logging.ERROR


def test_a_refused_key_is_tried_once_in_a_while() -> None:
    async def scenario() -> None:
        refusals = [Unauthorized("revoked", upstream_status=401) for _ in range(2)]
        one, other = Keyed(delay=0, errors=[*refusals]), Keyed(delay=0)
        target = pool(one, other)
        for _ in range(int(REFUSED_FOR) + 5):
            await ask(target)
            await asyncio.sleep(1)
        assert len(one.started) == 2

    run_virtual(scenario())


def test_a_key_that_is_alone_is_shown_all_the_same() -> None:
    async def scenario() -> None:
        one = Keyed(delay=0, errors=[Unauthorized("revoked", upstream_status=401)])
        target = pool(one)
        with pytest.raises(Unauthorized):
            await ask(target)
        await ask(target)

    run_virtual(scenario())


def test_replicas_with_one_key_do_not_show_it_one_after_the_other() -> None:
    async def scenario() -> None:
        replicas = [Keyed(delay=0, errors=[Unauthorized("revoked", upstream_status=401)]) for _ in range(2)]
        plan = remote_plan(replicas=2)
        shared = ReplicaPolicies(
            plan, CircuitBreaker(CircuitBreakerConfig()), LocalRateLimiter("the key", RateLimits())
        )
        target = Deployment(plan, replicas, {}, Random(1), [shared, shared])
        with pytest.raises(Unauthorized):
            await ask(target)
        assert sum(len(each.started) for each in replicas) == 1

    run_virtual(scenario())


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0, 2.5])
def test_whoever_leaves_on_the_way_from_key_to_key_frees_everything(after: float) -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=1, errors=[limited(60)]), Keyed(delay=1, errors=[limited(3)])
        target = pool(one, other)
        task = asyncio.create_task(ask(target))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        held = [each.limiter.running + each.limiter.waiting for each in target.policies if each]
        assert (target.running, target.waiting, *held, one.running, other.running) == (0, 0, 0, 0, 0, 0)

    run_virtual(scenario())


def test_circuits_that_are_all_being_probed_let_time_pass() -> None:
    async def scenario() -> None:
        broken = [ServerError("it failed")] * 10
        one, other = Keyed(delay=5, errors=broken[:]), Keyed(delay=5, errors=broken[:])
        breaker = CircuitBreakerConfig(failure_threshold=1, open_duration=Duration(1))
        target = pool(one, other, breaker=breaker, retry=RetryPolicy(max_retries=0))
        await asyncio.gather(ask(target), ask(target), return_exceptions=True)
        await asyncio.sleep(2)
        probes = [asyncio.create_task(ask(target)) for _ in range(2)]
        await asyncio.sleep(1)
        with pytest.raises(CircuitOpen):
            await ask(target)
        await asyncio.gather(*probes, return_exceptions=True)
        assert (len(one.started), len(other.started)) == (2, 2)

    run_virtual(scenario())


def test_keys_that_have_room_for_less_than_this_request_let_time_pass() -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0), Keyed(delay=0)
        target = pool(one, other, limits=RateLimits(tokens_per_minute=60), retry=RetryPolicy(max_retries=0))
        asked = await asyncio.gather(*(ask(target) for _ in range(8)), return_exceptions=True)
        assert {type(each) for each in asked} == {Trace, RateLimited}

    run_virtual(scenario())


def test_keys_that_get_429_without_a_time_are_asked_after_all_others_and_no_other_gets_their_share() -> None:
    async def scenario() -> None:
        busy = RateLimited("too many", upstream_status=429)
        limited_keys = [Keyed(delay=0, errors=[busy] * 100) for _ in range(10)]
        free = [Keyed(delay=0.1) for _ in range(40)]
        target = pool(*limited_keys, *free)
        asked = []
        for _ in range(800):
            asked.append(asyncio.create_task(ask(target)))
            await asyncio.sleep(FIRST_REST / 1000)
        await asyncio.gather(*asked)
        assert {len(each.started) for each in limited_keys} == {1}
        counts = [len(each.started) for each in free]
        assert sum(counts) == 800
        assert max(counts) - min(counts) <= 2

    run_virtual(scenario())


def test_a_rest_gets_longer_until_an_answer_comes() -> None:
    async def scenario() -> None:
        busy = RateLimited("too many", upstream_status=429)
        one, other = Keyed(delay=0, errors=[busy] * 3), Keyed(delay=0)
        target = pool(one, other)
        for _ in range(400):
            await ask(target)
            await asyncio.sleep(0.05)
        tried = one.started[:4]
        gaps = [round(after - before) for before, after in pairwise(tried)]
        assert gaps == [1, 2, 4]
        assert len(one.started) > 100

    run_virtual(scenario())


def test_a_key_without_credit_is_left_out_as_one_that_is_refused() -> None:
    async def scenario() -> None:
        spent = RateLimited("no credit", code="insufficient_quota", retryable=False, upstream_status=429)
        one, other = Keyed(delay=0, errors=[spent] * 10), Keyed(delay=0)
        target = pool(one, other)
        for _ in range(20):
            await ask(target)
        assert len(one.started) == 1
        assert target.refused == {0}

    run_virtual(scenario())


def test_of_many_requests_at_once_one_alone_tries_a_refused_key_again() -> None:
    async def scenario() -> None:
        refusal = Unauthorized("revoked", upstream_status=401)
        one, other = Keyed(delay=1, errors=[refusal] * 100), Keyed(delay=1)
        target = pool(one, other)
        await ask(target)
        await asyncio.sleep(REFUSED_FOR)
        await asyncio.gather(*(ask(target) for _ in range(40)))
        assert len(one.started) == 2

    run_virtual(scenario())


def test_a_replica_that_only_has_to_be_waited_for_is_waited_for_beside_an_open_circuit() -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0), Keyed(delay=0)
        target = pool(one, other)
        first, second = target.policies
        assert first is not None
        assert second is not None
        first.breaker.opened_elsewhere(now() + 5, 5)
        second.limiter.hold(8)
        assert (await ask(target)).replica == 1
        assert now() == 8

    run_virtual(scenario())


def test_a_retry_goes_to_another_replica_that_is_free() -> None:
    async def scenario() -> None:
        one, other = Keyed(delay=0, errors=[ServerError("it failed")] * 4), Keyed(delay=0)
        assert (await ask(pool(one, other, retry=PATIENT))).replica == 1
        assert (len(one.started), len(other.started)) == (1, 1)

    run_virtual(scenario())

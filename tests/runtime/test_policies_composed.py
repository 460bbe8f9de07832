"""All policies around fake replicas, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    CapacityKind,
    CapacityPolicy,
    CircuitBreakerConfig,
    Duration,
    JitterKind,
    Money,
    Price,
    RateLimits,
    RetryPolicy,
    SecretRef,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.executor import Executor
from inferc.runtime.limits.accounts import Accounts
from inferc.runtime.limits.rate_limiters import MAX_WAIT, LocalRateLimiter
from inferc.runtime.limits.store.memory import MemoryStore
from inferc.runtime.policies.budget import Ledger
from inferc.runtime.policies.circuit_breaker import CircuitBreaker, Outcome, Pass
from inferc.runtime.policies.sliding_window import MARGIN, SPAN
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import (
    Backpressure,
    BadRequest,
    BudgetExceeded,
    CircuitOpen,
    ContentFiltered,
    NetworkError,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
    ShuttingDown,
)
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import PICODOLLARS, Usage
from inferc.runtime.serving.deployment import Deployment

from ..support.fakes import CHAT, FakeReplica
from ..support.policies import policies_of
from ..support.remote import plan_of, remote_plan
from ..support.rows import each_row

ONCE = RetryPolicy(max_retries=0)
TWICE = RetryPolicy(max_retries=1, initial_backoff=Duration(1), jitter=JitterKind.NONE)
PRICE = Price(Money("1"), Money("10"))  # $1 and $10 for a million tokens
USAGE = Usage(1000, 100)  # costs $0.002
WINDOW = SPAN + MARGIN + 0.1


class Served:
    """A deployment of one fake replica, with its policies at hand."""

    def __init__(self, replica: FakeReplica | None = None, **fields: Any) -> None:
        self.replica = replica or FakeReplica(usage=USAGE)
        plan = remote_plan(**({"retry": ONCE, "price": PRICE} | fields))
        self.ledger = Ledger()
        self.limiter = LocalRateLimiter("the account", plan.rate_limits)
        self.breaker = CircuitBreaker(plan.circuit_breaker)
        policies = policies_of(plan, limiter=self.limiter, breaker=self.breaker, ledger=self.ledger)
        self.deployment = Deployment(plan, [self.replica], {}, Random(1), policies)

    async def ask(self, deadline: float | None = None, *, priority: int = 0, **body: Any) -> list[bytes]:
        request = ChatRequest({**CHAT.body, **body}, stream=True)
        stream = self.deployment.stream(Call(request, deadline, priority), Trace())
        async with aclosing(stream) as chunks:
            return [chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)]

    async def answer(self) -> list[bytes]:
        """The same without a stream."""
        chunk = await self.deployment.answer(Call(ChatRequest(CHAT.body, stream=False)), Trace())
        assert isinstance(chunk, ChatChunk)
        return [chunk.data]

    async def fails(self, kind: type[RequestError], deadline: float | None = None) -> RequestError:
        with pytest.raises(kind) as caught:
            await self.ask(deadline)
        return caught.value

    @property
    def spent(self) -> float:
        return self.ledger.total(self.ledger.day) / PICODOLLARS

    def is_idle(self) -> bool:
        """Whether nothing is held: no slot, no permit, no connection."""
        held = (
            self.deployment.running,
            self.deployment.waiting,
            self.limiter.running,
            self.limiter.waiting,
            self.replica.running,
        )
        return not any(held)


def reject(hour: str) -> Budget:
    return Budget(BudgetAction.REJECT, Money(hour))


def now() -> float:
    return asyncio.get_running_loop().time()


def test_who_waits_with_a_higher_priority_runs_first() -> None:
    async def scenario() -> None:
        served = Served(max_concurrent=1)
        finished: list[str] = []

        async def one(name: str, priority: int) -> None:
            await served.ask(priority=priority)
            finished.append(name)

        order = [("running", 0), ("a", 0), ("low", -1), ("b", 0), ("high", 5)]
        await asyncio.gather(*(one(*each) for each in order))
        assert finished == ["running", "high", "a", "b", "low"]

    run_virtual(scenario())


def test_a_queued_request_does_not_wait_for_ever() -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(delay=1000), max_concurrent=1)
        running = asyncio.create_task(served.ask())
        await asyncio.sleep(1)
        error = await served.fails(Backpressure)
        assert now() == 1 + 60.0
        assert "no slot came free within 60 s" in error.message
        assert error.retry_after is not None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert served.is_idle()

    run_virtual(scenario())


def test_a_request_costs_what_its_usage_says() -> None:
    async def scenario() -> None:
        served = Served(budget=reject("1"))
        await served.ask()
        assert served.spent == 0.002

    run_virtual(scenario())


def test_a_spent_budget_refuses_with_the_time_at_which_there_is_money_again() -> None:
    async def scenario() -> None:
        served = Served(budget=reject("0.02"))
        for _ in range(5):
            await served.ask()  # an estimate of $0.0102 each, of which $0.002 are spent
        error = await served.fails(BudgetExceeded)
        assert (error.status, error.type, error.code, error.retryable) == (
            429,
            "insufficient_quota",
            "budget_exceeded",
            False,
        )
        assert error.retry_after == pytest.approx(61 * 60 - now())
        await asyncio.sleep(error.retry_after or 0)
        await served.ask()
        assert len(served.replica.started) == 6

    run_virtual(scenario())


def test_requests_at_the_same_time_cannot_spend_more_than_there_is() -> None:
    async def scenario() -> None:
        served = Served(budget=reject("0.1"), max_concurrent=100)
        outcomes = await asyncio.gather(*(served.ask() for _ in range(100)), return_exceptions=True)
        refused = sum(isinstance(outcome, BudgetExceeded) for outcome in outcomes)
        assert 100 - refused == 9  # as many estimates as fit
        assert served.spent == pytest.approx(9 * 0.002)

    run_virtual(scenario())


def test_what_failed_costs_nothing_and_what_was_broken_off_costs_what_came() -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(errors=[ServerError("x"), NetworkError("x")]), budget=reject("1"))
        for kind in (ServerError, NetworkError):
            await served.fails(kind)
        assert served.spent == 0

        task = asyncio.create_task(served.ask())
        await asyncio.sleep(0.5)  # sent, and not answered yet: the provider has read the prompt
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        prompt = served.spent
        assert 0 < prompt < 0.0001

        served.replica.chunks = 50
        task = asyncio.create_task(served.ask())
        await asyncio.sleep(10.5)  # ten chunks came
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert served.spent == pytest.approx(2 * prompt + 10 * 10 / 1e6)

    run_virtual(scenario())


def test_a_throttled_deployment_runs_half_as_many_until_there_is_money_again() -> None:
    async def scenario() -> None:
        budget = Budget(BudgetAction.THROTTLE, Money("0.004"))
        served = Served(budget=budget, max_concurrent=4)
        await asyncio.gather(*(served.ask() for _ in range(8)))
        assert served.replica.most == 4
        served.replica.most = 0
        await asyncio.gather(*(served.ask() for _ in range(8)))
        assert served.replica.most == 2
        await asyncio.sleep(3700)
        served.replica.most = 0
        await asyncio.gather(*(served.ask() for _ in range(4)))
        assert served.replica.most == 4
        assert served.is_idle()

    run_virtual(scenario())


def test_a_budget_that_warns_says_so_once_and_lets_pass(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        served = Served(budget=Budget(BudgetAction.WARN, None, Money("0.003")))
        for _ in range(5):
            await served.ask()

    with caplog.at_level(logging.WARNING):
        run_virtual(scenario())
    assert caplog.messages == ["deployment `gpt`: the budget of $0.003 per day is spent"]


def test_a_failing_endpoint_is_left_alone_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        served = Served(
            FakeReplica(failing=lambda at: at < 20),
            circuit_breaker=CircuitBreakerConfig(3, Duration(30), 1),
        )
        for _ in range(3):
            await served.fails(ServerError)
        error = await served.fails(CircuitOpen)
        assert (error.status, error.retry_after, now()) == (503, 30, 3)
        assert "keeps failing and is left alone for 30 s" in error.message
        assert len(served.replica.started) == 3
        await asyncio.sleep(30)
        outcomes = await asyncio.gather(*(served.ask() for _ in range(5)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [list, *[CircuitOpen] * 4]
        await served.ask()
        assert served.is_idle()

    with caplog.at_level(logging.WARNING):
        run_virtual(scenario())
    assert [message.partition("; at last: ")[2] for message in caplog.messages] == ["it failed", ""]


@each_row(
    ("error", "counts"),
    [
        (ServerError("x", upstream_status=500), True),
        (ServerError("x", upstream_status=529), True),
        (ServerError("x"), True),
        (NetworkError("x"), True),
        (RequestTimeout("x"), True),
        (RequestTimeout("x", upstream_status=408), True),
        (ServerError("x", upstream_status=409), False),
        (RateLimited("x", upstream_status=429), False),
        (BadRequest("x", upstream_status=400), False),
        (ContentFiltered("x", upstream_status=400), False),
    ],
    ids=str,
)
def test_what_speaks_against_an_endpoint(error: RequestError, counts: bool) -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(errors=[error]), circuit_breaker=CircuitBreakerConfig(1))
        await served.fails(type(error))
        assert served.breaker.is_closed is not counts

    run_virtual(scenario())


def test_a_deadline_of_our_own_does_not_speak_against_the_endpoint() -> None:
    async def scenario() -> None:
        timeout = RequestTimeout("took longer than the deadline")
        served = Served(FakeReplica(errors=[timeout]), circuit_breaker=CircuitBreakerConfig(1))
        await served.fails(RequestTimeout, deadline=1)
        assert served.breaker.is_closed

    run_virtual(scenario())


def test_a_cancelled_probe_leaves_room_for_another() -> None:
    async def scenario() -> None:
        served = Served(circuit_breaker=CircuitBreakerConfig(1, Duration(10)))
        served.replica.errors = [ServerError("x")]
        await served.fails(ServerError)
        await asyncio.sleep(10)
        probe = asyncio.create_task(served.ask())
        await asyncio.sleep(0.5)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert await served.ask() == [b"0"]
        assert served.breaker.is_closed

    run_virtual(scenario())


def test_a_circuit_that_opens_while_requests_wait_for_a_permit_stops_them() -> None:
    async def scenario() -> None:
        served = Served(
            FakeReplica(errors=[ServerError("x")]),
            rate_limits=RateLimits(concurrent_requests=1),
            circuit_breaker=CircuitBreakerConfig(1),
        )
        outcomes = await asyncio.gather(*(served.ask() for _ in range(4)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ServerError, *[CircuitOpen] * 3]
        assert len(served.replica.started) == 1
        assert served.is_idle()

    run_virtual(scenario())


YEAR = 365 * 86400.0
HOLD = Duration(30)


def test_a_provider_that_asks_for_a_year_gets_the_bound_and_then_one_request_before_all_others() -> None:
    async def scenario() -> None:
        served = Served(
            FakeReplica(errors=[RateLimited("x", retry_after=YEAR)]), rate_limits=RateLimits(max_hold=HOLD)
        )
        began = now()
        assert (await served.fails(RateLimited)).retry_after == HOLD
        until = now() + HOLD
        await asyncio.gather(*(served.ask() for _ in range(4)))
        assert served.replica.started == pytest.approx([began, until, *[until + 2] * 3])
        assert served.is_idle()

    run_virtual(scenario())


def test_a_probe_that_is_refused_without_a_time_makes_everyone_wait_for_the_bound_again() -> None:
    async def scenario() -> None:
        refusals: list[RequestError] = [RateLimited("x", retry_after=YEAR), RateLimited("x")]
        served = Served(FakeReplica(errors=refusals), rate_limits=RateLimits(max_hold=HOLD))
        for _ in range(2):
            await served.fails(RateLimited)
            assert served.limiter.held_for(now()) == pytest.approx(HOLD)
        await served.ask()
        assert len(served.replica.started) == 3

    run_virtual(scenario())


def test_a_client_is_told_no_longer_wait_than_the_bound_by_any_error() -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(errors=[ServerError("x", retry_after=YEAR)]))
        assert (await served.fails(ServerError)).retry_after == RateLimits().max_hold
        assert (await served.ask()) == [b"0"]

    run_virtual(scenario())


def test_a_wait_that_is_cut_is_said_once_and_a_wait_without_sense_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(errors=[RateLimited("x", retry_after=YEAR) for _ in range(3)]))
        await asyncio.gather(*(served.fails(RateLimited) for _ in range(3)))

    run_virtual(scenario())
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        "the account asks to wait 365 d: nothing is sent for `max_hold = 5m`, then one request tries"
    ]
    for wait in (float("nan"), float("inf"), -1.0):
        assert RateLimited("x", retry_after=wait).retry_after is None


def test_requests_wait_for_the_rate_limit_instead_of_failing() -> None:
    async def scenario() -> None:
        served = Served(rate_limits=RateLimits(requests_per_minute=3))
        await asyncio.gather(*(served.ask() for _ in range(3)))
        await asyncio.sleep(10)
        await asyncio.gather(*(served.ask() for _ in range(3)))
        assert served.replica.started == pytest.approx([0, 0, 0, WINDOW, WINDOW, WINDOW])

    run_virtual(scenario())


def test_a_request_that_cannot_be_sent_in_time_fails_at_once_and_says_when_it_could() -> None:
    async def scenario() -> None:
        served = Served(rate_limits=RateLimits(requests_per_minute=1))
        await served.ask()
        began = now()
        error = await served.fails(RateLimited, deadline=began + 5)
        assert now() == began
        assert error.deployment == "gpt"
        assert error.retry_after == pytest.approx(WINDOW - began)
        await asyncio.sleep(error.retry_after or 0)
        await served.ask()
        assert served.is_idle()

    run_virtual(scenario())


def test_a_request_behind_others_gives_up_at_its_deadline_or_after_the_longest_wait() -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(delay=500), rate_limits=RateLimits(concurrent_requests=1))
        running = asyncio.create_task(served.ask())
        await asyncio.sleep(1)
        await served.fails(RateLimited, deadline=5)
        assert now() == pytest.approx(5)
        await served.fails(RateLimited)
        assert now() == pytest.approx(5 + MAX_WAIT)
        await running

    run_virtual(scenario())


def test_a_429_quiets_every_request_of_the_account() -> None:
    async def scenario() -> None:
        served = Served(FakeReplica(errors=[RateLimited("x", retry_after=20)]), retry=TWICE)
        first = asyncio.create_task(served.ask())
        await asyncio.sleep(2)
        await served.ask()
        await first
        assert served.replica.started == pytest.approx([0, 21, 21])

    run_virtual(scenario())


def test_a_wish_that_is_not_respected_quiets_nobody() -> None:
    async def scenario() -> None:
        retry = RetryPolicy(max_retries=0, respect_retry_after=False)
        served = Served(FakeReplica(errors=[RateLimited("x", retry_after=20)]), retry=retry)
        await served.fails(RateLimited)
        await served.ask()
        assert served.replica.started == pytest.approx([0, 1])

    run_virtual(scenario())


def test_headers_of_an_answer_hold_the_next_request_back() -> None:
    async def scenario() -> None:
        served = Served()
        served.limiter.observe(
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "60s",
            }
        )
        await served.ask()
        assert served.replica.started == [1]

    run_virtual(scenario())


def test_every_attempt_needs_a_permit_of_its_own() -> None:
    async def scenario() -> None:
        served = Served(
            FakeReplica(errors=[ServerError("x")]), retry=TWICE, rate_limits=RateLimits(requests_per_minute=1)
        )
        await served.ask()
        assert served.replica.started == pytest.approx([0, WINDOW])

    run_virtual(scenario())


def test_stopping_refuses_those_who_wait_for_a_permit() -> None:
    async def scenario() -> None:
        served = Served(rate_limits=RateLimits(requests_per_minute=1))
        await served.ask()
        waiting = asyncio.create_task(served.ask(deadline=1000))
        await asyncio.sleep(10)
        await served.limiter.stop()
        with pytest.raises(ShuttingDown):
            await waiting
        assert served.is_idle()

    run_virtual(scenario())


ALL: dict[str, Any] = {
    "max_concurrent": 2,
    "retry": TWICE,
    "budget": Budget(BudgetAction.REJECT, Money("1"), Money("10")),
    "circuit_breaker": CircuitBreakerConfig(3, Duration(5), 1),
    "rate_limits": RateLimits(requests_per_minute=3, tokens_per_minute=10_000, concurrent_requests=1),
}


@each_row("moment", [i / 2 for i in range(0, 150, 3)])
@each_row("chunks", [2, 1], ids=["streamed", "whole"])
def test_a_request_cancelled_anywhere_gives_everything_back(moment: float, chunks: int) -> None:
    """Six requests through two slots and one permit, with a retry: at each moment some wait for a
    slot, a permit, the attempt, the backoff, or a chunk."""

    async def scenario() -> None:
        served = Served(FakeReplica(chunks=chunks, usage=USAGE, errors=[ServerError("x")]), **ALL)
        ask = served.ask if chunks > 1 else served.answer
        tasks = [asyncio.create_task(ask()) for _ in range(6)]
        await asyncio.sleep(moment)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert served.is_idle()
        answered = sum(not task.cancelled() and not task.exception() for task in tasks)
        assert served.spent <= len(served.replica.started) * 0.002
        assert served.spent >= answered * 0.002
        await asyncio.sleep(100)
        assert await ask() == [b"0", b"1"][:chunks]

    run_virtual(scenario())


def test_hours_of_traffic_through_all_policies_keep_all_of_them() -> None:
    """A request every three seconds, and an outage of an hour; no policy here looks further back than one."""

    async def scenario() -> None:
        random = Random(1)
        replica = FakeReplica(usage=USAGE, failing=lambda at: 7_200 < at < 10_800, delay=2)
        served = Served(
            replica,
            max_concurrent=20,
            retry=TWICE,
            budget=Budget(BudgetAction.REJECT, Money("2")),
            circuit_breaker=CircuitBreakerConfig(5, Duration(30), 1),
            rate_limits=RateLimits(requests_per_minute=15),
        )
        outcomes: dict[str, int] = {}

        async def one() -> None:
            try:
                await served.ask(max_tokens=100)
                name = "answered"
            except RequestError as error:
                name = type(error).__name__
            outcomes[name] = outcomes.get(name, 0) + 1

        async with asyncio.TaskGroup() as tasks:
            while now() < 14_400:
                tasks.create_task(one())
                await asyncio.sleep(random.expovariate(1 / 3))
        assert served.is_idle()
        starts = replica.started
        assert all(later - earlier > SPAN for earlier, later in zip(starts, starts[15:], strict=False))
        during = sum(7_200 < start < 10_800 for start in starts)
        assert during < 60  # of 1,200 that came
        assert outcomes["CircuitOpen"] > 800
        assert outcomes["answered"] * 0.002 <= 2 * 5

    run_virtual(scenario())


def test_deployments_that_share_a_key_share_its_limits_and_two_keys_do_not() -> None:
    one, other = SecretRef.env("ONE"), SecretRef.env("OTHER")
    limits = RateLimits(requests_per_minute=10)
    plans = {
        "a": remote_plan("a", key=one, rate_limits=limits),
        "b": remote_plan("b", key=one, rate_limits=RateLimits(requests_per_minute=5, strict=True)),
        "c": remote_plan("c", key=other, rate_limits=limits),
        "d": remote_plan("d", key=one, model="another", rate_limits=limits),
        "both": remote_plan("both", replicas=2, api_key=(one, other)),
    }
    accounts = Accounts(plan_of(*plans.values()), MemoryStore())
    limiters = {name: accounts.limiter(plan, 0) for name, plan in plans.items()}
    assert limiters["a"] is limiters["b"] is limiters["both"]
    assert limiters["c"] is accounts.limiter(plans["both"], 1)
    assert limiters["a"] is not limiters["c"]
    assert limiters["a"] is not limiters["d"]
    shared = limiters["a"]
    assert isinstance(shared, LocalRateLimiter)
    assert shared.limits == RateLimits(requests_per_minute=5, strict=True)


def test_deployments_at_one_endpoint_share_its_circuit() -> None:
    plans = [
        remote_plan("a", circuit_breaker=CircuitBreakerConfig(5)),
        remote_plan("b", circuit_breaker=CircuitBreakerConfig(2)),
        remote_plan("c", "http://127.0.0.1:10/v1"),
    ]
    accounts = Accounts(plan_of(*plans), MemoryStore())
    first, second, third = (accounts.breaker(plan, 0) for plan in plans)
    assert first is second
    assert first is not third
    for _ in range(2):
        held = first.enter(0)
        assert isinstance(held, Pass)
        first.report(0, held, Outcome.FAILURE)
    assert not first.is_closed


async def test_strict_limits_without_a_shared_store_are_said_to_be_of_this_process_alone(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    limits = RateLimits(requests_per_minute=10, strict=True)
    executor = Executor(plan_of(remote_plan("a", rate_limits=limits)), tmp_path)
    with caplog.at_level(logging.WARNING):
        await executor.start()
    await executor.stop()
    said = [message for message in caplog.messages if "strict" in message]
    assert len(said) == 1
    assert said[0].startswith("deployment `a`: `strict` limits are exact within this process alone")


async def test_a_budget_without_a_known_price_is_said_not_to_be_kept(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    budget = Budget(BudgetAction.WARN, Money("1"))
    executor = Executor(plan_of(remote_plan("a", budget=budget)), tmp_path)
    with caplog.at_level(logging.WARNING):
        await executor.start()
    await executor.stop()
    assert "deployment `a`: the price of gpt-4o-mini is not known" in caplog.messages[0]


def test_no_two_executors_have_the_same_jitter() -> None:
    executors = [Executor(plan_of(), Path()) for _ in range(2)]
    assert executors[0]._starter.random.random() != executors[1]._starter.random.random()


def test_a_full_deployment_that_rejects_holds_neither_money_nor_permit() -> None:
    async def scenario() -> None:
        on_full = CapacityPolicy(CapacityKind.REJECT)
        served = Served(max_concurrent=1, on_full=on_full, budget=reject("1"))
        running = asyncio.create_task(served.ask())
        await asyncio.sleep(0)
        reserved = served.spent
        await served.fails(Backpressure)
        assert served.spent == reserved
        assert served.limiter.running == 1
        await running

    run_virtual(scenario())

"""A served deployment: its replicas, and all that a request meets on the way to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random

from ..compiler.plan import BudgetAction, OnnxServingPlan, RemotePoolPlan, RetryPolicy
from .errors import RequestError, ShuttingDown, StartError
from .passage import Guards, Passage
from .policies.capacity import Divert
from .policies.estimate import Estimate, Tariff, estimate
from .policies.retry import GiveUp, Retry
from .replica import Answering, Chunk, Reloadable, Replica, ReplicaStatus, Request
from .served import NO_HEADERS, check_task
from .slots import Slot, Slots
from .tally import DIVERTED, Tally, outcome_now
from .trace import Trace

NO_RETRY = RetryPolicy(max_retries=0)

NOTHING = Estimate(0, 0)


class Deployment:
    """The replicas of one deployment behind its policies.

    others: every deployment of the plan by name, for `fallback`. guards: the policies of each
    replica; None for those that have none, which are the local ones.
    """

    def __init__(
        self,
        plan: OnnxServingPlan | RemotePoolPlan,
        replicas: Sequence[Replica],
        others: Mapping[str, Deployment],
        random: Random,
        guards: Sequence[Guards] | None = None,
    ) -> None:
        remote = plan if isinstance(plan, RemotePoolPlan) else None
        serving = plan.serving
        self.name = plan.deployment
        self.plan = plan
        self.task = plan.task_kind
        self.tally = Tally()
        self._replicas = replicas
        self._others = others
        self._slots = Slots(
            self.name,
            len(replicas),
            serving.max_concurrent * (len(replicas) if remote else 1),
            serving.on_capacity_exhausted,
        )
        self._guards: Sequence[Guards | None] = guards or [None] * len(replicas)
        self._answering = [replica for replica in replicas if isinstance(replica, Answering) and not guards]
        throttles = remote and remote.budget and remote.budget.on_exceeded is BudgetAction.THROTTLE
        self._throttling = guards[0] if guards and throttles else None
        self._tariff = _tariff(plan)
        self._retry = Retry(remote.retry if remote else NO_RETRY, plan.idempotent, random)
        self._stopping = False

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._slots.running

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._slots.waiting

    def is_ready(self) -> bool:
        """Whether every replica is."""
        return all(status.ready for status in self.status())

    def is_available(self) -> bool:
        """Whether a replica is ready whose endpoint is not left alone."""
        return any(
            status.ready and (guards is None or guards.breaker.is_closed)
            for status, guards in zip(self.status(), self._guards, strict=True)
        )

    @property
    def guards(self) -> Sequence[Guards | None]:
        """The policies of each replica; None for those that have none."""
        return self._guards

    def status(self) -> tuple[ReplicaStatus, ...]:
        """How each replica is."""
        if self._stopping:
            return (ReplicaStatus(ready=False),) * len(self._replicas)
        return tuple(replica.status() for replica in self._replicas)

    async def start(self) -> None:
        """Start all replicas. Raises StartError with the problems of all of them."""
        outcomes = await asyncio.gather(*(r.start() for r in self._replicas), return_exceptions=True)
        problems: dict[str, None] = {}
        for outcome in outcomes:
            if isinstance(outcome, StartError):
                problems.update(dict.fromkeys(outcome.problems))
            elif outcome is not None:
                raise outcome
        if problems:
            raise StartError(*problems)

    def can_reload(self, plan: OnnxServingPlan) -> bool:
        """Whether `plan` differs from the one that is served in no more than the model."""
        old = self.plan
        same = (plan.replicas, plan.serving, plan.idempotent, plan.task_kind)
        return isinstance(old, OnnxServingPlan) and same == (
            old.replicas,
            old.serving,
            old.idempotent,
            old.task_kind,
        )

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve the model of `plan` from now on. Raises StartError, and goes on with what it served before.

        One replica after the other, and requests are answered all the time.
        """
        for replica in self._replicas:
            assert isinstance(replica, Reloadable)
            await replica.reload(plan)
        self.plan = plan

    async def stop(self) -> None:
        """Refuse new and waiting requests, and stop all replicas."""
        self._stopping = True
        self._slots.close()
        await asyncio.gather(*(replica.stop() for replica in self._replicas))

    async def stream(
        self,
        request: Request,
        deadline: float | None,
        trace: Trace,
        passed: tuple[str, ...] = (),
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncGenerator[Chunk, None]:
        """The answer to `request` in pieces: a slot first, then attempts on its replica until one answers;
        none follows once a chunk has been handed out.

        deadline: in the time of the running loop. passed: deployments that handed the request on.
        priority: of those who wait for a slot, the highest runs first.
        Closing the generator frees the slot and cancels the attempt. Raises RequestError.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = await self._enter(request, priority, deadline, began)
        if isinstance(slot, Divert):
            async with aclosing(self._hand_on(slot, request, deadline, trace, passed, priority)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        trace.deployment = self.name
        passage: Passage | None = None
        guards, attempt, waited = self._guards[slot.replica], 0, 0.0
        try:
            expected = estimate(request) if guards else NOTHING
            while True:
                attempt += 1
                trace.attempts = attempt
                passage = Passage(guards, expected)
                await passage.enter(deadline)
                sent = loop.time()
                chunks = self._replicas[slot.replica].stream(request, deadline)
                try:
                    passage.send()
                    async for chunk in chunks:
                        passage.saw(chunk)
                        yield chunk
                    passage.finished()
                    return
                except RequestError as error:
                    passage.failed(loop.time(), error, deadline)
                    error.attempts = attempt
                    if passage.begun:
                        raise
                    wait = self._wait_after(error, waited, deadline)
                finally:
                    try:
                        await chunks.aclose()
                    finally:
                        now = loop.time()
                        passage.leave(now)
                        if trace.spans is not None:
                            answered = passage.answered(streamed=getattr(request, "stream", False))
                            trace.record(self.name, sent, now, passage.used(), self._tariff, answered)
                await asyncio.sleep(wait)
                waited += wait
        finally:
            self._slots.leave(slot)
            self._throttle()
            begun, usage = (passage.begun, passage.usage) if passage else (False, None)
            self.tally.end(outcome_now(request, begun), loop.time() - began, usage)

    async def answer(
        self,
        request: Request,
        deadline: float | None,
        trace: Trace,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Chunk:
        """The first chunk of the answer: all of it, for a request that wants no stream.

        As `stream`; where no policy can repeat an attempt and replicas have whole answers, without the
        generators of one.
        """
        if not self._answering or trace.spans is not None:
            async with aclosing(self.stream(request, deadline, trace, priority=priority)) as chunks:
                return await anext(chunks)
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = await self._enter(request, priority, deadline, began)
        if isinstance(slot, Divert):
            answer = self._hand_on(slot, request, deadline, trace, (), priority)
            async with aclosing(answer) as chunks:
                return await anext(chunks)
        trace.deployment, trace.attempts = self.name, 1
        chunk: Chunk | None = None
        try:
            chunk = await self._answering[slot.replica].answer(request, deadline)
            return chunk
        finally:
            self._slots.leave(slot)
            usage = chunk.usage if chunk else None
            self.tally.end(outcome_now(request, False), loop.time() - began, usage)

    async def _enter(
        self, request: Request, priority: int, deadline: float | None, began: float
    ) -> Slot | Divert:
        """A slot, or who takes over. Raises RequestError."""
        try:
            self._check(request)
            self._throttle()
            slot = await self._slots.enter(priority, deadline)
        except BaseException:
            self.tally.end(outcome_now(request, False), asyncio.get_running_loop().time() - began)
            raise
        if isinstance(slot, Divert):
            self.tally.end(DIVERTED, 0.0)
        return slot

    def _hand_on(
        self,
        divert: Divert,
        request: Request,
        deadline: float | None,
        trace: Trace,
        passed: tuple[str, ...],
        priority: int,
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of the fallback. Raises Backpressure where the request has been there already."""
        passed = (*passed, self.name)
        if divert.target in passed:
            raise self._slots.full(f", and so is its fallback `{divert.target}`", divert.retry_after)
        return self._others[divert.target].stream(request, deadline, trace, passed, priority=priority)

    def _wait_after(self, error: RequestError, waited: float, deadline: float | None) -> float:
        """Seconds until the next attempt; raises `error` where there is none."""
        decision = self._retry.decide(error, error.attempts, waited)
        if isinstance(decision, GiveUp):
            if decision.reason:
                error.message = f"{error.message}; {decision.reason}"
            raise error
        if deadline is not None and asyncio.get_running_loop().time() + decision.seconds >= deadline:
            raise error
        return decision.seconds

    def _throttle(self) -> None:
        """Halve the slots while the budget wants it."""
        guards = self._throttling
        if guards is not None and guards.budget is not None:
            now = asyncio.get_running_loop().time() + guards.epoch
            self._slots.throttle(guards.budget.is_throttled(now))

    def _check(self, request: Request) -> None:
        if self._stopping:
            raise ShuttingDown("the executor is stopping", deployment=self.name)
        check_task("deployment", self.name, self.task, request)


def _tariff(plan: OnnxServingPlan | RemotePoolPlan) -> Tariff | None:
    """What tokens cost; None where that is not known."""
    if isinstance(plan, OnnxServingPlan):
        return Tariff.free()
    return Tariff.of(plan.price) if plan.price else None

"""A served deployment: its replicas, and all that a request meets on the way to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random

from ..compiler.plan import BudgetAction, OnnxServingPlan, RemotePoolPlan, RetryPolicy
from .attempts import Attempts
from .errors import RequestError, ShuttingDown, StartError
from .passage import Guards
from .policies.capacity import Divert
from .policies.estimate import Tariff
from .policies.retry import Retry
from .replica import Answering, Chunk, Reloadable, Replica, ReplicaStatus, Request
from .served import Asking, Served, check_task, first_chunk
from .slots import Slot, Slots
from .tally import DIVERTED, DeploymentTally, outcome_now
from .trace import Trace

NO_RETRY = RetryPolicy(max_retries=0)


class Deployment(Served):
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
        self.tally = DeploymentTally()
        self._replicas = replicas
        self._others = others
        self._slots = Slots(
            self.name,
            len(replicas),
            serving.max_concurrent * (len(replicas) if remote else 1),
            serving.on_capacity_exhausted,
        )
        self._guards: Sequence[Guards | None] = guards or [None] * len(replicas)
        whole = [replica for replica in replicas if isinstance(replica, Answering)]
        self._whole = whole if len(whole) == len(replicas) else None
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

    async def ask(
        self, asking: Asking, trace: Trace, passed: tuple[str, ...] = ()
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces: a slot first, then attempts on its replica until one answers;
        none follows once a chunk has been handed out.

        passed: deployments that handed the request on.
        Closing the generator frees the slot and cancels the attempt. Raises RequestError.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = await self._enter(asking, began)
        if isinstance(slot, Divert):
            async with aclosing(self._hand_on(slot, asking, trace, passed)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        request = asking.request
        attempts = self._attempts(loop, slot, asking, trace)
        try:
            while True:
                passage = await attempts.enter()
                chunks = self._replicas[slot.replica].stream(request, asking.deadline)
                try:
                    async for chunk in chunks:
                        passage.saw(chunk)
                        yield chunk
                    passage.finished()
                    return
                except RequestError as error:
                    wait = attempts.failed(error)
                finally:
                    try:
                        await chunks.aclose()
                    finally:
                        attempts.leave()
                await asyncio.sleep(wait)
        finally:
            self._leave(slot, request, attempts, began, loop.time())

    async def ask_whole(self, asking: Asking, trace: Trace) -> Chunk:
        """As `ask`; where replicas have whole answers, without the generators of one."""
        request = asking.request
        if self._whole is None or getattr(request, "stream", False):
            return await first_chunk(self.ask(asking, trace))
        loop = asyncio.get_running_loop()
        began = loop.time()
        slot = await self._enter(asking, began)
        if isinstance(slot, Divert):
            return await first_chunk(self._hand_on(slot, asking, trace, ()))
        attempts = self._attempts(loop, slot, asking, trace)
        try:
            while True:
                passage = await attempts.enter()
                try:
                    chunk = await self._whole[slot.replica].answer(request, asking.deadline)
                    passage.saw(chunk)
                    return chunk
                except RequestError as error:
                    wait = attempts.failed(error)
                finally:
                    attempts.leave()
                await asyncio.sleep(wait)
        finally:
            self._leave(slot, request, attempts, began, loop.time())

    async def _enter(self, asking: Asking, began: float) -> Slot | Divert:
        """A slot, or who takes over. Raises RequestError."""
        try:
            self._check(asking.request)
            self._throttle()
            slot = await self._slots.enter(asking.priority, asking.deadline, began)
        except BaseException:
            self.tally.end(outcome_now(asking.request, False), asyncio.get_running_loop().time() - began)
            raise
        if isinstance(slot, Divert):
            self.tally.end(DIVERTED, 0.0)
        return slot

    def _hand_on(
        self, divert: Divert, asking: Asking, trace: Trace, passed: tuple[str, ...]
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of the fallback. Raises Backpressure where the request has been there already."""
        passed = (*passed, self.name)
        if divert.target in passed:
            raise self._slots.full(f", and so is its fallback `{divert.target}`", divert.retry_after)
        return self._others[divert.target].ask(asking, trace, passed)

    def _attempts(
        self, loop: asyncio.AbstractEventLoop, slot: Slot, asking: Asking, trace: Trace
    ) -> Attempts:
        """The attempts of a request that holds `slot`."""
        guards = self._guards[slot.replica]
        return Attempts(
            self.name, guards, self._retry, self._tariff, asking.request, asking.deadline, trace, loop
        )

    def _leave(self, slot: Slot, request: Request, attempts: Attempts, began: float, now: float) -> None:
        """Give the slot back and count the request, in the `finally` that it passes."""
        self._slots.leave(slot, now)
        self._throttle()
        self.tally.end(outcome_now(request, attempts.begun), now - began)
        if attempts.usage is not None:
            self.tally.spend(attempts.usage)

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

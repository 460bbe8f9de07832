"""A served deployment: its replicas, and all that a request meets on the way to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from math import inf
from random import Random
from typing import NoReturn

from attrs import evolve

from ...compiler.plan import BudgetAction, OnnxServingPlan, RemotePoolPlan, RetryPolicy, RouteKey, TaskKind
from ...compiler.plan.reach import differ_in_model_alone
from ..limits.replica_policies import ReplicaPolicies
from ..policies.adaptive_concurrency import AdaptiveConcurrency
from ..policies.capacity import FallBack
from ..policies.estimate import Estimate, Tariff
from ..policies.retry import Retry
from ..replicas.replica import (
    Adapting,
    Answering,
    Omitting,
    Relaying,
    Reloadable,
    Replica,
    ReplicaStatus,
)
from ..requests.answer import Chunk, EmbedChunk
from ..requests.call import Call
from ..requests.errors import (
    Drained,
    Incapable,
    RequestError,
    RequestTimeout,
    ShuttingDown,
    StartError,
    Unsupported,
)
from ..requests.request import ChatRequest, EmbedRequest, Request
from ..requests.trace import Trace
from .affinity import OF_REPLICAS, by_preference, key_of
from .availability import Availability
from .batches import batches, embed_in_batches
from .counted_sink import MOST_HELD, CountedSink
from .counters import DIVERTED, DeploymentCounters, outcome_now
from .first_content import has_content
from .lone_replica import LoneReplica
from .model import Model, check_task, first_chunk, fits_task
from .request_filler import RequestFiller
from .response_cache import ResponseCache
from .retrier import Retrier
from .slots import Slot, Slots

OVERLOADED = (429, 503, 529)
"""What providers answer when they have too much to do."""

NO_RETRY = RetryPolicy(max_retries=0)


class Deployment(Model):
    """The replicas of one deployment behind its policies.

    others: every deployment of the plan by name, for `fallback`. policies: the policies of each
    replica; None for those that have none, which are the local ones.
    """

    relays = True

    def __init__(
        self,
        plan: OnnxServingPlan | RemotePoolPlan,
        replicas: Sequence[Replica],
        others: Mapping[str, Deployment],
        random: Random,
        policies: Sequence[ReplicaPolicies] | None = None,
    ) -> None:
        remote = plan if isinstance(plan, RemotePoolPlan) else None
        serving = plan.serving
        self.name = plan.deployment
        self.plan = plan
        self.task = plan.task_kind
        self.counters = DeploymentCounters()
        self._replicas = replicas
        self._others = others
        self._slots = Slots(
            self.name,
            len(replicas),
            serving.max_concurrent * (len(replicas) if remote else 1),
            serving.on_capacity_exhausted,
            self._rank,
            float(serving.queue_timeout),
        )
        self.adaptive = (
            AdaptiveConcurrency(serving.adaptive, self._slots.limit) if serving.adaptive is not None else None
        )
        """What says how many requests may run at the same time; None where that is always the same."""
        if self.adaptive is not None:
            self._slots.adapt(self.adaptive.limit)
        self._together = (
            OF_REPLICAS[serving.affinity] if serving.affinity is not None and len(replicas) > 1 else None
        )
        self._policies: Sequence[ReplicaPolicies | None] = policies or [None] * len(replicas)
        self._availability = Availability(self.name, replicas, self._policies, self._slots.running_on)
        whole = [replica for replica in replicas if isinstance(replica, Answering)]
        self._whole = whole if len(whole) == len(replicas) else None
        relaying = [replica for replica in replicas if isinstance(replica, Relaying)]
        self._relaying = relaying if len(relaying) == len(replicas) else None
        self._adapting = replicas[0] if isinstance(replicas[0], Adapting) else None
        says_more = self.task is not TaskKind.TENSOR  # than its inputs
        self._omitting = replicas[0] if says_more and isinstance(replicas[0], Omitting) else None
        throttles = remote and remote.budget and remote.budget.on_exceeded is BudgetAction.THROTTLE
        self._throttling = policies[0] if policies and throttles else None
        self._tariff = _tariff(plan)
        self._retry = Retry(remote.retry if remote else NO_RETRY, plan.idempotent, random)
        self._lone = (
            LoneReplica(self.name, self._whole[0], self._slots, self._tariff)
            if self._whole is not None
            and len(replicas) == 1
            and remote is None
            and not policies
            and self._tariff is not None
            and self.adaptive is None
            else None
        )
        """What answers where all that a request needs is a slot; None: attempts with their policies."""
        self._filler = RequestFiller(plan) if plan.request is not None else None
        self._goes_as_it_is = (
            self._lone is not None
            and self._omitting is None
            and self._adapting is None
            and plan.request is None
        )
        self._most_inputs = remote.capabilities.most_inputs if remote else None
        self._cache = (
            ResponseCache(self.name, plan.cache, names_model=self.is_wildcard) if plan.cache else None
        )
        self._stopping = False
        self._loading = asyncio.Lock()
        self.is_drained = False
        """Whether the operator lets nothing come here; what runs may end."""

    @property
    def cache(self) -> ResponseCache | None:
        """The answers that are given again; None where none are."""
        return self._cache

    @property
    def is_wildcard(self) -> bool:
        return isinstance(self.plan, RemotePoolPlan) and self.plan.is_wildcard

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._slots.running

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._slots.waiting

    @property
    def limit(self) -> int:
        """Requests that may hold a slot at the same time, for now."""
        return self._slots.limit

    @property
    def missing(self) -> int:
        """How many replicas are not ready, of those that there always are."""
        always = len(self._replicas) if self.plan.scaling is None else self.plan.scaling.min_replicas
        return max(0, always - sum(status.ready for status in self.status()))

    def wait_at_most(self, requests: int) -> None:
        """Let no more wait for a slot."""
        self._slots.wait_at_most(requests)

    def follow_scale(self) -> None:
        """Take as many requests at once as the replicas do that are ready now."""
        ready = sum(status.ready for status in self.status())
        self._slots.resize(self.plan.serving.max_concurrent * max(1, ready))

    def is_ready(self) -> bool:
        """Whether a replica is: requests go to those that are."""
        return any(status.ready for status in self.status())

    def free_at(self, now: float) -> float:
        """When a slot is free, and a replica that is ready, whose circuit is closed, whose key is accepted,
        and whose limits let a request pass.
        """
        if self._stopping or self.is_drained:
            return inf
        slot, replica = self._slots.free_at(now), self._availability.first(now)
        return slot if slot > replica else replica

    def cost(self, size: Estimate) -> float:
        return inf if self._tariff is None else self._tariff.estimated(size)

    def used(self, now: float) -> float:
        """Of the limits of the account that has most left; without limits, of the slots."""
        limiters = [policies.limiter for policies in self._policies if policies is not None]
        shares = [share for each in limiters if (share := each.used(now)) is not None]
        return (
            min(shares) if shares else (self.running + self.waiting) / max(self.running + self._slots.free, 1)
        )

    @property
    def refused(self) -> frozenset[int]:
        """The replicas whose key was refused when it was last shown."""
        return self._availability.refused

    @property
    def policies(self) -> Sequence[ReplicaPolicies | None]:
        """The policies of each replica; None for those that have none."""
        return self._policies

    def held_for(self, now: float) -> tuple[float, ...]:
        """Seconds for which nothing is sent to each replica's provider, because that asked to wait."""
        return tuple(
            0.0 if policies is None else policies.limiter.held_for(now) for policies in self._policies
        )

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
        return isinstance(self.plan, OnnxServingPlan) and differ_in_model_alone(self.plan, plan)

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve the model of `plan` from now on. Raises StartError, and goes on with what it served before.

        One replica after the other, and requests are answered all the time.
        """
        for replica in self._replicas:
            assert isinstance(replica, Reloadable)
            await replica.reload(plan)
        self.plan = plan
        if self._cache is not None:
            self._cache.clear()

    async def load(self) -> None:
        """Read the model anew, and answer again where it was unloaded. Raises StartError, Unsupported."""
        plan = self.plan
        if not isinstance(plan, OnnxServingPlan):
            raise Unsupported(f"`{self.name}` is no local model")
        async with self._loading:
            await self.reload(plan)
            self.is_drained = False

    async def unload(self) -> None:
        """Give back what the model takes, once its requests are answered; new ones are refused."""
        async with self._loading:
            self.is_drained = True
            for replica in self._replicas:
                assert isinstance(replica, Reloadable)
                await replica.unload()

    def go_on(
        self, others: Mapping[str, Deployment], policies: Sequence[ReplicaPolicies] | None = None
    ) -> None:
        """Serve in another plan. policies: with the same limits as before; None: there are none."""
        self._others = others
        if policies is not None:
            self._policies = self._availability.policies = policies
            self._throttling = policies[0] if self._throttling is not None else None

    async def stop(self) -> None:
        """Refuse new and waiting requests, and stop all replicas."""
        self._stopping = True
        self._slots.close()
        await asyncio.gather(*(replica.stop() for replica in self._replicas))

    def stream(self, call: Call, trace: Trace, passed: tuple[str, ...] = ()) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces, from the cache or anew.

        passed: deployments that handed the request on. Raises RequestError.
        """
        if self._cache is None:
            return self._anew(call, trace, passed)
        key = self._cache.key(call, self._filled(call).request)
        if key is None:
            return self._anew(call, trace, passed)
        call = evolve(call, sink=None)  # what is kept has to be seen
        return self._cache.stream(key, call, trace, self.counters, lambda: self._anew(call, trace, passed))

    async def _anew(self, call: Call, trace: Trace, passed: tuple[str, ...]) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces: a slot first, then attempts until one answers: at another
        replica where one is free, else at the same. None follows once content has been handed out: what comes
        of a stream before, such as who speaks, is held back until then.

        passed: deployments that handed the request on.
        Closing the generator frees the slot and cancels the attempt. Raises RequestError.
        """
        if self._most_inputs is not None and (parts := batches(call.request, self._most_inputs)):
            yield await self._in_batches(parts, call, trace)
            return
        loop = self._loop or self.loop
        began = loop.time()
        slot, own = await self._enter(call, trace, began)
        if isinstance(slot, FallBack):
            async with aclosing(self._fall_back(slot, call, trace, passed)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        request = own.request
        retrier = self._retrier(loop, slot, own, trace)
        try:
            while True:
                attempt = await retrier.enter()
                attempt.is_held_back = getattr(request, "stream", False)
                held: list[Chunk] = []
                index = retrier.slot.replica
                if call.sink is None or self._relaying is None:
                    chunks = self._replicas[index].stream(request, call.deadline)
                else:
                    sink = CountedSink(call.sink, attempt, held)
                    chunks = self._relaying[index].relay(request, call.deadline, sink)
                try:
                    async for chunk in chunks:
                        attempt.saw(chunk)
                        if chunk.upstream is not None:
                            trace.upstream = chunk.upstream
                        if attempt.is_held_back:
                            held.append(chunk)
                            if not has_content(chunk) and len(held) < MOST_HELD:
                                continue
                            attempt.is_held_back = False
                            chunk = held.pop()
                            for each in held:
                                yield each
                        yield chunk
                    if attempt.is_held_back:  # there was no content
                        for each in held:
                            yield each
                    attempt.finished()
                    return
                except RequestError as error:
                    if self.adaptive is not None:
                        self._overloaded(error)
                    wait = retrier.failed(error)
                    if wait is None:
                        raise
                finally:
                    try:
                        await chunks.aclose()
                    finally:
                        retrier.leave()
                await asyncio.sleep(wait)
        finally:
            self._leave(request, retrier, began, loop.time())

    async def answer(self, call: Call, trace: Trace) -> Chunk:
        """As `stream`; where replicas have whole answers, without the generators of one."""
        request = call.request
        if self._cache is not None:
            return await first_chunk(self.stream(call, trace))
        if self._most_inputs is not None and (parts := batches(request, self._most_inputs)):
            return await self._in_batches(parts, call, trace)
        if self._whole is None or getattr(request, "stream", False):
            return await first_chunk(self.stream(call, trace))
        loop = self._loop or self.loop
        began = loop.time()
        slot: Slot | FallBack | None = self._slot_at_once(call, began) if self._goes_as_it_is else None
        own = call
        if slot is None:
            slot, own = await self._enter(call, trace, began)
        if isinstance(slot, FallBack):
            return await first_chunk(self._fall_back(slot, call, trace, ()))
        if self._lone is not None:
            return await self._lone.answer(own, slot, trace, self.counters, began, loop)
        request = own.request
        retrier = self._retrier(loop, slot, own, trace)
        try:
            while True:
                attempt = await retrier.enter()
                try:
                    chunk = await self._whole[retrier.slot.replica].answer(request, call.deadline)
                    attempt.saw(chunk)
                    trace.upstream = chunk.upstream
                    return chunk
                except RequestError as error:
                    if self.adaptive is not None:
                        self._overloaded(error)
                    wait = retrier.failed(error)
                    if wait is None:
                        raise
                finally:
                    retrier.leave()
                await asyncio.sleep(wait)
        finally:
            self._leave(request, retrier, began, loop.time())

    async def _in_batches(self, parts: tuple[EmbedRequest, ...], call: Call, trace: Trace) -> EmbedChunk:
        """The vectors of all parts: each is a request of its own to slots, limits, budget and retries."""
        return await embed_in_batches(
            parts, call, max(self._slots.free, 1), lambda part: self._part(part, trace)
        )

    async def _part(self, call: Call, trace: Trace) -> Chunk:
        """The answer to a part of a request, of which the cache keeps the whole."""
        if self._cache is None:
            return await self.answer(call, trace)
        return await first_chunk(self._anew(call, trace, ()))

    def _filled(self, call: Call) -> Call:
        """`call` with the parameters that the deployment adds."""
        return call if self._filler is None else evolve(call, request=self._filler.fill(call.request))

    def _slot_at_once(self, call: Call, began: float) -> Slot | None:
        """A slot for a request that goes out as it is; None: there is more to see to, which `_enter` does."""
        if self._stopping or self.is_drained or call.is_over(began) or not fits_task(self.task, call.request):
            return None
        return self._slots.at_once(began)

    async def _enter(self, call: Call, trace: Trace, began: float) -> tuple[Slot | FallBack, Call]:
        """A slot, or who takes over; and the call as it goes out. Raises RequestError."""
        try:
            if self._stopping or self.is_drained:
                self._refuse()
            check_task("deployment", self.name, self.task, call.request)
            if call.deadline is not None and call.is_over(began):
                message = f"deployment `{self.name}`: the deadline passed before the request was sent"
                raise RequestTimeout(message, deployment=self.name)
            own = call if self._filler is None else self._filled(call)
            if self._adapting is not None and isinstance(own.request, ChatRequest):
                fitted = self._adapting.fit_at_once(own.request)
                if fitted is None:
                    fitted = await asyncio.to_thread(self._adapting.fit, own.request)
                trace.adapted = fitted.changes
            elif self._omitting is not None:
                trace.adapted = self._omitting.left_out(own.request)
            if self._throttling is not None:
                self._throttle()
            prefer = None if self._together is None else self._preferred(call, self._together)
            slot: Slot | FallBack | None = self._slots.at_once(began, prefer)
            if slot is None:
                asker = call.payers[0] if call.payers else ""
                slot = await self._slots.enter(
                    call.priority, call.deadline, began, call.wait_until, asker, prefer
                )
        except BaseException:
            self.counters.end(outcome_now(call.request, False), self.loop.time() - began)
            raise
        if isinstance(slot, FallBack):
            self.counters.end(DIVERTED, 0.0)
        elif trace.adapted:
            self.counters.adapted += 1
        return slot, own

    async def _fall_back(
        self, fallback: FallBack, call: Call, trace: Trace, passed: tuple[str, ...]
    ) -> AsyncGenerator[Chunk, None]:
        """The answer of the fallback. Raises Backpressure where the request has been there already."""
        passed = (*passed, self.name)
        if fallback.target in passed:
            raise self._slots.full(f", and so is its fallback `{fallback.target}`", fallback.retry_after)
        trace.adapted = ()
        try:
            async with aclosing(self._others[fallback.target].stream(call, trace, passed)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Incapable as error:
            raise self._slots.full(f", and its fallback: {error.message}", fallback.retry_after) from None

    def _retrier(self, loop: asyncio.AbstractEventLoop, slot: Slot, call: Call, trace: Trace) -> Retrier:
        """What retries a request that holds `slot`."""
        return Retrier(
            self.name,
            self._policies,
            self._availability,
            self._slots,
            slot,
            self._retry,
            self._tariff,
            call,
            trace,
            loop,
        )

    def _leave(self, request: Request, retrier: Retrier, began: float, now: float) -> None:
        """Give the slot back and count the request, in the `finally` that it passes."""
        self._slots.leave(retrier.slot, now)
        if self._throttling is not None:
            self._throttle()
        attempt, sent = retrier.attempt, retrier.sent
        outcome = outcome_now(request, attempt is not None and attempt.begun)
        usage, first = (None, None) if attempt is None else (attempt.usage, attempt.first)
        streamed = getattr(request, "stream", False)
        self.counters.leave(outcome, began, sent, first, now, usage, retrier.used, streamed)
        if self.adaptive is not None and first is not None:
            self._slots.adapt(self.adaptive.answered(first - sent, self._slots.running + 1))

    def _preferred(self, call: Call, together: RouteKey) -> int | None:
        """The replica to which requests go that belong together with this one; None where it has no such."""
        key = key_of(call, together)
        return None if key is None else by_preference(key, [f"#{i}" for i in range(len(self._replicas))])[0]

    def _overloaded(self, error: RequestError) -> None:
        """Let fewer run where `error` says that there are too many."""
        assert self.adaptive is not None
        if error.upstream_status in OVERLOADED or isinstance(error, RequestTimeout):
            self._slots.adapt(self.adaptive.overloaded())

    def _rank(self, replica: int) -> float:
        """Which replica is chosen first: 0 is free now, else when it is free."""
        now = self.loop.time()
        free = self._availability.free_at(replica, now)
        return 0.0 if free <= now else free

    def _throttle(self) -> None:
        """Halve the slots while the budget wants it."""
        policies = self._throttling
        if policies is not None and policies.budget is not None:
            now = self.loop.time() + policies.epoch
            self._slots.throttle(policies.budget.is_throttled(now))

    def _refuse(self) -> NoReturn:
        if self._stopping:
            raise ShuttingDown("the executor is stopping", deployment=self.name)
        raise Drained(f"deployment `{self.name}`: its operator lets no requests come", deployment=self.name)


def _tariff(plan: OnnxServingPlan | RemotePoolPlan) -> Tariff | None:
    """What tokens cost; None where that is not known."""
    if isinstance(plan, OnnxServingPlan):
        return Tariff.free()
    return Tariff.of(plan.price) if plan.price else None

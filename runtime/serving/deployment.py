"""A served deployment: its replicas, and all that a request meets on the way to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from math import inf
from random import Random
from typing import TYPE_CHECKING

from attrs import evolve

from ...compiler.plan import UNKNOWN, OnnxServingPlan, RemotePoolPlan, RetryPolicy
from ..limits.replica_policies import ReplicaPolicies
from ..policies.adaptive_concurrency import AdaptiveConcurrency
from ..policies.capacity import FallBack
from ..policies.estimate import Estimate
from ..policies.retry import Retry
from ..policies.tariff import Tariff
from ..replicas.replica import Answering, Relaying, Replica
from ..requests.answer import Chunk, EmbedChunk
from ..requests.call import Call
from ..requests.errors import Incapable, RequestError, RequestTimeout
from ..requests.request import EmbedRequest, Request
from ..requests.trace import Trace
from .admission import Admission
from .availability import Availability
from .batches import batches, embed_in_batches
from .counted_sink import MOST_HELD, CountedSink
from .counters import DeploymentCounters, outcome_now
from .first_content import has_content
from .lone_replica import LoneReplica
from .model import first_chunk
from .replicated import Replicated
from .retrier import Retrier, RetryContext
from .slots import Slot, Slots

if TYPE_CHECKING:
    from .response_cache import ResponseCache

OVERLOADED = (429, 503, 529)
"""What providers answer when they have too much to do."""

NO_RETRY = RetryPolicy(max_retries=0)


class Deployment(Replicated):
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
        super().__init__(plan, replicas)
        remote = plan if isinstance(plan, RemotePoolPlan) else None
        serving = plan.serving
        self._counters = DeploymentCounters()
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
        self._availability = Availability(
            self.name, replicas, policies or [None] * len(replicas), self._slots.running_on
        )
        self._admission = Admission(self, replicas, self._slots, self._counters, policies)
        whole = [replica for replica in replicas if isinstance(replica, Answering)]
        self._whole = whole if len(whole) == len(replicas) else None
        relaying = [replica for replica in replicas if isinstance(replica, Relaying)]
        self._relaying = relaying if len(relaying) == len(replicas) else None
        self._tariff = _tariff(plan)
        self._context = RetryContext(
            self.name,
            self._availability,
            self._slots,
            Retry(remote.retry if remote else NO_RETRY, plan.idempotent, random),
            self._tariff,
        )
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
        self._goes_as_it_is = self._lone is not None and self._admission.changes_nothing
        can = remote.capabilities if remote else UNKNOWN
        self._batches = (can.most_inputs, can.most_input_tokens)
        self._has_batches = self._batches != (None, None)
        self._cache: ResponseCache | None = None
        if plan.cache:
            from .response_cache import ResponseCache

            self._cache = ResponseCache(self.name, plan.cache, names_model=self.is_wildcard)

    @property
    def counters(self) -> DeploymentCounters:
        """What became of its requests."""
        self._counters.sort_in()
        return self._counters

    @counters.setter
    def counters(self, counters: DeploymentCounters) -> None:
        """Count on where another one has counted."""
        self._counters = self._admission.counters = counters

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

    def wait_at_most(self, requests: int) -> None:
        """Let no more wait for a slot."""
        self._slots.wait_at_most(requests)

    def follow_scale(self) -> None:
        """Take as many requests at once as the replicas do that are ready now."""
        ready = sum(status.ready for status in self.status())
        self._slots.resize(self.plan.serving.max_concurrent * max(1, ready))

    def free_at(self, now: float) -> float:
        """When a slot is free, and a replica that is ready, whose circuit is closed, whose key is accepted,
        and whose limits let a request pass.
        """
        if self.is_stopping or self.is_drained:
            return inf
        slot, replica = self._slots.free_at(now), self._availability.first(now)
        return slot if slot > replica else replica

    def cost(self, size: Estimate) -> float:
        return inf if self._tariff is None else self._tariff.estimated(size)

    def used(self, now: float) -> float:
        """Of the limits of the account that has most left; without limits, of the slots."""
        limiters = [policies.limiter for policies in self.policies if policies is not None]
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
        return self._availability.policies

    def held_for(self, now: float) -> tuple[float, ...]:
        """Seconds for which nothing is sent to each replica's provider, because that asked to wait."""
        return tuple(
            0.0 if policies is None else policies.limiter.held_for(now) for policies in self.policies
        )

    async def reload(self, plan: OnnxServingPlan) -> None:
        await super().reload(plan)
        if self._cache is not None:
            self._cache.clear()

    def go_on(
        self, others: Mapping[str, Deployment], policies: Sequence[ReplicaPolicies] | None = None
    ) -> None:
        """Serve in another plan. policies: with the same limits as before; None: there are none."""
        self._others = others
        if policies is not None:
            self._availability.policies = policies
            self._admission.go_on(policies)

    async def stop(self) -> None:
        """Refuse new and waiting requests, and stop all replicas."""
        self.is_stopping = True
        self._slots.close()
        await super().stop()

    def stream(self, call: Call, trace: Trace, passed: tuple[str, ...] = ()) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces, from the cache or anew.

        passed: deployments that handed the request on. Raises RequestError.
        """
        if self._cache is None:
            return self._anew(call, trace, passed)
        key = self._cache.key(call, self._admission.filled(call).request)
        if key is None:
            return self._anew(call, trace, passed)
        call = evolve(call, sink=None)  # what is kept has to be seen
        return self._cache.stream(key, call, trace, self._counters, lambda: self._anew(call, trace, passed))

    async def _anew(self, call: Call, trace: Trace, passed: tuple[str, ...]) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces: a slot first, then attempts until one answers: at another
        replica where one is free, else at the same. None follows once content has been handed out: what comes
        of a stream before, such as who speaks, is held back until then.

        passed: deployments that handed the request on.
        Closing the generator frees the slot and cancels the attempt. Raises RequestError.
        """
        if self._has_batches and (parts := batches(call.request, *self._batches)):
            yield await self._in_batches(parts, call, trace)
            return
        loop = self._loop or self.loop
        began = loop.time()
        slot, own = await self._admission.enter(call, trace, began)
        if isinstance(slot, FallBack):
            async with aclosing(self._fall_back(slot, call, trace, passed)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        request = own.request
        retrier = Retrier(self._context, slot, own, trace, loop)
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
        if self._has_batches and (parts := batches(request, *self._batches)):
            return await self._in_batches(parts, call, trace)
        if self._whole is None or getattr(request, "stream", False):
            return await first_chunk(self.stream(call, trace))
        loop = self._loop or self.loop
        began = loop.time()
        slot: Slot | FallBack | None = self._admission.at_once(call, began) if self._goes_as_it_is else None
        own = call
        if slot is None:
            slot, own = await self._admission.enter(call, trace, began)
        if isinstance(slot, FallBack):
            return await first_chunk(self._fall_back(slot, call, trace, ()))
        if self._lone is not None:
            return await self._lone.answer(own, slot, trace, self._counters, began, loop)
        request = own.request
        retrier = Retrier(self._context, slot, own, trace, loop)
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

    def _leave(self, request: Request, retrier: Retrier, began: float, now: float) -> None:
        """Give the slot back and count the request, in the `finally` that it passes."""
        self._slots.leave(retrier.slot, now)
        if self._admission.throttling is not None:
            self._admission.throttle(now)
        attempt, sent = retrier.attempt, retrier.sent
        outcome = outcome_now(request, attempt is not None and attempt.begun)
        usage, first = (None, None) if attempt is None else (attempt.usage, attempt.first)
        streamed = getattr(request, "stream", False)
        self._counters.leave(outcome, began, sent, first, now, usage, retrier.used, streamed)
        if self.adaptive is not None and first is not None:
            self._slots.adapt(self.adaptive.answered(first - sent, self._slots.running + 1))

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


def _tariff(plan: OnnxServingPlan | RemotePoolPlan) -> Tariff | None:
    """What tokens cost; None where that is not known."""
    if isinstance(plan, OnnxServingPlan):
        return Tariff.free()
    return Tariff.of(plan.price) if plan.price else None

"""A served deployment: its replicas, and all that a request meets on the way to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random

from attrs import define

from ..compiler.plan import OnnxServingPlan, RemotePoolPlan, RetryPolicy, TaskKind
from .errors import Backpressure, BadRequest, RequestError, RequestTimeout, ShuttingDown, StartError
from .policies.capacity import Admit, Arrive, Capacity, Divert, Leave, Refuse, Release, Wait
from .policies.retry import GiveUp, Retry
from .replica import ChatRequest, Chunk, Replica, Request

NO_RETRY = RetryPolicy(max_retries=0)

_ENDPOINTS = {TaskKind.CHAT: "/v1/chat/completions", TaskKind.EMBED: "/v1/embeddings"}


@define
class Trace:
    """What became of a request, filled in on its way.

    deployment: the one that answered, which a fallback makes another than the one that was asked.
    """

    deployment: str | None = None
    attempts: int = 0


class Deployment:
    """The replicas of one deployment behind its capacity and its retries.

    others: every deployment of the plan by name, for `fallback`.
    """

    def __init__(
        self,
        plan: OnnxServingPlan | RemotePoolPlan,
        replicas: Sequence[Replica],
        others: Mapping[str, Deployment],
        random: Random,
    ) -> None:
        remote = plan if isinstance(plan, RemotePoolPlan) else None
        serving = plan.serving
        self.name = plan.deployment
        self.plan = plan
        self.task = plan.task_kind
        self._replicas = replicas
        self._others = others
        self._capacity = Capacity(
            replicas=len(replicas),
            limit=serving.max_concurrent * (len(replicas) if remote else 1),
            policy=serving.on_capacity_exhausted,
        )
        self._retry = Retry(remote.retry if remote else NO_RETRY, plan.idempotent, random)
        self._waiters: dict[int, asyncio.Future[int]] = {}
        self._tickets = 0
        self._stopping = False

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._capacity.running

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._capacity.waiting

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

    async def stop(self) -> None:
        """Refuse new and waiting requests, and stop all replicas."""
        self._stopping = True
        now = asyncio.get_running_loop().time()
        while self._waiters:
            ticket, waiter = self._waiters.popitem()
            self._capacity.decide(now, Leave(ticket))
            if not waiter.done():
                waiter.set_exception(self._shutting_down())
        await asyncio.gather(*(replica.stop() for replica in self._replicas))

    async def stream(
        self, request: Request, deadline: float | None, trace: Trace, passed: tuple[str, ...] = ()
    ) -> AsyncGenerator[Chunk, None]:
        """The answer to `request` in pieces.

        deadline: in the time of the running loop. passed: deployments that handed the request on.
        Closing the generator frees the slot and cancels the attempt. Raises RequestError.
        """
        self._check(request)
        loop = asyncio.get_running_loop()
        self._tickets += 1
        ticket = self._tickets
        match self._capacity.decide(loop.time(), Arrive(ticket)):
            case Admit(_, admitted):
                replica = admitted
            case Wait():
                replica = await self._wait(ticket, deadline)
            case Divert(target, retry_after):
                passed = (*passed, self.name)
                if target in passed:
                    raise self._full(f", and so is its fallback `{target}`", retry_after)
                other = self._others[target]
                async with aclosing(other.stream(request, deadline, trace, passed)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            case Refuse(retry_after, waiting):
                raise self._full(f", {waiting} waiting" if waiting else "", retry_after)
            case impossible:
                raise TypeError(f"no answer to an arrival: {impossible!r}")
        since = loop.time()
        try:
            trace.deployment = self.name
            async with aclosing(self._attempts(self._replicas[replica], request, deadline, trace)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._release(replica, since, loop.time())

    async def _attempts(
        self, replica: Replica, request: Request, deadline: float | None, trace: Trace
    ) -> AsyncGenerator[Chunk, None]:
        """Attempts at one replica until one answers; none follows once a chunk has been handed out."""
        attempt, waited = 0, 0.0
        while True:
            attempt += 1
            trace.attempts = attempt
            begun = False
            try:
                async with aclosing(replica.stream(request, deadline)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
                return
            except RequestError as error:
                error.attempts = attempt
                if begun:
                    raise
                decision = self._retry.decide(error, attempt, waited)
                if isinstance(decision, GiveUp):
                    if decision.reason:
                        error.message = f"{error.message}; {decision.reason}"
                    raise
                if deadline is not None and asyncio.get_running_loop().time() + decision.seconds >= deadline:
                    raise
            await asyncio.sleep(decision.seconds)
            waited += decision.seconds

    async def _wait(self, ticket: int, deadline: float | None) -> int:
        """The replica to run on, once a slot is free."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        self._waiters[ticket] = waiter
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            if self._waiters.pop(ticket, None):
                self._capacity.decide(loop.time(), Leave(ticket))
            elif waiter.done() and not waiter.cancelled() and not waiter.exception():
                # The slot came in the moment in which the wait was broken off.
                self._release(waiter.result(), loop.time(), loop.time())
            if isinstance(error, TimeoutError):
                message = (
                    f"deployment `{self.name}` is full, and the deadline passed while the request waited"
                )
                raise RequestTimeout(message, deployment=self.name) from None
            raise

    def _release(self, replica: int, since: float, now: float) -> None:
        """Give a slot back and let the next request run, skipping those that were cancelled meanwhile."""
        while True:
            match self._capacity.decide(now, Release(replica, since)):
                case Admit(ticket, admitted):
                    waiter = self._waiters.pop(ticket)
                    if not waiter.done():
                        waiter.set_result(admitted)
                        return
                    replica, since = admitted, now
                case _:
                    return

    def _check(self, request: Request) -> None:
        if self._stopping:
            raise self._shutting_down()
        asked = TaskKind.CHAT if isinstance(request, ChatRequest) else TaskKind.EMBED
        if asked is not self.task:
            endpoint = _ENDPOINTS.get(self.task)
            advice = f": send the request to {endpoint}" if endpoint else ""
            message = f"deployment `{self.name}` does not {asked}, its task is {self.task}{advice}"
            raise BadRequest(message, deployment=self.name, param="model", code="wrong_task")

    def _full(self, also: str, retry_after: float) -> Backpressure:
        message = f"deployment `{self.name}` is full: {self.running} running{also}"
        return Backpressure(message, deployment=self.name, retry_after=retry_after)

    def _shutting_down(self) -> ShuttingDown:
        return ShuttingDown("the executor is stopping", deployment=self.name)

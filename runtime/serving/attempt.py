"""One attempt at a replica: the policies it passes, what it holds, and giving all of it back, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from math import ceil, inf
from typing import Any

from attrs import evolve

from ...compiler.plan import RemotePoolPlan
from ...compiler.plan.service_tiers import STANDARD
from ..limits.replica_policies import Payer, ReplicaPolicies
from ..policies.budget import Budget, Exceeded, Reservation
from ..policies.circuit_breaker import NOTHING, SUCCESS, Blocked, Outcome, Pass
from ..policies.estimate import FRAME_BYTES, NO_SIZE, Estimate, frame_of, said_by, streamed_tokens
from ..policies.rate_limit import Permit
from ..policies.tariff import Tariff
from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.errors import (
    BudgetExceeded,
    CircuitOpen,
    NetworkError,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
)
from ..requests.trace import Failure
from ..requests.usage import NOTHING_USED, Usage
from .tier_prices import doubt_price, refuse_unpriced

log = logging.getLogger(__name__)

SHORT_WAIT = 0.25
"""Seconds that a request waits for a permit even where another replica is free: a store may need them."""


class Attempt:
    """One attempt, from its first policy to its end; without policies every step is empty.

    The steps are called in the order in which they stand here; `leave` always, and last, once it was entered.
    """

    __slots__ = (
        "_charges",
        "_chunks",
        "_estimate",
        "_finished",
        "_frame",
        "_held",
        "_loop",
        "_outcome_told",
        "_pass",
        "_permit",
        "_policies",
        "_size",
        "_tariff",
        "_why",
        "begun",
        "cost",
        "failure",
        "first",
        "is_held_back",
        "is_sent",
        "usage",
        "used",
    )

    def __init__(
        self,
        policies: ReplicaPolicies | None,
        estimate: Estimate,
        loop: asyncio.AbstractEventLoop,
        tariff: Tariff | None,
    ) -> None:
        """tariff: None where the price is not known."""
        self._loop = loop
        self._policies = policies
        self._estimate = estimate
        self._tariff = tariff
        self._held: list[tuple[Budget, Reservation]] = []
        self._pass: Pass | None = None
        self._permit: Permit | None = None
        self.usage: Usage | None = None
        """The tokens of the answer, as far as they have been told."""
        self.used = NOTHING_USED
        """Once it has ended: that, or what can be known without it."""
        self.cost: int | None = None
        """Of that, in picodollars; None where the price is not known."""
        self.failure: Failure | None = None
        self._outcome_told: Outcome | None = None
        self._why = ""
        self._charges = True
        self._finished = False
        self.is_sent = False
        """Whether the request has gone out."""
        self.begun = False
        """Whether a part of the answer has come."""
        self.is_held_back = False
        """Whether what came is kept from the client, as it says nothing yet: another attempt may follow."""
        self._chunks = self._size = 0
        self._frame = FRAME_BYTES
        self.first: float | None = None
        """When the answer began, in the time of the loop."""

    def handed_out(self) -> bool:
        """Whether a part of the answer has gone to who asks."""
        return self.begun and not self.is_held_back

    def answered(self, *, streamed: bool) -> bool:
        """Whether the whole answer came; who wants no stream need not read on after its one piece."""
        return self._finished or (self.begun and not streamed)

    async def enter(
        self,
        now: float,
        deadline: float | None,
        wait_until: Callable[[float], float],
        payers: tuple[str, ...] = (),
    ) -> None:
        """Money first, then the circuit, then the rate limit; what is held by then is given back where it
        fails. Raises RequestError.

        wait_until: says, where the rate limit makes the request wait, up to when that makes sense. payers:
        who pays beside the deployment.
        """
        policies = self._policies
        if policies is None:
            return
        try:
            if paying := policies.paying.get(payers) or policies.who_pays(payers):
                if self._estimate.tier and policies.tiers.is_unpriced(self._estimate.tier):
                    refuse_unpriced(policies.plan, self._estimate.tier, paying)
                amount = 0 if self._tariff is None else self._tariff.estimated(self._estimate)
                for payer in paying:
                    outcome = payer.budget.reserve(now + policies.epoch, amount)
                    if type(outcome) is not Reservation or outcome.notice is not None:
                        outcome = await self._ask_for_money(payer, outcome, amount, deadline)
                    self._held.append((payer.budget, outcome))
            if (probing := self._enter_circuit(policies, now)) is not None:
                await probing
            self._permit = policies.limiter.take(now, self._estimate.total())
            if self._permit is None:
                await self._wait_for_permit(policies, now, deadline, wait_until)
        except BaseException:
            self.leave(self._loop.time())
            raise

    async def _ask_for_money(
        self, payer: Payer, outcome: Reservation | Exceeded | None, amount: int, deadline: float | None
    ) -> Reservation:
        """What `payer` sets aside, where there is more to it. outcome: None, where processes that share the
        budget have to agree on it. Raises RequestError."""
        if outcome is None:
            try:
                outcome = await payer.budget.acquire(amount, deadline)
            except RequestError as error:
                raise (error if payer.plan is None else _of(payer.plan, error)) from None
        if outcome.notice:
            log.warning("%s: %s", payer.who, outcome.notice)
        if isinstance(outcome, Exceeded):
            refusal = BudgetExceeded(f"{payer.who}: {outcome.reason}", retry_after=outcome.retry_after)
            raise refusal if payer.plan is None else _of(payer.plan, refusal)
        return outcome

    def _enter_circuit(self, policies: ReplicaPolicies, now: float) -> Coroutine[Any, Any, None] | None:
        """Pass the circuit breaker; where that is not closed, what to await. Raises CircuitOpen."""
        passed = policies.breaker.enter(now)
        if policies.breaker.open_until is None and isinstance(passed, Pass):
            self._pass = passed
            return None
        return self._claim_probe(policies, now, self._unblocked(policies, now, passed))

    async def _claim_probe(self, policies: ReplicaPolicies, now: float, held: Pass) -> None:
        """The circuit is not closed: another process may be probing it already. Raises CircuitOpen."""
        try:
            outcome = await policies.breaker.claim(now, held)
        except BaseException:
            self._pass = held
            raise
        self._pass = self._unblocked(policies, now, outcome)

    def _unblocked(self, policies: ReplicaPolicies, now: float, outcome: Pass | Blocked) -> Pass:
        if isinstance(outcome, Blocked):
            plan, wait = policies.plan, outcome.retry_at - now
            has_address = plan.endpoint and not plan.is_launched
            where = f"{plan.provider} at {plan.endpoint}" if has_address else "its server"
            reason = f"{where} keeps failing and is left alone for {ceil(wait)} s"
            raise _refusal(CircuitOpen, plan, reason, wait)
        return outcome

    async def _wait_for_permit(
        self,
        policies: ReplicaPolicies,
        now: float,
        deadline: float | None,
        wait_until: Callable[[float], float],
    ) -> None:
        """Wait for the rate limit, and pass the circuit again, which may have opened meanwhile."""
        if (until := wait_until(now)) < inf:
            until = max(until, now) + SHORT_WAIT
            deadline = until if deadline is None else min(until, deadline)
        try:
            self._permit = await policies.limiter.acquire(self._estimate.total(), deadline)
        except RequestError as error:
            raise _of(policies.plan, error) from None
        held = self._pass
        if held is not None and policies.breaker.is_stale(held):
            self._pass = None
            if (probing := self._enter_circuit(policies, self._loop.time())) is not None:
                await probing

    def saw(self, chunk: Chunk) -> None:
        """A part of the answer came."""
        if not self.begun:
            self.begun = True
            self.first = self._loop.time()
            if type(chunk) is ChatChunk and chunk.usage is None:
                self._frame = frame_of(chunk.data)
        self._chunks += 1
        usage = chunk.usage
        if isinstance(chunk, ChatChunk):
            self._size += len(chunk.data)
        elif isinstance(chunk, ChatEvents):
            if usage is None:  # else nobody asks for the size
                self._size += self._frame + said_by(chunk.events)
        elif usage is None or (not usage.prompt_tokens and usage == NOTHING_USED):
            return  # not every provider counts
        if usage is not None:
            guessed = self._estimate
            if guessed[2:] != _BY_TOKENS:
                usage = evolve(
                    usage,
                    searches=usage.searches or guessed.searches,
                    images=usage.images or guessed.images,
                    characters=usage.characters or guessed.characters,
                    audio_ms=usage.audio_ms or (0 if usage.prompt_tokens else guessed.audio_ms),
                    tier=usage.tier or guessed.tier,
                )
            if usage.tier and usage.tier != STANDARD and self._policies is not None:
                self._policies.tiers.answered(guessed.tier, usage.tier)
                doubt_price(self._policies, usage.tier)
            self.usage = usage

    def passed(self, count: int, size: int) -> None:
        """A part of the answer passed that has no usage: so many chunks of a chat, with so many bytes."""
        self._chunks += count
        self._size += size

    def finished(self) -> None:
        """The whole answer came."""
        self._finished = True

    def failed(self, now: float, error: RequestError, deadline: float | None) -> None:
        """The attempt failed; the provider's wish to be left alone holds for everyone.

        What a client is told to wait is no more than what `max_hold` makes everyone wait.
        """
        policies, asked = self._policies, error.retry_after
        self.failure = Failure(type(error).code, error.upstream_status, asked)
        self._why = error.message
        if error.usage is not None:
            self.usage = error.usage
        if policies is None:
            return
        longest = float(policies.plan.rate_limits.max_hold)
        if asked is not None:
            error.retry_after = min(asked, longest)
        if isinstance(error, RateLimited) and error.retryable and (asked is not None or self._is_probe):
            if policies.plan.retry.respect_retry_after:
                policies.limiter.hold(longest if asked is None else asked)
                if policies.tell_hold is not None:
                    policies.tell_hold(longest if asked is None else min(asked, longest))
        elif deadline is not None and now >= deadline:
            return  # our own clock ran out, which says nothing about the provider
        self._outcome_told = Outcome.FAILURE if counts_as_failure(error) else Outcome.NOTHING
        self._charges = isinstance(error, RequestTimeout) and error.upstream_status is None

    @property
    def _is_probe(self) -> bool:
        """Whether the request went alone, to see whether others may follow."""
        return self._permit is not None and self._permit.probe > 0

    def leave(self, now: float) -> None:
        """Give back the permit, the pass and what of the money was not spent."""
        policies, tariff = self._policies, self._tariff
        used = self.used = self._used()
        if tariff is None:
            cost = used.told_cost or None
        elif used is NOTHING_USED:
            cost = 0
        else:
            cost = tariff.cost(used)
        self.cost = cost
        if policies is None:
            return
        if self._permit is not None:
            tokens = used.prompt_tokens + used.completion_tokens if self.is_sent else None
            policies.limiter.finish(self._permit, tokens)
        if self._pass is not None:
            breaker = policies.breaker
            was_closed = breaker.open_until is None
            breaker.report(now, self._pass, self._outcome())
            if was_closed is not (breaker.open_until is None):
                _log_circuit(policies, self._why)
        for budget, money in self._held:
            budget.settle(money, cost or 0)

    def _used(self) -> Usage:
        """What the provider will probably charge: what it said, or what can be known without that.

        Nothing for what was never sent or was answered with an error; the prompt for an attempt that
        was broken off before its answer began; the prompt and what came for one that was broken off later.
        """
        if self.usage is not None:
            return self.usage
        if not self.is_sent or self._estimate is NO_SIZE:
            return NOTHING_USED
        if self.begun:
            guessed = self._estimate
            completion = streamed_tokens(self._chunks, self._size, self._frame) if guessed.answer else 0
            if guessed.characters:  # how many bytes a sound has says nothing
                completion = guessed.answer
            return Usage(
                guessed.prompt,
                completion,
                searches=guessed.searches,
                images=guessed.images,
                characters=guessed.characters,
                audio_ms=guessed.audio_ms,
                tier=guessed.tier,
            )
        return Usage(self._estimate.prompt if self._charges else 0, tier=self._estimate.tier)

    def _outcome(self) -> Outcome:
        if self._outcome_told is not None:
            return self._outcome_told
        return SUCCESS if self._finished or self.begun else NOTHING


_BY_TOKENS = NO_SIZE[2:]
"""Of what is paid by tokens alone."""


def _log_circuit(policies: ReplicaPolicies, why: str) -> None:
    """The circuit has opened or closed. why: what the last attempt failed with."""
    plan, breaker = policies.plan, policies.breaker
    where = f"deployment `{plan.deployment}`: the circuit of {plan.provider}"
    if breaker.is_closed:
        log.warning("%s is closed: its endpoint answers again", where)
    else:
        log.warning("%s is open: its endpoint keeps failing, and is left alone; at last: %s", where, why)


def _of(plan: RemotePoolPlan, error: RequestError) -> RequestError:
    """`error`, which says whose it is."""
    error.deployment, error.provider = plan.deployment, plan.provider
    return error


def _refusal(
    kind: type[RequestError], plan: RemotePoolPlan, reason: str, retry_after: float | None
) -> RequestError:
    message = f"deployment `{plan.deployment}`: {reason}"
    return kind(message, deployment=plan.deployment, provider=plan.provider, retry_after=retry_after)


def counts_as_failure(error: RequestError) -> bool:
    """Whether `error` speaks against the endpoint: 5xx, timeouts and network errors do, nothing else."""
    if not isinstance(error, ServerError | NetworkError | RequestTimeout):
        return False
    status = error.upstream_status
    return status is None or status >= 500 or status == 408

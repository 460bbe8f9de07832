"""The only replica of a local model: its first attempt is the last, and no policies are asked for it."""

from __future__ import annotations

import asyncio

from ..policies.tariff import Tariff
from ..replicas.replica import Answering
from ..requests.answer import ChatChunk, Chunk
from ..requests.call import Call
from ..requests.errors import RequestError, forget_frames
from ..requests.trace import Failure, Trace
from ..requests.usage import NOTHING_USED, Usage
from .counters import DeploymentCounters, outcome_now
from .slots import Slot, Slots


class LoneReplica:
    """Of `deployment`. What a `Retrier` and its `Attempt` come to where there is nothing to pass, to hold, to
    send again, or to ask of somebody else."""

    def __init__(self, deployment: str, replica: Answering, slots: Slots, tariff: Tariff) -> None:
        self._deployment = deployment
        self._replica = replica
        self._slots = slots
        self._tariff = tariff

    async def answer(
        self,
        call: Call,
        slot: Slot,
        trace: Trace,
        counters: DeploymentCounters,
        began: float,
        loop: asyncio.AbstractEventLoop,
    ) -> Chunk:
        """The whole answer to a request that holds `slot`, which is given back. Raises RequestError.

        counters: who counts it. began: when the request came, in the time of the `loop`.
        """
        request = call.request
        trace.deployment, trace.replica, trace.attempts = self._deployment, slot.replica, 1
        sent = loop.time()
        usage: Usage | None = None
        failure: Failure | None = None
        first: float | None = None
        try:
            chunk = await self._replica.answer(request, call.deadline)
            first, trace.upstream = loop.time(), chunk.upstream
            usage = chunk.usage
            if usage is not None and usage == NOTHING_USED and not isinstance(chunk, ChatChunk):
                usage = None  # as of an attempt: nothing was counted
            return chunk
        except RequestError as error:
            forget_frames(error)
            error.attempts = 1
            trace.note(loop.time(), f"{self._deployment} #{slot.replica}: failed: {error.message}")
            usage, failure = error.usage, Failure(type(error).code, error.upstream_status, error.retry_after)
            raise
        finally:
            now = loop.time()
            used, cost = NOTHING_USED, 0
            if usage is not None:
                used, cost = usage, self._tariff.cost(usage)
            whole = first is not None
            trace.record(self._deployment, sent, now, used, cost, whole, slot.replica, first, failure)
            self._slots.leave(slot, now)
            counters.leave(outcome_now(request, whole), began, sent, first, now, usage, used, False)

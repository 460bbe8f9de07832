"""The time that a step has, and its further tries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from ....compiler.plan import Duration, RetryPolicy
from ...policies.retry import GiveUp, Retry
from ...requests.errors import RequestError, RequestTimeout
from .text_sink import Sink

T = TypeVar("T")
Once = Callable[[float | None], Awaitable[T]]
"""One try, with its deadline in the time of the loop."""


class Tries:
    """How often a step is tried: again after what may go away, each time later than the last."""

    def __init__(self, retries: int, timeout: float | None, random: Random) -> None:
        policy = RetryPolicy(max_retries=retries, initial_backoff=Duration(0.25), max_backoff=Duration(10))
        self._retry = Retry(policy, True, random) if retries else None
        self._timeout = timeout

    async def of(self, once: Once[T], until: float | None, sink: Sink | None = None) -> T:
        """What `once` gives, at `until` at the latest. Raises RequestError.

        sink: where its text goes; once some is out, it is not tried again.
        """
        attempt, waited = 0, 0.0
        loop = asyncio.get_running_loop()
        while True:
            attempt += 1
            try:
                return await self._once(once, until)
            except RequestError as error:
                if self._retry is None or (sink is not None and sink.sent):
                    raise
                decision = self._retry.decide(error, attempt, waited)
                if isinstance(decision, GiveUp) or (
                    until is not None and loop.time() + decision.seconds >= until
                ):
                    raise
            await asyncio.sleep(decision.seconds)
            waited += decision.seconds

    async def _once(self, once: Once[T], until: float | None) -> T:
        if until is None:
            return await once(None)
        try:
            async with asyncio.timeout_at(until):
                return await once(until)
        except TimeoutError:
            limit = f"its timeout of {Duration(self._timeout)}" if self._timeout else "the deadline"
            raise RequestTimeout(f"it took longer than {limit}") from None

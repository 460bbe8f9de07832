"""What an actor of Ray Serve serves at a port of its node, until Serve ends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ...compiler.plan import GatewayPlan
from ..executor import Executor
from ..gateway.health import findings_of
from ..gateway.serve import serve
from ..http.server import Stop
from ..requests.errors import StartError
from .registry import BEAT

LEAVING = 2 * BEAT
"""Seconds in which those that ask hear that no more requests should come."""


class Served:
    """An executor behind a gateway. grace: seconds that requests in flight have to end in."""

    def __init__(self, executor: Executor, gateway: GatewayPlan, bound: socket.socket, grace: float) -> None:
        self._executor = executor
        self._stop = Stop()
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(
            serve(
                executor,
                gateway,
                ready=self._ready.set_result,
                grace=grace,
                drain_delay=LEAVING,
                stopping=self._stopping,
                bound=bound,
            )
        )

    async def start(self) -> None:
        """Wait until it takes requests. Raises RuntimeError, which Serve shows to whoever deploys."""
        either: list[asyncio.Future[Any]] = [self._serving, self._ready]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            try:
                await self._serving
            except StartError as error:
                raise RuntimeError(str(error)) from None

    @asynccontextmanager
    async def _stopping(self) -> AsyncIterator[Stop]:
        yield self._stop

    @property
    def is_over(self) -> bool:
        """Whether it has ended, by itself or because it was told to."""
        return self._serving.done()

    @property
    def is_well(self) -> bool:
        """Whether it takes requests."""
        return not self._serving.done() and findings_of(self._executor)

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.asked.is_set()

    async def stop(self) -> None:
        """Take no more requests, and end those that run."""
        self._stop.asked.set()
        await asyncio.wait([self._serving])


class NotReady(Exception):
    """Told to Ray, which replaces the actor if that stays so."""

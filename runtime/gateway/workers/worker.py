"""One of several workers: answers requests, and what its supervisor asks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client.core import Metric

from ....compiler.plan import Plan
from ....compiler.plan.codec import parse_plan
from ...admin import Refused
from ...http.server import Stop
from ...reload import Reloader
from ...requests.errors import StartError
from ..commands import Commands
from ..serve import Service
from ..telemetry.metrics import METRICS
from ..telemetry.request_records import RECORDS
from .channel import Channel, Message
from .merging import merged_metrics, metrics_as_json


class Worker:
    """Speaks with the supervisor over a channel; is stopped by it, or when it is gone."""

    def __init__(self) -> None:
        self.orders: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        """What the supervisor wants to be served, and how."""
        self.plan: Plan | None = None
        self._channel = Channel(self._handle)
        self._began: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._stop = Stop()
        self._service: Service | None = None
        self._commands: Commands | None = None

    async def listen(self, end: socket.socket) -> None:
        """Hear of the supervisor, at the other end."""
        await self._channel.open(end)

    def serves(self, url: str) -> None:
        """Requests are taken from now on."""
        self._began.set_result({"url": url, "pid": os.getpid()})

    async def failed(self, problems: tuple[str, ...]) -> None:
        """It cannot start: the supervisor is told why."""
        if not self._began.done():
            self._began.set_result({"problems": problems})
        await self._channel.flush()

    @asynccontextmanager
    async def stopping(self) -> AsyncIterator[Stop]:
        """Stops when the supervisor says so, when that is gone, and on SIGTERM; Ctrl-C is for the
        supervisor."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.asked.set)
        gone = asyncio.create_task(self._orphaned())
        try:
            yield self._stop
        finally:
            gone.cancel()
            loop.remove_signal_handler(signal.SIGTERM)

    @asynccontextmanager
    async def beside(self, service: Service, reloader: Reloader) -> AsyncIterator[None]:
        """Answers commands while the gateway serves."""
        self._service, self._commands = service, Commands(service)
        service.app[RECORDS].siblings = self
        yield

    async def status(self) -> dict[str, Any]:
        """As the supervisor says it of all workers."""
        return await self._channel.ask({"command": "status"})

    async def metrics(self, *, traffic: bool = False) -> list[Metric]:
        """As the supervisor says it of all workers."""
        asked = {"command": "metrics", "traffic": traffic}
        return merged_metrics((await self._channel.ask(asked))["metrics"])

    async def ask(self, command: str, **asked: Any) -> dict[str, Any]:
        """As the supervisor says it of all workers."""
        return await self._channel.ask({"command": command, **asked})

    async def _orphaned(self) -> None:
        await self._channel.closed.wait()
        self._stop.asked.set()

    async def _handle(self, message: Message) -> Message:
        match message.pop("command"):
            case "serve":
                self.plan = parse_plan(message.pop("plan"))
                self.orders.set_result(message)
                return await self._began
            case "stop":
                (self._stop.at_once if message["at_once"] else self._stop.asked).set()
                return {}
            case "alive":
                return {}
            case command:
                return await self._answer(str(command), message)

    async def _answer(self, command: str, message: Message) -> Message:
        commands, service = self._commands, self._service
        if commands is None or service is None:
            return {"refused": "it has not started"}
        if command == "metrics":
            metrics = service.app[METRICS]
            found = await (metrics.traffic() if message.get("traffic") else metrics.collect())
            return {"metrics": metrics_as_json(found)}
        if command == "take_over":
            return await self._take_over(service, parse_plan(message["plan"]))
        known: dict[str, Callable[..., Any]] = {**commands.reading, **commands.changing}
        try:
            answer: Message = await known[command](message)
            return answer
        except Refused as error:
            return {"refused": str(error)}

    async def _take_over(self, service: Service, plan: Plan) -> Message:
        try:
            await service.take_over(plan)
        except StartError as error:
            return {"problems": error.problems}
        self.plan = plan
        return {}

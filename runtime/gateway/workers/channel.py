"""Questions and answers between a supervisor and a worker, in both directions, as JSON in lines."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from ...concurrency.tasks import end_tasks

log = logging.getLogger(__name__)

LONGEST = 256 << 20
"""Bytes of a line: both ends are ours."""

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message]]


class Gone(Exception):
    """The process at the other end has ended."""


class Channel:
    """One end. handle: answers what the other end asks; what it raises is told as `{"failed": …}`."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        """Set when the other end is gone."""

    async def open(self, end: socket.socket) -> None:
        """Listen and speak over `end` from now on."""
        reader, self._writer = await asyncio.open_unix_connection(sock=end, limit=LONGEST)
        self._reading = self._start(self._read(reader))

    async def ask(self, message: Message, timeout: float | None = None) -> Message:
        """What the other end says to it. Raises Gone, TimeoutError."""
        if self.closed.is_set() or self._writer is None:
            raise Gone
        self._number += 1
        number = self._number
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._say({"ask": number, **message})
            async with asyncio.timeout(timeout):
                return await answer
        finally:
            self._waiting.pop(number, None)

    async def flush(self) -> None:
        """Wait until all is said."""
        answering = self._tasks - {self._reading, asyncio.current_task()}
        if answering:
            await asyncio.wait(answering)
        if self._writer is not None:
            with suppress(ConnectionError):
                await self._writer.drain()

    async def close(self) -> None:
        """Say nothing more. Safe to call twice."""
        self.closed.set()
        await end_tasks([each for each in self._tasks if each is not asyncio.current_task()])
        if self._writer is not None:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                message = json.loads(line)
                if "answer" in message:
                    waiting = self._waiting.get(message.pop("answer"))
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                else:
                    self._start(self._answer(message.pop("ask"), message))
        self.closed.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Gone())

    async def _answer(self, number: int, message: Message) -> None:
        try:
            answer = await self._handle(message)
        except Exception:
            log.exception("%s failed because of a defect in inferc", message.get("command"))
            answer = {"failed": "because of a defect in inferc; the log says more"}
        self._say({"answer": number, **answer})

    def _say(self, message: Message) -> None:
        if self._writer is not None and not self.closed.is_set():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

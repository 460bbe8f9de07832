"""Replicas that answer as they are told, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from attrs import define, field

from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.errors import RequestError, ServerError
from inferc.runtime.requests.request import ChatRequest, Request
from inferc.runtime.requests.usage import Usage

CHAT = ChatRequest({"model": "x", "messages": [{"role": "user", "content": "Hello"}]}, stream=True)


@define
class FakeReplica:
    """Answers after `delay` in `chunks` pieces a second apart; fails first with each of `errors`.

    usage: sent with the last piece. failing: says whether an attempt that begins now fails.
    """

    delay: float = 1.0
    chunks: int = 1
    usage: Usage | None = None
    errors: list[RequestError] = field(factory=list)
    failing: Callable[[float], bool] = lambda now: False
    fail_at: int | None = None
    started: list[float] = field(factory=list)
    running: int = 0
    most: int = 0
    stopped: bool = False

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(not self.stopped)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        now = asyncio.get_running_loop().time()
        self.started.append(now)
        self.running += 1
        self.most = max(self.most, self.running)
        fails = self.failing(now)
        try:
            await asyncio.sleep(self.delay)
            if self.errors:
                raise self.errors.pop(0)
            if fails:
                raise ServerError("it failed")
            for index in range(self.chunks):
                if index == self.fail_at:
                    raise ServerError("broke off")
                yield ChatChunk(b"%d" % index, self.usage if index == self.chunks - 1 else None)
                await asyncio.sleep(1)
        finally:
            self.running -= 1

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        async with aclosing(self.stream(request, deadline)) as chunks:
            return await anext(chunks)

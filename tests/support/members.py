"""Deployments of fake replicas as the members of routes and the targets of calls, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

from attrs import define, field

from inferc.compiler.plan import Money, Price, RetryPolicy, RoutePlan
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.call import NO_HEADERS, Call
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.request import ChatRequest, Request
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.deployment import Deployment
from inferc.runtime.serving.model import Model
from inferc.runtime.serving.pipelines.workers.workers import Workers
from inferc.runtime.serving.routes.build import build_route
from inferc.runtime.serving.routes.route import Route

from .fakes import CHAT
from .policies import policies_of
from .remote import remote_plan

ONCE = RetryPolicy(max_retries=0)
PRICE = Price(Money("1"), Money("10"))
"""Dollars for a million tokens."""

USAGE = Usage(1000, 100)
"""Costs $0.002."""


@define
class Speaker:
    """A replica that speaks as OpenAI does: first its role, then `words`, each `gap` after the other.

    delay: seconds before it says anything. errors: what its first requests fail with. fail_at: after how
    many words it breaks off. logprob: of each word.
    """

    words: tuple[str, ...] = ("one ", "two")
    delay: float = 1.0
    gap: float = 0.0
    errors: list[RequestError] = field(factory=list)
    fail_at: int | None = None
    broken: RequestError | None = None
    logprob: float = -0.1
    finish: str = "stop"
    ready: bool = True
    says: Callable[[dict[str, Any]], str] | None = None
    seen: list[dict[str, Any]] = field(factory=list)
    started: list[float] = field(factory=list)
    running: int = 0
    most: int = 0
    cancelled: int = 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(self.ready)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, ChatRequest)
        self.seen.append(request.body)
        self.started.append(asyncio.get_running_loop().time())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if request.stream:
                yield _piece({"role": "assistant"})
            await asyncio.sleep(self.delay)
            if self.errors:
                raise self.errors.pop(0)
            if self.broken is not None:
                raise type(self.broken)(self.broken.message)
            words = (self.says(request.body),) if self.says else self.words
            logprobs = {"content": [{"token": word, "logprob": self.logprob} for word in words]}
            shown = logprobs if request.body.get("logprobs") else None
            if not request.stream:
                yield _whole("".join(words), self.finish, shown)
                return
            for index, word in enumerate(words):
                if index == self.fail_at:
                    raise RequestError("broke off")
                yield _piece({"content": word}, logprobs=shown and {"content": [shown["content"][index]]})
                await asyncio.sleep(self.gap)
            yield _piece({}, self.finish)
            yield ChatChunk(b"", USAGE)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


def _piece(delta: dict[str, Any], reason: str | None = None, logprobs: Any = None) -> ChatChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
    return ChatChunk(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode())


def _whole(text: str, reason: str, logprobs: Any) -> ChatChunk:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": logprobs}
    return ChatChunk(json.dumps({"object": "chat.completion", "choices": [choice]}).encode(), USAGE)


def member(name: str, replica: Any = None, **fields: Any) -> Deployment:
    """A deployment that costs money and does not retry."""
    plan = remote_plan(name, **({"retry": ONCE, "price": PRICE} | fields))
    return Deployment(plan, [replica or Speaker()], {}, Random(1), policies_of(plan))


def route(plan: RoutePlan, *members: Model, random: Random | None = None) -> Route:
    return build_route(plan, {each.name: each for each in members}, random or Random(1), Workers())


async def hear(
    target: Model,
    *,
    stream: bool = True,
    deadline: float | None = None,
    trace: Trace | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
    body: Mapping[str, Any] | None = None,
) -> str:
    """The text that `target` answers with."""
    request = ChatRequest({**CHAT.body, **(body or {})}, stream)
    answer = target.stream(Call(request, deadline, headers=headers), trace or Trace())
    async with aclosing(answer) as chunks:
        return "".join([text_in(chunk) async for chunk in chunks])


def text_in(chunk: Chunk) -> str:
    """The text of a chat answer, or of a piece of one."""
    assert isinstance(chunk, ChatChunk)
    choices = json.loads(chunk.data)["choices"] if chunk.data else []
    return "".join((each.get("delta") or each.get("message") or {}).get("content") or "" for each in choices)

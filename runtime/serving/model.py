"""What answers requests under a name: a deployment, a route or a pipeline that chats.

The gateway, routes and pipelines know this interface alone.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import inf

from ...compiler.plan import TaskKind
from ..policies.estimate import Estimate
from ..requests.answer import Chunk
from ..requests.call import Call
from ..requests.errors import BadRequest
from ..requests.request import (
    ChatRequest,
    ClassifyRequest,
    CompletionRequest,
    EmbedRequest,
    PassedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from ..requests.trace import Trace

_ENDPOINTS = {
    TaskKind.CHAT: "/v1/chat/completions",
    TaskKind.EMBED: "/v1/embeddings",
    TaskKind.RERANK: "/v1/rerank",
    TaskKind.CLASSIFY: "/v1/classify",
    TaskKind.GENERATE: "/v1/chat/completions",
    TaskKind.TENSOR: "/v2/models/{name}/infer",
}
_CANNOT = {
    TaskKind.CHAT: "does not chat",
    TaskKind.EMBED: "gives no embeddings",
    TaskKind.RERANK: "does not rerank",
    TaskKind.CLASSIFY: "does not classify",
    TaskKind.GENERATE: "does not continue texts",
    TaskKind.TENSOR: "takes no tensors",
}
_TASKS: dict[type[Request], tuple[TaskKind, ...]] = {
    ChatRequest: (TaskKind.CHAT, TaskKind.GENERATE),
    CompletionRequest: (TaskKind.GENERATE, TaskKind.CHAT),
    PassedRequest: (TaskKind.CHAT,),
    EmbedRequest: (TaskKind.EMBED,),
    RerankRequest: (TaskKind.RERANK,),
    ClassifyRequest: (TaskKind.CLASSIFY,),
    TensorRequest: (TaskKind.TENSOR, TaskKind.CLASSIFY, TaskKind.EMBED, TaskKind.RERANK),
}
"""Which tasks answer a request."""


class Model(ABC):
    """Takes a request and a deadline, gives a stream of chunks and a trace.

    name: what requests call it. task: which requests it answers.
    """

    name: str
    task: TaskKind

    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one in which all its requests are; remembered, because asking for it takes a system call."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def is_wildcard(self) -> bool:
        """Whether clients say which model they mean, behind its name and a slash."""
        return False

    relays = False
    """Whether nothing happens to chunks between its replicas and who asks, but that they are counted."""

    @property
    @abstractmethod
    def running(self) -> int:
        """Requests that are being answered."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Requests that wait until they are."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether requests can be answered, as far as is known without asking."""

    @abstractmethod
    def free_at(self, now: float) -> float:
        """When a request that comes now would be sent: `now` if nothing keeps it, infinite where it is not
        known when. In the time of the loop.
        """

    def cost(self, size: Estimate) -> float:
        """What a request of `size` will probably cost, in picodollars; infinite where that is not known."""
        return inf

    def used(self, now: float) -> float:
        """The share of its limits, or of its capacity, that is used; 0 where it has none."""
        return 0.0

    @abstractmethod
    def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces; unary answers are one piece.

        Closing the generator cancels the request and frees all it held. Raises RequestError.
        """

    async def answer(self, call: Call, trace: Trace) -> Chunk:
        """The first chunk of the answer: all of it, for a request that wants no stream. Else as `stream`."""
        return await first_chunk(self.stream(call, trace))


async def first_chunk(chunks: AsyncGenerator[Chunk, None]) -> Chunk:
    """The first chunk of an answer, which is cancelled after it. Raises RequestError."""
    async with aclosing(chunks):
        return await anext(chunks)


def fits_task(task: TaskKind, request: Request) -> bool:
    """Whether `request` is one for a model of `task`."""
    return task in _TASKS[type(request)]


def check_task(kind: str, name: str, task: TaskKind, request: Request) -> None:
    """Refuse a request that is not of `task`. Raises BadRequest, which says where it belongs."""
    tasks = _TASKS[type(request)]
    if task not in tasks:
        cannot = f"has no `{request.path}`" if isinstance(request, PassedRequest) else _CANNOT[tasks[0]]
        advice = f"send the request to {_ENDPOINTS[task].format(name=name)}"
        message = f"{kind} `{name}` {cannot}, its task is `{task}`: {advice}"
        raise BadRequest(
            message, deployment=name if kind == "deployment" else None, param="model", code="wrong_task"
        )

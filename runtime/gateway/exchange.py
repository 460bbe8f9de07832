"""One request of a client: who asks, what they may ask for, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...compiler.plan import ClientProtocol
from ..executor import Executor
from ..limits.keys import KeyPolicies
from ..policies.estimate import estimate
from ..requests.answer import Chunk
from ..requests.call import NO_HEADERS
from ..requests.errors import Forbidden, UnknownModel
from ..requests.request import ChatRequest, CompletionRequest, Request
from ..requests.trace import Span, Trace
from ..serving.model import Model

if TYPE_CHECKING:
    from ..serving.pipelines import Event, Pipeline, Result

LONGEST_USER = 128
"""Characters of what a request says its user is."""


class Exchange:
    """What an endpoint asks of the executor, for one request of a client.

    began: when it came, in the time of the loop. plan: what answers it, also when another one is taken over
    meanwhile. key: whose it is; None where keys are not told apart, or it may ask for everything. asked: the
    model, route or pipeline, once it is known. person: for whom the key was made. background: what goes on
    when the client has its answer. traceparent: of the client's own trace. user: as the request says. spans:
    what was done for it.
    """

    __slots__ = (
        "asked",
        "background",
        "began",
        "executor",
        "id",
        "key",
        "person",
        "plan",
        "spans",
        "trace",
        "traceparent",
        "user",
    )

    def __init__(self, executor: Executor, request_id: str, began: float) -> None:
        self.id = request_id
        self.began = began
        self.executor = executor
        self.plan = executor.now
        self.plan.users += 1
        self.key: KeyPolicies | None = None
        self.person = ""
        self.traceparent = ""
        self.asked: str | None = None
        self.background: asyncio.Task[None] | None = None
        self.user: str | None = None
        self.trace: Trace | None = None
        self.spans: list[Span] = []

    def end(self) -> None:
        """The request is answered: called once."""
        self.plan.users -= 1

    @property
    def models(self) -> Mapping[str, Model]:
        """All that the client may name as `model`."""
        return {name: each for name, each in self.plan.models.items() if self._may_ask(name)}

    @property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The pipelines that the client may run."""
        return {name: each for name, each in self.plan.pipelines.items() if self._may_ask(name)}

    def model(self, name: str) -> Model:
        """What answers requests for `name`. Raises UnknownModel, Forbidden."""
        try:
            model = self.plan.model(name)
        except UnknownModel:
            if self.key is None or not self.key.plan.models:
                raise
            raise UnknownModel(f"there is no model `{name}`; {self._listed()}", param="model") from None
        self._check(name)
        return model

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises UnknownModel, Forbidden."""
        pipeline = self.plan.pipeline(name)
        self._check(name)
        return pipeline

    def deadline(self) -> float | None:
        """When a request that comes now must be answered, in the time of the running loop."""
        return self.plan.deadline()

    def stream(
        self,
        name: str,
        request: Request,
        deadline: float | None,
        trace: Trace,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncGenerator[Chunk, None]:
        """As that of the executor. Raises RequestError, too."""
        self._begin(name, request, trace)
        key = self.key
        if key is None:
            return self.plan.stream(name, request, deadline, trace, priority=priority, headers=headers)
        answer = self.plan.stream(
            name,
            request,
            deadline,
            trace,
            priority=self._priority(priority),
            headers=headers,
            payers=key.payers,
        )
        return answer if key.limiter is None else self._limited(key, answer, request, deadline)

    async def answer(
        self,
        name: str,
        request: Request,
        deadline: float | None,
        trace: Trace,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Chunk:
        """As that of the executor."""
        self._begin(name, request, trace)
        key = self.key
        if key is None:
            return await self.plan.answer(name, request, deadline, trace, priority=priority, headers=headers)
        permit = await key.enter(estimate(request).total if key.limiter else 0, deadline)
        try:
            return await self.plan.answer(
                name,
                request,
                deadline,
                trace,
                priority=self._priority(priority),
                headers=headers,
                payers=key.payers,
            )
        finally:
            key.leave(permit, self.tokens)

    async def run(
        self,
        pipeline: Pipeline,
        values: Mapping[str, Any],
        deadline: float | None,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Result:
        """The value of a pipeline. Raises RequestError."""
        self.asked = pipeline.name
        key = self.key
        self.trace = trace = Trace(spans=self.spans, id=self.id)
        permit = await key.enter(0, deadline) if key is not None else None
        try:
            return await self.plan.run(
                pipeline,
                values,
                deadline,
                trace,
                priority=self._priority(priority),
                headers=headers,
                payers=key.payers if key is not None else (),
            )
        finally:
            if key is not None:
                key.leave(permit, self.tokens)

    async def events(
        self,
        pipeline: Pipeline,
        values: Mapping[str, Any],
        deadline: float | None,
        *,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncGenerator[Event, None]:
        """The same, with what happens on the way."""
        self.asked = pipeline.name
        key = self.key
        self.trace = trace = Trace(spans=self.spans, id=self.id)
        permit = await key.enter(0, deadline) if key is not None else None
        try:
            events = self.plan.events(
                pipeline,
                values,
                deadline,
                trace,
                priority=self._priority(priority),
                headers=headers,
                payers=key.payers if key is not None else (),
            )
            async with aclosing(events):
                async for each in events:
                    yield each
        finally:
            if key is not None:
                key.leave(permit, self.tokens)

    @property
    def tokens(self) -> int:
        """Of all that was done for the request."""
        return sum(span.tokens for span in self.spans)

    def check_protocol(self, protocol: ClientProtocol) -> None:
        """Raises Forbidden where the key may not ask in `protocol`."""
        key = self.key
        if key is not None and key.plan.protocols and protocol not in key.plan.protocols:
            listed = ", ".join(f"`{each}`" for each in key.plan.protocols)
            raise Forbidden(
                f"the key `{key.plan.name}` may not ask in the protocol `{protocol}`, only in {listed}",
                code="protocol_not_allowed",
            )

    def _begin(self, name: str, request: Request, trace: Trace) -> None:
        """Note what is asked. Raises UnknownModel, Forbidden."""
        if self.key is not None:
            self.model(name)
        self.asked = name
        self.trace = trace
        if trace.spans is None:
            trace.spans = self.spans
        self.spans = trace.spans
        trace.id = self.id
        if isinstance(request, ChatRequest | CompletionRequest):
            user = request.body.get("user")
            if isinstance(user, str):
                self.user = user[:LONGEST_USER]

    async def _limited(
        self,
        key: KeyPolicies,
        answer: AsyncGenerator[Chunk, None],
        request: Request,
        deadline: float | None,
    ) -> AsyncGenerator[Chunk, None]:
        """`answer`, once the limits of `key` let it begin."""
        async with aclosing(answer):
            permit = await key.enter(estimate(request).total, deadline)
            try:
                async for chunk in answer:
                    yield chunk
            finally:
                await answer.aclose()
                key.leave(permit, self.tokens)

    def _priority(self, asked: int) -> int:
        """As the key says; clients may ask for less."""
        if self.key is None:
            return asked
        most = self.key.plan.priority
        return min(asked or most, most)

    def _may_ask(self, name: str) -> bool:
        patterns = self.key.plan.models if self.key is not None else ()
        return not patterns or _matches(patterns, name)

    def _check(self, name: str) -> None:
        if self._may_ask(name):
            return
        assert self.key is not None
        message = f"the key `{self.key.plan.name}` may not ask `{name}`; {self._listed()}"
        raise Forbidden(message, param="model", code="model_not_allowed")

    def _listed(self) -> str:
        names = ", ".join(f"`{name}`" for name in {**self.models, **self.pipelines})
        return f"it may ask {names}" if names else "it may ask nothing"


@lru_cache(maxsize=4096)
def _matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of `patterns` is `name`, or the part of it before a slash, where clients say the rest."""
    names = {name, name.partition("/")[0]}
    return any(fnmatchcase(each, pattern) for each in names for pattern in patterns)

"""One request of a client: who asks, what they may ask for, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import evolve

from ...compiler.plan import ClientProtocol
from ...compiler.plan.open_names import is_pattern, meeting
from ..executor import Executor
from ..limits.keys import KeyPolicies
from ..policies.estimate import estimate
from ..policies.rate_limit import Permit
from ..requests.answer import Chunk
from ..requests.call import NO_HEADERS, Call
from ..requests.errors import Forbidden, UnknownModel
from ..requests.foreign_text import MOST_NAME, short_name
from ..requests.pipeline_call import PipelineCall
from ..requests.request import ChatRequest, CompletionRequest, Request
from ..requests.sink import Sink
from ..requests.trace import Note, Span, Trace
from ..serving.model import Model

if TYPE_CHECKING:
    from ..serving.guards import GuardedModel
    from ..serving.pipelines.pipeline import Event, Pipeline, Result
    from .telemetry.traces import OwnTrace

_NAMES_USER = (ChatRequest, CompletionRequest)

LONGEST_NAME = 200
"""Characters of a model's name, as it is remembered."""
LONGEST_USER = 128
"""Characters of what a request says its user is."""


class Exchange:
    """What an endpoint asks of the executor, for one request of a client.

    began: when it came, in the time of the `loop`. plan: what answers it, also when another one is taken over
    meanwhile. key: whose it is; None where keys are not told apart, or it may ask for everything. asked: the
    model, route or pipeline, once it is known. person: for whom the key was made. background: what goes on
    when the client has its answer. traceparent: of the client's own trace. until: when the client waits no
    longer, if it says so. user: as the request says. spans: what was done for it. notes: what happened beside
    that, to a pipeline. own_trace: which trace it is in, where traces are written. ids: the headers that name
    the request, in each answer to it. tell: adds to the head of an answer what the gateway says in all.
    """

    __slots__ = (
        "_permit",
        "asked",
        "background",
        "began",
        "executor",
        "id",
        "ids",
        "key",
        "loop",
        "notes",
        "own_trace",
        "person",
        "plan",
        "spans",
        "tell",
        "trace",
        "traceparent",
        "until",
        "user",
    )

    def __init__(self, executor: Executor, request_id: str, ids: Mapping[str, str] = NO_HEADERS) -> None:
        self.id = request_id
        self.ids = ids
        self.loop = executor.loop or asyncio.get_running_loop()
        self.began = self.loop.time()
        self.executor = executor
        self.plan = executor.now
        self.plan.users += 1
        self.key: KeyPolicies | None = None
        self.person = ""
        self.traceparent = ""
        self.until: float | None = None
        self.asked: str | None = None
        self.background: asyncio.Task[None] | None = None
        self.user: str | None = None
        self.trace: Trace | None = None
        self.spans: list[Span] = []
        self.notes: list[Note] = []
        self.own_trace: OwnTrace | None = None
        self.tell: Callable[[web.Request, web.StreamResponse, Exchange], None] | None = None
        self._permit: Permit | None = None  # of the limits of its key, once it asks something

    def end(self) -> None:
        """The request is answered: called once."""
        self.plan.users -= 1
        if self._permit is not None and self.key is not None and self.key.limiter is not None:
            self.key.limiter.finish(self._permit, self.tokens())

    @property
    def models(self) -> Mapping[str, Model]:
        """All that the client may name as `model`; of names that clients end, what its key lists of them."""
        models = {name: each for name, each in self.plan.models.items() if self._may_ask(name)}
        if self.key is not None:
            open_names = [each for each in self.plan.models.items() if is_pattern(each[0])]
            for name in self.key.plan.models:
                if name in models:
                    continue
                if found := self.plan.answering(name):
                    models[name] = found
                elif is_pattern(name):
                    less = ((meeting(name, known), each) for known, each in open_names if known not in models)
                    models |= {both: each for both, each in less if both}
        return models

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
            message = f"there is no model `{short_name(name)}`; {self._listed()}"
            raise UnknownModel(message, param="model") from None
        if self.key is not None and self.key.plan.models:
            self._check(name, model.name)
        return model

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises UnknownModel, Forbidden."""
        pipeline = self.plan.pipeline(name)
        self._check(name, name)
        return pipeline

    def deadline(self) -> float | None:
        """When a request that comes now must be answered, in the time of the running loop."""
        deadline = self.plan.deadline()
        if self.until is None:
            return deadline
        return self.until if deadline is None else min(self.until, deadline)

    def call(
        self,
        request: Request,
        priority: int = 0,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        until: float | None = None,
        sink: Sink | None = None,
    ) -> Call:
        """`request`, as the key lets it be asked. until: where the request says when it must be answered."""
        deadline, key = self.deadline() if until is None else until, self.key
        if key is None:
            return Call(request, deadline, priority, headers, inf, (), sink)
        return Call(request, deadline, self._priority(priority), headers, inf, key.payers, sink)

    def stream(self, name: str, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer of `name` in pieces. Raises RequestError, at once where the request may not be asked."""
        model = self._begin(name, call.request, trace)
        if self.plan.has_patterns:
            call = evolve(call, request=self.plan.completed(name, call.request))
        if call.sink is not None and not model.relays:
            call = evolve(call, sink=None)
        answer = model.stream(call, trace)
        return answer if self._enters(call.request) else self._late_stream(answer, call)

    def answer(self, name: str, call: Call, trace: Trace) -> Coroutine[Any, Any, Chunk]:
        """The whole answer of `name` to a request that wants no stream. Raises RequestError, as `stream`."""
        model = self._begin(name, call.request, trace)
        if self.plan.has_patterns:
            call = evolve(call, request=self.plan.completed(name, call.request))
        if self.key is None or self._enters(call.request):
            return model.answer(call, trace)
        return self._late_answer(model, call, trace)

    async def run(self, pipeline: Pipeline, call: PipelineCall) -> Result:
        """The value of a pipeline. Raises RequestError."""
        trace = await self._begin_pipeline(pipeline, call.deadline)
        return await self.plan.run(pipeline, self._as_allowed(call), trace)

    async def events(self, pipeline: Pipeline, call: PipelineCall) -> AsyncGenerator[Event, None]:
        """The same, with what happens on the way."""
        trace = await self._begin_pipeline(pipeline, call.deadline)
        async with aclosing(self.plan.events(pipeline, self._as_allowed(call), trace)) as events:
            async for each in events:
                yield each

    def tokens(self) -> int:
        """Of all that was done for the request."""
        tokens = 0
        for span in self.spans:
            tokens += span.usage.prompt_tokens + span.usage.completion_tokens
        return tokens

    def check_protocol(self, protocol: ClientProtocol) -> None:
        """Raises Forbidden where the key may not ask in `protocol`."""
        key = self.key
        if key is not None and key.plan.protocols and protocol not in key.plan.protocols:
            listed = ", ".join(f"`{each}`" for each in key.plan.protocols)
            raise Forbidden(
                f"the key `{key.plan.name}` may not ask in the protocol `{protocol}`, only in {listed}",
                code="protocol_not_allowed",
            )

    def _begin(self, name: str, request: Request, trace: Trace) -> Model | GuardedModel:
        """Note what is asked; gives what answers. Raises UnknownModel, Forbidden."""
        self.asked = name[:LONGEST_NAME]
        self.trace = trace
        if trace.spans is None:
            trace.spans = self.spans
        self.spans = trace.spans
        trace.id = self.id
        if isinstance(request, _NAMES_USER):
            said = request.said if isinstance(request, ChatRequest) else None
            user = request.body.get("user") if said is None else said.conversation.user
            if isinstance(user, str):
                self.user = user[:LONGEST_USER]
        model, guards = self.model(name), self.plan.guards
        return model if guards is None else guards.around(model, name, self._payers)

    async def _begin_pipeline(self, pipeline: Pipeline, deadline: float | None) -> Trace:
        """Note what is asked, and wait until the limits of the key let it begin. Raises RequestError."""
        self.asked = pipeline.name
        await self._enter(0, deadline)
        return Trace(spans=self.spans, id=self.id, notes=self.notes)

    def _as_allowed(self, call: PipelineCall) -> PipelineCall:
        """`call`, as the key lets it be asked."""
        return evolve(call, priority=self._priority(call.priority), payers=self._payers)

    @property
    def _payers(self) -> tuple[str, ...]:
        return self.key.payers if self.key is not None else ()

    def _enters(self, request: Request) -> bool:
        """Whether the limits of the key let `request` begin now."""
        key = self.key
        if key is None or key.limiter is None:
            return True
        self._permit = key.limiter.take(self.loop.time(), estimate(request).total())
        return self._permit is not None

    async def _enter(self, tokens: int, deadline: float | None) -> None:
        """Wait until the limits of the key let a request of about `tokens` begin. Raises RequestError."""
        if self.key is not None:
            self._permit = await self.key.enter(tokens, deadline)

    async def _late_stream(
        self, answer: AsyncGenerator[Chunk, None], call: Call
    ) -> AsyncGenerator[Chunk, None]:
        """`answer`, once the limits of the key let it begin."""
        await self._enter(estimate(call.request).total(), call.deadline)
        async with aclosing(answer):
            async for chunk in answer:
                yield chunk

    async def _late_answer(self, model: Model | GuardedModel, call: Call, trace: Trace) -> Chunk:
        """The same of one in one piece."""
        await self._enter(estimate(call.request).total(), call.deadline)
        return await model.answer(call, trace)

    def _priority(self, asked: int) -> int:
        """As the key says; clients may ask for less."""
        if self.key is None:
            return asked
        most = self.key.plan.priority
        return asked if asked and asked < most else most

    def _may_ask(self, name: str, called: str = "") -> bool:
        patterns = self.key.plan.models if self.key is not None else ()
        return not patterns or (len(name) <= _MOST_MATCHED and _matches(patterns, name, called or name))

    def _check(self, name: str, called: str) -> None:
        if self._may_ask(name, called):
            return
        assert self.key is not None
        message = f"the key `{self.key.plan.name}` may not ask `{short_name(name)}`; {self._listed()}"
        raise Forbidden(message, param="model", code="model_not_allowed")

    def _listed(self) -> str:
        assert self.key is not None
        names = {**self.models, **self.pipelines} or self.key.plan.models
        return f"it may ask {', '.join(f'`{name}`' for name in names)}"


EXCHANGE: web.RequestKey[Exchange] = web.RequestKey("exchange", Exchange)
"""That of a request over HTTP."""

_MOST_MATCHED = 2 * MOST_NAME
"""Characters of a name that is looked for in the list of a key: a model, and what stands for its `*`."""


@lru_cache(maxsize=4096)
def _matches(patterns: tuple[str, ...], name: str, called: str) -> bool:
    """Whether one of `patterns` is `name`, or what answers for it, which is `called` so.

    Of names behind whose slash clients say the rest, only a pattern with a slash says something of the rest.
    """
    if not is_pattern(called) and any(fnmatchcase(called, each) for each in patterns):
        return True
    of_name = (each for each in patterns if "/" in each or is_pattern(called))
    return any(fnmatchcase(name, each) for each in of_name)

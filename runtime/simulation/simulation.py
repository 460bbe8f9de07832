"""A plan in a world that is played: the executor's own code on the loop's clock, and requests to it."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

from attrs import evolve

from ...compiler.plan import (
    OnnxServingPlan,
    Plan,
    ProviderKind,
    RemotePoolPlan,
    ReplicaPlacement,
    TaskKind,
)
from ...compiler.plan.scenarios import AskPlan, FileValue, ProviderPlan
from ..concurrency.virtual_time import VirtualTimeLoop
from ..dialects.chunks import ChunkEvents, whole_answer
from ..dialects.openai.requests import chat_request
from ..environment import in_environment
from ..executor import Executor
from ..gateway.exchange import Exchange
from ..gateway.outgoing.answers import answered_by
from ..policies.capacity import MAX_WAITING
from ..replicas.launch.command import PORT
from ..replicas.replica import HeadersObserver, Replica
from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.errors import BadRequest, RequestError
from ..requests.events import TextDelta
from ..requests.parts import Text
from ..requests.pipeline_call import PipelineCall
from ..requests.request import ClassifyRequest, EmbedRequest, Request, RerankRequest
from ..requests.trace import Trace
from ..serving.pipelines.threads import Threads
from ..serving.pipelines.workers.workers import Workers
from .inline_workers import InlineThreads, InlineWorkers
from .local_models import PlayedModel
from .played_replica import PlayedReplica
from .provider import Provider
from .real_models import RealModel, RealModels
from .records import Record

LARGEST_FILE = 16 << 20
"""Bytes of a file that a test may give."""

EPOCH = 1_767_571_200.0
"""When simulations begin, in seconds since 1970: a Monday, 2026-01-05 00:00 UTC."""

_PLAYED_TEXT = "https://played.invalid"
"""What stands for a text of the environment that is not there."""


class Simulation:
    """world: how providers behave, by deployment; all others behave as `ProviderPlan` has it.

    random: the only chance there is. thinned: how many requests each one stands for. models: what it leaves
    its models to. Make it in the loop, and `start` it.
    """

    def __init__(
        self,
        plan: Plan,
        base_dir: Path,
        world: Mapping[str, ProviderPlan],
        random: Random,
        thinned: float,
        models: RealModels,
    ) -> None:
        self.plan = in_environment(plan, {}, instead=_PLAYED_TEXT)
        self.base_dir = base_dir
        self.random = random
        self.models = models
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self._loop = loop
        self.providers: dict[str, Provider] = {}
        for each in plan.deployments:
            name = each.deployment
            script = world.get(name) or ProviderPlan(name)
            self.providers[name] = Provider(script, random, loop)
        self.executor = Executor(
            self.plan, base_dir, random=random, clock=lambda: EPOCH, stand_ins=_Played(self)
        )
        self._numbers = 0
        self._most_waiting = max(round(MAX_WAITING / thinned), 1)

    async def start(self) -> None:
        """Raises StartError."""
        await self.executor.start()
        for deployment in self.executor.deployments.values():
            deployment.counters.count_outcomes_alone()
            deployment.wait_at_most(self._most_waiting)
        for route in self.executor.routes.values():
            route.counters.count_outcomes_alone()

    async def stop(self) -> None:
        await self.executor.stop()

    def calls(self, deployment: str) -> int:
        """Requests that its provider got, or its models."""
        return self.providers[deployment].calls

    # ---- one request

    def request(self, ask: AskPlan, answer_tokens: int | None = None) -> Request | None:
        """What `ask` sends; None for a pipeline that is run. The same one may be sent often."""
        now = self.executor.now
        if ask.values is not None:
            return None
        model = now.models.get(ask.name)
        if model is None:
            return None
        text = ask.text or ""
        match getattr(model, "task", TaskKind.CHAT):
            case TaskKind.EMBED:
                return EmbedRequest((text,))
            case TaskKind.CLASSIFY:
                return ClassifyRequest((text,))
            case TaskKind.RERANK:
                return RerankRequest(text, (text, "another document"))
        body: dict[str, Any] = {"model": ask.name, "messages": [{"role": "user", "content": text}]}
        if ask.stream:
            body["stream"] = True
        if answer_tokens is not None:
            body["max_tokens"] = answer_tokens
            if ask.stream:  # what it took is known then, and need not be estimated
                body["stream_options"] = {"include_usage": True}
        return chat_request(body)[1]

    async def ask(self, ask: AskPlan, request: Request | None, *, keeps: bool = True) -> Record:
        """What became of one request. keeps: its text and headers, too."""
        self._numbers += 1
        trace = Trace(spans=[], id=f"req_{self._numbers}")
        record = Record(ask.name, self._loop.time(), trace=trace)
        exchange = Exchange(self.executor, trace.id)
        if ask.key is not None:
            exchange.key = self.executor.keys[ask.key]
        try:
            if request is None:
                await self._run(exchange, ask, record)
            elif getattr(request, "stream", False):
                await self._stream(exchange, ask, request, record, keeps=keeps)
            else:
                chunk = await exchange.answer(ask.name, exchange.call(request), trace)
                if keeps:
                    record.text = _text(chunk)
        except RequestError as error:
            record.code, record.status, record.message = error.code, error.status, error.message
            if not record.code:
                record.code = type(error).code
        finally:
            exchange.end()
        record.seconds = self._loop.time() - record.began
        if record.first is None and record.ok:
            record.first = record.seconds
        self._account(record, exchange)
        if keeps and record.ok:
            record.headers = answered_by(trace, ask.name)
        return record

    async def _run(self, exchange: Exchange, ask: AskPlan, record: Record) -> None:
        pipeline = exchange.pipeline(ask.name)
        values: Mapping[str, object] = ask.values or {}
        if ask.values is None:
            values = {pipeline.plan.parameters[0].name: ask.text} if pipeline.plan.parameters else {}
        given = {name: _given(value) for name, value in values.items()}
        result = await exchange.run(pipeline, PipelineCall(await pipeline.take(given), exchange.deadline()))
        record.trace.spans = result.spans
        value = result.value
        record.text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

    async def _stream(
        self, exchange: Exchange, ask: AskPlan, request: Request, record: Record, *, keeps: bool
    ) -> None:
        events = ChunkEvents()
        said: list[str] = []
        answer = exchange.stream(ask.name, exchange.call(request), record.trace)
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                if record.first is None:
                    record.first = self._loop.time() - record.began
                if keeps and isinstance(chunk, ChatChunk | ChatEvents):
                    said += [each.text for each in events.of(chunk) if isinstance(each, TextDelta)]
        record.text = "".join(said)

    def _account(self, record: Record, exchange: Exchange) -> None:
        spans = record.trace.spans or exchange.spans
        record.trace.spans = spans
        for span in spans:
            record.tokens += span.tokens
            if span.cost is None:
                record.cost = None
            elif record.cost is not None:
                record.cost += span.cost


@asynccontextmanager
async def simulated(
    plan: Plan,
    base_dir: Path,
    world: Mapping[str, ProviderPlan],
    random: Random,
    thinned: float = 1.0,
    models: RealModels | None = None,
) -> AsyncIterator[Simulation]:
    """A simulation that runs. models: what others have left, and get from it. Raises StartError."""
    with nullcontext(models) if models is not None else RealModels() as left:
        simulation = Simulation(plan, base_dir, world, random, thinned, left)
        await simulation.start()
        try:
            yield simulation
        finally:
            await simulation.stop()


class _Played:
    """What stands for the outside of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def remote(self, plan: RemotePoolPlan, placement: ReplicaPlacement, observe: HeadersObserver) -> Replica:
        provider = self._simulation.providers[plan.deployment]
        if _is_ours(plan):
            return PlayedModel(plan, provider, self._simulation.random)
        if PORT in plan.endpoint:  # of a server that is not launched here
            plan = evolve(plan, endpoint=plan.endpoint.replace(PORT, "1"))
        return PlayedReplica(plan, placement, observe, provider)

    def local(self, plan: OnnxServingPlan, placement: ReplicaPlacement) -> Replica:
        provider = self._simulation.providers[plan.deployment]
        if provider.plan.real:
            return RealModel(plan, placement, self._simulation.base_dir, provider, self._simulation.models)
        return PlayedModel(plan, provider, self._simulation.random)

    def workers(self, hidden: Iterable[str]) -> Workers:
        return InlineWorkers(hidden)

    def threads(self) -> Threads:
        return InlineThreads()


def _is_ours(plan: RemotePoolPlan) -> bool:
    """Whether no provider is asked: a plug-in, or a model of this plan on another machine."""
    return plan.provider is ProviderKind.CUSTOM or plan.task_kind in (TaskKind.TENSOR, TaskKind.CLASSIFY)


def _given(value: object) -> object:
    """A value as a client sends it: what is in a file is base64, or a text. Raises BadRequest."""
    if isinstance(value, list):
        return [_given(each) for each in value]
    if not isinstance(value, FileValue):
        return value
    path = Path(value.path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadRequest(f"`{path.name}` is larger than {LARGEST_FILE >> 20} MiB")
        data = path.read_bytes()
        return data.decode() if value.is_text else b64encode(data).decode()
    except OSError as error:
        raise BadRequest(f"`{path.name}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRequest(f"`{path.name}` is no text in UTF-8") from None


def prompt_of(tokens: int) -> str:
    """A text that counts as so many tokens, by its words and by its bytes."""
    return "abc " * max(tokens - 1, 0) + "abc"


def _text(chunk: Chunk) -> str:
    if not isinstance(chunk, ChatChunk | ChatEvents):
        return ""
    choices = whole_answer(chunk).choices
    return "".join(part.text for part in choices[0].parts if isinstance(part, Text)) if choices else ""

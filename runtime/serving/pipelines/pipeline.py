"""A pipeline that is served: values in, a value out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from ....compiler.plan import OptionalType, PipelinePlan
from ....compiler.plan.record import frozen
from ...concurrency.tasks import end_tasks
from ...requests.errors import BadRequest
from ...requests.pipeline_call import PipelineCall
from ...requests.trace import Span, Spent
from ..counters import PipelineCounters, outcome_now
from ..model import Model
from .activation import Activation
from .prepare import prepare
from .run import FinishedStep, Run
from .steps import PureSteps
from .text_sink import Sink
from .values.leaves import Sizes
from .values.reading import Misfit, Source, reader
from .values.weights import COPIED, is_light

_BUFFERED = 64
"""Pieces of text that a slow client may lag behind."""


@frozen
class Result:
    """The value of a pipeline, and what it took."""

    value: Any
    spans: list[Span]

    @property
    def spent(self) -> Spent:
        return Spent.of(self.spans)


Event = FinishedStep | str | Result
"""A call that was answered, a piece of the last one's text, and at the end the result."""


class Pipeline:
    """reaches: the deployments and routes that it calls, itself or through others."""

    def __init__(self, plan: PipelinePlan, steps: PureSteps, reaches: Mapping[str, Model]) -> None:
        self.name = plan.pipeline
        self.plan = plan
        self.reaches = reaches
        self.counters = PipelineCounters()
        self._block = prepare(plan, steps)
        self._readers = {each.name: reader(each.type, Source.REQUEST) for each in plan.parameters}

    def is_ready(self) -> bool:
        """Whether all that it calls is."""
        return all(model.is_ready() for model in self.reaches.values())

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that a client sent as JSON. Raises BadRequest, which names the field."""
        names = ", ".join(f"`{name}`" for name in self._readers) or "none"
        for name in given:
            if name not in self._readers:
                message = f"`{name}`: there is no such parameter; pipeline `{self.name}` takes {names}"
                raise BadRequest(message, param=name, code="unknown_field")
        values: dict[str, Any] = {}
        sizes = Sizes()
        for each in self.plan.parameters:
            if each.name not in given:
                if not isinstance(each.type, OptionalType):
                    message = f"`{each.name}` is missing; it must be {each.type}"
                    raise BadRequest(message, param=each.name, code="missing_field")
                values[each.name] = None
                continue
            try:
                values[each.name] = self._readers[each.name](given[each.name], sizes)
            except Misfit as error:
                inside = error.below(each.name)
                first = inside.problems[0]
                raise BadRequest(str(inside), param=first.path, code=first.code) from None
        return values

    async def take(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same as `read`; what is large is read on a thread."""
        return self.read(given) if is_light(given, COPIED) else await asyncio.to_thread(self.read, given)

    async def value(self, values: Mapping[str, Any], run: Run, sink: Sink | None = None) -> Any:
        """The value of the pipeline for the values of its parameters. Raises RequestError."""
        slots = self._block.inputs
        inputs = [(slots[name], value) for name, value in values.items()]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await Activation(self._block, run, sink).result(inputs)
        finally:
            self.counters.end(outcome_now(None, False), loop.time() - began)

    async def run(self, call: PipelineCall, spans: list[Span] | None = None) -> Result:
        """The same, with what it took. Cancelling ends every step.

        spans: where what it took is put, which is there also when it fails.
        """
        run = self._run(call, spans)
        return Result(await self.value(call.values, run), run.spans)

    async def stream(
        self, call: PipelineCall, spans: list[Span] | None = None
    ) -> AsyncGenerator[Event, None]:
        """The same, with each call that was answered, and the text of the last call as it comes.

        Closing the generator ends every step. Raises RequestError.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        room = asyncio.Semaphore(_BUFFERED)

        async def send(text: str) -> None:
            await room.acquire()
            events.put_nowait(text)

        run = self._run(call, spans)
        run.told = events.put_nowait
        task = asyncio.create_task(self.value(call.values, run, Sink(send)))
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                if isinstance(event, str):
                    room.release()
                yield event
            yield Result(task.result(), run.spans)
        finally:
            await end_tasks([task])

    def _run(self, call: PipelineCall, spans: list[Span] | None) -> Run:
        return Run(
            self.name,
            self.plan.source,
            self.counters,
            call.deadline,
            call.priority,
            call.headers,
            spans=[] if spans is None else spans,
            payers=call.payers,
            wanted=call.wanted,
        )

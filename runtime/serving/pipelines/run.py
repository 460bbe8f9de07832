"""One request to a pipeline: what holds for all of its steps, and what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy

from attrs import field

from ....compiler.plan import SourceRef
from ....compiler.plan.record import define, frozen
from ...requests.call import NO_HEADERS
from ...requests.errors import RequestError, RequestTimeout, StepAt
from ...requests.pipeline_call import TextOptions
from ...requests.trace import Span, Spent, Trace
from ..counters import PipelineCounters
from .block import PENDING, Frame, Step
from .values.shapes import shape_of


@frozen
class FinishedStep:
    """A call that was answered. deployment: who answered. began, ended: in the time of the loop."""

    name: str
    deployment: str
    began: float
    ended: float
    spent: Spent


@define(eq=False)
class Run:
    """deadline: in the time of the loop. above: the names of the steps that called this pipeline, joined.

    payers: as of a `Call`. told: hears of each call that was answered. counters: of the pipeline.
    wanted: of the text that is its value.
    """

    pipeline: str
    source: SourceRef
    counters: PipelineCounters
    deadline: float | None = None
    priority: int = 0
    headers: Mapping[str, str] = NO_HEADERS
    above: str = ""
    told: Callable[[FinishedStep], None] | None = None
    spans: list[Span] = field(factory=list)
    payers: tuple[str, ...] = ()
    wanted: TextOptions | None = None
    _blamed: RequestError | None = None

    def below(
        self,
        pipeline: str,
        source: SourceRef,
        counters: PipelineCounters,
        path: str,
        deadline: float | None,
        *,
        is_tail: bool,
    ) -> Run:
        """The run of a pipeline that the step `path` calls. is_tail: its text is that of this one."""
        return Run(
            pipeline,
            source,
            counters,
            deadline,
            self.priority,
            self.headers,
            f"{path}/",
            self.told,
            self.spans,
            self.payers,
            self.wanted if is_tail else None,
        )

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Counts how long one call by `step` takes, whether it fails or not."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        finally:
            self.counters.steps[step].add(loop.time() - began)

    @contextmanager
    def tracing(self, step: str, place: str) -> Iterator[Trace]:
        """A trace for one call by `step`; it is told when it was answered."""
        path, spans = f"{self.above}{step}{place}", list[Span]()
        trace = Trace(spans=spans, step=path)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            with self.timing(step):
                yield trace
        finally:
            self.spans += spans
        if self.told is not None:
            deployment = trace.deployment or ""
            self.told(FinishedStep(path, deployment, began, loop.time(), Spent.of(spans)))

    def until(self, timeout: float | None) -> float | None:
        """When a step that starts now must be over. Raises RequestTimeout where no time is left."""
        if timeout is None and self.deadline is None:
            return None
        now = asyncio.get_running_loop().time()
        if self.deadline is not None and now >= self.deadline:
            raise RequestTimeout("no time was left to start it: the deadline of the request has passed")
        if timeout is None:
            return self.deadline
        return now + timeout if self.deadline is None else min(self.deadline, now + timeout)

    def is_over(self) -> bool:
        """Whether the request has no time left."""
        return self.deadline is not None and asyncio.get_running_loop().time() >= self.deadline

    def blame(self, error: RequestError, step: Step, frame: Frame, place: str) -> RequestError:
        """`error`, saying which step failed, what it took, and what was spent until then."""
        if error is self._blamed:
            return error
        self._blamed = error = copy(error)  # which others may hold, too
        at = StepAt(self.pipeline, step.label + place, self.source.file, step.line, step.column)
        takes = [
            f"`{name}`, {shape_of(frame[slot])}"
            for name, slot in step.takes.items()
            if frame[slot] is not PENDING
        ]
        error.steps = (at, *error.steps)
        said = f"{at}: {error.message}"
        if len(error.steps) == 1:
            said += f"; it took {', '.join(takes)}" if takes else ""
            said += (
                f"; spent so far: {Spent.of(self.spans)}" if any(span.tokens for span in self.spans) else ""
            )
        error.message = said
        return error

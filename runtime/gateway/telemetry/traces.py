"""Requests as traces of OpenTelemetry: a span for each, and one for each attempt below it.

They are made when a request has ended, of what was written down on its way, and sent on a thread of the
exporter, to where `OTEL_EXPORTER_OTLP_ENDPOINT` and its like say.
"""

from __future__ import annotations

import asyncio
import logging
from threading import Thread
from typing import TYPE_CHECKING, Any

from ....compiler.plan import RemotePoolPlan
from ....compiler.plan.installing import pip_install
from ....compiler.plan.record import frozen
from ...requests.errors import StartError
from ...requests.trace import Span, cost_of
from ...requests.trace_context import TRACEPARENT
from ...serving.counters import OK
from .gen_ai import OPERATIONS, provider_name

if TYPE_CHECKING:
    from ...running_plan import RunningPlan
    from .request_record import Record

log = logging.getLogger(__name__)

LAST = 5.0
"""Seconds that the collector has for the last spans, at the end."""

_NANOSECONDS = 1e9


@frozen
class OwnTrace:
    """The trace and the span of a request, known before it is sent on."""

    trace_id: int
    span_id: int
    flags: int

    @property
    def header(self) -> str:
        """What whoever is asked for it is told."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.flags:02x}"


class Traces:
    """Sends traces. Raises StartError where OpenTelemetry is not installed, or is told what cannot be."""

    def __init__(self) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            raise StartError(f"traces need OpenTelemetry: {pip_install('otel')}") from None
        self._ids = _ids()
        resource = Resource.create({"service.name": "inferc"})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        try:
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise StartError(f"traces: a variable `OTEL_…` is set to what cannot be: {error}") from None
        self._tracer = self._provider.get_tracer("inferc")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, traceparent: str) -> OwnTrace:
        """The trace of a request that has come. traceparent: as its client says it."""
        flags = 1
        trace_id = self._ids.generate_trace_id()
        if traceparent:
            from opentelemetry.trace import get_current_span

            above = get_current_span(self._propagator.extract({TRACEPARENT: traceparent})).get_span_context()
            if above.is_valid:
                trace_id, flags = above.trace_id, int(above.trace_flags)
        return OwnTrace(trace_id, self._ids.generate_span_id(), flags)

    def add(self, record: Record, plan: RunningPlan, traceparent: str, own: OwnTrace | None = None) -> None:
        """A request has ended. traceparent: as its client says it. own: what was said of it before."""
        if own is not None:
            self._ids.next = own
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

        above = self._propagator.extract({TRACEPARENT: traceparent}) if traceparent else None
        request = self._tracer.start_span(
            f"{record.method} {record.path}",
            above,
            SpanKind.SERVER,
            _known(
                {
                    "http.request.method": record.method,
                    "url.path": record.path,
                    "http.response.status_code": record.status or None,
                    "inferc.request.id": record.id,
                    "inferc.key": record.key or None,
                    "inferc.asked": record.asked or None,
                    "inferc.outcome": record.outcome,
                    "inferc.cost": cost_of(record.spans) if record.spans else None,
                    "error.type": record.outcome if record.outcome != OK else None,
                }
            ),
            start_time=_nanoseconds(record, record.began),
        )
        below = set_span_in_context(request)
        for each in record.spans:
            if each.began:
                attempt = self._tracer.start_span(
                    f"attempt {each.deployment}",
                    below,
                    SpanKind.CLIENT,
                    _known(_of_attempt(each, plan)),
                    start_time=_nanoseconds(record, each.began),
                )
                if not each.ok:
                    attempt.set_status(StatusCode.ERROR)
                attempt.end(_nanoseconds(record, each.ended))
        for note in record.notes:
            request.add_event(note.text, timestamp=_nanoseconds(record, note.at))
        if record.outcome != OK:
            request.set_status(StatusCode.ERROR, record.message or record.outcome)
        request.end(_nanoseconds(record, record.ended))

    async def stop(self) -> None:
        """Send what is not sent yet, as far as it is taken in time."""
        ending = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, LAST)
        if ending.is_alive():
            log.warning("the collector of traces takes nothing: the last of them are left out")


def _ids() -> Any:
    """Makes ids, those of the next span as they were said before."""
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        next: OwnTrace | None = None

        def generate_trace_id(self) -> int:
            return super().generate_trace_id() if self.next is None else self.next.trace_id

        def generate_span_id(self) -> int:
            own, self.next = self.next, None
            return super().generate_span_id() if own is None else own.span_id

    return Ids()


def _of_attempt(span: Span, plan: RunningPlan) -> dict[str, Any]:
    """What the conventions for generative AI name, as far as it is known."""
    deployment = plan.deployments.get(span.deployment)
    served = deployment.plan if deployment is not None else None
    remote = served if isinstance(served, RemotePoolPlan) else None
    first = span.first - span.began if span.first is not None else None
    return {
        "gen_ai.operation.name": OPERATIONS.get(deployment.task) if deployment is not None else None,
        "gen_ai.provider.name": provider_name(remote.provider) if remote is not None else None,
        "gen_ai.request.model": remote.model if remote is not None else span.deployment,
        "gen_ai.usage.input_tokens": span.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": span.usage.completion_tokens,
        "inferc.deployment": span.deployment,
        "inferc.replica": span.replica,
        "inferc.step": span.step,
        "inferc.seconds_to_first": first,
    }


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(record: Record, moment: float) -> int:
    """A moment of the loop, since 1970."""
    return int((record.at + moment - record.began) * _NANOSECONDS)

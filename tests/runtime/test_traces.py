"""Requests as traces, as a collector of OpenTelemetry receives them over OTLP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from inferc.compiler.plan import SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.request_records import Records
from inferc.runtime.gateway.traces import Traces

from ..support.pipelines import fallback, plan_with
from ..support.remote import FAST_RETRY, mock_provider, remote_plan, serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def test_a_request_is_a_span_with_its_attempts_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-provider")
    received: list[Any] = []

    async def export(request: web.Request) -> web.Response:
        asked = ExportTraceServiceRequest.FromString(await request.read())
        received.extend(
            span for each in asked.resource_spans for scope in each.scope_spans for span in scope.spans
        )
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    collector = web.Application()
    collector.router.add_post("/v1/traces", export)
    async with serving(collector) as collected, mock_provider() as mock:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected)
        records = Records(traces=Traces())
        key = SecretRef.env("KEY")
        gone, gpt = remote_plan("gone", key=key, retry=FAST_RETRY), remote_plan("gpt", mock.endpoint, key=key)
        executor = Executor(plan_with(gone, gpt, fallback("r", "gone", "gpt")), Path.cwd())
        await executor.start()
        async with serving(build_app(executor, records=records)) as url, aiohttp.ClientSession() as http:
            chat = {"model": "r", "messages": [{"role": "user", "content": "a secret question"}]}
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            async with http.post(f"{url}/v1/chat/completions", json=chat, headers=headers) as answer:
                assert answer.status == 200
            async with http.post(f"{url}/v1/chat/completions", json={**chat, "model": "nope"}) as answer:
                assert answer.status == 404
        await asyncio.wait_for(records.stop(), 20)
        await executor.stop()

    request = next(span for span in received if span.parent_span_id.hex() == PARENT)
    attempts = [span for span in received if span.parent_span_id == request.span_id]
    assert request.trace_id.hex() == TRACE
    assert request.name == "POST /v1/chat/completions"
    said = attributes(request)
    assert (said["http.response.status_code"], said["inferc.asked"], said["inferc.outcome"]) == (
        200,
        "r",
        "ok",
    )
    assert any("cannot be reached" in event.name for event in request.events)
    assert [attributes(span)["inferc.deployment"] for span in attempts] == ["gone", "gone", "gone", "gpt"]
    last = attributes(attempts[-1])
    assert (last["gen_ai.operation.name"], last["gen_ai.provider.name"]) == ("chat", "openai")
    assert (last["gen_ai.request.model"], last["gen_ai.usage.output_tokens"]) == ("gpt-4o-mini", 5)
    for span in attempts:
        assert request.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano
    refused = next(span for span in received if attributes(span).get("http.response.status_code") == 404)
    assert attributes(refused)["error.type"] == "model_not_found"
    assert "secret" not in str(received)


def attributes(span: Any) -> dict[str, Any]:
    """By name."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}

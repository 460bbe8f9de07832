"""Requests as traces, as a collector of OpenTelemetry receives them over OTLP."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from inferc.runtime.gateway.telemetry import traces as of_traces
from inferc.runtime.gateway.telemetry.request_records import Records
from inferc.runtime.gateway.telemetry.traces import Traces
from inferc.runtime.requests.errors import StartError

from ..support.pipelines import fallback, plan_with
from ..support.remote import FAST_RETRY, mock_provider, plan_of, remote_plan, running, serving

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


async def test_a_collector_that_takes_nothing_does_not_keep_a_server_from_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(of_traces, "LAST", 0.05)
    made, taken = Traces(), threading.Event()
    end = made._provider.shutdown
    monkeypatch.setattr(made._provider, "shutdown", taken.wait)
    with caplog.at_level(logging.WARNING):
        await asyncio.wait_for(Records(traces=made).stop(), 20)
    taken.set()
    end()
    assert caplog.messages == ["the collector of traces takes nothing: the last of them are left out"]


def test_a_variable_that_is_set_to_what_cannot_be_is_an_error_of_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(
        StartError, match="traces: a variable `OTEL_…` is set to what cannot be: max_queue_size"
    ):
        Traces()


def attributes(span: Any) -> dict[str, Any]:
    """By name."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@asynccontextmanager
async def asked(records: Records) -> AsyncIterator[tuple[str, aiohttp.ClientSession, list[str]]]:
    """A gateway, a client, and what the provider behind it was told of traces."""
    told: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        told.append(request.headers.get("traceparent", ""))
        message = {"role": "assistant", "content": "hi"}
        usage = {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "x", "choices": [choice], "usage": usage})

    provider = web.Application()
    provider.router.add_post("/v1/chat/completions", answer)
    async with (
        serving(provider) as endpoint,
        running(plan_of(remote_plan("gpt", f"{endpoint}/v1"))) as executor,
        serving(build_app(executor, records=records)) as url,
        aiohttp.ClientSession() as http,
    ):
        yield url, http, told


CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}


async def test_providers_are_told_the_trace_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Any] = []

    async def export(request: web.Request) -> web.Response:
        spans = ExportTraceServiceRequest.FromString(await request.read())
        received.extend(
            span for each in spans.resource_spans for scope in each.scope_spans for span in scope.spans
        )
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    collector = web.Application()
    collector.router.add_post("/v1/traces", export)
    async with serving(collector) as collected:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected)
        records = Records(traces=Traces())
        async with asked(records) as (url, http, told):
            for headers in ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, {}):
                async with http.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers) as answer:
                    assert answer.status == 200
        await asyncio.wait_for(records.stop(), 20)
    requests = [span for span in received if span.name.startswith("POST")]
    expected = [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in requests]
    assert sorted(told) == sorted(expected)
    assert told[0].startswith(f"00-{TRACE}-")
    assert told[0] != f"00-{TRACE}-{PARENT}-01"
    assert len({span.span_id for span in received}) == len(received)


async def test_a_client_s_trace_goes_on_where_none_are_written() -> None:
    async with asked(Records()) as (url, http, told):
        for parent in (f"00-{TRACE}-{PARENT}-01", None, "no trace", f"00-{'0' * 32}-{PARENT}-01"):
            headers = {"traceparent": parent} if parent else {}
            async with http.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers) as answer:
                assert answer.status == 200
    assert told == [f"00-{TRACE}-{PARENT}-01", "", "", ""]


async def test_metrics_name_a_trace_as_an_example_and_what_the_conventions_name() -> None:
    async with asked(Records()) as (url, http, _):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        async with http.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers) as answer:
            assert answer.status == 200
        async with http.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"}) as answer:
            text = await answer.text()
        async with http.get(f"{url}/metrics") as answer:
            assert TRACE not in await answer.text()
    examples = [line for line in text.splitlines() if f'# {{trace_id="{TRACE}"}}' in line]
    for name in (
        "inferc_request_duration_seconds_bucket",
        "gen_ai_client_operation_duration_seconds_bucket",
        "gen_ai_server_request_duration_seconds_bucket",
        "gen_ai_client_token_usage_bucket",
    ):
        assert any(line.startswith(name) for line in examples), name
    who = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o-mini"'
    assert (
        f'gen_ai_client_token_usage_bucket{{deployment="gpt",{who},gen_ai_token_type="output",le="64.0"}} 1.0'
        in text
    )
    counted = f'gen_ai_client_operation_duration_seconds_count{{deployment="gpt",error_type="",{who}}}'
    assert f"{counted} 1.0" in text

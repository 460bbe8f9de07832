"""`GET /metrics`, read by Prometheus' own parser."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from attrs import evolve
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from inferc.compiler.plan import (
    TEXT,
    Batching,
    Budget,
    BudgetAction,
    CapacityKind,
    CapacityPolicy,
    CircuitBreakerConfig,
    Duration,
    ExecutionProvider,
    MissingProviderAction,
    Money,
    Price,
    ProviderSpec,
    RetryPolicy,
    SecretRef,
)
from inferc.runtime.concurrency.loop_lag import LoopLag
from inferc.runtime.gateway.telemetry.accounting import Accounting
from inferc.runtime.gateway.telemetry.metric_families import everything
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.mock_provider.faults import parse_fault
from inferc.runtime.secrets.secret import Secret
from inferc.runtime.serving.counters import BOUNDS, Durations

from ..support.pipelines import Graph, extern, fallback, plan_with
from ..support.remote import eventually, executor_of, gateway_of, mock_provider, remote_plan, running
from .onnx.toys import line, tensor_plan

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
KEY = SecretRef.env("THE_KEY")
CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello there"}]}
INFER = {
    "inputs": [
        {"name": name, "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]} for name in ("x", "shift")
    ]
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY.name, "sk-very-secret")


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


async def scrape(url: str, **headers: str) -> Samples:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics", headers=headers) as answer:
        assert answer.status == 200
        text = await answer.text()
        kind = answer.headers["Content-Type"]
    parse = open_metrics if kind.startswith("application/openmetrics-text") else plain_text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


async def post(url: str, path: str, body: dict[str, Any]) -> int:
    async with aiohttp.ClientSession() as http, http.post(url + path, json=body) as answer:
        await answer.read()
        return answer.status


async def test_a_scrape_of_many_deployments_lets_others_have_the_event_loop(tmp_path: Path) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with mock_provider() as mock:
        plans = [remote_plan(f"gpt_{number}", mock.endpoint, key=KEY) for number in range(200)]
        async with executor_of(*plans) as executor:
            for each in executor.deployments.values():
                each.counters.end("ok", 0.1)
            accounting, lag = Accounting(), LoopLag()
            running = asyncio.create_task(others())
            await asyncio.sleep(0)
            began = turns
            found = await everything(executor, accounting, lag, {})
            running.cancel()
    durations = next(each for each in found if each.name == "inferc_request_duration_seconds")
    assert {each.labels["deployment"] for each in durations.samples} == {plan.deployment for plan in plans}
    assert turns - began > 100


async def test_histograms_of_what_nobody_has_asked_yet_have_no_samples() -> None:
    async with (
        mock_provider() as mock,
        executor_of(*(remote_plan(name, mock.endpoint, key=KEY) for name in ("gpt", "other"))) as executor,
        gateway_of(executor) as url,
    ):
        assert await post(url, "/v1/chat/completions", CHAT) == 200
        found = await scrape(url)
    histograms = {
        dict(labels)["deployment"] for name, labels in found if "_bucket" in name or name.endswith("_count")
    }
    assert histograms == {"gpt"}
    assert value(found, "inferc_requests_running", deployment="other") == 0


async def test_requests_are_counted_by_deployment_and_by_how_they_ended(tmp_path: Path) -> None:
    local = tensor_plan(line(tmp_path / "m.onnx"), batching=Batching(max_size=8, max_delay=Duration(0.001)))
    async with (
        mock_provider() as mock,
        executor_of(local, remote_plan("gpt", mock.endpoint, key=KEY)) as executor,
        gateway_of(executor) as url,
    ):
        assert await post(url, "/v2/models/toy/infer", INFER) == 200
        assert await post(url, "/v2/models/toy/infer", {"inputs": INFER["inputs"][:1]}) == 400
        assert await post(url, "/v1/chat/completions", CHAT) == 200
        assert await post(url, "/v1/chat/completions", CHAT | {"stream": True}) == 200
        assert await post(url, "/v1/chat/completions", CHAT | {"model": "toy"}) == 400
        assert await post(url, "/v1/chat/completions", CHAT | {"model": "who"}) == 404
        found = await scrape(url)
    assert value(found, "inferc_requests_total", deployment="toy", outcome="ok") == 1
    assert value(found, "inferc_requests_total", deployment="toy", outcome="bad_request") == 2
    assert value(found, "inferc_requests_total", deployment="gpt", outcome="ok") == 2
    assert value(found, "inferc_gateway_errors_total", code="bad_request") == 2
    assert value(found, "inferc_gateway_errors_total", code="model_not_found") == 1
    assert value(found, "inferc_request_duration_seconds_count", deployment="gpt") == 2
    assert value(found, "inferc_request_duration_seconds_bucket", deployment="gpt", le="+Inf") == 2
    assert value(found, "inferc_request_duration_seconds_sum", deployment="gpt") > 0
    assert value(found, "inferc_tokens_total", deployment="gpt", kind="completion") > 0
    assert value(found, "inferc_requests_running", deployment="gpt") == 0
    assert value(found, "inferc_run_rows_count", deployment="toy", replica="0") == 1
    assert value(found, "inferc_run_rows_bucket", deployment="toy", replica="0", le="1.0") == 0
    assert value(found, "inferc_run_rows_bucket", deployment="toy", replica="0", le="2.0") == 1
    assert value(found, "process_resident_memory_bytes") > 1e6


async def test_a_scrape_right_after_an_answer_knows_of_it() -> None:
    async with (
        mock_provider() as mock,
        executor_of(remote_plan("gpt", mock.endpoint, key=KEY)) as executor,
        gateway_of(executor) as url,
    ):
        for asked in range(1, 4):
            assert await post(url, "/v1/chat/completions", CHAT) == 200
            found = await scrape(url)
            assert value(found, "inferc_requests_total", deployment="gpt", outcome="ok") == asked
            assert value(found, "inferc_request_duration_seconds_count", deployment="gpt") == asked


async def test_routes_say_who_answered_and_pipelines_how_long_their_steps_took() -> None:
    steps = Graph()
    steps.call("draft", "assistant", message="message")
    steps.call("answer", "gpt", message="draft")
    async with mock_provider() as mock:
        plan = plan_with(
            remote_plan("gone", key=KEY, retry=RetryPolicy(max_retries=0)),
            remote_plan("gpt", mock.endpoint, key=KEY),
            fallback("assistant", "gone", "gpt"),
            steps.pipeline("answer", name="reply"),
        )
        async with running(plan) as executor, gateway_of(executor) as url:
            assert await post(url, "/v1/chat/completions", CHAT | {"model": "assistant"}) == 200
            assert await post(url, "/v1/pipelines/reply", {"message": "hi"}) == 200
            assert await post(url, "/v1/chat/completions", CHAT | {"model": "reply", "stream": True}) == 200
            found = await scrape(url)
    assert value(found, "inferc_route_requests_total", route="assistant", outcome="ok") == 3
    assert value(found, "inferc_route_duration_seconds_count", route="assistant") == 3
    assert value(found, "inferc_route_answers_total", route="assistant", member="gpt") == 3
    assert value(found, "inferc_route_answers_total", route="assistant", member="gone") == 0
    moves = {"route": "assistant", "member": "gone", "reason": "network_error"}
    assert value(found, "inferc_route_moves_total", **moves) == 3
    assert value(found, "inferc_pipeline_runs_total", pipeline="reply", outcome="ok") == 2
    assert value(found, "inferc_pipeline_duration_seconds_count", pipeline="reply") == 2
    for step in ("draft", "answer"):
        name = "inferc_pipeline_step_duration_seconds"
        assert value(found, f"{name}_count", pipeline="reply", step=step) == 2
        assert value(found, f"{name}_sum", pipeline="reply", step=step) > 0


async def test_processes_for_code_of_users_are_counted_and_so_is_how_they_ended(tmp_path: Path) -> None:
    (tmp_path / "code_of_metrics.py").write_text(
        "import os\ndef f(x):\n    os._exit(3) if x else None\n    return x\n"
    )
    steps = Graph()
    steps.extern("own", "f", x="message")
    plan = plan_with(extern("f", "code_of_metrics:f", x=TEXT), steps.pipeline("own", name="p"))
    async with running(plan, tmp_path) as executor, gateway_of(executor) as url:
        assert await post(url, "/v1/pipelines/p", {"message": ""}) == 200
        assert await post(url, "/v1/pipelines/p", {"message": "end"}) == 500
        assert await post(url, "/v1/pipelines/p", {"message": ""}) == 200
        found = await scrape(url)
    assert value(found, "inferc_workers", extern="f") == 1
    assert value(found, "inferc_worker_calls_running", extern="f") == 0
    assert value(found, "inferc_worker_calls_waiting", extern="f") == 0
    assert value(found, "inferc_workers_ended_total", extern="f", reason="crashed") == 1
    assert value(found, "inferc_workers_ended_total", extern="f", reason="killed") == 0


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
async def test_a_provider_that_is_missing_shows(tmp_path: Path) -> None:
    plan = evolve(
        tensor_plan(line(tmp_path / "m.onnx")),
        providers=(ProviderSpec(ExecutionProvider.CUDA), ProviderSpec(ExecutionProvider.CPU)),
        on_missing_provider=MissingProviderAction.WARN,
    )
    async with executor_of(plan) as executor, gateway_of(executor) as url:
        found = await scrape(url)
    where = {"deployment": "toy", "replica": "0"}
    assert value(found, "inferc_replica_ready", **where) == 1
    assert value(found, "inferc_replica_provider", **where, provider="cpu") == 1
    assert value(found, "inferc_replica_provider", **where, provider="cuda") == 0
    assert value(found, "inferc_replica_warnings", **where) == 1


async def test_an_open_circuit_and_what_was_spent_show() -> None:
    async with mock_provider(MockOptions(gap=0, faults=(parse_fault("500:count=1"),))) as mock:
        plan = remote_plan(
            "gpt",
            mock.endpoint,
            key=KEY,
            retry=RetryPolicy(max_retries=0),
            circuit_breaker=CircuitBreakerConfig(failure_threshold=1),
            budget=Budget(max_spend_per_day=Money("5"), on_exceeded=BudgetAction.REJECT),
            price=Price(input=Money("1000"), output=Money("1000")),
        )
        calm = evolve(plan, deployment="calm")
        async with executor_of(plan) as executor, gateway_of(executor) as url:
            assert await post(url, "/v1/chat/completions", CHAT) == 502
            found = await scrape(url)
            assert value(found, "inferc_circuit_open", deployment="gpt", replica="0") == 1
            assert value(found, "inferc_requests_total", deployment="gpt", outcome="server_error") == 1
        async with executor_of(calm) as executor, gateway_of(executor) as url:
            assert await post(url, "/v1/chat/completions", CHAT | {"model": "calm"}) == 200
            found = await scrape(url)
    assert value(found, "inferc_circuit_open", deployment="calm", replica="0") == 0
    assert value(found, "inferc_budget_spent_dollars", deployment="calm", window="day") > 0


async def test_a_request_that_a_fallback_took_over_is_diverted_and_counted_once_there() -> None:
    to_spare = CapacityPolicy(CapacityKind.FALLBACK, "spare")
    async with mock_provider(MockOptions(gap=0, faults=(parse_fault("slow:seconds=1,count=1"),))) as mock:
        plans = (
            remote_plan("gpt", mock.endpoint, key=KEY, max_concurrent=1, on_full=to_spare),
            remote_plan("spare", mock.endpoint, key=KEY),
        )
        async with executor_of(*plans) as executor, gateway_of(executor) as url:
            slow = asyncio.create_task(post(url, "/v1/chat/completions", CHAT))
            await eventually(lambda: executor.deployments["gpt"].running == 1)
            assert await post(url, "/v1/chat/completions", CHAT) == 200
            assert await slow == 200
            found = await scrape(url)
    assert value(found, "inferc_requests_total", deployment="gpt", outcome="diverted") == 1
    assert value(found, "inferc_requests_total", deployment="gpt", outcome="ok") == 1
    assert value(found, "inferc_requests_total", deployment="spare", outcome="ok") == 1


async def test_the_token_of_the_gateway_is_needed(tmp_path: Path) -> None:
    async with (
        executor_of(tensor_plan(line(tmp_path / "m.onnx"))) as executor,
        gateway_of(executor, Secret("sesame", "test")) as url,
        aiohttp.ClientSession() as http,
    ):
        async with http.get(f"{url}/metrics") as answer:
            assert answer.status == 401
        async with http.post(f"{url}/metrics") as answer:
            assert answer.status == 405
        found = await scrape(url, Authorization="Bearer sesame", Accept="application/openmetrics-text")
    assert value(found, "inferc_replica_ready", deployment="toy", replica="0") == 1


async def test_no_label_holds_what_a_provider_or_a_client_said() -> None:
    fault = parse_fault("400:code=sk-very-secret,count=all")
    async with mock_provider(MockOptions(gap=0, faults=(fault,))) as mock:
        plan = remote_plan("gpt", mock.endpoint, key=KEY)
        async with (
            executor_of(plan) as executor,
            gateway_of(executor) as url,
            aiohttp.ClientSession() as http,
        ):
            await post(url, "/v1/chat/completions", CHAT | {"model": "sk-client-secret"})
            assert await post(url, "/v1/chat/completions", CHAT) == 400
            async with http.get(f"{url}/metrics") as answer:
                text = await answer.text()
    assert "inferc_requests_total" in text
    assert "secret" not in text


@pytest.mark.parametrize("times", [0, 1, 63, 64, 65, 500])
def test_durations_are_sorted_in_alike_however_many_come_before_they_are_asked_for(times: int) -> None:
    random, one, many = Random(times), Durations(), Durations()
    told = [random.choice((random.random() * 100, *BOUNDS)) for _ in range(times)]
    expected = [0] * (len(BOUNDS) + 1)
    for seconds in told:
        one.add(seconds)
        many.add(seconds)
        assert sum(one.buckets) == sum(expected) + 1
        expected[bisect_left(BOUNDS, seconds)] += 1
    assert one.buckets == many.buckets == expected
    assert one.seconds == pytest.approx(sum(told))
    assert many.seconds == pytest.approx(sum(told))

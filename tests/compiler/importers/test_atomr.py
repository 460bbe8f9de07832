"""atomr's deployments, in TOML and in JSON."""

from __future__ import annotations

import json

from .conftest import Import


def test_a_deployment_comes_over_whole(bring: Import) -> None:
    came = bring(
        "front.toml",
        """
        [[deployment]]
        name = "chat"
        model = "gpt-4o-mini"
        runtime = "open_ai"
        replicas = 2
        idempotent = true
        [deployment.serving]
        max_concurrent = 10
        on_capacity_exhausted = "reject"
        [deployment.budget]
        max_spend_per_hour_usd = 2.5
        on_exceeded = "throttle"
        [deployment.runtime_config]
        runtime = "open_ai"
        kind = "azure"
        resource = "north"
        deployment = "mini"
        api_version = "2024-10-21"
        api_key = { from = "file", path = "/run/secrets/key" }
        retry = { max_retries = 5, initial_backoff = 250, max_backoff = 9000, backoff_multiplier = 1.5, jitter = "full", respect_retry_after = false }
        timeouts = { request_timeout = 20000, read_timeout = 7500 }
        circuit_breaker = { failure_threshold = 8, open_duration = 45000, half_open_max_probes = 2 }
        rate_limits = { requests_per_minute = 60, strict = true }
        """,  # noqa: E501
    )
    values = {key.removeprefix("chat."): value for key, value in came.values.items()}
    wanted = {
        "runtime.azure_resource": "north",
        "runtime.azure_deployment": "mini",
        "runtime.api_key": '[file("/run/secrets/key")]',
        "runtime.retry.initial_backoff": "250ms",
        "runtime.retry.max_backoff": "9s",
        "runtime.retry.jitter": "full",
        "runtime.retry.respect_retry_after": "false",
        "runtime.timeouts.request": "20s",
        "runtime.timeouts.read": "7.5s",
        "runtime.circuit_breaker.open_duration": "45s",
        "runtime.rate_limits.strict": "true",
        "replicas": "2",
        "serving.on_capacity_exhausted": "reject",
        "budget.max_spend_per_hour": "$2.5",
        "budget.on_exceeded": "throttle",
    }
    assert {key: values[key] for key in wanted} == wanted
    assert came.lost() == came.changed() == set()


def test_runtimes_have_their_words_and_engines_are_servers(bring: Import) -> None:
    made = [
        {
            "name": "a",
            "model": "m/x",
            "runtime_config": {"runtime": "vllm", "model": "m/x", "max_model_len": 8192},
        },
        {"name": "b", "model": "mistralai/Mistral-7B"},
        {"name": "c", "model": "x", "runtime": {"python": "pkg.mod:make"}},
        {
            "name": "d",
            "model": "x",
            "runtime_config": {"runtime": "custom", "kind": "echo", "config": {"a": {"b": 1}, "c": "two"}},
        },
        {"name": "e", "model": "claude-sonnet-4-0", "runtime_config": {"runtime": "anthropic"}},
    ]
    came = bring("list.json", json.dumps(made))
    assert '"m/x", "--port", "{port}", "--max-model-len", "8192"' in " ".join(came.text.split())
    assert "runtime mistralrs" in came.text
    assert 'runtime python("pkg.mod:make")' in came.text
    assert 'runtime custom("echo") { settings { a { b = 1 } c = "two" } }' in came.text
    assert came.values["e.runtime.api_key"] == '[env("ANTHROPIC_API_KEY")]'
    assert "`e` names no key" in came.text
    assert came.lost() == set()


def test_what_atomr_cannot_mean_here_is_said(bring: Import) -> None:
    came = bring(
        "front.toml",
        """
        [cluster]
        name = "front"
        bind = "0.0.0.0:8080"
        [[deployment]]
        name = "a"
        model = "litellm/x"
        [deployment.serving]
        max_concurrent = 64
        on_capacity_exhausted = "fallback"
        [deployment.budget]
        max_spend_per_day_usd = 4
        on_exceeded = "reject"
        [deployment.runtime_config]
        runtime = "lite_llm"
        api_key = { from = "inline", value = "not-to-be-seen" }
        rate_limits = { concurrent_requests = 20 }
        timeouts = { request_timeout = "20s" }
        """,
    )
    assert came.lost() == {
        "cluster.name",
        "deployment[0].serving.on_capacity_exhausted",
        "deployment[0].runtime_config.timeouts.request_timeout",
    }
    assert came.changed() == {
        "deployment[0].serving.max_concurrent",
        "deployment[0].budget.on_exceeded",
        "deployment[0].runtime_config.api_key.from",
        "deployment[0].runtime_config.api_key.value",
    }
    assert came.values["a.serving.max_concurrent"] == "20"
    assert came.values["a.budget.max_spend_per_day"] == "$4"
    assert "not-to-be-seen" not in came.text
    assert 'bind = "0.0.0.0:8080", auth = none' in came.text
    assert "deployment[0].serving.on_capacity_exhausted (line 10)" in came.comments()

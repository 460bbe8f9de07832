"""atomr's deployments, as a project file in TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...dsl.deployment import Deployment
from ...dsl.kinds import CapacityKind, RuntimeKind, SecretSource
from ...dsl.late_text import LateText
from ...dsl.policies import RateLimits, RetryPolicy, Timeouts
from ...dsl.runtimes import (
    AnthropicConfig,
    GeminiConfig,
    LaunchableConfig,
    OpenAIConfig,
    RemoteConfig,
    SecretRef,
)
from ..importers.formats.atomr import RUNTIMES
from .toml_text import toml_text
from .values import Lost, Values, beside, fixed_replicas, milliseconds

if TYPE_CHECKING:
    from ..program import Program

_WORDS = {RuntimeKind(ours): theirs for theirs, ours in RUNTIMES.items()}

_SAID = frozenset(
    {f"rate_limits.{each}" for each in ("requests_per_minute", "tokens_per_minute", "concurrent_requests")}
    | {f"retry.{each}" for each in ("max_retries", "initial_backoff", "max_backoff", "backoff_multiplier")}
    | {"rate_limits.strict", "retry.jitter", "retry.respect_retry_after", "timeouts.request", "timeouts.read"}
    | {f"circuit_breaker.{each}" for each in ("failure_threshold", "open_duration", "half_open_max_probes")}
)
"""The values of policies that atomr has."""


def atomr(program: Program, lost: list[Lost]) -> dict[str, str]:
    """One file with all deployments that atomr has a runtime for."""
    lost += beside(program, "bind", "auth", "key")
    made = []
    for _, deployment in program.deployments:
        table = _deployment(deployment, lost)
        if table is not None:
            made.append(table)
    for route in program.graph.routes if program.graph is not None else ():
        lost.append(Lost(route.name, "atomr has no routes: clients name a deployment"))
    cluster: dict[str, Any] = {}
    gateway = program.gateway
    if gateway.span is not None:
        cluster["bind"] = f"{gateway.host}:{gateway.port}"
        if gateway.auth is not None or gateway.keys:
            lost.append(Lost("gateway.auth", "atomr asks for no key: put a proxy that does in front"))
    if not made:
        return {}
    return {"atomr.toml": toml_text({"cluster": cluster} if cluster else {}, {"deployment": made})}


def _deployment(deployment: Deployment, lost: list[Lost]) -> dict[str, Any] | None:
    kind, values = deployment.effective_runtime, Values(deployment)
    if kind not in _WORDS and kind not in (RuntimeKind.PYTHON, RuntimeKind.CUSTOM):
        lost.append(Lost(deployment.name, f"atomr has no runtime for `{kind}`"))
        return None
    says = "atomr reads keys alone from the environment: it is written as it is without it"
    late = [*values.late(), *(["model"] if isinstance(deployment.model, LateText) else [])]
    lost += (Lost(f"{deployment.name}.{path}", says) for path in late)
    config = deployment.effective_config
    target = values.take("target")
    word: Any = _WORDS.get(kind) or {kind.value: target}
    made: dict[str, Any] = {"name": deployment.name, "model": deployment.model, "runtime": word}
    replicas = fixed_replicas(deployment, values, lost)
    if replicas != 1:
        made["replicas"] = replicas
    for name in ("gpus", "idempotent"):
        if (value := values.take(name)) is not None:
            made[name] = value
    if values.has("serving."):
        made["serving"] = _serving(deployment, values, lost)
    budget = _budget(values)
    if budget:
        made["budget"] = budget
    if isinstance(config, RemoteConfig):
        inner = _config(config, values, lost, deployment.name)
        if inner:
            made["runtime_config"] = {"runtime": word if isinstance(word, str) else kind.value, **inner}
    lost.extend(values.rest())
    return made


def _serving(deployment: Deployment, values: Values, lost: list[Lost]) -> dict[str, Any]:
    values.take("serving.max_concurrent")
    values.take("serving.on_capacity_exhausted")
    policy = deployment.serving.on_capacity_exhausted
    if policy.kind is CapacityKind.FALLBACK:
        where = f"{deployment.name}.serving.on_capacity_exhausted"
        lost.append(Lost(where, f"a fallback names no deployment there: `{policy.target}` is left out"))
    return {
        "max_concurrent": deployment.serving.max_concurrent,
        "on_capacity_exhausted": policy.kind.value,
    }


def _budget(values: Values) -> dict[str, Any]:
    ceilings = {
        f"max_spend_per_{window}_usd": float(ceiling)
        for window in ("hour", "day")
        if (ceiling := values.take(f"budget.max_spend_per_{window}")) is not None
    }
    if not ceilings:
        return {}
    return {**ceilings, "on_exceeded": values.take("budget.on_exceeded").value}


def _config(config: RemoteConfig, values: Values, lost: list[Lost], name: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    resource = values.take("azure_resource")
    if isinstance(config, OpenAIConfig) and resource is not None:
        made |= {
            "kind": "azure",
            "resource": str(resource),
            "deployment": str(values.take("azure_deployment")),
        }
        if (version := values.take("api_version")) is not None:
            made["api_version"] = str(version)
    elif isinstance(config, OpenAIConfig):
        made["kind"] = "direct"
    elif isinstance(config, GeminiConfig):
        made["variant"] = "vertex" if config.project is not None else "ai_studio"
    elif isinstance(config, AnthropicConfig) and config.project is not None:
        for field in ("project", "region", "credentials", "workspace"):
            if values.take(field) is not None:
                lost.append(Lost(f"{name}.{field}", "atomr asks Claude at Anthropic, and not at Google"))
    if isinstance(config, LaunchableConfig) and config.launch is not None:
        values.take("launch.command")
        made |= _options(config.launch.command)
    for field in ("endpoint", "organization", "project", "region"):
        if (value := values.take(field)) is not None:
            made[field] = str(value)
    keys = values.take("api_key")
    if keys:
        made["api_key"] = _secret(keys[0])
        if len(keys) > 1:
            lost.append(Lost(f"{name}.api_key", "a deployment has one key there: the first is taken"))
    if (account := values.take("credentials")) is not None:
        made["credential"] = _secret(account)
    if (safety := values.take("safety")) is not None:
        made["safety"] = [{"category": key, "threshold": value} for key, value in safety.items()]
    if (settings := values.take("settings")) is not None:
        made["config"] = settings
    return made | _policies(config, values)


def _options(command: tuple[str, ...]) -> dict[str, Any]:
    """The flags of a server that is started, as options of the engine."""
    made: dict[str, Any] = {}
    words = list(command)
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else "--"
        if word.startswith("--") and word != "--port":
            made[word[2:].replace("-", "_")] = True if following.startswith("--") else _number(following)
    return made


def _number(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _policies(config: RemoteConfig, values: Values) -> dict[str, Any]:
    """Each policy whole, or left out."""
    made: dict[str, Any] = {}
    if values.has("rate_limits."):
        limits: RateLimits = config.rate_limits
        names = ("requests_per_minute", "tokens_per_minute", "concurrent_requests", "strict")
        given = {name: getattr(limits, name) for name in names}
        made["rate_limits"] = {key: value for key, value in given.items() if value not in (None, False)}
    if values.has("retry."):
        retry: RetryPolicy = config.retry
        made["retry"] = {
            "max_retries": retry.max_retries,
            "initial_backoff": milliseconds(retry.initial_backoff),
            "max_backoff": milliseconds(retry.max_backoff),
            "backoff_multiplier": float(retry.backoff_multiplier),
            "jitter": retry.jitter.value,
            "respect_retry_after": retry.respect_retry_after,
        }
    if values.has("circuit_breaker."):
        breaker = config.circuit_breaker
        made["circuit_breaker"] = {
            "failure_threshold": breaker.failure_threshold,
            "open_duration": milliseconds(breaker.open_duration),
            "half_open_max_probes": breaker.half_open_max_probes,
        }
    if values.has("timeouts.request") or values.has("timeouts.read"):
        times: Timeouts = config.timeouts
        made["timeouts"] = {
            "request_timeout": milliseconds(times.request),
            "read_timeout": milliseconds(times.read),
        }
    for path in [path for path in values.paths() if path in _SAID]:
        values.take(path)
    return made


def _secret(secret: SecretRef) -> dict[str, str]:
    if secret.source is SecretSource.ENV:
        return {"from": "env", "name": secret.name}
    return {"from": "file", "path": secret.name}

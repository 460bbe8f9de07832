"""atomr's deployments in TOML and JSON, in the form that serde gives them."""

from __future__ import annotations

from ....dsl.catalogues.inference import infer_runtime
from ....dsl.policies import Serving
from ..draft import Block, Deployment, Draft
from ..foreign import Node
from ..literals import Code, env, text as quoted
from ..origin import Origin
from ..providers import find_key
from ..report import Outcome
from ..requests import put_body
from ..secrets import left_out, variable_for
from ..servers import command, flags
from ..tables import (
    Kept,
    Lost,
    Table,
    To,
    Unfit,
    dollars,
    follow,
    milliseconds,
    number,
    positive,
    text,
    truth,
    whole,
    words,
)

RUNTIMES: dict[str, str] = {
    "vllm": "vllm",
    "tensor_rt": "tensorrt",
    "ort": "ort",
    "candle": "candle",
    "cudarc": "cudarc",
    "mistral_rs": "mistralrs",
    "open_ai": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "lite_llm": "litellm",
}
"""atomr's words for runtimes, and those of the language."""


def _ms(node: Node) -> object:
    if isinstance(node.value, str):
        raise Unfit("atomr reads whole milliseconds here, and no text")
    return milliseconds(node)


def _exhausted(draft: Draft, block: Block, node: Node) -> None:
    if node.value == "fallback":
        says = "it names no deployment: write `on_capacity_exhausted = fallback(name)`, or a route"
        draft.lost(node, says, block.remarks)
        return
    if node.value in ("queue", "reject"):
        block.put("serving.on_capacity_exhausted", Code(str(node.value)), node)
        draft.kept(node)
    else:
        draft.lost(node, "it is neither `queue` nor `reject`", block.remarks)


_DEPLOYMENT: Table = {
    "gpus": To("gpus", positive),
    "replicas": To("replicas", positive),
    "idempotent": To("idempotent", truth),
    "serving.max_concurrent": To("serving.max_concurrent", positive),
    "serving.on_capacity_exhausted": _exhausted,
    "budget.max_spend_per_hour_usd": To("budget.max_spend_per_hour", dollars),
    "budget.max_spend_per_day_usd": To("budget.max_spend_per_day", dollars),
    "budget.on_exceeded": To("budget.on_exceeded", words(reject="reject", warn="warn", throttle="throttle")),
    "runtime_config.rate_limits.requests_per_minute": To("runtime.rate_limits.requests_per_minute", positive),
    "runtime_config.rate_limits.tokens_per_minute": To("runtime.rate_limits.tokens_per_minute", positive),
    "runtime_config.rate_limits.concurrent_requests": To("runtime.rate_limits.concurrent_requests", positive),
    "runtime_config.rate_limits.strict": To("runtime.rate_limits.strict", truth),
    "runtime_config.retry.max_retries": To("runtime.retry.max_retries", whole),
    "runtime_config.retry.initial_backoff": To("runtime.retry.initial_backoff", _ms),
    "runtime_config.retry.max_backoff": To("runtime.retry.max_backoff", _ms),
    "runtime_config.retry.backoff_multiplier": To("runtime.retry.backoff_multiplier", number),
    "runtime_config.retry.jitter": To("runtime.retry.jitter", words(none="none", equal="equal", full="full")),
    "runtime_config.retry.respect_retry_after": To("runtime.retry.respect_retry_after", truth),
    "runtime_config.circuit_breaker.failure_threshold": To(
        "runtime.circuit_breaker.failure_threshold", positive
    ),
    "runtime_config.circuit_breaker.open_duration": To("runtime.circuit_breaker.open_duration", _ms),
    "runtime_config.circuit_breaker.half_open_max_probes": To(
        "runtime.circuit_breaker.half_open_max_probes", positive
    ),
    "runtime_config.timeouts.request_timeout": To("runtime.timeouts.request", _ms),
    "runtime_config.timeouts.read_timeout": To("runtime.timeouts.read", _ms),
    "runtime_config.endpoint": To("runtime.endpoint", text),
    "runtime_config.organization": To("runtime.organization", text),
    "runtime_config.project": To("runtime.project", text),
    "runtime_config.region": To("runtime.region", text),
    "runtime_config.api_version": To("runtime.api_version", text),
    "runtime_config.resource": To("runtime.azure_resource", text),
    "runtime_config.deployment": To("runtime.azure_deployment", text),
    "runtime_config.kind": Kept(),
    "runtime_config.variant": Kept(),
    "runtime_config.anthropic_version": Lost("inferc speaks the version that it knows, 2023-06-01"),
}
"""Settings of a deployment, without those that depend on others."""

_NOT_OPTIONS = ("runtime", "model", "rate_limits", "retry", "circuit_breaker", "timeouts", "api_key")

OPEN = "Everybody may call, as before: `auth = bearer(env(…))` asks for a key."

_SECRETS = {"api_key": "api_key", "credential": "credentials"}


def recognises(root: Node) -> bool:
    """Whether these are deployments as atomr writes them."""
    found = _deployments(root)
    return bool(found) and all("model" in each.entries and "name" in each.entries for each in found)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    for node in _deployments(root):
        _deployment(node, draft)
    bind = root.get("cluster", "bind")
    if bind is not None:
        draft.gateway.put("bind", str(bind.value), bind)
        draft.gateway.put("auth", Code("none"))
        draft.told.append(OPEN)
        draft.kept(bind)
    follow(
        {
            "cluster.name": Lost("`inferc run --state` says who shares spend and limits"),
            "cluster.endpoint": Lost("inferc has no cluster of actors: run it on each machine"),
        },
        root,
        draft,
        Block(remarks=draft.remarks),
    )


def _deployments(root: Node) -> list[Node]:
    if root.items:
        return list(root.items)
    found = root.get("deployment") or root.get("deployments")
    if found is not None:
        return list(found.items)
    return [root] if {"name", "model"} <= root.entries.keys() else []


def _deployment(node: Node, draft: Draft) -> None:
    name, model = node.text("name"), node.text("model")
    if not name or not model:
        draft.lost(node, "a deployment has a name and a model")
        return
    made = Deployment(name=draft.free_name(name), nodes=(node,))
    draft.deployments.append(made)
    draft.kept(node.get("name"), node.get("model"))
    made.put("model", model)
    config = node.get("runtime_config")
    label = _runtime(node, config, model, made, draft)
    if config is not None:
        _settings(config, label, made, draft)
    if label in ("vllm", "mistralrs", "candle"):
        _server(config, label, model, made, draft)
    follow(_DEPLOYMENT, node, draft, made)
    if label == "candle" and not made.has("runtime.endpoint"):
        made.put("runtime.endpoint", env(variable_for(made.name, "endpoint"), "http://127.0.0.1:8000/v1"))
        draft.told.append(f"`{made.name}`: candle has no server of its own: start one, and say where it is.")
    own = find_key(label)
    if own is not None and not made.has("runtime.api_key") and not made.has("runtime.project"):
        made.put("runtime.api_key", env(own))
        draft.told.append(f"`{made.name}` names no key: it is expected in {own}.")
    _fit(made, node, draft)


def _runtime(node: Node, config: Node | None, model: str, made: Deployment, draft: Draft) -> str:
    """The word of the runtime: what is said, else that of the settings, else by the name of the model."""
    said, of_config = node.get("runtime"), config.get("runtime") if config is not None else None
    for each in (said, of_config):
        if each is None:
            continue
        label = _label(each, config)
        draft.kept(each)
        if label is None:
            draft.lost(each, "there is no such runtime here", made.remarks)
        elif not made.label_of("runtime"):
            made.runtime(label)
    return made.label_of("runtime") or made.runtime(infer_runtime(model).value).label


def _label(said: Node, config: Node | None) -> str | None:
    if isinstance(said.value, str):
        kind = config.text("kind") if config is not None else None
        if said.value == "custom" and kind is not None:
            return f"custom({quoted(kind)})"
        return RUNTIMES.get(said.value)
    for word in ("python", "custom"):
        target = said.text(word)
        if target is not None:
            return f"{word}({quoted(target)})"
    return None


def _settings(config: Node, label: str, made: Deployment, draft: Draft) -> None:
    """Keys, harm categories, and what only a plug-in reads."""
    runtime = made.block("runtime")
    for theirs, ours in _SECRETS.items():
        secret = config.get(theirs)
        if secret is not None:
            _secret(secret, ours, made, draft)
    safety = config.get("safety")
    for item in safety.items if safety is not None else ():
        category, threshold = item.text("category"), item.text("threshold")
        if category and threshold:
            runtime.put(("safety", category), threshold, item)
            draft.kept(item)
    settings = config.get("config")
    if label.startswith("custom") and settings is not None:
        for key, inner in settings.entries.items():
            put_body(draft, runtime, ("settings", key), inner)
        draft.kept(settings)


def _secret(secret: Node, field: str, made: Deployment, draft: Draft) -> None:
    source, name, path = secret.text("from"), secret.text("name"), secret.text("path")
    if source == "env" and name:
        value = env(name)
        draft.kept(secret)
    elif source == "file" and path:
        value = Code(f"file({quoted(path)})")
        draft.kept(secret)
    else:
        value = left_out(draft, secret, variable_for(made.name, field), made)
    made.put(f"runtime.{field}", value, secret)


def _server(config: Node | None, label: str, model: str, made: Deployment, draft: Draft) -> None:
    """A server in place of an engine that runs inside of atomr."""
    if config is not None and "endpoint" in config.entries:
        return
    options = {
        key: inner
        for key, inner in (config.entries if config is not None else {}).items()
        if not draft.report.is_marked(inner) and key not in _NOT_OPTIONS
    }
    started = command(label, model, flags(options))
    if started is None:
        return
    asked = config.get("model") if config is not None else None
    made.put("runtime.launch.command", started, *options.values())
    draft.kept(asked, *options.values())


def _fit(made: Deployment, node: Node, draft: Draft) -> None:
    """All replicas together ask for no more at once than the account allows."""
    limit, replicas = made.value("runtime.rate_limits.concurrent_requests"), made.value("replicas") or 1
    most = made.value("serving.max_concurrent") or Serving().max_concurrent
    if not (isinstance(limit, int) and isinstance(replicas, int) and isinstance(most, int)):
        return
    if most * replicas <= limit or limit < replicas:
        return
    said = node.get("serving", "max_concurrent")
    made.put("serving.max_concurrent", limit // replicas, *([said] if said is not None else []))
    if said is not None:
        says = f"{most} for each of {replicas} replicas are more than the {limit} requests of `rate_limits`"
        draft.overrule(Outcome.CHANGED, said, says, made.remarks)

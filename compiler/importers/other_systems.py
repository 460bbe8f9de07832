"""Systems whose files are not read: what they are, and what to do with them instead."""

from __future__ import annotations

import re

from ...dsl.record import frozen
from .foreign import Node


@frozen
class System:
    """title: what it is called. holds: dotted paths that its files have; a `*` is any key, or any item."""

    title: str
    holds: tuple[str, ...]
    advice: str


_CLIENT = (
    "it names what a client asks: give it the address of `inferc run`, as that of an OpenAI-like provider"
)
_SERVERS = "what it starts is `launch { command = […] }` in a deployment here, or has an `endpoint`"
_PLUGIN = "each target of its plugin `ai-proxy` is a deployment here, and several are a route"
_NO_PROXY = "each `ai-proxy` in it is a deployment here, or a route: it has none"
_MODELS = "each model of a provider is a deployment here, and what chooses among them is a route"
_ELEMENTS = (
    "each `model` in it is a deployment here, what follows on its `fallback` a route, `fallback [a, b]`, "
    "and a `percentage` is a `split`; limits and budgets are those of keys"
)
_SELECTED = "it says how servers of one model are chosen among: `balance [a, b] by least_busy` here"
_PODS = f"it starts servers on Kubernetes: {_SERVERS}"

SYSTEMS: tuple[System, ...] = (
    System("vLLM's production stack, as Helm reads it", ("servingEngineSpec",), _SERVERS),
    System("llama-swap", ("models.*.cmd",), _SERVERS),
    System("LocalAI", ("name", "parameters.model"), _SERVERS),
    System("KubeAI, as Helm reads it", ("modelServers",), _SERVERS),
    System("KubeAI, as Helm reads it", ("catalog.*.engine",), _SERVERS),
    System("Ray Serve", ("applications.*.import_path",), _SERVERS),
    System("LibreChat", ("endpoints",), _CLIENT),
    System("Continue", ("models.*.provider", "models.*.model"), _CLIENT),
    System("opencode, which names no provider", ("$schema", "mcp"), _CLIENT),
    System("aider", ("openai-api-base",), _CLIENT),
    System("aider", ("model", "edit-format"), _CLIENT),
    System("Zed", ("language_models",), _CLIENT),
    System("Zed", ("agent.default_model",), _CLIENT),
    System("Claude Code Router", ("Providers", "Router"), _MODELS),
    System("vLLM's semantic router", ("routing.decisions",), _MODELS),
    System("vLLM's semantic router", ("vllm_endpoints",), _MODELS),
    System("One API, channels of it", ("data.*.base_url", "data.*.models"), _MODELS),
    System("Kong", ("_format_version",), _NO_PROXY),
    System("Apache APISIX", ("routes.*.plugins",), _NO_PROXY),
    System("Apache APISIX", ("services.*.routes.*.plugins",), _NO_PROXY),
    System("Higress", ("provider.type", "provider.apiTokens"), _PLUGIN),
    System("Higress", ("providers.*.apiTokens",), _PLUGIN),
    System("agentgateway", ("binds.*.listeners",), _MODELS),
    System("agentgateway", ("llm.models",), _MODELS),
    System("agentgateway", ("routes.*.backends.*.ai",), _MODELS),
    System("Helicone's AI gateway", ("routers.*.load-balance",), _MODELS),
    System("Cloudflare's AI Gateway, a dynamic route", ("elements.*.outputs",), _ELEMENTS),
    System("llm-d, as Helm reads it", ("modelArtifacts", "decode"), _SERVERS),
    System("llm-d, as Helm reads it", ("sampleApplication.model",), _SERVERS),
    System("the Gateway API's inference extension, as Helm reads it", ("inferenceExtension",), _SELECTED),
    System(
        "OpenRouter, a request to it", ("models", "messages"), "a list of `models` is `fallback [a, b]` here"
    ),
    System("Docker Compose", ("services.*",), _SERVERS),
    System("Docker Compose", ("models.*.model",), _SERVERS),
    System("Helm, one of a chart", ("apiVersion", "dependencies"), "import what its templates give"),
    System(
        "Kubernetes",
        ("*.kind", "*.apiVersion"),
        "its resources of KServe and Envoy AI Gateway are read, and files that a ConfigMap holds",
    ),
)
"""The more telling first."""

_TEXTS: tuple[tuple[re.Pattern[str], re.Pattern[str], System], ...] = (
    (
        re.compile(r"(^|\.)env(\.|$)", re.IGNORECASE),
        re.compile(r"^(export )?\w+=", re.MULTILINE),
        System(
            "variables of the environment",
            (),
            'it names no model: `env("NAME")` in a file of inferc reads one of them where it is started',
        ),
    ),
    (
        re.compile(r"modelfile", re.IGNORECASE),
        re.compile(r"^FROM \S", re.MULTILINE | re.IGNORECASE),
        System(
            "Ollama, of which `ollama create` makes a model",
            (),
            'ask that one: `deployment name { model = "name", runtime ollama { endpoint = … } }`, where '
            "`request { defaults { … } }` has its parameters",
        ),
    ),
)
"""By the name of a file, and by what such a file has in it."""

_GROUPS: dict[str, System] = {
    "agentgateway.dev": System("agentgateway", (), _MODELS),
    "apisix.apache.org": System("Apache APISIX", (), _NO_PROXY),
    "apps.nvidia.com": System("NVIDIA NIM", (), _PODS),
    "configuration.konghq.com": System("Kong", (), _PLUGIN),
    "extensions.higress.io": System("Higress", (), _PLUGIN),
    "gateway.kgateway.dev": System("kgateway", (), _MODELS),
    "inference.networking.k8s.io": System("the Gateway API's inference extension", (), _SELECTED),
    "inference.networking.x-k8s.io": System("the Gateway API's inference extension", (), _SELECTED),
    "kaito.sh": System("KAITO", (), _PODS),
    "kubeai.org": System("KubeAI", (), _PODS),
    "leaderworkerset.x-k8s.io": System("LeaderWorkerSet", (), _PODS),
    "nvidia.com": System("NVIDIA Dynamo", (), _PODS),
    "production-stack.vllm.ai": System("vLLM's production stack", (), _PODS),
    "ray.io": System("Ray on Kubernetes", (), _PODS),
    "serving.kserve.io": System(
        "KServe", (), "what starts models is read: InferenceService, LLMInferenceService, InferenceGraph"
    ),
}
"""By the group of the API that a resource of Kubernetes is of."""


def find_text(name: str, text: str) -> System | None:
    """Of which system a file is that has a form of its own."""
    return next((each for named, has, each in _TEXTS if named.search(name) and has.search(text)), None)


def find_system(root: Node) -> System | None:
    """Of which of these systems a file seems to be."""
    for each in root.entries.values():
        group, _, version = (each.text("apiVersion") or "").rpartition("/")
        if version and group in _GROUPS and "kind" in each.entries:
            return _GROUPS[group]
    return next((each for each in SYSTEMS if all(_has(root, path.split(".")) for path in each.holds)), None)


def _has(node: Node, keys: list[str]) -> bool:
    if not keys:
        return True
    key, *rest = keys
    if key == "*":
        return any(_has(inner, rest) for inner in (*node.entries.values(), *node.items))
    found = node.get(key)
    return found is not None and _has(found, rest)

"""Systems whose files are not read: what they are, and what to do with them instead."""

from __future__ import annotations

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

SYSTEMS: tuple[System, ...] = (
    System("Docker Compose", ("services.*",), _SERVERS),
    System("vLLM's production stack, as Helm reads it", ("servingEngineSpec",), _SERVERS),
    System("llama-swap", ("models.*.cmd",), _SERVERS),
    System("LocalAI", ("name", "parameters.model"), _SERVERS),
    System("Ray Serve", ("applications.*.import_path",), _SERVERS),
    System("LibreChat", ("endpoints",), _CLIENT),
    System("Continue", ("models.*.provider", "models.*.model"), _CLIENT),
    System("Kong", ("_format_version", "services"), "each AI plugin is a deployment here, or a route"),
    System("Helm, one of a chart", ("apiVersion", "dependencies"), "import what its templates give"),
    System(
        "Kubernetes",
        ("*.kind", "*.apiVersion"),
        "its resources of KServe and Envoy AI Gateway are read, and files that a ConfigMap holds",
    ),
)
"""The more telling first."""


def find_system(root: Node) -> System | None:
    """Of which of these systems a file seems to be."""
    return next((each for each in SYSTEMS if all(_has(root, path.split(".")) for path in each.holds)), None)


def _has(node: Node, keys: list[str]) -> bool:
    if not keys:
        return True
    key, *rest = keys
    if key == "*":
        return any(_has(inner, rest) for inner in (*node.entries.values(), *node.items))
    found = node.get(key)
    return found is not None and _has(found, rest)

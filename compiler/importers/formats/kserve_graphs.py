"""KServe's inference graphs: splitters as routes, sequences and ensembles as pipelines."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..draft import Deployment, Draft, Passage, Route
from ..foreign import Node
from ..kubernetes import Resource
from ..literals import name as written_name
from ..report import Remark
from ..strategy import split
from ..tables import NO_WORD, weight

_TEXTS = "here a text goes in and a text comes out; KServe hands JSON on"
_SWITCH = "conditions on JSON are `match` and `if` in a pipeline: write `json_path(…)`"


def graph(resource: Resource, draft: Draft) -> None:
    """Put a graph into the draft."""
    nodes = resource.spec.get("nodes")
    if nodes is None or "root" not in nodes.entries:
        return
    draft.kept(resource.node.get("metadata", "name"))
    _Graph(resource, nodes, draft).build()
    for name in (
        "resources",
        "affinity",
        "timeout",
        "minReplicas",
        "maxReplicas",
        "scaleTarget",
        "scaleMetric",
    ):
        if (node := resource.spec.get(name)) is not None:
            draft.lost(node, "a graph has no servers of its own here")
    metadata = resource.node.get("metadata")
    if metadata is not None:
        draft.lost(metadata, "it is for Kubernetes alone")


class _Graph:
    """The nodes of one graph, each built once, those first that others name."""

    def __init__(self, resource: Resource, nodes: Node, draft: Draft) -> None:
        self._resource = resource
        self._nodes = nodes.entries
        self._draft = draft
        self._names: dict[str, str] = {}
        self._open: set[str] = set()

    def build(self) -> None:
        self._node("root")

    def _node(self, key: str) -> str | None:
        """The name of what stands for a node, None for what cannot."""
        if key in self._names:
            return self._names[key]
        node = self._nodes.get(key)
        if node is None or key in self._open:
            return None
        self._open.add(key)
        router, steps = node.get("routerType"), node.get("steps")
        kind = str(router.value) if router is not None else ""
        targets = [(step, self._target(step)) for step in (steps.items if steps is not None else ())]
        wanted = self._resource.name if key == "root" else key
        name = None
        if kind == "Switch" or not targets:
            self._draft.lost(node, _SWITCH if targets else NO_WORD)
        elif any(target is None for _, target in targets):
            self._draft.lost(node, "it names a service that cannot be here")
        elif kind == "Splitter":
            name = self._split(wanted, node, [(step, str(target)) for step, target in targets])
        else:
            name = self._pipeline(wanted, kind, node, [(step, str(target)) for step, target in targets])
        if name is not None:
            self._names[key] = name
            self._draft.kept(router)
        return name

    def _target(self, step: Node) -> str | None:
        """What a step asks: a service, another node, or an address."""
        draft = self._draft
        service, inner, url = step.text("serviceName"), step.text("nodeName"), step.text("serviceUrl")
        if inner:
            return self._node(inner)
        if service:
            return next((each.name for each in draft.deployments if each.name == service), None)
        return self._address(url, step) if url else None

    def _address(self, url: str, step: Node) -> str | None:
        draft, node = self._draft, step.get("serviceUrl")
        try:
            parts = urlsplit(url)
        except ValueError:  # `http://[`
            return None
        if not parts.hostname or node is None:
            return None
        model = re.search(r"/models/([^/:]+)", parts.path)
        name = draft.free_name(parts.hostname.split(".")[0])
        made = Deployment(name=name, nodes=(node,))
        made.put("model", model[1] if model is not None else name)
        made.runtime("openai_compatible").put(
            "endpoint", f"{parts.scheme or 'http'}://{parts.netloc}/openai/v1", node
        )
        draft.deployments.append(made)
        draft.changed(
            node, "here asked by OpenAI's protocol, which KServe has below `/openai/v1`", made.remarks
        )
        return name

    def _split(self, wanted: str, node: Node, targets: list[tuple[Node, str]]) -> str:
        draft = self._draft
        name = draft.free_name(wanted)
        weights = [step.get("weight") for step, _ in targets]
        members = [target for _, target in targets]
        route = Route(name, split(members, list(map(weight, weights))), (node,))
        draft.routes.append(route)
        for step, _ in targets:
            draft.kept(step.get("serviceName"), step.get("nodeName"), step.get("weight"), step.get("name"))
            for other in ("data", "condition", "dependency"):
                if (said := step.get(other)) is not None:
                    draft.lost(said, "a route hands the request on as it is", route.remarks)
        return name

    def _pipeline(self, wanted: str, kind: str, node: Node, targets: list[tuple[Node, str]]) -> str:
        draft = self._draft
        name = re.sub(r"\W", "_", draft.free_name(wanted))
        remarks: list[Remark] = []
        lines: list[str] = []
        bound: list[str] = []
        last = "message"
        is_sequence = kind != "Ensemble"
        for number, (step, target) in enumerate(targets, 1):
            given = step.text("data")
            said = step.text("name") or f"step_{number}"
            value = re.sub(r"\W", "_", said)
            while value in (name, target, "message", *bound):
                value += "_"
            is_read = not is_sequence or number == len(targets) or self._reads_response(targets, number)
            value = value if is_read else f"_{value}"
            argument = "message" if not is_sequence or given == "$request" else last
            lines.append(f"  {value} = {written_name(target)}({argument})")
            bound.append(value)
            last = value
            draft.kept(step.get("serviceName"), step.get("nodeName"), step.get("name"))
            if (data := step.get("data")) is not None:
                draft.changed(data, _TEXTS, remarks)
            if step.text("dependency") == "Hard" or not is_sequence:
                draft.kept(step.get("dependency"))
            elif (soft := step.get("dependency")) is not None:
                draft.lost(soft, "a step that may fail is written `step else …`", remarks)
            if (condition := step.get("condition")) is not None:
                draft.lost(condition, _SWITCH, remarks)
        result = "text"
        head: list[str] = []
        if is_sequence:
            lines.append(f"  return {last}")
        else:
            result = "".join(part.capitalize() for part in name.split("_"))
            head.append(f"type {result} = {{ {', '.join(f'{each}: text' for each in bound)} }}")
            lines.append(f"  return {result}({', '.join(f'{each} = {each}' for each in bound)})")
        head.append(f"pipeline {name}(message: text) -> {result} {{")
        draft.passages.append(Passage("\n".join([*head, *lines, "}"]), (node,), remarks))
        return name

    def _reads_response(self, targets: list[tuple[Node, str]], number: int) -> bool:
        """Whether the step after this one takes what it gives."""
        return targets[number][0].text("data") != "$request"

"""Resources of Kubernetes: several documents in one file, each called by its kind and its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...dsl.record import frozen
from .draft import Draft
from .foreign import Node
from .tables import NO_WORD


@frozen(eq=False)
class Resource:
    """One resource; its settings are called `Kind/name.spec.…`."""

    kind: str
    name: str
    node: Node

    @property
    def namespace(self) -> str | None:
        return self.node.text("metadata", "namespace")

    @property
    def spec(self) -> Node:
        return self.node.get("spec") or Node(f"{self.node.path}.spec", self.node.line, {})


def is_resources(documents: Sequence[Node]) -> bool:
    """Whether documents are resources of Kubernetes."""
    return bool(documents) and all(
        "kind" in each.entries and "apiVersion" in each.entries for each in documents
    )


def gathered(documents: Sequence[Node]) -> Node:
    """All resources as one value, under their kinds and names; lists of resources are taken apart."""
    found: dict[str, Node] = {}
    for document in _single(documents):
        kind, name = document.text("kind") or "", document.text("metadata", "name") or ""
        called, number = f"{kind}/{name}", 1
        while called in found:
            number += 1
            called = f"{kind}/{name}-{number}"
        found[called] = moved(document, called)
    return Node("", 1, found)


def _single(documents: Sequence[Node]) -> Iterator[Node]:
    for document in documents:
        items = document.get("items")
        if items is not None and (document.text("kind") or "").endswith("List"):
            yield from (item for item in items.items if item.entries)
        else:
            yield document


def held_files(resource: Resource) -> Iterator[tuple[str, Node]]:
    """The files of several lines that a ConfigMap or a Secret holds, by their names."""
    if resource.kind not in ("ConfigMap", "Secret"):
        return
    for block in ("data", "stringData"):
        held = resource.node.get(block)
        for name, node in held.entries.items() if held is not None else ():
            if isinstance(node.value, str) and "\n" in node.value:
                yield name, node


def moved(node: Node, path: str, lines: int = 0) -> Node:
    """The same value, its settings called as if it stood at `path`, and so many lines further down."""
    start = len(node.path)

    def again(inner: Node) -> Node:
        rest = inner.path[start:]
        is_joined = not rest or rest[0] in ".[" or path.endswith("#")
        here = path + (rest if is_joined else f".{rest}")
        if inner.entries:
            return Node(here, inner.line + lines, {key: again(each) for key, each in inner.entries.items()})
        if inner.items:
            return Node(here, inner.line + lines, [again(each) for each in inner.items])
        return Node(here, inner.line + lines, inner.value)

    return again(node)


def resources(root: Node) -> list[Resource]:
    """The resources that were gathered."""
    return [
        Resource(node.text("kind") or "", node.text("metadata", "name") or "", node)
        for node in root.entries.values()
        if isinstance(node.get("kind"), Node) and node.get("apiVersion") is not None
    ]


def form(found: Sequence[Resource], draft: Draft) -> None:
    """What only says which resource it is, and what the cluster adds by itself."""
    for each in found:
        draft.report.form(each.node.get("apiVersion"), each.node.get("kind"), each.node.get("status"))
        for name in ("namespace", "uid", "resourceVersion", "generation", "creationTimestamp"):
            draft.report.form(each.node.get("metadata", name))


def rest(found: Sequence[Resource], draft: Draft) -> None:
    """Resources that say nothing of models."""
    for each in found:
        draft.report.form(each.node.get("metadata", "name"))
        for node in (each.node.get("metadata"), each.node):
            if node is not None:
                draft.lost(node, NO_WORD)

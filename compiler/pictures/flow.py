"""Arrows while a pipeline is drawn: where each value comes from, and what leads where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, field

from ...dsl.record import define, frozen
from .model import Cluster, Edge, EdgeKind, Vertex
from .names import shortened

_LONGEST_TYPE = 40


@frozen
class Origin:
    """The vertex that a value comes from, its type, and the fields that are taken of it: `.label`."""

    vertex: str
    type: str
    path: str = ""

    @property
    def label(self) -> str:
        """What an arrow says about the value; nothing about plain text."""
        shown = shortened(self.type, _LONGEST_TYPE)
        if self.path:
            return f"{self.path}: {shown}"
        return "" if shown == "text" else shown


@define
class Flow:
    """The arrows of one pipeline, and the origins of the values in it by name."""

    _origins: dict[str, tuple[Origin, ...]] = field(init=False, factory=dict)
    _labels: dict[tuple[str, str, EdgeKind], list[str]] = field(init=False, factory=dict)

    def comes_from(self, name: str, *origins: Origin) -> None:
        """Say where the value called `name` comes from."""
        self._origins[name] = origins

    def origins(self, name: str) -> tuple[Origin, ...]:
        return self._origins.get(name, ())

    def passed_on(self, name: str, operands: Iterable[str], path: str = "", type: str | None = None) -> None:
        """Say that `name` is made of other values, without a vertex of its own."""
        found = dict.fromkeys(origin for operand in operands for origin in self.origins(operand))
        if path and type is not None:
            found = dict.fromkeys(evolve(each, path=each.path + path, type=type) for each in found)
        self.comes_from(name, *found)

    def arrow(self, source: str, target: str, kind: EdgeKind, label: str = "") -> None:
        """Draw an arrow; several between the same vertices become one with all their labels."""
        self._labels.setdefault((source, target, kind), []).append(label)

    def arrows(self, name: str, target: str) -> None:
        """Draw the arrows that bring the value called `name`."""
        for origin in self.origins(name):
            self.arrow(origin.vertex, target, EdgeKind.VALUE, origin.label)

    def before(self, parts: Sequence[Vertex | Cluster]) -> list[set[int]]:
        """For each of `parts`, the numbers of those that an arrow to it comes from."""
        places = {vertex: place for place, part in enumerate(parts) for vertex in identifiers(part)}
        found: list[set[int]] = [set() for _ in parts]
        for source, target, _ in self._labels:
            if source in places and target in places and places[source] != places[target]:
                found[places[target]].add(places[source])
        return found

    def heads(self, parts: Iterable[Vertex | Cluster]) -> list[str]:
        """The vertices of `parts` to which no arrow from within `parts` leads."""
        inside = dict.fromkeys(vertex for part in parts for vertex in identifiers(part))
        reached = {target for source, target, _ in self._labels if source in inside}
        return [vertex for vertex in inside if vertex not in reached]

    def edges(self) -> list[Edge]:
        """All arrows, in the order in which they were drawn."""
        return [
            Edge(source, target, kind, ", ".join(dict.fromkeys(label for label in labels if label)))
            for (source, target, kind), labels in self._labels.items()
        ]


def identifiers(part: Vertex | Cluster) -> list[str]:
    """The identifiers of all vertices in `part`, in order."""
    return [part.id] if isinstance(part, Vertex) else [vertex.id for vertex in part.vertices()]

"""A picture before it has a format: vertices in nested clusters, edges between them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from attrs import define, field

from ...dsl.record import frozen


class Look(StrEnum):
    """What a vertex stands for. Each look has a shape of its own, so that colour is not needed."""

    INPUT = "input"
    LOCAL = "local"
    REMOTE = "remote"
    ROUTE = "route"
    PIPELINE = "pipeline"
    EXTERN = "extern"
    BUILTIN = "builtin"
    CHOICE = "choice"
    VALUE = "value"
    NOTE = "note"


class EdgeKind(StrEnum):
    """What goes from one vertex to the next."""

    VALUE = "value"
    MEMBER = "member"
    CALL = "call"
    CAPACITY = "capacity"
    FAILURE = "failure"
    ORDER = "order"
    """Not seen: it keeps its target below its source."""


class ClusterKind(StrEnum):
    """What a frame holds."""

    PIPELINE = "pipeline"
    BLOCK = "block"
    PARALLEL = "parallel"
    MODELS = "models"
    LEGEND = "legend"


@frozen
class Vertex:
    """One thing in the picture. id: letters, digits and `_`, unlike any other; lines: its text."""

    id: str
    look: Look
    lines: tuple[str, ...]


@frozen
class Edge:
    """An arrow between two vertices; label: empty when there is nothing to say."""

    source: str
    target: str
    kind: EdgeKind
    label: str = ""


@define
class Cluster:
    """A frame around vertices and other frames, in the order in which they are drawn."""

    id: str
    kind: ClusterKind
    title: str
    parts: list[Vertex | Cluster] = field(factory=list)

    def vertices(self) -> Iterator[Vertex]:
        """Those of the cluster, and of all within it."""
        for part in self.parts:
            if isinstance(part, Vertex):
                yield part
            else:
                yield from part.vertices()

    def frames(self) -> Iterator[Cluster]:
        """The cluster, and all within it."""
        yield self
        for part in self.parts:
            if isinstance(part, Cluster):
                yield from part.frames()


@frozen
class Picture:
    """All of it."""

    title: str
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]

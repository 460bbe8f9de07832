"""A picture before it has a format: vertices in nested clusters, edges between them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from attrs import field

from ...dsl.record import define, frozen


class Look(StrEnum):
    """What a vertex stands for. Each look has a shape of its own, so that colour is not needed."""

    KEY = "key"
    INPUT = "input"
    LOCAL = "local"
    REMOTE = "remote"
    ROUTE = "route"
    PIPELINE = "pipeline"
    STEP = "step"
    EXTERN = "extern"
    BUILTIN = "builtin"
    CHOICE = "choice"
    VALUE = "value"
    CACHE = "cache"
    NOTE = "note"


class EdgeKind(StrEnum):
    """What goes from one vertex to the next."""

    VALUE = "value"
    MEMBER = "member"
    CALL = "call"
    CAPACITY = "capacity"
    FAILURE = "failure"
    DATA = "data"
    ANSWER = "answer"
    CLEAN = "clean"
    """What holds no kind of data any more."""
    ORDER = "order"
    """Not seen: it keeps its target below its source."""


class ClusterKind(StrEnum):
    """What a frame holds."""

    PIPELINE = "pipeline"
    BLOCK = "block"
    PARALLEL = "parallel"
    MODELS = "models"
    CLIENTS = "clients"
    LEGEND = "legend"


@frozen
class Vertex:
    """One thing in the picture. id: letters, digits and `_`, unlike any other; lines: its text.

    is_wrong: something comes there that may not.
    """

    id: str
    look: Look
    lines: tuple[str, ...]
    is_wrong: bool = False


@frozen
class Edge:
    """An arrow between two vertices; label: empty when there is nothing to say.

    is_wrong: it is on the way to where something may not come.
    """

    source: str
    target: str
    kind: EdgeKind
    label: str = ""
    is_wrong: bool = False


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
    """All of it. is_wide: it begins on the left, and not at the top."""

    title: str
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    is_wide: bool = False

    @property
    def direction(self) -> str:
        """As DOT and Mermaid call it."""
        return "LR" if self.is_wide else "TB"

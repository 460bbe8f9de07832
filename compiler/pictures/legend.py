"""What the shapes and arrows of a picture mean: those that are in it, and no others."""

from __future__ import annotations

from collections.abc import Iterable

from .model import Cluster, ClusterKind, Edge, EdgeKind, Look, Vertex

_COLUMNS = 3

LOOKS: dict[Look, str] = {
    Look.INPUT: "a parameter, or the result",
    Look.LOCAL: "local: a model on this machine",
    Look.REMOTE: "remote: a model behind HTTP",
    Look.ROUTE: "a route",
    Look.PIPELINE: "another pipeline",
    Look.EXTERN: "extern: code of the user's",
    Look.BUILTIN: "built in",
    Look.CHOICE: "one way is taken",
    Look.VALUE: "a value, put together",
}

ARROWS: dict[EdgeKind, str] = {
    EdgeKind.VALUE: "solid arrow: a value, a text where no type is said",
    EdgeKind.MEMBER: "solid arrow from a route: a member, and when it is asked",
    EdgeKind.CALL: "dotted arrow: asks",
    EdgeKind.CAPACITY: "dashed arrow: takes what the other has no room for",
    EdgeKind.FAILURE: "dashed arrow: stands in for what failed or is missing",
}

FRAMES: dict[ClusterKind, str] = {
    ClusterKind.PARALLEL: "dashed frame: steps that run at the same time",
}


def legend(clusters: Iterable[Cluster], edges: Iterable[Edge]) -> tuple[Cluster, list[Edge]]:
    """The legend for what stands in `clusters` and `edges`, and what keeps it in order."""
    shown = list(clusters)
    looks = {vertex.look for cluster in shown for vertex in cluster.vertices()}
    kinds = {edge.kind for edge in edges}
    frames = {frame.kind for cluster in shown for frame in cluster.frames()}
    lines = [text for kind, text in ARROWS.items() if kind in kinds]
    lines += [text for kind, text in FRAMES.items() if kind in frames]
    parts = [Vertex(f"legend_{look}", look, (text,)) for look, text in LOOKS.items() if look in looks]
    if lines:
        parts.append(Vertex("legend_arrows", Look.NOTE, tuple(lines)))
    above = [vertex for cluster in shown for vertex in cluster.vertices()][-1:] * _COLUMNS
    order = [Edge(a.id, b.id, EdgeKind.ORDER) for a, b in zip([*above, *parts], parts, strict=False)]
    return Cluster("legend", ClusterKind.LEGEND, "legend", [*parts]), order

"""What the shapes and arrows of a picture mean: those that are in it, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .model import Cluster, ClusterKind, Edge, EdgeKind, Look, Vertex

_COLUMNS = 3

LOOKS: dict[Look, str] = {
    Look.KEY: "a key of clients",
    Look.INPUT: "a parameter, or the result",
    Look.LOCAL: "local: a model on this machine",
    Look.REMOTE: "remote: a model behind HTTP",
    Look.ROUTE: "a route",
    Look.PIPELINE: "another pipeline",
    Look.STEP: "a step that asks",
    Look.EXTERN: "extern: code of the user's",
    Look.BUILTIN: "built in",
    Look.CHOICE: "one way is taken",
    Look.VALUE: "a value, put together",
    Look.CACHE: "answers that are given again",
}

ARROWS: dict[EdgeKind, str] = {
    EdgeKind.VALUE: "solid arrow: a value, a text where no type is said",
    EdgeKind.MEMBER: "solid arrow from a route: a member, and when it is asked",
    EdgeKind.CALL: "dotted arrow: asks",
    EdgeKind.CAPACITY: "dashed arrow: takes what the other has no room for",
    EdgeKind.FAILURE: "dashed arrow: stands in for what failed or is missing",
    EdgeKind.DATA: "solid arrow: data of these kinds comes there",
    EdgeKind.ANSWER: "dashed arrow back: data that an answer brings",
    EdgeKind.CLEAN: "dotted arrow: nothing is left of what was taken out",
}

WRONG = "thick and red: the way to where it may not go; at ✗ it does"

FRAMES: dict[ClusterKind, str] = {
    ClusterKind.PARALLEL: "dashed frame: steps that run at the same time",
}


def legend(
    clusters: Iterable[Cluster], edges: Sequence[Edge], *, is_last: bool = True
) -> tuple[Cluster, list[Edge]]:
    """The legend for what stands in `clusters` and `edges`, and what keeps it in order.

    is_last: it begins where all else ends.
    """
    shown = list(clusters)
    looks = {vertex.look for cluster in shown for vertex in cluster.vertices()}
    kinds = {edge.kind for edge in edges}
    frames = {frame.kind for cluster in shown for frame in cluster.frames()}
    lines = [text for kind, text in ARROWS.items() if kind in kinds]
    lines += [text for kind, text in FRAMES.items() if kind in frames]
    lines += [WRONG] if any(edge.is_wrong for edge in edges) else []
    parts = [Vertex(f"legend_{look}", look, (text,)) for look, text in LOOKS.items() if look in looks]
    if lines:
        parts.append(Vertex("legend_arrows", Look.NOTE, tuple(lines)))
    above = [vertex for cluster in shown for vertex in cluster.vertices()][-1:] * _COLUMNS
    before = [*above, *parts] if is_last else parts
    pairs = zip(before, parts if is_last else parts[_COLUMNS:], strict=False)
    order = [Edge(a.id, b.id, EdgeKind.ORDER) for a, b in pairs]
    return Cluster("legend", ClusterKind.LEGEND, "legend", [*parts]), order

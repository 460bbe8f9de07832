"""A picture in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from .model import Cluster, ClusterKind, EdgeKind, Look, Picture, Vertex
from .palette import FRAMES, VERTICES, WRONG

_SHAPES: dict[Look, str] = {
    Look.KEY: "shape=house, style=filled",
    Look.INPUT: 'shape=box, style="filled,rounded", penwidth=2',
    Look.LOCAL: "shape=box, style=filled",
    Look.REMOTE: "shape=hexagon, style=filled",
    Look.ROUTE: "shape=box, style=filled, peripheries=2",
    Look.PIPELINE: "shape=cylinder, style=filled",
    Look.STEP: "shape=box, style=filled",
    Look.EXTERN: "shape=parallelogram, style=filled",
    Look.BUILTIN: 'shape=box, style="filled,rounded"',
    Look.CHOICE: "shape=diamond, style=filled",
    Look.VALUE: 'shape=box, style="filled,rounded"',
    Look.CACHE: "shape=folder, style=filled",
    Look.NOTE: "shape=plaintext",
}

_LINES: dict[EdgeKind, str] = {
    EdgeKind.CALL: "style=dotted",
    EdgeKind.CAPACITY: "style=dashed",
    EdgeKind.FAILURE: "style=dashed",
    EdgeKind.ANSWER: "style=dashed, constraint=false",
    EdgeKind.CLEAN: "style=dotted",
    EdgeKind.ORDER: "style=invis",
}

_WRONG = f'color="{WRONG.line}", fontcolor="{WRONG.line}", penwidth=2.5'

_FONT = 'fontname="Helvetica,Arial,sans-serif"'


def to_dot(picture: Picture) -> str:
    """The text of the graph."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f"digraph {_quoted(picture.title)} {{"
    yield f"  graph [rankdir={picture.direction}, nodesep=0.35, ranksep=0.45, {_FONT}, fontsize=12]"
    yield f'  node [{_FONT}, fontsize=11, margin="0.12,0.06"]'
    yield f"  edge [{_FONT}, fontsize=10]"
    for cluster in picture.clusters:
        yield from _cluster(cluster, "  ")
    for edge in picture.edges:
        said = [f"label={_quoted(edge.label)}"] if edge.label else []
        said += [_LINES[edge.kind]] if edge.kind in _LINES else []
        said += [_WRONG] if edge.is_wrong else []
        yield f"  {edge.source} -> {edge.target}" + (f" [{', '.join(said)}]" if said else "")
    yield "}"


def _cluster(cluster: Cluster, indent: str) -> Iterator[str]:
    colours = FRAMES[cluster.kind]
    dashed = ",dashed" if cluster.kind is ClusterKind.PARALLEL else ""
    yield f"{indent}subgraph cluster_{cluster.id} {{"
    paint = f'style="filled{dashed}", fillcolor="{colours.fill}", color="{colours.line}"'
    yield f"{indent}  graph [label={_quoted(cluster.title)}, {paint}]"
    for part in cluster.parts:
        if isinstance(part, Vertex):
            yield f"{indent}  {_vertex(part)}"
        else:
            yield from _cluster(part, indent + "  ")
    yield f"{indent}}}"


def _vertex(vertex: Vertex) -> str:
    colours = WRONG if vertex.is_wrong else VERTICES[vertex.look]
    label = _quoted("\n".join(vertex.lines))
    paint = f'fillcolor="{colours.fill}", color="{colours.line}", fontcolor="{colours.text}"'
    thick = ", penwidth=2.5" if vertex.is_wrong else ""
    return f"{vertex.id} [label={label}, {_SHAPES[vertex.look]}, {paint}{thick}]"


def _quoted(text: str) -> str:
    """`text` as a string of DOT, in which a backslash and an ampersand would begin something else."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;").replace("\n", "\\n")
    return f'"{plain}"'

"""A picture as a Mermaid flowchart, as GitHub and many editors show it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .model import Cluster, ClusterKind, EdgeKind, Look, Picture, Vertex
from .palette import FRAMES, VERTICES, WRONG

_SHAPES: dict[Look, tuple[str, str]] = {
    Look.KEY: (">", "]"),
    Look.INPUT: ("([", "])"),
    Look.LOCAL: ("[", "]"),
    Look.REMOTE: ("{{", "}}"),
    Look.ROUTE: ("[[", "]]"),
    Look.PIPELINE: ("[(", ")]"),
    Look.STEP: ("[", "]"),
    Look.EXTERN: ("[/", "/]"),
    Look.BUILTIN: ("(", ")"),
    Look.CHOICE: ("{", "}"),
    Look.VALUE: ("(", ")"),
    Look.CACHE: ("[\\", "/]"),
    Look.NOTE: ("[", "]"),
}
"""What stands around the text of a vertex."""

_ARROWS: dict[EdgeKind, str] = {
    EdgeKind.VALUE: "-->",
    EdgeKind.MEMBER: "-->",
    EdgeKind.CALL: "-.->",
    EdgeKind.CAPACITY: "-.->",
    EdgeKind.FAILURE: "-.->",
    EdgeKind.DATA: "-->",
    EdgeKind.ANSWER: "-.->",
    EdgeKind.CLEAN: "-.->",
    EdgeKind.ORDER: "~~~",
}

_LINES: dict[EdgeKind, str] = {
    EdgeKind.CALL: "stroke-dasharray:1 4",
    EdgeKind.CAPACITY: "stroke-dasharray:7 4",
    EdgeKind.FAILURE: "stroke-dasharray:7 4",
    EdgeKind.ANSWER: "stroke-dasharray:7 4",
    EdgeKind.CLEAN: "stroke-dasharray:1 4",
}

_WRONG = f"stroke:{WRONG.line},stroke-width:3px"


MOST_CHARACTERS = 50_000
MOST_EDGES = 500
"""The largest flowchart that Mermaid shows by default; on GitHub the default cannot be changed."""


def is_too_large(picture: Picture, text: str) -> bool:
    """Whether Mermaid refuses to show `text`, the flowchart of `picture`."""
    return len(text) > MOST_CHARACTERS or len(picture.edges) > MOST_EDGES


def to_mermaid(picture: Picture) -> str:
    """The text of the flowchart."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f"flowchart {picture.direction}"
    for cluster in picture.clusters:
        yield from _cluster(cluster, "  ", picture.direction)
    for edge in picture.edges:
        label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
        yield f"  {edge.source} {_ARROWS[edge.kind]}{label} {edge.target}"
    styled: dict[str, list[str]] = {}
    for number, edge in enumerate(picture.edges):
        styles = [_LINES[edge.kind]] if edge.kind in _LINES else []
        styles += [_WRONG] if edge.is_wrong else []
        if styles:
            styled.setdefault(",".join(styles), []).append(str(number))
    for style, numbers in styled.items():
        yield f"  linkStyle {','.join(numbers)} {style}"
    frames = [frame for cluster in picture.clusters for frame in cluster.frames()]
    vertices = [vertex for cluster in picture.clusters for vertex in cluster.vertices()]
    for look, colours in VERTICES.items():
        if members := [each.id for each in vertices if each.look is look and not each.is_wrong]:
            yield f"  classDef {look} fill:{colours.fill},stroke:{colours.line},color:{colours.text}"
            yield f"  class {','.join(members)} {look}"
    if wrong := [each.id for each in vertices if each.is_wrong]:
        style = f"fill:{WRONG.fill},stroke:{WRONG.line},color:{WRONG.text},stroke-width:3px"
        yield f"  classDef wrong {style}"
        yield f"  class {','.join(wrong)} wrong"
    for kind_of_frame, colours in FRAMES.items():
        inside = [frame.id for frame in frames if frame.kind is kind_of_frame]
        if inside:
            dashes = ",stroke-dasharray:7 4" if kind_of_frame is ClusterKind.PARALLEL else ""
            style = f"fill:{colours.fill},stroke:{colours.line},color:{colours.text}{dashes}"
            yield f"  classDef {kind_of_frame}Frame {style}"
            yield f"  class {','.join(inside)} {kind_of_frame}Frame"


def _cluster(cluster: Cluster, indent: str, direction: str) -> Iterator[str]:
    yield f'{indent}subgraph {cluster.id}["{_escaped(cluster.title)}"]'
    yield f"{indent}  direction {direction}"
    for part in cluster.parts:
        if isinstance(part, Vertex):
            before, behind = _SHAPES[part.look]
            text = "<br/>".join(_escaped(line) for line in part.lines)
            yield f'{indent}  {part.id}{before}"{text}"{behind}'
        else:
            yield from _cluster(part, indent + "  ", direction)
    yield f"{indent}end"


def _escaped(text: str) -> str:
    """`text` in quotes: what Mermaid, Markdown or HTML may read as something else becomes its number."""
    numbered = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
    return _DECODED_TOO_EARLY.sub(lambda found: found[1] + _JOINER, numbered)


_SPECIAL = re.compile(
    r"""
    [^\w\ \-.,:/()\[\]{}=?|!'+%]    # quotes, `<`, `&`, `#`, `*`, `$`…
    | (?<!\w)_ | _(?!\w)            # an underscore that could begin or end an emphasis
    | %(?=%)                        # what begins a comment or a directive
    | (?<=direction)[ ]              # what Mermaid reads as a direction, even in quotes
    | (?<=^\d) [.)] (?=\s) | (?<=^\d\d) [.)] (?=\s) | ^[-+] (?=\s)   # a list
    """,
    re.VERBOSE,
)

_DECODED_TOO_EARLY = re.compile(r"(\#36;(?=\#36;)|\bfa\w?:(?=fa-))")
"""Formulas and icons: Mermaid looks for them when it has turned numbers into signs again."""

_JOINER = "#8288;"
"""A sign that is not seen, and has no width."""

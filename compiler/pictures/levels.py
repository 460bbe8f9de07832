"""Which parts of a block run at the same time: those that are equally far from what they start with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .flow import Flow
from .model import Cluster, Look, Vertex

_SLOW = (Look.LOCAL, Look.REMOTE, Look.ROUTE, Look.PIPELINE, Look.EXTERN)
"""What takes long enough that running it beside something else matters."""

Part = Vertex | Cluster


def in_parallel(parts: Iterable[Part], flow: Flow, frame: Callable[[list[Part]], Cluster]) -> list[Part]:
    """`parts` in their order, those that run at the same time within a `frame`."""
    levels: list[tuple[Part, int]] = []
    for part in parts:
        level = max((1 + at for before, at in levels if flow.follows(before, part)), default=0)
        levels.append((part, level))
    together: dict[int, list[Part]] = {}
    for part, level in levels:
        if _is_slow(part):
            together.setdefault(level, []).append(part)
    arranged: list[Part] = []
    for part, level in levels:
        group = together.get(level, [])
        if len(group) < 2 or part not in group:
            arranged.append(part)
        elif part is group[0]:
            arranged.append(frame(group))
    return arranged


def _is_slow(part: Part) -> bool:
    if isinstance(part, Vertex):
        return part.look in _SLOW
    return any(vertex.look in _SLOW for vertex in part.vertices())

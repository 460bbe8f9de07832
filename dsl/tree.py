"""Finding one's way in a syntax tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from . import syntax as s
from .record import fields

_HOLD_NO_NODES = frozenset(
    ("start", "end", "text", "quoted", "operator", "length", "damaged", "unclosed", "template")
)


def children(node: s.Node) -> Iterator[s.Node]:
    """The nodes directly below `node`, in the order of its attributes."""
    kind: Any = type(node)
    for name in _parts(kind):
        yield from nodes_in(getattr(node, name))


def walk(nodes: Iterable[s.Node]) -> Iterator[s.Node]:
    """`nodes` and all below them, each before what it holds."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(list(children(node))[::-1])


def path_to(nodes: Iterable[s.Node], offset: int) -> list[s.Node]:
    """The nodes around `offset`, the outermost first; where two meet, the one that begins there."""
    path: list[s.Node] = []
    below = nodes
    while True:
        touching = [node for node in below if node.start <= offset <= node.end]
        if not touching:
            return path
        path.append(max(touching, key=lambda node: (node.start, node.end)))
        below = children(path[-1])


def nodes_in(value: object) -> Iterator[s.Node]:
    """The nodes in an attribute of a node: itself, or those of a tuple."""
    if isinstance(value, s.Node):
        yield value
    elif isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, s.Node))


@cache
def _parts(kind: Any) -> tuple[str, ...]:
    """The attributes of a kind of node that may hold nodes."""
    return tuple(name for name in fields(kind) if name not in _HOLD_NO_NODES)

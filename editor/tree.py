"""Finding one's way in a syntax tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from ..dsl import syntax as s


def children(node: s.Node) -> Iterator[s.Node]:
    """The nodes directly below `node`, in the order of its attributes."""
    kind: Any = type(node)
    for name in _parts(kind):
        value = getattr(node, name)
        if isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, s.Node))
        elif isinstance(value, s.Node):
            yield value


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


def doc_comment(text: str, start: int) -> str:
    """The doc comment above the declaration that starts at `start`, empty when there is none."""
    lines: list[str] = []
    position = text.rfind("\n", 0, start)
    while position >= 0:
        above = text.rfind("\n", 0, position)
        line = text[above + 1 : position].strip()
        if not line.startswith("##"):
            break
        lines.append(line[2:].strip())
        position = above
    return "\n".join(reversed(lines))


@cache
def _parts(kind: Any) -> tuple[str, ...]:
    """The attributes of a kind of node that may hold nodes."""
    hidden = ("start", "end", "text", "quoted", "operator", "length", "damaged", "unclosed", "template")
    return tuple(part.name for part in kind.__attrs_attrs__ if part.name not in hidden)

"""What the syntax tree knows and a token does not: where items begin, and which brackets hold what."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import attrs

from .. import syntax as s

_ITEMS: dict[type[s.Node], tuple[str, ...]] = {
    s.ImportNames: ("names",),
    s.Body: ("items",),
    s.Block: ("arguments",),
    s.RouteList: ("members",),
    s.RouteSplit: ("shares",),
    s.PipelineDeclaration: ("parameters", "steps"),
    s.ExternDeclaration: ("parameters",),
    s.TypeRecord: ("fields",),
    s.ListExpression: ("items",),
    s.CallExpression: ("arguments",),
    s.Comprehension: ("element",),
    s.Group: ("inner",),
    s.Match: ("arms",),
    s.IfElse: ("then", "otherwise"),
}
"""The parts of a node that are items of one of its brackets."""


@attrs.frozen
class Places:
    """Offsets of first characters."""

    items: set[int] = attrs.field(factory=set)
    """What stands on a line of its own when the bracket around it is broken."""
    blocks: set[int] = attrs.field(factory=set)
    """Those of the items that end with their own `}`, so that no comma follows."""
    generics: set[int] = attrs.field(factory=set)
    """The names before a `<` that is a bracket."""
    dimensions: set[int] = attrs.field(factory=set)
    """Each `[` in which every word is an item."""
    comprehensions: set[int] = attrs.field(factory=set)
    """Each `[` whose only item takes no comma."""


def find_places(declarations: Iterable[s.Declaration]) -> Places:
    """All that is worth knowing about `declarations`."""
    places = Places()
    waiting: list[s.Node] = list(declarations)
    while waiting:
        node = waiting.pop()
        for name in _ITEMS.get(type(node), ()):
            places.items.update(item.start for item in _nodes(getattr(node, name)))
        match node:
            case s.Block():
                places.blocks.add(node.start)
            case s.TypeGeneric():
                places.generics.add(node.start)
            case s.TypeDimensions():
                places.dimensions.add(node.start)
            case s.Comprehension():
                places.comprehensions.add(node.start)
        for name in _parts(type(node).__name__):
            waiting.extend(_nodes(getattr(node, name)))
    return places


def _nodes(value: object) -> list[s.Node]:
    if isinstance(value, s.Node):
        return [value]
    return [item for item in value if isinstance(item, s.Node)] if isinstance(value, tuple) else []


@cache
def _parts(kind: str) -> tuple[str, ...]:
    """The attributes of a kind of node that may hold nodes."""
    return tuple(part.name for part in attrs.fields(getattr(s, kind)) if part.name not in ("start", "end"))

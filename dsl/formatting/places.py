"""What the syntax tree knows and a token does not: where items begin, and which brackets hold what."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from .. import syntax as s
from ..tree import nodes_in, walk

_ITEMS: dict[type[s.Node], tuple[str, ...]] = {
    s.ImportNames: ("names",),
    s.Body: ("items",),
    s.Block: ("arguments",),
    s.RouteList: ("members",),
    s.RouteSplit: ("shares",),
    s.PipelineDeclaration: ("parameters", "steps", "options"),
    s.ExternDeclaration: ("parameters",),
    s.TypeRecord: ("fields",),
    s.TestDeclaration: ("statements",),
    s.Scene: ("phrases",),
    s.Phrase: ("phrases",),
    s.ListExpression: ("items",),
    s.CallExpression: ("arguments",),
    s.Index: ("indices",),
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
    indexed: set[int] = attrs.field(factory=set)
    """Where values end that a `[` follows which names a place in them."""


def find_places(declarations: Iterable[s.Declaration]) -> Places:
    """All that is worth knowing about `declarations`."""
    places = Places()
    for node in walk(declarations):
        for name in _ITEMS.get(type(node), ()):
            places.items.update(item.start for item in nodes_in(getattr(node, name)))
        match node:
            case s.Block() | s.Scene() | s.Ask(options=s.Body()) | s.Phrase(phrases=tuple()):
                places.blocks.add(node.start)
            case s.TypeGeneric():
                places.generics.add(node.start)
            case s.TypeDimensions():
                places.dimensions.add(node.start)
            case s.Index(base=base):
                places.indexed.add(base.end)
            case s.Comprehension():
                places.comprehensions.add(node.start)
    return places

"""Which nodes of a pipeline's graph take the values of which others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ..plan import AttemptNode, IfNode, MapNode, MatchNode, Node


def step_of(node: Node) -> str:
    return node.name.partition(".")[0]


def blocks_of(node: Node) -> tuple[str, ...]:
    match node:
        case MatchNode(arms=arms):
            return tuple(arm.block for arm in arms)
        case IfNode(then=then, otherwise=otherwise):
            return then, otherwise
        case AttemptNode(first=first, otherwise=otherwise):
            return first, otherwise
        case MapNode(each=each):
            return (each,)
    return ()


def texts_in(value: Any) -> Iterable[str]:
    """All texts in a node, among them the names of the nodes that it takes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, Node):
        for attribute in attrs.fields(type(value)):
            if attribute.name not in ("name", "block", "type"):
                yield from texts_in(getattr(value, attribute.name))
    elif attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            yield from texts_in(getattr(value, attribute.name))

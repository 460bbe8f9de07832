"""What nodes take, and which blocks are part of them."""

from __future__ import annotations

from collections.abc import Iterator

from ....compiler.plan import (
    AttemptNode,
    BuiltinNode,
    CallNode,
    ConstantNode,
    ConvertNode,
    ExternNode,
    FieldNode,
    IfNode,
    IndexNode,
    InterpolationNode,
    ListNode,
    MapNode,
    MatchNode,
    Node,
    OperatorNode,
    PromptNode,
    RecordNode,
)


def taken_by(node: Node) -> dict[str, str]:
    """What `node` takes: the name of each value in a message, and the node or input behind it."""
    match node:
        case ConstantNode() | AttemptNode():
            return {}
        case FieldNode() | ConvertNode():
            return {node.of: node.of}
        case IndexNode():
            parts = [part for place in node.places for part in (place.first, place.last) if part is not None]
            return {name: name for name in (node.of, *parts)}
        case OperatorNode(operands=names) | ListNode(items=names) | InterpolationNode(values=names):
            return {name: name for name in names}
        case RecordNode(fields=named) | PromptNode(variables=named):
            return named
        case CallNode(arguments=named) | ExternNode(arguments=named):
            return named
        case BuiltinNode():
            return {name: name for name in node.arguments} | node.named
        case MatchNode():
            return {node.subject: node.subject}
        case IfNode():
            return {node.condition: node.condition}
        case MapNode():
            return {node.over: node.over}
    raise TypeError(f"no such kind of node: {node!r}")


def blocks_of(node: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The blocks that are part of `node`, and what is put into each beside what it takes from around it."""
    match node:
        case MatchNode():
            for arm in node.arms:
                yield arm.block, ()
        case IfNode():
            yield node.then, ()
            yield node.otherwise, ()
        case MapNode():
            yield node.each, (node.variable,)
        case AttemptNode():
            yield node.first, ()
            yield node.otherwise, ()

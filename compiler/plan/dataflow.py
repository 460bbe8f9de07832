"""How the nodes of a pipeline hang together: what each takes, and which blocks are part of it."""

from __future__ import annotations

from .nodes import (
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


def step_of(node: Node) -> str:
    """The name of the step that `node` is, or is a part of."""
    return node.name.partition(".")[0]


def taken_by(node: Node) -> dict[str, str]:
    """What `node` itself takes: the name of each value in a message, and the node or input behind it."""
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


def blocks_of(node: Node) -> tuple[str, ...]:
    """The blocks that are part of `node`; that of a `map` takes its variable beside what is around it."""
    match node:
        case MatchNode(arms=arms):
            return tuple(arm.block for arm in arms)
        case IfNode(then=first, otherwise=second) | AttemptNode(first=first, otherwise=second):
            return first, second
        case MapNode(each=block):
            return (block,)
    return ()

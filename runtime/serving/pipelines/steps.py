"""What each kind of node does, as closures over slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....compiler.plan import (
    AttemptNode,
    BuiltinNode,
    CallNode,
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
from ....compiler.plan.record import frozen
from .block import Act, Block, Compute
from .calls.steps import Targets, call
from .control_flow import attempt, choose, map_list, match_value
from .externs import call_extern
from .pure_steps import field, interpolation, list_of, operation, record
from .workers.workers import Workers

Made = tuple[Compute | None, Act | None]


@frozen
class Place:
    """Where a node stands.

    slots: where the values are that it takes. blocks: those that are part of it, by name.
    constants: the values that are known already, by name. is_tail: its text is that of the pipeline.
    """

    slots: Mapping[str, int]
    blocks: Mapping[str, Block]
    constants: Mapping[str, Any]
    is_tail: bool


class PureSteps:
    """Nodes that compute: all there may be in the condition of a cascade.

    workers: where what may take long is computed.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def make(self, node: Node, at: Place) -> Made:
        """What `node` does."""
        slots = at.slots
        match node:
            case FieldNode():
                return field(slots[node.of], node.field), None
            case IndexNode():
                from .indexing import index

                return index(slots[node.of], node.places, slots), None
            case OperatorNode(elementwise=True):
                from .elementwise import operation_on_tensors

                return operation_on_tensors(node.operator, [slots[name] for name in node.operands]), None
            case OperatorNode():
                return operation(node.operator, [slots[name] for name in node.operands]), None
            case ListNode():
                return list_of([slots[name] for name in node.items]), None
            case RecordNode():
                return record({name: slots[each] for name, each in node.fields.items()}), None
            case InterpolationNode():
                return interpolation(node.literals, [slots[name] for name in node.values]), None
            case PromptNode():
                from .prompts import prompt

                variables = {name: slots[each] for name, each in node.variables.items()}
                return prompt(node.template, variables, self._workers), None
            case ConvertNode():
                from .values.convert import convert

                return convert(slots[node.of], node.to, self._workers), None
            case BuiltinNode():
                from .builtins.table import builtin

                return builtin(node, slots, at.constants, self._workers), None
        raise TypeError(f"no such kind of node: {node!r}")


class AllSteps(PureSteps):
    """Every kind of node. targets: what calls reach."""

    def __init__(self, targets: Targets, workers: Workers) -> None:
        super().__init__(workers)
        self._targets = targets

    def make(self, node: Node, at: Place) -> Made:
        slots, blocks, is_tail = at.slots, at.blocks, at.is_tail
        match node:
            case CallNode():
                return None, call(node, slots, self._targets, self._workers, is_tail)
            case ExternNode():
                return None, call_extern(node, slots, self._targets.externs[node.extern])
            case MatchNode():
                return None, match_value(node, slots, blocks, is_tail)
            case IfNode():
                return None, choose(node, slots, blocks, is_tail)
            case MapNode():
                return None, map_list(node, slots, blocks)
            case AttemptNode():
                return None, attempt(node, blocks, is_tail)
        return super().make(node, at)

"""From the nodes of a plan to blocks that can be run; done once, when the executor starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field

from ....compiler.plan import ConstantNode, MapNode, Node, PipelinePlan
from ....compiler.plan.dataflow import blocks_of, taken_by
from ....compiler.plan.record import define
from .block import PENDING, Block, Step
from .steps import Place, PureSteps

_AWAITED = "_"


def prepare(plan: PipelinePlan, steps: PureSteps) -> Block:
    """The pipeline itself: its inputs are its parameters. Raises StartError."""
    return prepare_nodes(plan.nodes, plan.output, [each.name for each in plan.parameters], steps)


def prepare_nodes(nodes: Sequence[Node], output: str, inputs: Sequence[str], steps: PureSteps) -> Block:
    """A graph of `nodes` over `inputs`, whose value is that of `output`. Raises StartError."""
    by_block: dict[str, list[Node]] = {}
    for node in nodes:
        by_block.setdefault(node.block, []).append(node)
    constants = {node.name: node.value for node in nodes if isinstance(node, ConstantNode)}
    outer = _Part.of("", output, tuple(inputs), by_block, constants)
    return _Preparing(constants, steps).block(outer, {})


@define
class _Part:
    """A block whose slots are not given out yet.

    inside: the blocks that are part of its nodes. free: what it takes from the block around it.
    """

    output: str
    nodes: list[Node]
    inputs: tuple[str, ...]
    inside: dict[str, _Part] = field(factory=dict)
    free: list[str] = field(factory=list)

    @classmethod
    def of(
        cls,
        name: str,
        output: str,
        inputs: tuple[str, ...],
        by_block: Mapping[str, list[Node]],
        constants: Mapping[str, Any],
    ) -> _Part:
        nodes = by_block.get(name, [])
        part = cls(output, nodes, inputs)
        used: dict[str, None] = {}
        for node in nodes:
            used |= dict.fromkeys(taken_by(node).values())
            given = (node.variable,) if isinstance(node, MapNode) else ()
            for block in blocks_of(node):
                part.inside[block] = inner = cls.of(block, block, given, by_block, constants)
                used |= dict.fromkeys(inner.free)
        used[output] = None
        own = {node.name for node in nodes} | {*inputs}
        part.free = [name for name in used if name not in own and name not in constants]
        return part


@define
class _Preparing:
    constants: Mapping[str, Any]
    steps: PureSteps

    def block(self, part: _Part, around: Mapping[str, int], *, is_last: bool = True) -> Block:
        """around: the slots of the block around. is_last: its value is that of the whole pipeline."""
        names = [*part.inputs, *part.free, *(node.name for node in part.nodes)]
        names += [name for name in self.constants if name not in names]
        slots = {name: slot for slot, name in enumerate(names)}
        template = [self.constants.get(name, PENDING) for name in names]
        steps: list[Step] = []
        missing: list[int] = []
        consumers: list[list[int]] = [[] for _ in names]
        for node in part.nodes:
            if isinstance(node, ConstantNode):
                continue
            is_tail = is_last and node.name == part.output
            inside = {name: self.block(part.inside[name], slots, is_last=is_tail) for name in blocks_of(node)}
            takes = {said: slots[name] for said, name in taken_by(node).items()}
            needs = {slot for slot in takes.values() if template[slot] is PENDING}
            for slot in needs:
                consumers[slot].append(len(steps))
            compute, act = self.steps.make(node, Place(slots, inside, self.constants, is_tail))
            steps.append(Step(node.name, slots[node.name], node.line, node.column, takes, compute, act))
            missing.append(len(needs))
        awaited = {slots[part.output]}
        awaited |= {slots[node.name] for node in part.nodes if node.name.startswith(_AWAITED)}
        return Block(
            template,
            steps,
            missing,
            [tuple(each) for each in consumers],
            {name: slots[name] for name in part.inputs},
            tuple((around[name], slots[name]) for name in part.free),
            slots[part.output],
            frozenset(awaited),
        )

"""The values in a pipeline: what each holds, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from ..plan import CallNode, ExternNode, MapNode, Node, PipelinePlan
from ..plan.dataflow import blocks_of, taken_by
from .labels import NONE, At, Labels, Place, union


class Walk(Protocol):
    """What follows data beyond the pipeline."""

    def passes(self, at: Place, to: Place, labels: Labels) -> None:
        """Note what comes from one place to the next."""

    def extern(self, name: str, labels: Labels) -> Labels:
        """What an extern gives."""

    def call(
        self, node: CallNode, arguments: Mapping[str, Labels], pipeline: str, way: tuple[str, ...]
    ) -> Labels:
        """What the answer to a call in `pipeline` holds."""


class Steps:
    """The values of one pipeline's nodes."""

    def __init__(
        self, walk: Walk, plan: PipelinePlan, values: dict[str, Labels], way: tuple[str, ...]
    ) -> None:
        self._walk = walk
        self._plan = plan
        self._way = way
        self._values = values
        self._nodes = {node.name: node for node in plan.nodes}
        self._owners = {block: node for node in plan.nodes for block in blocks_of(node)}
        self._origins: dict[str, dict[Place, Labels]] = {
            name: {Place(At.PARAMETER, plan.pipeline, name): held} for name, held in values.items()
        }

    def result(self) -> Labels:
        for node in self._plan.nodes:
            self._of(node.name, "")
        self._arrive(Place(At.RESULT, self._plan.pipeline), self._plan.output, "")
        return self._of(self._plan.output, "")

    def _of(self, name: str, block: str) -> Labels:
        """What the value called `name` holds, as a node of `block` names it."""
        name = self._meant(name, block)
        if name not in self._values:
            node = self._nodes.get(name)
            self._values[name] = NONE  # a text that is no name, or a name that is on its way
            if node is not None:
                self._values[name] = self._node(node)
        return self._values[name]

    def _meant(self, name: str, block: str) -> str:
        """The node or parameter that is called `name` in `block`: of a variable, the list that it is of."""
        while block:
            owner = self._owners[block]
            if isinstance(owner, MapNode) and owner.variable == name:
                name = owner.over
            block = owner.block
        return name

    def _node(self, node: Node) -> Labels:
        match node:
            case CallNode(arguments=arguments):
                given = {name: self._of(each, node.block) for name, each in arguments.items()}
                return self._acted(node, self._walk.call(node, given, self._plan.pipeline, self._way))
            case ExternNode(extern=extern, arguments=arguments):
                taken = union(self._of(each, node.block) for each in arguments.values())
                return self._acted(node, self._walk.extern(extern, taken))
        through = [*taken_by(node).values()]
        if not (isinstance(node, MapNode) and node.each == node.variable):
            through += blocks_of(node)
        labels = union(self._of(each, node.block) for each in through)
        self._origins[node.name] = self._from(through, node.block)
        return labels

    def _acted(self, node: CallNode | ExternNode, gave: Labels) -> Labels:
        """What a call or an extern gives comes from there, and no longer from what it takes."""
        at = Place(At.STEP, self._plan.pipeline, node.name)
        for each in node.arguments.values():
            self._arrive(at, each, node.block)
        self._origins[node.name] = {at: gave}
        return gave

    def _arrive(self, at: Place, name: str, block: str) -> None:
        for origin, labels in self._from([name], block).items():
            self._walk.passes(origin, at, labels)

    def _from(self, names: Iterable[str], block: str) -> dict[Place, Labels]:
        """Where the values of these names come from, and what each of these places gives."""
        found: dict[Place, Labels] = {}
        for name in names:
            found |= self._origins.get(self._meant(name, block), {})
        return found

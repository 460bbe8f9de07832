"""A pipeline as a cluster: its parameters, steps and result, and the values that flow between them.

Drawn is what does something: calls, externs, built-ins, and the blocks of `match`, `if`, `for` and `else`.
What only puts values together (operators, prompts, constants…) is drawn where it is a step of its own, or
the value of a block; elsewhere arrows go through it, and always through fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field

from ...dsl.record import define
from ...dsl.suggest import every
from ...dsl.units import Duration
from ..plan.dataflow import taken_by
from ..plan.model import Plan
from ..plan.nodes import (
    AttemptNode,
    BuiltinNode,
    CallNode,
    ExternNode,
    FieldNode,
    IfNode,
    MapNode,
    MatchNode,
    Node,
)
from ..plan.pipelines import PipelinePlan
from .expressions import constant, is_step, written
from .flow import Flow, Origin, identifiers
from .levels import Part, in_parallel
from .model import Cluster, ClusterKind, Edge, EdgeKind, Look, Vertex
from .models import Models, where
from .names import Names, shortened


@define
class PipelineDrawer:
    """Draws the pipelines of one plan, those that others call first."""

    _plan: Plan
    _names: Names
    _models: Models
    _doors: dict[str, str] = field(init=False, factory=dict)
    """The first vertex of each pipeline: calls of it lead there."""

    def draw(self, pipeline: PipelinePlan) -> tuple[Cluster, list[Edge]]:
        """The cluster of `pipeline`, and the arrows that begin in it."""
        return _Drawing(self._plan, self._names, self._models, self._doors, pipeline).draw()


@define
class _Drawing:
    """One pipeline while it is drawn."""

    _plan: Plan
    _names: Names
    _models: Models
    _doors: dict[str, str]
    _pipeline: PipelinePlan
    _flow: Flow = field(init=False, factory=Flow)
    _nodes: dict[str, Node] = field(init=False, factory=dict)
    _blocks: dict[str, list[Node]] = field(init=False, factory=dict)

    def draw(self) -> tuple[Cluster, list[Edge]]:
        name = self._pipeline.pipeline
        for node in self._pipeline.nodes:
            self._nodes[node.name] = node
            self._blocks.setdefault(node.block, []).append(node)
        cluster = self._frame(ClusterKind.PIPELINE, f"pipeline {shortened(name)}")
        for parameter in self._pipeline.parameters:
            vertex = self._vertex(parameter.name, Look.INPUT, parameter.name)
            self._flow.comes_from(parameter.name, Origin(vertex.id, str(parameter.type)))
            cluster.parts.append(vertex)
        cluster.parts += self._block("")
        result = self._vertex("return", Look.INPUT, "return")
        self._flow.arrows(self._pipeline.output, result.id)
        cluster.parts.append(result)
        self._doors[name] = identifiers(cluster)[0]
        return cluster, self._flow.edges()

    # ---- blocks

    def _block(self, block: str) -> list[Part]:
        """What a block does."""
        parts = [part for node in self._blocks.get(block, ()) if (part := self._part(node)) is not None]
        return in_parallel(parts, self._flow, self._at_the_same_time)

    def _at_the_same_time(self, parts: list[Part]) -> Cluster:
        frame = self._frame(ClusterKind.PARALLEL, "at the same time")
        frame.parts += parts
        return frame

    def _valued(self, block: str) -> tuple[list[Part], Origin]:
        """What a block does, and where its value, the node of the same name, comes from."""
        parts = self._block(block)
        inside = {vertex for part in parts for vertex in identifiers(part)}
        match self._flow.origins(block):
            case (origin,) if origin.vertex in inside:
                return parts, origin
        of_its_own = any(node.name == block for node in self._blocks.get(block, ()))
        vertex = self._vertex(block, Look.VALUE, written(block, self._nodes, whole=of_its_own))
        self._flow.arrows(block, vertex.id)
        return [*parts, vertex], Origin(vertex.id, self._type(block))

    # ---- nodes

    def _part(self, node: Node) -> Part | None:
        """What is drawn for a node; None when arrows go through it."""
        match node:
            case MatchNode() | IfNode():
                return self._choice(node)
            case MapNode():
                return self._map(node)
            case AttemptNode():
                return self._attempt(node)
            case FieldNode():
                self._flow.passed_on(node.name, [node.of], f".{node.field}", node.type)
                return None
            case CallNode() | ExternNode() | BuiltinNode():
                return self._step(node)
            case _ if is_step(node.name) or node.name == self._pipeline.output:
                return self._step(node)
            case _:
                self._flow.passed_on(node.name, taken_by(node).values())
                return None

    def _step(self, node: Node) -> Vertex:
        look, details = self._look(node)
        text = written(node.name, self._nodes, whole=True)
        lines = [f"{node.name} = {text}" if is_step(node.name) else text, *details]
        vertex = self._vertex(node.name, look, *lines)
        for name in taken_by(node).values():
            self._flow.arrows(name, vertex.id)
        self._flow.comes_from(node.name, Origin(vertex.id, node.type))
        if isinstance(node, CallNode):
            self._ask(vertex, node.target)
            for tool in node.tools:
                if not tool.is_extern:
                    self._flow.arrow(vertex.id, self._doors[tool.target], EdgeKind.CALL)
        return vertex

    def _ask(self, vertex: Vertex, target: str) -> None:
        """The arrow to who is called; a deployment needs none, for the vertex says all of it."""
        asked = self._models.by_name.get(target)
        if asked is None:
            self._flow.arrow(vertex.id, self._doors[target], EdgeKind.CALL)
        elif asked.look is Look.ROUTE:
            self._flow.arrow(vertex.id, asked.id, EdgeKind.CALL)

    def _look(self, node: Node) -> tuple[Look, list[str]]:
        """How a step looks, and what is said about it beside its name."""
        match node:
            case CallNode(target=target):
                asked = self._models.by_name.get(target)
                kind = Look.PIPELINE if asked is None else asked.look
                said = [kind.value] if kind in (Look.PIPELINE, Look.ROUTE) else self._where(target)
                if node.answer is not None:
                    said.append(f"as {node.answer}{', repaired once' if node.repair else ''}")
                if node.tools:
                    said.append(f"may call {every(each.target for each in node.tools)}")
                return kind, [*said, *_limits(node.timeout, node.retries)]
            case ExternNode(extern=extern):
                said = [f"python {each.target}" for each in self._plan.externs if each.extern == extern]
                return Look.EXTERN, [*said, *_limits(node.timeout, node.retries)]
            case BuiltinNode():
                return Look.BUILTIN, []
            case _:
                return Look.VALUE, []

    def _where(self, target: str) -> list[str]:
        return [where(each) for each in self._plan.deployments if each.deployment == target]

    # ---- nodes with blocks

    def _choice(self, node: MatchNode | IfNode) -> Cluster:
        """`match` and `if`: where one way is taken, the ways, and where they meet."""
        if isinstance(node, MatchNode):
            asked, ways = node.subject, [(arm.block, _values(arm.values)) for arm in node.arms]
        else:
            asked, ways = node.condition, [(node.then, "yes"), (node.otherwise, "no")]
        word = node.kind.value
        entry = self._vertex(f"{node.name}.{word}", Look.CHOICE, f"{word} {written(asked, self._nodes)}")
        self._flow.arrows(asked, entry.id)
        return self._around(node, word, entry, ways)

    def _map(self, node: MapNode) -> Cluster:
        """`for`: what hands out the values of a list, what is done with each, and the list of the results."""
        variable = node.variable.rpartition(".")[2]
        text = f"for {variable} in {written(node.over, self._nodes)}"
        entry = self._vertex(f"{node.name}.each", Look.CHOICE, text)
        self._flow.arrows(node.over, entry.id)
        [whole] = self._flow.origins(node.over)[:1] or [Origin(entry.id, "")]
        self._flow.comes_from(
            node.variable, Origin(entry.id, whole.type.removeprefix("list<").removesuffix(">"))
        )
        return self._around(node, f"at most {node.limit} at the same time", entry, [(node.each, "")])

    def _around(self, node: Node, title: str, entry: Vertex, ways: list[tuple[str, str]]) -> Cluster:
        """The frame around the blocks of a node, each with the label of the arrows that lead into it."""
        frame = self._block_frame(node, title)
        frame.parts.append(entry)
        meeting = self._meeting(node, "all" if isinstance(node, MapNode) else "either")
        for block, label in ways:
            parts, value = self._valued(block)
            for head in self._flow.heads(parts):
                self._flow.arrow(entry.id, head, EdgeKind.VALUE, label)
            self._flow.arrow(value.vertex, meeting.id, EdgeKind.VALUE, value.label)
            frame.parts += parts
        frame.parts.append(meeting)
        return frame

    def _attempt(self, node: AttemptNode) -> Cluster:
        """`else`: what is tried, and what stands in for it."""
        frame = self._block_frame(node, "else")
        meeting = self._meeting(node, "either")
        tried, value = self._valued(node.first)
        other, stand_in = self._valued(node.otherwise)
        missing = self._type(node.first).endswith("?")
        for head in self._flow.heads(other):
            label = "when it fails or is missing" if missing else "when it fails"
            self._flow.arrow(value.vertex, head, EdgeKind.FAILURE, label)
        for origin in (value, stand_in):
            self._flow.arrow(origin.vertex, meeting.id, EdgeKind.VALUE, origin.label)
        frame.parts += [*tried, *other, meeting]
        return frame

    def _block_frame(self, node: Node, title: str) -> Cluster:
        return self._frame(ClusterKind.BLOCK, f"{node.name} = {title}" if is_step(node.name) else title)

    def _meeting(self, node: Node, what: str) -> Vertex:
        """Where the ways of a block meet: the value of `node`, or `what` it is when it has no name."""
        vertex = self._vertex(node.name, Look.VALUE, node.name if is_step(node.name) else what)
        self._flow.comes_from(node.name, Origin(vertex.id, node.type))
        return vertex

    def _type(self, name: str) -> str:
        """The type of a value: of a node, a parameter, or a variable of a comprehension."""
        node = self._nodes.get(name)
        return node.type if node is not None else next((o.type for o in self._flow.origins(name)), "")

    # ---- what it is made of

    def _vertex(self, name: str, look: Look, *lines: str) -> Vertex:
        identifier = self._names.of("step", self._pipeline.pipeline, name)
        return Vertex(identifier, look, tuple(shortened(line) for line in lines))

    def _frame(self, kind: ClusterKind, title: str) -> Cluster:
        return Cluster(self._names.of("frame", self._pipeline.pipeline, kind.value), kind, shortened(title))


def _values(values: tuple[object, ...]) -> str:
    """The label of an arm."""
    return " | ".join(constant(value) for value in values) if values else "_"


def _limits(timeout: Duration | None, retries: int) -> Iterator[str]:
    said = [f"timeout {timeout}"] if timeout is not None else []
    said += [f"retries {retries}"] if retries else []
    if said:
        yield ", ".join(said)

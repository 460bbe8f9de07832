"""Where kinds of data go: from what carries them to each deployment that may get them.

What a step takes is in what it gives, a model's answer included; only an extern, or a guard, whose
declaration says so takes a kind out; a guard that lets pass what it cannot see, or when it fails, takes
nothing out. A request goes wherever it may go: to every member of a route, to each
deployment that takes over from a full one, to the tools of a model. What is logged and traced holds no
contents, and a cache answers with what its own deployment has got.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...dsl.record import frozen
from ..plan import (
    CallNode,
    DeploymentPlan,
    ExternNode,
    GuardAction,
    GuardPlan,
    MapNode,
    Node,
    PipelinePlan,
    Plan,
    RemotePoolPlan,
    RoutePlan,
)
from ..plan.dataflow import blocks_of, step_of, taken_by
from ..plan.guards import Meant, is_meant
from ..plan.reach import members_of, names_of
from ..plan.split import is_local

KEY, ROUTE, PIPELINE, PARAMETER, EXTERN = "key", "route", "pipeline", "parameter", "extern"


@frozen
class Source:
    """What carries a kind of data; parameter: of the pipeline `name`."""

    what: str
    name: str
    parameter: str = ""

    def __str__(self) -> str:
        if self.what == PARAMETER:
            return f"`{self.parameter}` of pipeline `{self.name}`"
        return f"{self.what} `{self.name}`"


@frozen
class Flow:
    """Data of a kind that may come to a deployment. way: the names and steps from the source on.

    allowed: whether the deployment says so; None: it says nothing, and is no business of anybody else, since
    the model runs here.
    """

    kind: str
    source: Source
    way: tuple[str, ...]
    deployment: str
    allowed: bool | None


Labels = Mapping[str, frozenset[Source]]
"""Who carries each kind of data that is in a value."""

NONE: Labels = {}


def flows_of(plan: Plan) -> tuple[Flow, ...]:
    """All of them: one way for each kind, source and deployment, the shortest that was found."""
    return tuple(_Flows(plan).all())


class _Flows:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._deployments = {each.deployment: each for each in plan.deployments}
        self._routes = {each.route: each for each in plan.routes}
        self._pipelines = {each.pipeline: each for each in plan.pipelines}
        self._removes = {each.extern: frozenset(each.removes) for each in plan.externs}
        self._carries = {each.extern: each.carries for each in plan.externs}
        self._guards = [
            (Meant(each.models), each.keys, self._removes[each.request])
            for each in plan.gateway.guards
            if each.request in self._removes and is_sure(each)
        ]
        self._found: dict[tuple[str, Source, str], Flow] = {}
        self._gave: dict[tuple[object, ...], Labels] = {}

    def all(self) -> Iterator[Flow]:
        plan = self._plan
        keys = [(key, Meant(key.models)) for key in plan.gateway.keys if key.carries]
        for name in names_of(plan):
            self.into(name, NONE, (), cleaned=self._guarded(name, None))
            for key, may in keys:
                if name in may:
                    source = frozenset({Source(KEY, key.name)})
                    cleaned = self._guarded(name, key.name)
                    held: Labels = {str(kind): source for kind in key.carries if kind not in cleaned}
                    if held:
                        self.into(name, held, (), cleaned=cleaned)
        yield from self._found.values()

    def into(
        self, name: str, labels: Labels, way: tuple[str, ...], cleaned: frozenset[str] = frozenset()
    ) -> Labels:
        """Follow `labels` into what is called `name`; gives those of its answer.

        cleaned: kinds that a guard has taken out of the whole request.
        """
        asked = (name, frozenset(labels.items()), cleaned)
        if asked not in self._gave:
            way = (*way, name)
            if name in self._deployments:
                gave = self._deployment(self._deployments[name], labels, way, cleaned)
            elif name in self._routes:
                gave = self._route(self._routes[name], labels, way, cleaned)
            else:
                gave = self._pipeline(self._pipelines[name], labels, way, cleaned)
            self._gave[asked] = gave
        return self._gave[asked]

    def _guarded(self, name: str, key: str | None) -> frozenset[str]:
        """The kinds that guards take out of what is asked under `name`, with that key."""
        found: set[str] = set()
        for seen, keys, removed in self._guards:
            is_its = not keys or (key is not None and any(is_meant(each, key) for each in keys))
            if removed and is_its and name in seen:
                found |= removed
        return frozenset(found)

    def _deployment(
        self, plan: DeploymentPlan, labels: Labels, way: tuple[str, ...], cleaned: frozenset[str]
    ) -> Labels:
        for kind, sources in labels.items():
            allowed = kind in plan.allows if plan.allows is not None else None if is_local(plan) else False
            for source in sources:
                flow = Flow(kind, source, way, plan.deployment, allowed)
                known = self._found.setdefault((kind, source, plan.deployment), flow)
                if len(way) < len(known.way):
                    self._found[kind, source, plan.deployment] = flow
        target = plan.serving.on_capacity_exhausted.target
        return labels if target is None else _union([labels, self.into(target, labels, way, cleaned)])

    def _route(
        self, plan: RoutePlan, labels: Labels, way: tuple[str, ...], cleaned: frozenset[str]
    ) -> Labels:
        labels = _with(
            labels, (each for each in plan.carries if each not in cleaned), Source(ROUTE, plan.route)
        )
        return _union([labels, *(self.into(member, labels, way, cleaned) for member in members_of(plan))])

    def _pipeline(
        self, plan: PipelinePlan, labels: Labels, way: tuple[str, ...], cleaned: frozenset[str]
    ) -> Labels:
        given = {parameter.name: labels for parameter in plan.parameters}
        return self.steps(plan, given, way, cleaned)

    def steps(
        self,
        plan: PipelinePlan,
        given: Mapping[str, Labels],
        way: tuple[str, ...],
        cleaned: frozenset[str] = frozenset(),
    ) -> Labels:
        """Follow what the parameters hold through the steps; gives what is in the result."""
        whole = Source(PIPELINE, plan.pipeline)
        values: dict[str, Labels] = {}
        for parameter in plan.parameters:
            own = Source(PARAMETER, plan.pipeline, parameter.name)
            held = _with(given.get(parameter.name, NONE), _not(plan.carries, cleaned), whole)
            values[parameter.name] = _with(held, _not(parameter.carries, cleaned), own)
        asked = (plan.pipeline, *(frozenset(each.items()) for each in values.values()))
        if asked not in self._gave:
            self._gave[asked] = _Steps(self, plan, values, way).result()
        return self._gave[asked]

    def extern(self, name: str, labels: Labels) -> Labels:
        removed = self._removes.get(name, frozenset())
        kept = {kind: sources for kind, sources in labels.items() if kind not in removed}
        return _with(kept, self._carries.get(name, ()), Source(EXTERN, name))

    def call(self, node: CallNode, arguments: Mapping[str, Labels], way: tuple[str, ...]) -> Labels:
        """What the answer to a call holds."""
        way = (*way, f"step {step_of(node)}")
        if node.target in self._pipelines:
            return self.steps(self._pipelines[node.target], arguments, (*way, node.target))
        labels, before = _union(arguments.values()), None
        while labels != before:  # what a tool gave goes to the model, and may go on to any other of them
            before = labels
            gave = [self.into(node.target, labels, way)]
            for tool in node.tools:
                is_ours = tool.is_extern
                gave.append(
                    self.extern(tool.target, labels) if is_ours else self.into(tool.target, labels, way)
                )
            labels = _union([labels, *gave])
        return labels


class _Steps:
    """The values of one pipeline's nodes."""

    def __init__(
        self, flows: _Flows, plan: PipelinePlan, values: dict[str, Labels], way: tuple[str, ...]
    ) -> None:
        self._flows = flows
        self._plan = plan
        self._way = way
        self._values = values
        self._nodes = {node.name: node for node in plan.nodes}
        self._owners = {block: node for node in plan.nodes for block in blocks_of(node)}

    def result(self) -> Labels:
        for node in self._plan.nodes:
            self._of(node.name, "")
        return self._of(self._plan.output, "")

    def _of(self, name: str, block: str) -> Labels:
        """What the value called `name` holds, as a node of `block` names it."""
        while block:
            owner = self._owners[block]
            if isinstance(owner, MapNode) and owner.variable == name:
                return self._of(owner.over, owner.block)
            block = owner.block
        if name not in self._values:
            node = self._nodes.get(name)
            self._values[name] = NONE  # a text that is no name, or a name that is on its way
            if node is not None:
                self._values[name] = self._node(node)
        return self._values[name]

    def _node(self, node: Node) -> Labels:
        match node:
            case CallNode(arguments=arguments):
                given = {name: self._of(each, node.block) for name, each in arguments.items()}
                return self._flows.call(node, given, self._way)
            case ExternNode(extern=extern, arguments=arguments):
                taken = _union(self._of(each, node.block) for each in arguments.values())
                return self._flows.extern(extern, taken)
        taken = _union(self._of(each, node.block) for each in taken_by(node).values())
        if isinstance(node, MapNode) and node.each == node.variable:
            return taken
        return _union([taken, *(self._of(block, node.block) for block in blocks_of(node))])


def is_sure(guard: GuardPlan) -> bool:
    """Whether what it takes out of requests is gone: it sees all of them, or they are refused."""
    return guard.on_failure is GuardAction.REFUSE and guard.unreadable is GuardAction.REFUSE


def _with(labels: Labels, kinds: Iterable[str], source: Source) -> Labels:
    found = dict(labels)
    for kind in kinds:
        found[kind] = found.get(kind, frozenset()) | {source}
    return found


def _not(kinds: Iterable[str], cleaned: frozenset[str]) -> list[str]:
    return [each for each in kinds if each not in cleaned]


def _union(several: Iterable[Labels]) -> Labels:
    found: dict[str, frozenset[Source]] = {}
    for labels in several:
        for kind, sources in labels.items():
            found[kind] = found.get(kind, frozenset()) | sources
    return found


def said(flow: Flow, plan: Plan) -> str:
    """The way, and what the deployment at its end says."""
    deployment = next(each for each in plan.deployments if each.deployment == flow.deployment)
    where = (
        f"the model `{deployment.model}` at {deployment.provider}"
        if isinstance(deployment, RemotePoolPlan)
        else "a model on this machine"
    )
    way = " → ".join(each if each.startswith("step ") else f"`{each}`" for each in flow.way)
    allows = deployment.allows
    says = "says nothing of what it allows" if allows is None else f"allows [{', '.join(allows)}]"
    return f"{way}: {where} {says}"

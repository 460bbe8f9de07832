"""Where kinds of data go: from what carries them to each deployment that may get them.

What a step takes is in what it gives, a model's answer included; only an extern, or a guard, whose
declaration says so takes a kind out; a guard that lets pass what it cannot see, or when it fails, takes
nothing out. A request goes wherever it may go: to every member of a route, to each
deployment that takes over from a full one, to the tools of a model. What is logged and traced holds no
contents, and a cache answers with what its own deployment has got.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...dsl.record import frozen
from ..plan import (
    CallNode,
    DeploymentPlan,
    GuardAction,
    GuardPlan,
    PipelinePlan,
    Plan,
    RemotePoolPlan,
    RoutePlan,
)
from ..plan.dataflow import step_of
from ..plan.guards import Meant, is_meant
from ..plan.reach import members_of, names_of
from ..plan.split import is_local
from .flow_steps import Steps
from .labels import (
    EXTERN,
    KEY,
    NONE,
    PARAMETER,
    PIPELINE,
    ROUTE,
    At,
    How,
    Labels,
    Passage,
    Place,
    Source,
    added,
    union,
    with_kinds,
    without,
)


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


@frozen
class Tracing:
    """flows: one way for each kind, source and deployment, the shortest that was found. passages: all ways,
    one step at a time.
    """

    flows: tuple[Flow, ...]
    passages: tuple[Passage, ...]


def flows_of(plan: Plan) -> tuple[Flow, ...]:
    """What comes where."""
    return trace(plan).flows


def trace(plan: Plan) -> Tracing:
    """What comes where, and all that it passes."""
    return _Flows(plan).traced()


class _Flows:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._deployments = {each.deployment: each for each in plan.deployments}
        self._routes = {each.route: each for each in plan.routes}
        self._pipelines = {each.pipeline: each for each in plan.pipelines}
        self._removes = {each.extern: frozenset(each.removes) for each in plan.externs}
        self._carries = {each.extern: each.carries for each in plan.externs}
        self._guards = [
            (each, Meant(each.models), self._removes[each.request])
            for each in plan.gateway.guards
            if each.request in self._removes and self._removes[each.request] and is_sure(each)
        ]
        self._found: dict[tuple[str, Source, str], Flow] = {}
        self._gave: dict[tuple[object, ...], Labels] = {}
        self._passed: dict[tuple[Place, Place, How], Labels] = {}

    def traced(self) -> Tracing:
        plan = self._plan
        keys = [(key, Meant(key.models)) for key in plan.gateway.keys if key.carries]
        for name in names_of(plan):
            self.into(name, NONE, (), cleaned=_cleaned(self._seen_by(name, None)))
            for key, may in keys:
                if may.meets(name):
                    self._with_key(name, key.name, key.carries)
        passages = (Passage(*between, labels) for between, labels in self._passed.items())
        return Tracing(tuple(self._found.values()), tuple(passages))

    def _with_key(self, name: str, key: str, carried: Iterable[str]) -> None:
        """Follow what comes with a key, through the guards that see it."""
        held = with_kinds(NONE, map(str, carried), Source(KEY, key))
        at, guards = Place(At.KEY, key), self._seen_by(name, key)
        for guard, removed in guards:
            if removed & held.keys():
                to = Place(At.GUARD, guard.name)
                self.passes(at, to, held)
                at, held = to, without(held, removed)
        self.enters(at, name, held)
        if held:
            self.into(name, held, (), _cleaned(guards))

    def passes(self, at: Place, to: Place, labels: Labels, how: How = How.GIVEN) -> None:
        """Note what comes from one place to the next."""
        known = self._passed.get((at, to, how))
        self._passed[at, to, how] = labels if known is None else union([known, labels])

    def enters(self, at: Place, name: str, labels: Labels, how: How = How.GIVEN) -> None:
        """Note what comes to what is called `name`: of a pipeline, to each of its parameters."""
        if name in self._pipelines:
            for parameter in self._pipelines[name].parameters:
                self.passes(at, Place(At.PARAMETER, name, parameter.name), labels, how)
        else:
            self.passes(at, Place(At.MODEL, name), labels, how)

    def asks(
        self,
        at: Place,
        name: str,
        labels: Labels,
        way: tuple[str, ...],
        cleaned: frozenset[str] = frozenset(),
        how: How = How.GIVEN,
    ) -> Labels:
        """Follow `labels` from a place into what is called `name`; gives those of its answer."""
        self.enters(at, name, labels, how)
        gave = self.into(name, labels, way, cleaned)
        return self._answers(at, name, labels, gave)

    def _answers(self, at: Place, name: str, asked: Labels, gave: Labels) -> Labels:
        if more := added(asked, gave):
            is_pipeline = name in self._pipelines
            self.passes(Place(At.RESULT if is_pipeline else At.MODEL, name), at, more, How.ANSWERED)
        return gave

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

    def _seen_by(self, name: str, key: str | None) -> list[tuple[GuardPlan, frozenset[str]]]:
        """The guards that take something out of what is asked under `name`, with that key, and what."""
        return [
            (guard, removed)
            for guard, seen, removed in self._guards
            if (not guard.keys or (key is not None and any(is_meant(each, key) for each in guard.keys)))
            and name in seen
        ]

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
        if target is None:
            return labels
        at = Place(At.MODEL, plan.deployment)
        return union([labels, self.asks(at, target, labels, way, cleaned, How.FULL)])

    def _route(
        self, plan: RoutePlan, labels: Labels, way: tuple[str, ...], cleaned: frozenset[str]
    ) -> Labels:
        labels = with_kinds(labels, _not(plan.carries, cleaned), Source(ROUTE, plan.route))
        at = Place(At.MODEL, plan.route)
        return union([labels, *(self.asks(at, each, labels, way, cleaned) for each in members_of(plan))])

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
            held = with_kinds(given.get(parameter.name, NONE), _not(plan.carries, cleaned), whole)
            values[parameter.name] = with_kinds(held, _not(parameter.carries, cleaned), own)
        asked = (plan.pipeline, *(frozenset(each.items()) for each in values.values()))
        if asked not in self._gave:
            self._gave[asked] = Steps(self, plan, values, way).result()
        return self._gave[asked]

    def extern(self, name: str, labels: Labels) -> Labels:
        removed = self._removes.get(name, frozenset())
        return with_kinds(without(labels, removed), self._carries.get(name, ()), Source(EXTERN, name))

    def call(
        self, node: CallNode, arguments: Mapping[str, Labels], pipeline: str, way: tuple[str, ...]
    ) -> Labels:
        """What the answer to a call in `pipeline` holds."""
        way, at = (*way, f"step {step_of(node)}"), Place(At.STEP, pipeline, node.name)
        if node.target in self._pipelines:
            for name, labels in arguments.items():
                self.passes(at, Place(At.PARAMETER, node.target, name), labels)
            gave = self.steps(self._pipelines[node.target], arguments, (*way, node.target))
            return self._answers(at, node.target, union(arguments.values()), gave)
        labels, before = union(arguments.values()), None
        while labels != before:  # what a tool gave goes to the model, and may go on to any other of them
            before = labels
            answers = [self.asks(at, node.target, labels, way)]
            for tool in node.tools:
                if tool.is_extern:
                    place = Place(At.TOOL, pipeline, f"{node.name} {tool.target}")
                    self.passes(at, place, labels)
                    gave = self.extern(tool.target, labels)
                    self.passes(place, at, added(labels, gave), How.ANSWERED)
                    answers.append(gave)
                else:
                    answers.append(self.asks(at, tool.target, labels, way))
            labels = union([labels, *answers])
        return labels


def is_sure(guard: GuardPlan) -> bool:
    """Whether what it takes out of requests is gone: it sees all of them, or they are refused."""
    return guard.on_failure is GuardAction.REFUSE and guard.unreadable is GuardAction.REFUSE


def _cleaned(guards: Iterable[tuple[GuardPlan, frozenset[str]]]) -> frozenset[str]:
    """The kinds that they take out together."""
    return frozenset(kind for _, removed in guards for kind in removed)


def _not(kinds: Iterable[str], cleaned: frozenset[str]) -> list[str]:
    return [each for each in kinds if each not in cleaned]


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

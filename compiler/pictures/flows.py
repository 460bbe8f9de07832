"""From a plan to the picture of where kinds of data go, what takes them out, and where they may not go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from attrs import evolve, field

from ...dsl.late_text import is_unknown
from ...dsl.record import define
from ..analysis.flow_parts import Arrow, Part, part_of
from ..analysis.flows import Tracing, is_sure
from ..analysis.labels import At, How, Place
from ..plan.model import DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from ..plan.nodes import ExternNode, Node
from ..plan.pipelines import PipelinePlan
from ..plan.split import is_local
from .expressions import is_step, written
from .legend import legend
from .model import Cluster, ClusterKind, Edge, EdgeKind, Look, Picture, Vertex
from .models import Models
from .names import Names, shortened

_KINDS = {How.GIVEN: EdgeKind.DATA, How.FULL: EdgeKind.CAPACITY, How.ANSWERED: EdgeKind.ANSWER}
_WRONG = "✗ "


def picture_of_flows(plan: Plan, tracing: Tracing, name: str | None = None) -> Picture:
    """All that carries data, and all that it comes to; name: a kind of data, or what it is to pass."""
    part = part_of(tracing, plan, name)
    return _Drawing(plan, part).picture(name or "flows")


@define
class _Drawing:
    """A picture while it is drawn."""

    _plan: Plan
    _part: Part
    _names: Names = field(init=False, factory=Names)
    _vertices: dict[Place, Vertex] = field(init=False, factory=dict)
    _caches: dict[str, Vertex] = field(init=False, factory=dict)

    def picture(self, title: str) -> Picture:
        models = Models.of(self._plan, self._names)
        clusters = [
            Cluster("clients", ClusterKind.CLIENTS, "who asks", list(self._clients())),
            *(self._pipeline(each) for each in self._plan.pipelines),
            Cluster("models", ClusterKind.MODELS, "who is asked", list(self._models(models))),
        ]
        clusters = [each for each in clusters if each.parts]
        edges = list(self._edges(models))
        explained, order = legend(clusters, edges, is_last=False)
        return Picture(title, (*clusters, explained), (*edges, *order), is_wide=True)

    # ---- what stands where

    def _clients(self) -> Iterator[Vertex]:
        for key in self._plan.gateway.keys:
            place = Place(At.KEY, key.name)
            yield from self._vertex(place, Look.KEY, f"key {key.name}", self._carries(key.carries))
        removes = {each.extern: each.removes for each in self._plan.externs}
        for guard in self._plan.gateway.guards:
            if guard.request is not None and is_sure(guard):
                lines = f"guard {guard.name}: {guard.request}", self._removes(removes[guard.request])
                yield from self._vertex(Place(At.GUARD, guard.name), Look.EXTERN, *lines)

    def _pipeline(self, plan: PipelinePlan) -> Cluster:
        name = plan.pipeline
        title = " ".join(each for each in (f"pipeline {name}", self._carries(plan.carries)) if each)
        frame = Cluster(self._names.of("frame", name), ClusterKind.PIPELINE, shortened(title))
        for parameter in plan.parameters:
            place = Place(At.PARAMETER, name, parameter.name)
            frame.parts += self._vertex(place, Look.INPUT, parameter.name, self._carries(parameter.carries))
        nodes: dict[str, Node] = {node.name: node for node in plan.nodes}
        for node in plan.nodes:
            text = written(node.name, nodes, whole=True)
            said = f"{node.name} = {text}" if is_step(node.name) else text
            place = Place(At.STEP, name, node.name)
            if isinstance(node, ExternNode):
                frame.parts += self._vertex(place, Look.EXTERN, said, *self._extern(node.extern, place))
            else:
                frame.parts += self._vertex(place, Look.STEP, said)
        for place in self._part.come_to:
            if place.at is At.TOOL and place.name == name:
                extern = place.part.partition(" ")[2]
                lines = self._extern(extern, place)
                frame.parts += self._vertex(place, Look.EXTERN, f"tool {extern}", *lines)
        frame.parts += self._vertex(Place(At.RESULT, name), Look.INPUT, "return")
        return frame

    def _models(self, models: Models) -> Iterator[Vertex]:
        for route in self._plan.routes:
            known = models.by_name[route.route]
            carries = self._carries(route.carries)
            yield from self._known(Place(At.MODEL, route.route), known, *known.lines, carries)
        for deployment in self._plan.deployments:
            name = deployment.deployment
            place = Place(At.MODEL, name)
            known = models.by_name[name]
            if is_local(deployment):
                known = evolve(known, look=Look.LOCAL)
            lines = [known.lines[0], _where(deployment), *self._allows(deployment, place)]
            yield from self._known(place, known, *lines)
            if deployment.cache is not None and place in self._vertices:
                lines = [f"cache of {name}", f"for {deployment.cache.ttl}"]
                lines += ["shared by all keys"] if deployment.cache.shared else []
                self._caches[name] = Vertex(self._names.of("cache", name), Look.CACHE, _fitting(lines))
                yield self._caches[name]

    def _vertex(self, place: Place, look: Look, *lines: str) -> Iterator[Vertex]:
        """That of `place`, if anything passes there."""
        if place in self._part.come_to:
            name = self._names.of(*(each for each in (place.at, place.name, place.part) if each))
            yield from self._known(place, Vertex(name, look, ()), *lines)

    def _known(self, place: Place, vertex: Vertex, *lines: str) -> Iterator[Vertex]:
        if place in self._part.come_to:
            is_wrong = place.at is At.MODEL and place.name in self._part.wrong
            self._vertices[place] = evolve(vertex, lines=_fitting(lines), is_wrong=is_wrong)
            yield self._vertices[place]

    # ---- what is said there

    def _carries(self, kinds: Iterable[str]) -> str:
        return _said("carries", (each for each in kinds if each in self._part.kinds))

    def _removes(self, kinds: Iterable[str]) -> str:
        return _said("removes", (each for each in kinds if each in self._part.kinds))

    def _extern(self, name: str, place: Place) -> Iterator[str]:
        [plan] = [each for each in self._plan.externs if each.extern == name]
        yield self._carries(plan.carries)
        yield self._removes(each for each in plan.removes if each in self._part.come_to.get(place, ()))

    def _allows(self, plan: DeploymentPlan, place: Place) -> Iterator[str]:
        if wrong := self._part.wrong.get(plan.deployment):
            yield _said(f"{_WRONG}does not allow", wrong)
        elif plan.allows is not None:
            yield _said("allows", self._part.come_to.get(place, ()))

    # ---- arrows

    def _edges(self, models: Models) -> Iterator[Edge]:
        when = {(each.source, each.target): each.label for each in models.edges}
        for arrow in self._part.arrows:
            source, target = (self._vertices[each].id for each in (arrow.source, arrow.target))
            if not arrow.kinds:
                yield Edge(source, target, EdgeKind.CLEAN)
                continue
            said = when.get((source, target), "") if arrow.how is not How.ANSWERED else ""
            label = f"{self._listed(arrow)}{': ' if said else ''}{said}"
            yield Edge(source, target, _KINDS[arrow.how], label, arrow.is_wrong)
        for name, cache in self._caches.items():
            place = Place(At.MODEL, name)
            yield Edge(
                self._vertices[place].id, cache.id, EdgeKind.DATA, ", ".join(self._part.come_to[place])
            )

    def _listed(self, arrow: Arrow) -> str:
        """The kinds of data on an arrow, those marked that may not come where it ends."""
        at = arrow.target
        wrong: tuple[str, ...] = ()
        if at.at is At.MODEL and arrow.how is not How.ANSWERED:
            wrong = self._part.wrong.get(at.name, ())
        return ", ".join(f"{_WRONG}{kind}" if kind in wrong else kind for kind in arrow.kinds)


def _where(plan: DeploymentPlan) -> str:
    """Whose machine sees what is asked."""
    match plan:
        case OnnxServingPlan(model=file):
            return f"local: {file.path.rpartition('/')[2]}"
        case RemotePoolPlan(model=model) if is_local(plan):
            return f"local: {model}"
        case RemotePoolPlan(model=model, endpoint=endpoint, provider=provider):
            host = None if is_unknown(endpoint) else urlsplit(endpoint).hostname
            return f"remote: {model} at {host or provider}"
    raise TypeError(f"no deployment of a plan: {plan!r}")


def _said(what: str, kinds: Iterable[str]) -> str:
    listed = ", ".join(kinds)
    return f"{what} {listed}" if listed else ""


def _fitting(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(shortened(line) for line in lines if line)

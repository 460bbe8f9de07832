"""From a plan to its picture: everything, or one pipeline, route or deployment with all that it reaches."""

from __future__ import annotations

from collections.abc import Iterable

from ...dsl.suggest import did_you_mean, every
from ..plan.model import Plan
from ..plan.nodes import CallNode
from ..plan.reach import names_of, only
from .legend import legend
from .model import Cluster, ClusterKind, Edge, Look, Picture, Vertex
from .models import Models
from .names import Names
from .pipelines import PipelineDrawer


class NotThere(Exception):
    """The plan has nothing of this name; the message says what it has."""


def picture_of(plan: Plan, name: str | None = None) -> Picture:
    """The picture of `plan`, or of what `name` stands for, with all that it needs. Raises NotThere."""
    if name is not None:
        _must_be_there(plan, name)
        plan = only(plan, name)
    names = Names()
    models = Models.of(plan, names)
    clusters: list[Cluster] = []
    edges: list[Edge] = []
    drawer = PipelineDrawer(plan, names, models)
    for pipeline in plan.pipelines:
        cluster, flow = drawer.draw(pipeline)
        clusters.append(cluster)
        edges += flow
    shown = _not_shown_by_a_call(plan, models)
    if shown:
        title = "routes and deployments" if plan.routes else "deployments"
        clusters.append(Cluster("models", ClusterKind.MODELS, title, list(shown)))
        edges += models.edges
    explained, order = legend(clusters, edges)
    clusters.append(explained)
    edges += order
    return Picture(name or "plan", tuple(clusters), tuple(edges))


def _not_shown_by_a_call(plan: Plan, models: Models) -> list[Vertex]:
    """The vertices of deployments and routes, without those that a step of a pipeline shows completely."""
    called = {n.target for each in plan.pipelines for n in each.nodes if isinstance(n, CallNode)}
    joined = {end for edge in models.edges for end in (edge.source, edge.target)}
    return [
        vertex
        for name, vertex in models.by_name.items()
        if name not in called or vertex.id in joined or vertex.look is Look.ROUTE or len(vertex.lines) > 2
    ]


def _must_be_there(plan: Plan, name: str) -> None:
    known = names_of(plan)
    if name not in known:
        hint = did_you_mean(name, known) or f"there {_are(known)}"
        raise NotThere(f"no pipeline, route or deployment is called `{name}`: {hint}")


def _are(names: Iterable[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return f"{'is' if len(quoted) == 1 else 'are'} {every(quoted)}" if quoted else "is none"

"""Which features arrive at every deployment that may answer under a name, and what is lost where.

A member of a route may answer, whatever the route, and so may the deployment that takes over from a full one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, fields

from ...dsl.kinds import TaskKind
from ...dsl.promise import Promise
from ...dsl.record import frozen
from ..plan import DeploymentPlan, PipelinePlan, Plan, RemotePoolPlan, RoutePlan
from ..plan.abilities import Abilities, abilities_of, takes_over
from ..plan.endpoints import batches_shown, batches_told
from ..plan.features import PROTOCOLS, YES_OR_NO, Features, asked_in, features_of
from ..plan.reach import members_of, names_of

HEADINGS = {each.name: each.metadata["heading"] for each in fields(Features)}
MEANINGS = {each.name: each.metadata["doc"] for each in fields(Promise)}


@frozen
class Arrival:
    """What arrives under a name, at all of `parts`, and here.

    own: what the thing itself has, where that is more than its parts. joins: when the one above asks it.
    batches: of its provider, in words, and as JSON.
    """

    name: str
    what: str
    abilities: Abilities
    parts: tuple[Arrival, ...] = ()
    own: Features | None = None
    joins: str = ""
    batches: str = ""
    batches_shown: Mapping[str, bool | str | None] | None = None

    @property
    def features(self) -> Features | None:
        """None where nobody chats."""
        return self.abilities.features


@frozen
class Loss:
    """A feature that does not arrive. way: from what is asked to who lacks it.

    known: it is known to be missing; else nothing is known of it. has: the context window of who lacks more.
    """

    feature: str
    way: tuple[Arrival, ...]
    known: bool
    has: int | None = None

    @property
    def at(self) -> Arrival:
        return self.way[-1]

    def said(self) -> str:
        """The way, and what is wrong at its end."""
        steps = [f"`{each.name}`{f' ({each.joins})' if each.joins else ''}" for each in self.way]
        return f"{' → '.join(steps)}: {self.at.what} {self._why()}"

    def _why(self) -> str:
        if self.feature == "context":
            return (
                "has a context window that is not known" if self.has is None else f"takes {self.has:,} tokens"
            )
        return f"has no `{self.feature}`" if self.known else f"is not known to have `{self.feature}`"


def arrivals_of(plan: Plan) -> dict[str, Arrival]:
    """Of each name that clients can use."""
    found = _Arrivals(plan)
    return {name: found.of(name) for name in names_of(plan)}


def told(arrival: Arrival) -> list[str]:
    """What arrives, what does not and what nobody knows: a sentence for each."""
    features, sentences = arrival.features, asked_at(arrival)
    if features is None:
        return sentences
    for value, words in ((True, "arrives everywhere"), (False, "is lost"), (None, "is not known")):
        names = [f"`{name}`" for name in YES_OR_NO if getattr(features, name) is value]
        if names:
            sentences.append(f"{words}: {', '.join(names)}")
    for protocol in PROTOCOLS:
        asked = asked_in(protocol, features)
        names = [f"`{name}`" for name in YES_OR_NO if getattr(asked, name) is not getattr(features, name)]
        if names:
            sentences.append(f"cannot be asked for at `/v1/{protocol}`: {', '.join(names)}")
    if features.context is not None:
        sentences.append(f"context: {features.context:,} tokens")
    return sentences


def asked_at(arrival: Arrival) -> list[str]:
    """The endpoints by kind, and what is known of batches: a sentence for each."""
    named = {kind: names for kind, names in arrival.abilities.endpoints.items() if names}
    sentences = [f"{kind} at {', '.join(f'`/v1/{name}`' for name in names)}" for kind, names in named.items()]
    if unknown := [kind for kind, names in arrival.abilities.endpoints.items() if names is None]:
        sentences.append(f"not known to have: {', '.join(unknown)}")
    return [*sentences, f"batches: not here; {arrival.batches}"] if arrival.batches else sentences


def losses(arrival: Arrival, feature: str, least: int | None = None) -> Iterator[Loss]:
    """Who lacks `feature`, each with one way to it. least: of `context`, how many tokens there must be."""
    seen: set[str] = set()

    def below(way: tuple[Arrival, ...]) -> Iterator[Loss]:
        here = way[-1]
        if here.name in seen:
            return
        seen.add(here.name)
        if here.own is not None:
            value = getattr(here.own, feature)
            if feature == "context":
                if value is None or (least is not None and value < least):
                    yield Loss(feature, way, value is not None, value)
            elif not value:
                yield Loss(feature, way, value is False)
        for part in here.parts:
            yield from below((*way, part))

    return below((arrival,))


class _Arrivals:
    def __init__(self, plan: Plan) -> None:
        self._deployments = {each.deployment: each for each in plan.deployments}
        self._routes = {each.route: each for each in plan.routes}
        self._pipelines = {each.pipeline: each for each in plan.pipelines}
        self._abilities = abilities_of(plan)
        self._known: dict[str, Arrival] = {}

    def of(self, name: str) -> Arrival:
        """Of a deployment, a route or a pipeline; none of them leads back to itself."""
        found = self._known.get(name)
        if found is None:
            if name in self._deployments:
                found = self._deployment(self._deployments[name])
            elif name in self._routes:
                found = self._route(self._routes[name])
            else:
                found = self._pipeline(self._pipelines[name])
            self._known[name] = found
        return found

    def _deployment(self, plan: DeploymentPlan) -> Arrival:
        following = takes_over(plan)
        parts: tuple[Arrival, ...] = ()
        if following is not None:
            parts = (evolve(self.of(following), joins=f"when `{plan.deployment}` is full"),)
        pool = plan if isinstance(plan, RemotePoolPlan) else None
        return Arrival(
            plan.deployment,
            _model(plan),
            self._abilities[plan.deployment],
            parts,
            features_of(plan),
            batches=batches_told(pool) if pool is not None else "",
            batches_shown=batches_shown(pool) if pool is not None else None,
        )

    def _route(self, plan: RoutePlan) -> Arrival:
        parts = tuple(self.of(member) for member in members_of(plan))
        return Arrival(plan.route, f"a {plan.kind}", self._abilities[plan.route], parts)

    def _pipeline(self, plan: PipelinePlan) -> Arrival:
        abilities = self._abilities[plan.pipeline]
        what = "a pipeline, which takes its arguments alone,"
        return Arrival(plan.pipeline, what, abilities, own=abilities.features)


def _model(plan: DeploymentPlan) -> str:
    if isinstance(plan, RemotePoolPlan):
        return f"the model `{plan.model}` ({plan.provider})"
    return (
        "a model on this machine"
        if plan.task_kind is TaskKind.GENERATE
        else f"a model for `{plan.task_kind}`"
    )

"""What of all flows is shown: those of one kind of data, or through one name; and the ways that are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...dsl.closure import closure
from ...dsl.record import frozen
from ..plan import ExternNode, Plan
from ..plan.reach import names_of
from .flows import Flow, Tracing
from .labels import At, How, Place, Source, carriers_of

Token = tuple[str, Source]
"""A kind of data, and who carries it."""

Between = tuple[Place, Place, How]


@frozen
class Arrow:
    """Data of some kinds, or what holds none any more, on its way between two places.

    is_wrong: some of it comes to where it may not go.
    """

    source: Place
    target: Place
    how: How
    kinds: tuple[str, ...]
    is_wrong: bool = False


@frozen
class Part:
    """come_to: the kinds that come to each place. wrong: those that come to a deployment and may not."""

    arrows: tuple[Arrow, ...]
    come_to: Mapping[Place, tuple[str, ...]]
    wrong: Mapping[str, tuple[str, ...]]
    kinds: frozenset[str]


def words_of(plan: Plan) -> tuple[str, ...]:
    """What a part may be asked by: kinds of data, and what they come through."""
    gateway = plan.gateway
    kinds = [kind for _, carried in carriers_of(plan) for kind in carried]
    keys, guards = ([each.name for each in part] for part in (gateway.keys, gateway.guards))
    return tuple(dict.fromkeys([*kinds, *names_of(plan), *keys, *guards]))


def flows_through(flows: Iterable[Flow], name: str | None) -> list[Flow]:
    """Those of the kind that is called so, or that come from or through what is."""
    return [
        each for each in flows if name is None or name in (each.kind, each.source.name) or name in each.way
    ]


def part_of(tracing: Tracing, plan: Plan, name: str | None) -> Part:
    """The part that is called `name`; None: all of it."""
    kept = _through(tracing, name)
    wrong = [(flow.kind, flow.source, flow.deployment) for flow in tracing.flows if flow.allowed is False]
    on_the_way = _ways_to(kept, wrong)
    arrows = [Arrow(*between, _kinds(tokens), between in on_the_way) for between, tokens in kept.items()]
    arrows += _clean(tracing, plan, kept)
    come: dict[Place, dict[str, None]] = {}
    for arrow in arrows:
        come.setdefault(arrow.source, {})
        come.setdefault(arrow.target, {}).update(dict.fromkeys(arrow.kinds))
    found: dict[str, dict[str, None]] = {}
    for kind, _, deployment in wrong:
        if kind in come.get(Place(At.MODEL, deployment), ()):
            found.setdefault(deployment, {})[kind] = None
    return Part(
        tuple(arrows),
        {place: tuple(sorted(kinds)) for place, kinds in come.items()},
        {deployment: tuple(sorted(kinds)) for deployment, kinds in found.items()},
        frozenset(kind for tokens in kept.values() for kind, _ in tokens),
    )


def _through(tracing: Tracing, name: str | None) -> dict[Between, set[Token]]:
    """What passes, as far as it is of the kind `name`, or has passed or will pass what is called so."""
    every: dict[Between, set[Token]] = {}
    for each in tracing.passages:
        if tokens := {(kind, source) for kind, sources in each.labels.items() for source in sources}:
            every[each.source, each.target, each.how] = tokens
    kinds = {kind for tokens in every.values() for kind, _ in tokens}
    if name is None:
        return every
    if name in kinds:
        kept = {between: {each for each in tokens if each[0] == name} for between, tokens in every.items()}
    else:
        kept = {between: set() for between in every}
        for token, ways in _by_token(every).items():
            places = {place for source, target, _ in ways for place in (source, target)}
            named = {place for place in places if place.name == name}
            before, behind = _closure(ways, named, backwards=True), _closure(ways, named, backwards=False)
            for between in ways:
                if between[1] in before or between[0] in behind:
                    kept[between].add(token)
    return {between: tokens for between, tokens in kept.items() if tokens}


def _by_token(passed: Mapping[Between, set[Token]]) -> dict[Token, list[Between]]:
    found: dict[Token, list[Between]] = {}
    for between, tokens in passed.items():
        for token in tokens:
            found.setdefault(token, []).append(between)
    return found


def _closure(ways: Iterable[Between], start: Iterable[Place], *, backwards: bool) -> set[Place]:
    """All places that one comes to from those at the start."""
    following: dict[Place, list[Place]] = {}
    for source, target, _ in ways:
        at, to = (target, source) if backwards else (source, target)
        following.setdefault(at, []).append(to)
    return closure(start, lambda place: following.get(place, ()))


def _ways_to(passed: Mapping[Between, set[Token]], wrong: Iterable[tuple[str, Source, str]]) -> set[Between]:
    """All that leads to a deployment which does not allow what comes there."""
    ends: dict[Token, list[Place]] = {}
    for kind, source, deployment in wrong:
        ends.setdefault((kind, source), []).append(Place(At.MODEL, deployment))
    ways = _by_token(passed)
    found: set[Between] = set()
    for token, places in ends.items():
        before = _closure(ways.get(token, ()), places, backwards=True)
        found |= {between for between in ways.get(token, ()) if between[1] in before}
    return found


def _clean(tracing: Tracing, plan: Plan, kept: Mapping[Between, set[Token]]) -> list[Arrow]:
    """Where that goes which a kind of data was taken out of, as far as nothing else is in it."""
    removes = {each.extern: each.removes for each in plan.externs}
    steps = {(each.pipeline, node.name): node for each in plan.pipelines for node in each.nodes}
    following: dict[Place, list[Between]] = {}
    for each in tracing.passages:
        if each.how is How.GIVEN:
            following.setdefault(each.source, []).append((each.source, each.target, each.how))

    def removed(place: Place) -> Iterable[str]:
        if place.at is At.TOOL:
            return removes[place.part.rpartition(" ")[2]]
        node = steps.get((place.name, place.part)) if place.at is At.STEP else None
        return removes[node.extern] if isinstance(node, ExternNode) else ()

    waiting = [
        target
        for (_, target, _), tokens in kept.items()
        if target.at is At.GUARD or not {kind for kind, _ in tokens}.isdisjoint(removed(target))
    ]
    found: dict[Between, None] = {}
    while waiting:
        for between in following.get(waiting.pop(), ()):
            if between not in kept and between not in found:
                found[between] = None
                if between[1].at in (At.STEP, At.GUARD):
                    waiting.append(between[1])
    return [Arrow(*between, ()) for between in found]


def _kinds(tokens: Iterable[Token]) -> tuple[str, ...]:
    return tuple(sorted({kind for kind, _ in tokens}))

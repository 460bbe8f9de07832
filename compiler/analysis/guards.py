"""Which guards see the requests for each name, and whether some way leads past them.

All that clients ask for is asked under a name, and a guard holds for the whole of a request and its answer:
whatever a route, a retry, a fallback, a hedge, a cache or a step does with it happens behind the guard. So a
guard can be passed by in one way only: by asking under another name that comes to the same model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from ...dsl.diagnostics import Diagnostics
from ...dsl.record import frozen
from ..plan import GuardPlan, Plan
from ..plan.guards import is_meant
from ..plan.reach import names_of, needs_of
from ..program import Program

EVERYONE, TOKEN = "everyone", "the token of `auth`"
_MOST_WAYS = 4


@frozen
class Asked:
    """What clients may ask for. by: who may. guards: those that see it. reaches: deployments behind it."""

    name: str
    by: tuple[str, ...]
    guards: tuple[GuardPlan, ...]
    reaches: tuple[str, ...]


@frozen
class WayPast:
    """Requests of `asker` come to a deployment past `guard`. way: from what is asked to the deployment."""

    guard: GuardPlan
    asker: str
    way: tuple[str, ...]

    def said(self) -> str:
        return " → ".join(f"`{each}`" for each in self.way)


def asked_of(plan: Plan) -> tuple[Asked, ...]:
    """Everything that clients may ask for, in the order of the plan."""
    ways = Ways(plan)
    askers = list(_askers(plan))
    return tuple(
        Asked(
            name,
            tuple(asker for asker, patterns in askers if _may(patterns, name)),
            tuple(guard for guard in plan.gateway.guards if guard.sees(name)),
            tuple(ways.reached(name)),
        )
        for name in names_of(plan)
    )


def ways_past(plan: Plan) -> Iterator[WayPast]:
    """For each guard, and each who may ask: one way from each name that leads past it."""
    ways = Ways(plan)
    for guard in plan.gateway.guards:
        if not guard.models:
            continue
        kept: set[str] = set()
        for name in names_of(plan):
            if guard.sees(name):
                kept |= ways.reached(name).keys()
        told: set[str] = set()
        for asker, patterns in _askers(plan, guard.keys):
            for name in names_of(plan):
                if name in told or guard.sees(name) or not _may(patterns, name):
                    continue
                reached = ways.reached(name)
                through = next((each for each in reached if each in kept), None)
                if through is not None:
                    told.add(name)
                    yield WayPast(guard, asker, reached[through])


def check_guards(plan: Plan, program: Program, found: Diagnostics) -> None:
    """No way leads past a guard."""
    declared = {each.name: each for each in program.gateway.guards}
    past: dict[str, list[WayPast]] = {}
    for way in ways_past(plan):
        past.setdefault(way.guard.name, []).append(way)
    for name, ways in past.items():
        first = ways[0]
        missing = ", ".join(f"`{each.way[0]}`" for each in ways[:_MOST_WAYS])
        more = f", and {len(ways) - _MOST_WAYS} more" if len(ways) > _MOST_WAYS else ""
        found.error(
            "E0433",
            f"requests come to `{first.way[-1]}` past the guard `{name}`",
            declared[name].written("models"),
            f"{missing}{more}: not among these",
            notes=[f"{each.asker} may ask {each.said()}" for each in ways[:_MOST_WAYS]],
            help="name them in `models`, or remove `models`: then the guard sees all that is asked; or let "
            "no key ask them",
        )


class Ways:
    """How the deployments of a plan are come to."""

    def __init__(self, plan: Plan) -> None:
        self._needs = needs_of(plan)
        self._deployments = {each.deployment for each in plan.deployments}
        self._found: dict[str, Mapping[str, tuple[str, ...]]] = {}

    def reached(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """The deployments behind `name`, each with the shortest way to it."""
        if name not in self._found:
            found: dict[str, tuple[str, ...]] = {name: (name,)}
            waiting = deque(found)
            while waiting:
                at = waiting.popleft()
                for following in self._needs.get(at, ()):
                    if following not in found:
                        found[following] = (*found[at], following)
                        waiting.append(following)
            self._found[name] = {each: way for each, way in found.items() if each in self._deployments}
        return self._found[name]


def _askers(plan: Plan, only: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Who may ask, and the patterns of what; no patterns are all. only: patterns of keys; empty: everyone."""
    gateway = plan.gateway
    for key in gateway.keys:
        if not only or any(is_meant(pattern, key.name) for pattern in only):
            yield f"the key `{key.name}`", key.models
    if only:
        return
    if gateway.auth is not None:
        yield TOKEN, ()
    elif not gateway.keys:
        yield EVERYONE, ()


def _may(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or any(is_meant(pattern, name) for pattern in patterns)

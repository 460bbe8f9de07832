"""Which guards see the requests for each name, and whether some way leads past them.

All that clients ask for is asked under a name, and a guard holds for the whole of a request and its answer:
whatever a route, a retry, a fallback, a hedge, a cache or a step does with it happens behind the guard. So a
guard can be passed by in one way only: by asking under another name that comes to the same model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ...dsl.diagnostics import Diagnostics
from ...dsl.record import frozen
from ..plan import GuardPlan, Plan
from ..plan.guards import Meant, is_meant
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
    askers = [(asker, Meant(patterns)) for asker, patterns in _askers(plan)]
    guards = [(guard, Meant(guard.models)) for guard in plan.gateway.guards]
    return tuple(
        Asked(
            name,
            tuple(asker for asker, may in askers if may.meets(name)),
            tuple(guard for guard, seen in guards if name in seen),
            ways.reached(name),
        )
        for name in names_of(plan)
    )


def ways_past(plan: Plan) -> Iterator[WayPast]:
    """For each guard, and each who may ask: one way from each name that leads past it."""
    ways, names = Ways(plan), names_of(plan)
    for guard in plan.gateway.guards:
        if not guard.models:
            continue
        seen = Meant(guard.models)
        kept = {each for name in names if name in seen for each in ways.reached(name)}
        past = {
            name: through
            for name in names
            if name not in seen
            for through in [next((each for each in ways.reached(name) if each in kept), None)]
            if through is not None
        }
        first: dict[tuple[str, ...], str] = {}  # of those who may ask the same, one is enough
        for asker, patterns in _askers(plan, guard.keys):
            first.setdefault(patterns, asker)
        for patterns, asker in first.items():
            may = Meant(patterns)
            for name in [each for each in past if may.meets(each)]:
                yield WayPast(guard, asker, ways.to(name, past.pop(name)))


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
        self._reached: dict[str, tuple[str, ...]] = {}

    def reached(self, name: str) -> tuple[str, ...]:
        """The deployments behind `name`, the nearest first."""
        if name not in self._reached:
            self._reached[name] = tuple(each for each in self._behind(name) if each in self._deployments)
        return self._reached[name]

    def to(self, name: str, deployment: str) -> tuple[str, ...]:
        """The shortest way from `name` to a deployment behind it."""
        before, way = self._behind(name), [deployment]
        while (at := before[way[-1]]) is not None:
            way.append(at)
        return tuple(reversed(way))

    def _behind(self, name: str) -> dict[str, str | None]:
        """All that is behind `name`, the nearest first, each with what leads there; None: `name` itself."""
        found: dict[str, str | None] = {name: None}
        waiting = deque(found)
        while waiting:
            at = waiting.popleft()
            for following in self._needs.get(at, ()):
                if following not in found:
                    found[following] = at
                    waiting.append(following)
        return found


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

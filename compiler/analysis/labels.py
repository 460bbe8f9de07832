"""Kinds of data on their way: who carries them, and where they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from ...dsl.record import frozen
from ..plan import Plan

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


Labels = Mapping[str, frozenset[Source]]
"""Who carries each kind of data that is in a value."""

NONE: Labels = {}


class At(StrEnum):
    """What stands at a place."""

    KEY = "key"
    GUARD = "guard"
    MODEL = "model"
    """A route, or a deployment."""
    PARAMETER = "parameter"
    STEP = "step"
    """A call, or an extern: the node `part` of the pipeline `name`."""
    TOOL = "tool"
    """An extern that the model of a step may call: `NODE EXTERN`."""
    RESULT = "result"


@frozen
class Place:
    """Where data passes. part: of the pipeline `name`."""

    at: At
    name: str
    part: str = ""


class How(StrEnum):
    """How data comes from one place to the next."""

    GIVEN = "given"
    FULL = "full"
    """Handed on by a deployment that has no room."""
    ANSWERED = "answered"
    """In an answer: what was not in what had been asked."""


@frozen
class Passage:
    """What comes from one place to the next; no labels: what carries none."""

    source: Place
    target: Place
    how: How
    labels: Labels


def carriers_of(plan: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All that may carry, and what it does."""
    yield from ((f"key {each.name}", each.carries) for each in plan.gateway.keys)
    yield from ((each.route, each.carries) for each in plan.routes if not each.inner)
    yield from ((each.extern, each.carries) for each in plan.externs)
    for pipeline in plan.pipelines:
        yield pipeline.pipeline, pipeline.carries
        yield from ((f"{pipeline.pipeline}({each.name})", each.carries) for each in pipeline.parameters)


def with_kinds(labels: Labels, kinds: Iterable[str], source: Source) -> Labels:
    """`labels`, and that `source` carries `kinds`."""
    found = dict(labels)
    for kind in kinds:
        found[kind] = found.get(kind, frozenset()) | {source}
    return found


def without(labels: Labels, kinds: Iterable[str]) -> Labels:
    """`labels` without those of `kinds`."""
    gone = frozenset(kinds)
    return {kind: sources for kind, sources in labels.items() if kind not in gone}


def union(several: Iterable[Labels]) -> Labels:
    """All that is in any of them."""
    found: dict[str, frozenset[Source]] = {}
    for labels in several:
        for kind, sources in labels.items():
            found[kind] = found.get(kind, frozenset()) | sources
    return found


def added(before: Labels, after: Labels) -> Labels:
    """What is in `after`, and was not before."""
    more = {kind: sources - before.get(kind, frozenset()) for kind, sources in after.items()}
    return {kind: sources for kind, sources in more.items() if sources}

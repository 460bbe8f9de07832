"""`with { … }` where a route is declared: what holds for all that is asked through it."""

from __future__ import annotations

from attrs import field

from ...dsl import syntax as s
from ...dsl.data_kinds import DataKind
from ...dsl.fields import doc
from ...dsl.gateway import Bounds
from ...dsl.policies import Budget
from ...dsl.promise import Promise
from ...dsl.record import frozen
from ...dsl.validation import ranges
from ..blocks.merge import Paths
from ..blocks.shape import span_in
from ..blocks.structure import structure
from ..pipelines.inferrer import Tools
from ..scope import Scope


@frozen(eq=False, repr=False)
class RouteOptions:
    """What stands behind `with` where a route is declared."""

    budget: Budget | None = doc("spend ceilings of all that is asked through it", default=None)
    promise: Promise | None = doc(
        "what arrives at every deployment that may answer; a loss is an error when checked", default=None
    )
    bounds: Bounds = doc(
        "the most that one request to it may take; more is an error when checked", factory=Bounds
    )
    carries: tuple[DataKind, ...] = doc("kinds of data that its requests hold", default=())


@frozen(eq=False, repr=False)
class WrittenOptions:
    """Options, and where they stand."""

    options: RouteOptions = field(factory=RouteOptions)
    paths: Paths = field(factory=dict)


def read_route_options(body: s.Body, scope: Scope, name: str, tools: Tools) -> WrittenOptions:
    """The options of the route `name`; every mistake in them is reported."""
    paths: Paths = {}
    section = tools.merger.merge_body(scope, body, scope.module.span(body.start, body.start + 1))
    values = tools.shaper.shape(section, RouteOptions, f"the route `{name}`", (), paths)
    options = structure(values, RouteOptions, paths, tools.found)
    if options is None:
        return WrittenOptions(paths=paths)
    for problem in ranges(options):
        tools.found.error(problem.code, problem.message, span_in(paths, problem.path), help=problem.help)
    return WrittenOptions(options, paths)

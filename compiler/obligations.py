"""Proof obligations, what a program asks to be proved of its plan: bounds, promises, guards, kinds of data.

Found in one walk of what is declared; a program that asks for nothing is not lowered when it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from ..dsl.gateway import Bounds
from ..dsl.promise import Promise
from ..dsl.record import frozen
from ..dsl.source import Span
from .blocks.merge import Section, Setting
from .blocks.shape import span_in
from .program import Program

NOTHING = Bounds()


@frozen(eq=False, repr=False, slots=False)
class AskedBounds:
    """Bounds that are written somewhere. patterns: of the names that they hold for; empty: all.

    span: where a field of theirs is. name: of what they hold for alone.
    """

    bounds: Bounds
    patterns: tuple[str, ...]
    span: Callable[[str], Span]
    name: str | None = None

    def hold_for(self) -> Callable[[str], bool]:
        """Whether they hold for requests that some name of the plan answers."""
        from .plan.guards import Meant  # most files ask for nothing, and their check needs no plan

        return self.name.__eq__ if self.name is not None else Meant(self.patterns).meets


@frozen(eq=False, repr=False, slots=False)
class AskedPromise:
    """What a route promises. span: where a feature of it is."""

    route: str
    promise: Promise
    span: Callable[[str], Span]


@frozen(eq=False, repr=False, slots=False)
class AskedGuard:
    """A guard that sees only some models."""


@frozen(eq=False, repr=False, slots=False)
class AskedKinds:
    """Something says which kinds of data it carries."""


Asked = AskedBounds | AskedPromise | AskedGuard | AskedKinds


def asked_of(program: Program) -> Iterator[Asked]:
    """All that is asked, in the order in which it is proved."""
    gateway, graph = program.gateway, program.graph
    if gateway.bounds != NOTHING:
        yield AskedBounds(gateway.bounds, (), _spans(gateway.paths, "bounds"))
    for key in gateway.keys:
        if key.key.bounds != NOTHING:
            yield AskedBounds(key.key.bounds, key.key.models, partial(key.written, "bounds"))
        if key.key.carries:
            yield AskedKinds()
    if any(each.guard.models for each in gateway.guards):
        yield AskedGuard()
    if graph is None:
        return
    for route in graph.routes:
        written = route.options
        if written.options.bounds != NOTHING:
            yield AskedBounds(written.options.bounds, (), _spans(written.paths, "bounds"), route.name)
        if written.options.promise is not None:
            yield AskedPromise(route.name, written.options.promise, _spans(written.paths, "promise"))
        if written.options.carries:
            yield AskedKinds()
    if any(each.options.carries for each in graph.externs):
        yield AskedKinds()
    for pipeline in graph.pipelines:
        said = pipeline.options
        if said.options.bounds != NOTHING:
            name = pipeline.symbol.name.text
            yield AskedBounds(said.options.bounds, (), _spans(said.paths, "bounds"), name)
        if said.options.carries or any(each.carries for each in pipeline.parameters):
            yield AskedKinds()


def _spans(paths: Mapping[tuple[str, ...], Setting | Section], block: str) -> Callable[[str], Span]:
    return lambda name: span_in(paths, (block, name))

"""What the gateway and routes promise: computed of the plan, so only of what is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite

from ...dsl.diagnostics import Diagnostics
from ...dsl.gateway import Bounds
from ...dsl.promise import Promise
from ...dsl.record import frozen
from ...dsl.source import Span
from ..lower import outline
from ..merge import Section, Setting
from ..plan.guards import is_meant
from ..program import Program
from ..routes.typed import TypedRoute
from ..shape import span_in
from .bounds import Part, bounds_of, spoken, way_to
from .features import MEANINGS, Arrival, arrivals_of, losses

_QUANTITIES = {
    "max_calls": ("calls", "may make {} calls"),
    "max_tokens": ("tokens", "may take {} tokens"),
    "max_cost": ("dollars", "may cost {}"),
    "max_wait": ("seconds", "may take {}"),
}
_ANY = {"calls": "any number of", "tokens": "any number of", "dollars": "any sum", "seconds": "any time"}
_MOST_LOSSES = 4
"""How many of them a message shows."""


@frozen
class _Written:
    """Bounds that are written somewhere. span: where a field of theirs is. names: what they hold for."""

    bounds: Bounds
    span: Callable[[str], Span]
    names: tuple[str, ...]


def check_bounds(program: Program, found: Diagnostics) -> None:
    """Each name that clients use stays within each bound that is written. Of programs without errors."""
    parts = bounds_of(outline(program))
    for written in _written(program, tuple(parts)):
        _check_bounds(written, {name: parts[name] for name in written.names}, found)


def _written(program: Program, names: tuple[str, ...]) -> Iterator[_Written]:
    gateway = program.gateway
    yield _Written(gateway.bounds, partial(_span, gateway.paths), names)
    for key in gateway.keys:
        asked = tuple(
            name
            for name in names
            if not key.key.models or any(is_meant(each, name) for each in key.key.models)
        )
        yield _Written(key.key.bounds, partial(key.written, "bounds"), asked)
    for route in program.graph.routes if program.graph is not None else ():
        options = route.options
        yield _Written(options.options.bounds, partial(_span, options.paths), (route.name,))


def _span(paths: Mapping[tuple[str, ...], Setting | Section], field: str) -> Span:
    return span_in(paths, ("bounds", field))


def _check_bounds(written: _Written, parts: Mapping[str, Part], found: Diagnostics) -> None:
    for field, (quantity, takes) in _QUANTITIES.items():
        most = getattr(written.bounds, field)
        if most is None:
            continue
        numbers = {name: getattr(part.bound, quantity) for name, part in parts.items()}
        over = sorted((name for name in numbers if numbers[name] > float(most)), key=numbers.__getitem__)
        if not over:
            continue
        worst = over[-1]
        most_of_it = spoken(quantity, numbers[worst]) if isfinite(numbers[worst]) else _ANY[quantity]
        others = f"; {len(over)} of {len(parts)} names may take more" if len(parts) > 1 else ""
        found.error(
            "E0427",
            f"one request to `{worst}` {takes.format(most_of_it)}",
            written.span(field),
            "more than this",
            notes=way_to(parts[worst], quantity),
            help=f"`inferc bounds` shows all of it{others}",
        )


def check_features(program: Program, found: Diagnostics) -> None:
    """What each route promises arrives wherever it may lead. Of programs without errors."""
    assert program.graph is not None
    arrivals = arrivals_of(outline(program))
    for route in program.graph.routes:
        promise = route.options.options.promise
        if promise is not None:
            _check_route(route, promise, arrivals[route.name], found)


def _check_route(route: TypedRoute, promise: Promise, arrival: Arrival, found: Diagnostics) -> None:
    for feature, meaning in MEANINGS.items():
        wanted = getattr(promise, feature)
        if not wanted:
            continue
        span = span_in(route.options.paths, ("promise", feature))
        if arrival.features is None:
            found.error(
                "E0428",
                f"`{route.name}` does not chat: it cannot promise `{feature}`",
                span,
                help="remove `promise`: it is about chats",
            )
            continue
        lost = list(losses(arrival, feature, wanted))
        if not lost:
            continue
        is_context = feature == "context"
        what = f"{wanted:,} tokens of context" if is_context else f"`{feature}`"
        notes = [loss.said() for loss in lost[:_MOST_LOSSES]]
        if len(lost) > _MOST_LOSSES:
            notes.append(f"and {len(lost) - _MOST_LOSSES} more")
        found.error(
            "E0428",
            f"{what} may be lost on the way from `{route.name}` to who answers",
            span,
            f"{meaning}: not everywhere",
            notes=notes,
            help=_advice(all(loss.known or loss.has for loss in lost), is_context=is_context),
        )


def _advice(is_known: bool, *, is_context: bool) -> str:
    if is_known:
        return "leave out who loses it, or ask a model that has it"
    if is_context:
        return "what is not known counts as lost: `model_info { context_window = … }` says it"
    return "what is not known counts as lost: ask a model of which it is known, or leave the promise out"

"""What the gateway and routes promise: computed of the plan, so only of what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from ...dsl.diagnostics import Diagnostics
from ..obligations import AskedBounds, AskedPromise
from ..plan import Plan
from .bound import Part, spoken, way_to
from .bounds import bounds_of
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


def check_bounds(plan: Plan, asked: Sequence[AskedBounds], found: Diagnostics) -> None:
    """Each name that clients use stays within each bound that is written."""
    parts = bounds_of(plan) if asked else {}
    for each in asked:
        held = each.hold_for()
        _check_bounds(each, {name: part for name, part in parts.items() if held(name)}, found)


def _check_bounds(asked: AskedBounds, parts: Mapping[str, Part], found: Diagnostics) -> None:
    for field, (quantity, takes) in _QUANTITIES.items():
        most = getattr(asked.bounds, field)
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
            asked.span(field),
            "more than this",
            notes=way_to(parts[worst], quantity),
            help=f"`inferc bounds` shows all of it{others}",
        )


def check_features(plan: Plan, asked: Sequence[AskedPromise], found: Diagnostics) -> None:
    """What each route promises arrives wherever it may lead."""
    arrivals = arrivals_of(plan) if asked else {}
    for each in asked:
        _check_route(each, arrivals[each.route], found)


def _check_route(asked: AskedPromise, arrival: Arrival, found: Diagnostics) -> None:
    for feature, meaning in MEANINGS.items():
        wanted = getattr(asked.promise, feature)
        if not wanted:
            continue
        span = asked.span(feature)
        if arrival.features is None:
            found.error(
                "E0428",
                f"`{asked.route}` does not chat: it cannot promise `{feature}`",
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
            f"{what} may be lost on the way from `{asked.route}` to who answers",
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

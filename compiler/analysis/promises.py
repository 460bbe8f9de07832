"""The bounds of one request, which the gateway promises: computed of the plan, so only of what is right."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from attrs import fields

from ...dsl.diagnostics import Diagnostics
from ...dsl.gateway import Bounds
from ..lower import lower
from ..program import Program
from ..shape import span_in
from .bounds import bounds_of, spoken, way_to

_QUANTITIES = {
    "max_calls": ("calls", "may make {} calls"),
    "max_tokens": ("tokens", "may take {} tokens"),
    "max_cost": ("dollars", "may cost {}"),
    "max_wait": ("seconds", "may take {}"),
}
_ANY = {"calls": "any number of", "tokens": "any number of", "dollars": "any sum", "seconds": "any time"}


def check_bounds(program: Program, found: Diagnostics) -> None:
    """Each name that clients use stays within each bound that is written. Of programs without errors."""
    promised = {
        each.name: most
        for each in fields(Bounds)
        if (most := getattr(program.gateway.bounds, each.name)) is not None
    }
    parts = bounds_of(lower(program, Path()))
    for field, most in promised.items():
        quantity, takes = _QUANTITIES[field]
        numbers = {name: getattr(part.bound, quantity) for name, part in parts.items()}
        over = sorted((name for name in numbers if numbers[name] > float(most)), key=numbers.__getitem__)
        if not over:
            continue
        worst = over[-1]
        most_of_it = spoken(quantity, numbers[worst]) if isfinite(numbers[worst]) else _ANY[quantity]
        found.error(
            "E0427",
            f"one request to `{worst}` {takes.format(most_of_it)}",
            span_in(program.gateway.paths, ("bounds", field)),
            "more than this",
            notes=way_to(parts[worst], quantity),
            help=f"`inferc bounds` shows all of it; {len(over)} of {len(parts)} names may take more",
        )

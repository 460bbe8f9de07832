"""The bounds of one request, which the gateway promises: computed of the plan, so only of what is right."""

from __future__ import annotations

from pathlib import Path

from attrs import fields

from ...dsl.diagnostics import Diagnostics
from ...dsl.gateway import Bounds
from ..program import Program
from ..shape import span_in

_QUANTITIES = {"max_calls": "calls", "max_tokens": "tokens", "max_cost": "dollars", "max_wait": "seconds"}


def check(program: Program, found: Diagnostics) -> None:
    """Each name that clients use stays within each bound that is written. Of programs without errors."""
    promised = {
        each.name: most
        for each in fields(Bounds)
        if (most := getattr(program.gateway.bounds, each.name)) is not None
    }
    if not promised or found.has_errors:
        return
    from ..analysis.bounds import bounds_of, spoken, way_to  # needs the plan, which few checks do
    from ..lower import lower

    parts = bounds_of(lower(program, Path()))
    for field, most in promised.items():
        quantity = _QUANTITIES[field]
        numbers = {name: getattr(part.bound, quantity) for name, part in parts.items()}
        over = sorted((name for name in numbers if numbers[name] > float(most)), key=numbers.__getitem__)
        if not over:
            continue
        worst = over[-1]
        others = f"; {len(over) - 1} more names, too, may take more" if len(over) > 1 else ""
        found.error(
            "E0427",
            f"one request to `{worst}` may take {spoken(quantity, numbers[worst])}",
            span_in(program.gateway.paths, ("bounds", field)),
            "more than this",
            help=f"{way_to(parts[worst], quantity)}; `inferc bounds` shows all of it{others}",
        )

"""What a file asks to be proved, held against its plan. Of programs without errors."""

from __future__ import annotations

from collections.abc import Iterable

from ...dsl.diagnostics import Diagnostics
from ..lowering.lower import outline
from ..obligations import Asked, AskedBounds, AskedGuard, AskedKinds, AskedPromise
from ..program import Program
from .flow_checks import check_flows
from .guards import check_guards
from .promises import check_bounds, check_features


def prove(program: Program, asked: Iterable[Asked], found: Diagnostics) -> None:
    """Report what does not hold."""
    plan, several = outline(program), tuple(asked)
    check_bounds(plan, [each for each in several if isinstance(each, AskedBounds)], found)
    if any(isinstance(each, AskedGuard) for each in several):
        check_guards(plan, program, found)
    if any(isinstance(each, AskedKinds) for each in several):
        check_flows(plan, program, found)
    check_features(plan, [each for each in several if isinstance(each, AskedPromise)], found)

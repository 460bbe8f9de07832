"""Words and numbers of phrases as values, each with a unit that fits; what does not is reported."""

from __future__ import annotations

from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics
from ...dsl.units import Duration, Percent
from ...dsl.values import describe
from ..evaluation.evaluate import Evaluator
from ..evaluation.unknown import UNKNOWN
from ..plan.scenarios import Spread
from ..scope import Scope

LONGEST = 400 * 86_400.0
"""Seconds that a test may last in its own time."""

MOST = 10**9
"""The largest count that a test may hold."""


class Values:
    """Reads the values of one test."""

    def __init__(self, scope: Scope, evaluator: Evaluator, found: Diagnostics) -> None:
        self.scope = scope
        self.evaluator = evaluator
        self.found = found

    def wrong(self, node: s.Node, message: str, label: str = "", help: str | None = None) -> None:
        """Report a value that does not fit."""
        self.found.error("E0702", message, self.scope.span(node), label, help=help)

    def unknown(self, node: s.Node, message: str, help: str | None) -> None:
        """Report a word that tests do not have."""
        self.found.error("E0701", message, self.scope.span(node), "unknown", help=help)

    def value(self, node: s.Expression) -> Any:
        """The value of an expression; UNKNOWN where it has none, which is reported."""
        return self.evaluator.evaluate(node, self.scope)

    def duration(self, node: s.Expression, what: str, *, may_be_zero: bool = True) -> float | None:
        """Seconds, of a value that must be a duration."""
        value = self.value(node)
        if value is UNKNOWN:
            return None
        if not isinstance(value, Duration):
            self.wrong(
                node, f"{what} is a duration, not {describe(value)}", help="write it like `30s` or `10m`"
            )
            return None
        if value < 0 or (not value and not may_be_zero) or value > LONGEST:
            self.wrong(node, f"{what} must be {'' if may_be_zero else 'more than 0s and '}no more than 400d")
            return None
        return float(value)

    def number(self, node: s.Expression, what: str, least: float = 1) -> int | None:
        """A whole number."""
        value = self.value(node)
        if value is UNKNOWN:
            return None
        if type(value) is not int:
            self.wrong(node, f"{what} is a whole number, not {describe(value)}")
            return None
        if not least <= value <= MOST:
            self.wrong(node, f"{what} must be from {least} to {MOST}")
            return None
        return value

    def rate(self, node: s.Expression, words: tuple[s.Expression, ...], what: str) -> float | None:
        """`20 per second`; gives how many in a second."""
        value = self.value(node)
        if value is UNKNOWN:
            return None
        if type(value) not in (int, float):
            self.wrong(node, f"{what} is a number for each second, not {describe(value)}", help=_RATES)
            return None
        if not 0 < value <= 10**6:
            self.wrong(node, f"{what} must be more than 0, and no more than 1M per second")
            return None
        unit = words[1] if len(words) > 1 else None
        divisor = PER.get(unit.name) if isinstance(unit, s.Reference) else None
        if word(words[0] if words else None) != "per" or divisor is None:
            place = unit or (words[0] if words else node)
            self.wrong(place, f"{what} says `per second`, `per minute` or `per hour`", help=_RATES)
            return None
        return float(value) / divisor

    def spread(self, node: s.Expression, words: tuple[s.Expression, ...], what: str) -> Spread | None:
        """`300ms`, or `300ms ~ 2s`."""
        median = self.duration(node, what)
        if median is None:
            return None
        if not words:
            return Spread(median, median)
        if word(words[0]) != "~" or len(words) != 2:
            self.wrong(words[0], f"{what} is `300ms`, or `300ms ~ 2s`: the median, and what 1 of 100 exceeds")
            return None
        high = self.duration(words[1], what)
        if high is None:
            return None
        if high < median or median == 0:
            self.wrong(words[1], "what 1 of 100 exceeds is no less than the median, which is more than 0s")
            return None
        return Spread(median, high)

    def share(self, node: s.Expression) -> float | None:
        """A percentage."""
        value = self.value(node)
        if isinstance(value, Percent):
            if 0 < value <= 1:
                return float(value)
            self.wrong(node, "a share is more than 0%, and no more than 100%")
        return None


PER = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_RATES = "write it like `20 per second`"


def word(node: s.Node | None) -> str | None:
    """A bare word of a phrase."""
    return node.name if isinstance(node, s.Reference) and not node.quoted else None

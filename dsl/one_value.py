"""Words behind a value that belong to it, and were read as the next field: `a and b`, `300 ms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .diagnostics import Edit, Fix
from .units import MISNAMED_UNITS, is_unit

if TYPE_CHECKING:
    from .reports import SyntaxReports
    from .source import Span

_OPERATORS = {"and": "&&", "or": "||"}


def report_one_value(reports: SyntaxReports, end: int, here: Span) -> bool:
    """Report the word at `here` behind the value that ends at `end`; whether it belongs to that."""
    text = reports.source.text
    word = text[here.start : here.end]
    sign = _OPERATORS.get(word)
    if sign is not None:
        fixes = [Fix(f"write `{sign}`", (Edit(here, sign),))]
        reports.error("E0105", f"“{word}” is written `{sign}`", here, f"write `{sign}`", fixes=fixes)
    elif is_unit(word) and text[end - 1].isdecimal():
        fixes = [
            Fix("remove the space", (Edit(reports.span(end, here.end), MISNAMED_UNITS.get(word, word)),))
        ]
        message = "no space stands between a number and its unit"
        reports.error("E0106", message, here, "this belongs to the number", fixes=fixes)
    else:
        return False
    reports.guessed_at(here.start)
    return True

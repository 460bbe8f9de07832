"""Words behind a value that belong to it, and were read as the next field: `a and b`, `300 ms`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..diagnostics import Edit, Fix
from ..source import Span
from ..units import MISNAMED_UNITS, is_unit

_OPERATORS = {"and": "&&", "or": "||"}


def report_one_value(end: int, here: Span, error: Callable[..., Any]) -> bool:
    """Report by `error` that the word at `here` belongs to the value that ends at `end`; whether it does."""
    text = here.source.text
    word = text[here.start : here.end]
    sign = _OPERATORS.get(word)
    if sign is not None:
        fixes = [Fix(f"write `{sign}`", (Edit(here, sign),))]
        error("E0105", f"“{word}” is written `{sign}`", here, f"write `{sign}`", fixes=fixes)
        return True
    if not is_unit(word) or not text[end - 1].isdecimal():
        return False
    apart = Span(here.source, end, here.end)
    fixes = [Fix("remove the space", (Edit(apart, MISNAMED_UNITS.get(word, word)),))]
    message = "no space stands between a number and its unit"
    error("E0106", message, here, "this belongs to the number", fixes=fixes)
    return True

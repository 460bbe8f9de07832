"""Regular expressions that are compiled when they are first used.

To compile one costs as much as importing half a module, and most that modules name are for what few files
and few requests hold. Those that every start or every request uses are compiled by `re`, as they are.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

from .possessive import possessive


def late_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, but for functions of `re` that take patterns: its own methods do the same."""
    return cast("re.Pattern[AnyStr]", _LatePattern(pattern, flags))


class _LatePattern:
    """Stands for a pattern. What it was asked for once it has as its own."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._written = pattern, flags

    def __getattr__(self, name: str) -> Any:
        pattern, flags = self._written
        found = getattr(re.compile(possessive(pattern), flags), name)
        setattr(self, name, found)
        return found

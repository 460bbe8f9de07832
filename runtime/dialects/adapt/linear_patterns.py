"""Regular expressions of clients, in time that grows with the text alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20  # bytes that a compiled pattern may take


def compiled(pattern: str) -> Any:
    """None where `pattern` needs more than linear time, or is none."""
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error:
        return None


def may_match(pattern: str, text: str) -> bool:
    """Whether it is in `text`, as far as can be told."""
    found = compiled(pattern)
    return found is None or found.search(text) is not None


def unsearchable(schema: Any) -> Iterator[str]:
    """The patterns in a JSON schema that nothing can be held to."""
    left = [schema]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            named = one.get("patternProperties")
            for pattern in (one.get("pattern"), *(named if isinstance(named, Mapping) else ())):
                if isinstance(pattern, str) and compiled(pattern) is None:
                    yield pattern
            left += one.values()
        elif isinstance(one, list):
            left += one

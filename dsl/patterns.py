"""Names that fit a pattern, in which `*` stands for anything; no regular expression has to be compiled."""

from __future__ import annotations


def fits_pattern(name: str, pattern: str) -> bool:
    """Whether all of `name` is what `pattern` says."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    if not name.startswith(first):
        return False
    *middle, last = others
    position = len(first)
    for part in middle:
        found = name.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(name) - len(last) >= position and name.endswith(last)

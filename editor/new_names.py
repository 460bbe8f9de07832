"""Names that take the place of others."""

from __future__ import annotations

import re

from ..dsl.values import show

BARE = re.compile(r"[^\W\d]\w*\Z")
"""A name that needs no quotes."""


class RenameRefused(Exception):
    """The new name cannot be used; says why."""


def written(text: str, start: int, new: str) -> str:
    """The new name as it must be written where the old one stands."""
    if text[start : start + 1] == '"' or not BARE.match(new):
        return show(new)
    return new

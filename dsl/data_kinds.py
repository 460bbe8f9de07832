"""Kinds of data, such as `customer_data`: what goes somewhere, and what may go there."""

from __future__ import annotations

from .late_pattern import late_pattern

LONGEST = 60
"""Characters of such a name."""

_FORM = late_pattern(r"[^\W\d][\w-]*")


class DataKind(str):
    """The name of a kind of data."""

    __slots__ = ()


def is_data_kind(text: str) -> bool:
    """Whether a kind of data may be called `text`."""
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None

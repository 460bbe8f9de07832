"""How the attrs classes of the model say what a field means and which values it takes.

The metadata is read by validation, by the language reference and by the JSON Schema.
"""

from __future__ import annotations

from typing import Any

from attrs import field


def doc(text: str, **kwargs: Any) -> Any:
    """A field with a meaning and no range."""
    return field(metadata={"doc": text}, **kwargs)


def at_least(minimum: float, text: str, *, at_most: float | None = None, **kwargs: Any) -> Any:
    """A number field that must not be below `minimum`, and not above `at_most`."""
    limits = {"min": minimum} if at_most is None else {"min": minimum, "max": at_most}
    return field(metadata={"doc": text, **limits}, **kwargs)


def above(bound: float, text: str, *, at_most: float | None = None, **kwargs: Any) -> Any:
    """A number field that must be greater than `bound`, and not above `at_most`."""
    limits = {"above": bound} if at_most is None else {"above": bound, "max": at_most}
    return field(metadata={"doc": text, **limits}, **kwargs)

"""How the attrs classes of the model say what a field means and which values it takes.

The metadata is read by validation, by the language reference and by the JSON Schema. No number is without an
upper bound: what a field does not say is said by its type.
"""

from __future__ import annotations

from typing import Any

from attrs import field

from .units import Duration, Money, Size

MOST: dict[type, Any] = {
    int: 1_000_000,
    float: 1_000_000,
    Duration: Duration(365 * 86400),
    Money: Money(100_000_000),
    Size: Size(1 << 50),
}
"""The largest value of a field that says nothing else."""

MOST_TOKENS = 100_000_000
"""More than any model reads or writes at once."""


def doc(text: str, **kwargs: Any) -> Any:
    """A field with a meaning and no range."""
    return field(metadata={"doc": text}, **kwargs)


def at_least(minimum: float, text: str, *, at_most: float | None = None, **kwargs: Any) -> Any:
    """A number field that must not be below `minimum`, and not above `at_most`."""
    return _number({"doc": text, "min": minimum}, at_most, kwargs)


def above(bound: float, text: str, *, at_most: float | None = None, **kwargs: Any) -> Any:
    """A number field that must be greater than `bound`, and not above `at_most`."""
    return _number({"doc": text, "above": bound}, at_most, kwargs)


def rare(text: str, *, nested: bool = False, default: Any = None) -> Any:
    """A field that plans leave out where it has its default.

    nested: it is a block whose names the user chooses, and which may hold further ones.
    """
    return field(metadata={"doc": text, "rare": True, "nested": nested}, default=default)


def _number(metadata: dict[str, Any], at_most: float | None, kwargs: dict[str, Any]) -> Any:
    if at_most is not None:
        metadata["max"] = at_most
    if kwargs.pop("rare", False):
        metadata["rare"] = True
    return field(metadata=metadata, **kwargs)

"""How the attrs classes of the model say what a field means and which values it takes.

The metadata is read by validation, by the language reference and by the JSON Schema.
"""

from __future__ import annotations

from typing import Any

from attrs import field


def doc(text: str, **kwargs: Any) -> Any:
    """A field with a meaning and no range."""
    return field(metadata={"doc": text}, **kwargs)


def at_least(minimum: float, text: str, **kwargs: Any) -> Any:
    """A number field that must not be below `minimum`."""
    return field(metadata={"doc": text, "min": minimum}, **kwargs)


def above(bound: float, text: str, **kwargs: Any) -> Any:
    """A number field that must be greater than `bound`."""
    return field(metadata={"doc": text, "above": bound}, **kwargs)

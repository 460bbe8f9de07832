"""Equality, hash and repr of attrs classes, written once.

attrs generates and compiles these three for each class, which is most of what importing a class costs.
Classes that are imported at each start leave them to `Record`: `@frozen(eq=False, repr=False)`.
"""

from __future__ import annotations

from typing import Any


class Record:
    """A base for attrs classes: two records are equal when their classes and fields are."""

    __slots__ = ()

    def _compared(self) -> tuple[object, ...]:
        attributes: Any = type(self).__attrs_attrs__  # type: ignore[attr-defined]
        return tuple(getattr(self, attribute.name) for attribute in attributes if attribute.eq is not False)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Record)
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((type(self), self._compared()))

    def __repr__(self) -> str:
        attributes: Any = type(self).__attrs_attrs__  # type: ignore[attr-defined]
        shown = (f"{a.name}={getattr(self, a.name)!r}" for a in attributes if a.repr is not False)
        return f"{type(self).__name__}({', '.join(shown)})"

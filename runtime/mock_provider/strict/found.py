"""What checks of histories look for, and how they look into what may be anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

Found = tuple[tuple[str | int, ...], Json]
"""A place that is wrong, and what its message needs to know."""

Check = Callable[[Json], Iterator[Found]]


def object_in(value: object) -> Json:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Json]:
    """The objects in `value`, where it is a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

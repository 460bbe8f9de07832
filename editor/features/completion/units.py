"""Units after a number, and quantities to start from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol.types import CompletionItemKind as Kind

from ....dsl.units import (
    DURATION_UNITS,
    EXAMPLES,
    NUMBER_SUFFIXES,
    SIZE_UNITS,
    Duration,
    Money,
    Percent,
    Size,
)
from ...fields import units_of
from .context import Context, Offer

_NUMBER = re.compile(r"\$?\d[\d_]*(?:\.\d+)?")
_NAMES = {
    "us": "microseconds", "ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days",
    "k": "thousand", "M": "million", "G": "thousand million",
    "KiB": "1024 bytes", "MiB": "1024 KiB", "GiB": "1024 MiB", "TiB": "1024 GiB", "%": "percent",
}  # fmt: skip
_OF_KIND: dict[type, tuple[str, ...]] = {
    Duration: (*(unit for unit in DURATION_UNITS if unit != "us"), "us"),
    Size: tuple(SIZE_UNITS),
    Money: tuple(NUMBER_SUFFIXES),
    Percent: ("%",),
}


def units(context: Context) -> Iterator[Offer]:
    """The number that is typed, with each unit that fits."""
    number = _NUMBER.match(context.typed)
    if number is None:
        return
    for unit in _fitting(context, number[0]):
        yield Offer(f"{number[0]}{unit}", Kind.Unit, _NAMES[unit], order=1)


def quantities(kind: type) -> Iterator[Offer]:
    """A value to start from."""
    yield Offer(EXAMPLES[kind], Kind.Value, "for example", order=4)


def _fitting(context: Context, number: str) -> tuple[str, ...]:
    if number.startswith("$"):
        return _OF_KIND[Money]
    words = context.words
    if context.declaration == "route":
        return _OF_KIND[Percent] if words[-1:] == [":"] else _OF_KIND[Duration]
    place = context.place
    if place is not None and words:
        kind = units_of(place, words[0])
        if kind is not None:
            return _OF_KIND[kind]
        if place.cls is not None and "=" in words:
            return tuple(NUMBER_SUFFIXES)
    return (*DURATION_UNITS, *NUMBER_SUFFIXES, *SIZE_UNITS, "%")

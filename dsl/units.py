"""Quantities with a unit: `30s`, `4GiB`, `$100`, `95%`.

Each one is a number of its base unit, so it computes like that number, and a type of its own, so
that a duration is never taken for a plain number. `str()` gives the shortest exact literal.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Self, TypeVar

from .late_pattern import late_pattern

DURATION_UNITS: dict[str, float] = {
    "us": 0.000001,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
SIZE_UNITS: dict[str, int] = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
NUMBER_SUFFIXES: dict[str, int] = {"k": 10**3, "M": 10**6, "G": 10**9}
UNITS = (*NUMBER_SUFFIXES, *DURATION_UNITS, *SIZE_UNITS, "%")
MISNAMED_UNITS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "msec": "ms",
    "millis": "ms",
    "Ki": "KiB",
    "Mi": "MiB",
    "Gi": "GiB",
    "Ti": "TiB",
    "KB": "KiB",
    "MB": "MiB",
    "GB": "GiB",
    "TB": "TiB",
    "K": "k",
    "m": "M",
    "g": "G",
    "B": "G",
    "kb": "KiB",
    "mb": "MiB",
    "gb": "GiB",
    "tb": "TiB",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "tib": "TiB",
}
"""What others write behind numbers, and what it is here."""
WEEKS = ("w", "wk", "week", "weeks")
_LONGER = ("month", "months", "y", "yr", "year", "years")


def is_unit(word: str) -> bool:
    """Whether `word` stands behind numbers, here or with others."""
    return word in UNITS or word in MISNAMED_UNITS


def is_time(word: str) -> bool:
    """Whether `word` is a length of time, here or with others."""
    meant = word if word in DURATION_UNITS else MISNAMED_UNITS.get(word)
    return meant in DURATION_UNITS or word in WEEKS or word in _LONGER


_LARGEST_SHORT = 10**24
"""Larger amounts are written with all their digits: decimals could not be divided exactly."""


class Duration(float):
    """A length of time in seconds, to the nanosecond."""

    __slots__ = ()

    def __new__(cls, seconds: float = 0.0) -> Self:
        return super().__new__(cls, round(float(seconds), 9))

    @lru_cache(maxsize=1024)  # noqa: B019 numbers, which are the same in all files
    def __str__(self) -> str:
        if not self:
            return "0s"
        if abs(self) < 0.001:
            return f"{_plain(round(self * 1_000_000, 6))}us"
        if self < 1:
            return f"{_plain(round(self * 1000, 9))}ms"
        unit = next(u for u in ("d", "h", "m", "s") if u == "s" or self % DURATION_UNITS[u] == 0)
        return f"{_plain(round(self / DURATION_UNITS[unit], 9))}{unit}"

    def __repr__(self) -> str:
        return f"Duration({float(self)!r})"


class Size(int):
    """An amount of memory in bytes."""

    __slots__ = ()

    def __str__(self) -> str:
        for unit in ("TiB", "GiB", "MiB", "KiB"):
            if self and self % SIZE_UNITS[unit] == 0:
                return f"{int(self) // SIZE_UNITS[unit]}{unit}"
        return f"{_plain(Decimal(int(self)) / SIZE_UNITS['KiB'])}KiB"

    def __repr__(self) -> str:
        return f"Size({int(self)!r})"


class Money(Decimal):
    """An amount of US dollars."""

    __slots__ = ()

    @lru_cache(maxsize=1024)  # noqa: B019 prices, which are the same for all deployments of a model
    def __str__(self) -> str:
        value = Decimal(self)
        for suffix in ("M", "k"):
            if value and abs(value) < _LARGEST_SHORT and value % NUMBER_SUFFIXES[suffix] == 0:
                return f"${_plain(value / NUMBER_SUFFIXES[suffix])}{suffix}"
        return f"${_plain(value)}"

    def __repr__(self) -> str:
        return f"Money('{_plain(Decimal(self))}')"


class Percent(float):
    """A share, as a fraction of one: `95%` is 0.95."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{_plain(round(self * 100, 9))}%"

    def __repr__(self) -> str:
        return f"Percent({float(self)!r})"


Quantity = Duration | Size | Money | Percent
QuantityT = TypeVar("QuantityT", Duration, Size, Money, Percent)

KIND_NAMES: dict[type, str] = {
    Duration: "duration",
    Size: "size",
    Money: "amount of money",
    Percent: "percentage",
}

PLURALS: dict[type, str] = {
    Duration: "durations",
    Size: "sizes",
    Money: "amounts of money",
    Percent: "percentages",
}

EXAMPLES: dict[type, str] = {Duration: "30s", Size: "4GiB", Money: "$100", Percent: "95%"}


_ONE_PART = r"(\d[\d_]*(?:\.\d[\d_]*)?)([A-Za-z]+)"
_PART, _PARTS = late_pattern(_ONE_PART), late_pattern(rf"(?:{_ONE_PART}){{2,}}")


class PartsError(ValueError):
    """The text has several parts, as a duration may, and is none."""


class UnitError(ValueError):
    """The text is a number with a suffix that no unit has; `suffix` is that suffix."""

    def __init__(self, suffix: str) -> None:
        super().__init__(f"unknown unit `{suffix}`")
        self.suffix = suffix


@lru_cache(maxsize=1024)  # files say the same ones again and again
def parse_number(text: str) -> int | float | Quantity:
    """The value of a number literal: `10_000`, `2.5`, `10k`, `30s`, `1m30s`, `4GiB`, `$1k`, `95%`.

    Raises UnitError for an unknown suffix and ValueError for what is no number at all.
    """
    money = text.startswith("$")
    body = text[1:] if money else text
    digits = body.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
    if any(map(str.isalpha, digits)) and _PARTS.fullmatch(text):
        return _compound(text)
    suffix = body[len(digits) :]
    if money:
        if suffix and suffix not in NUMBER_SUFFIXES:
            raise UnitError(suffix)
        return Money(Decimal(digits) * NUMBER_SUFFIXES.get(suffix, 1))
    if not suffix:
        return float(digits) if "." in digits else int(digits)
    if suffix in DURATION_UNITS:
        return Duration(float(Decimal(digits) * Decimal(str(DURATION_UNITS[suffix]))))
    if suffix in NUMBER_SUFFIXES:
        return _whole(Decimal(digits) * NUMBER_SUFFIXES[suffix])
    if suffix in SIZE_UNITS:
        return Size(int(Decimal(digits) * SIZE_UNITS[suffix]))
    if suffix == "%":
        return Percent(float(Decimal(digits) / 100))
    raise UnitError(suffix)


def _compound(text: str) -> Duration:
    """The sum of the parts of a duration, from the largest unit to the smallest. Raises PartsError."""
    parts = _PART.findall(text)
    sizes = [DURATION_UNITS.get(unit, 0.0) for _, unit in parts]
    if 0.0 in sizes or any(left <= right for left, right in pairwise(sizes)):
        raise PartsError(text)
    return Duration(
        float(sum(Decimal(digits) * Decimal(str(DURATION_UNITS[unit])) for digits, unit in parts))
    )


def parse_quantity(text: str, kind: type[QuantityT]) -> QuantityT:
    """`text` as a quantity of `kind`, or ValueError."""
    try:
        value = parse_number(text)
    except (ValueError, ArithmeticError) as error:
        raise ValueError(f"`{text}` is no {KIND_NAMES[kind]}: write one like {EXAMPLES[kind]}") from error
    if not isinstance(value, kind):
        raise ValueError(f"`{text}` is no {KIND_NAMES[kind]}: write one like {EXAMPLES[kind]}")
    return value


def _whole(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(value: float | Decimal) -> str:
    """`value` without exponent and without trailing zeros."""
    text = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_CLOCK = late_pattern(r"(?:(\d{1,2}):)?([0-5]?\d):([0-5]\d)")


def of_clock(text: str) -> str | None:
    """A duration that is written as clocks show it, `00:01:30` or `1:30`, with units; else None."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    parts = [
        f"{int(number)}{unit}" for number, unit in zip(found.groups("0"), "hms", strict=True) if int(number)
    ]
    return "".join(parts) or "0s"

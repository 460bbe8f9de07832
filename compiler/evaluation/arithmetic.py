"""What `+ - * / ..` give for values with units, and which combinations make no sense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ...dsl.ranges import Range
from ...dsl.units import Duration, Money, Percent, Size
from ...dsl.values import describe

LARGEST = 10**30
"""No number that means something is larger. Without a bound, a few products could fill the memory."""

_QUANTITIES = (Duration, Size, Money, Percent)


class ArithmeticMistake(Exception):
    """An operation that makes no sense; `help` says what would."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


JOINED = "write one list of all values: `[a, b, c]`"
"""What to do instead of `[a, b] + [c]`."""


def calculate(operator: str, left: Any, right: Any) -> Any:
    """`left operator right`. Raises ArithmeticMistake, and ArithmeticError when it is too large."""
    if operator == "..":
        return _range(left, right)
    result = _calculate(operator, left, right)
    if not -LARGEST < result < LARGEST:
        raise OverflowError
    return result


def _range(left: Any, right: Any) -> Range:
    for side in (left, right):
        if type(side) is not int:
            raise ArithmeticMistake(
                f"a range goes from one whole number to another, and this is {describe(side)}",
                "ranges are written like `2..8`",
            )
    return Range(left, right)


def _calculate(operator: str, left: Any, right: Any) -> Any:
    if not _is_number(left) or not _is_number(right):
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            raise ArithmeticMistake("texts cannot be added", 'put them into one text: `"${a}${b}"`')
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            raise ArithmeticMistake("lists are not joined", JOINED)
        wrong = left if not _is_number(left) else right
        raise ArithmeticMistake(f"cannot calculate with {describe(wrong)}", "both sides must be numbers")
    if operator in ("+", "-"):
        return _add(operator, left, right)
    if operator == "*":
        return _multiply(left, right)
    return _divide(left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _unit(value: Any) -> type | None:
    return next((kind for kind in _QUANTITIES if isinstance(value, kind)), None)


def _add(operator: str, left: Any, right: Any) -> Any:
    unit = _unit(left)
    if unit is not _unit(right):
        verb = "add" if operator == "+" else "subtract"
        raise ArithmeticMistake(
            f"cannot {verb} {describe(left)} and {describe(right)}",
            "both sides of `+` and `-` need the same unit",
        )
    total = _bare(left) + _bare(right) if operator == "+" else _bare(left) - _bare(right)
    return unit(total) if unit else total


def _multiply(left: Any, right: Any) -> Any:
    units = [unit for unit in (_unit(left), _unit(right)) if unit is not None]
    if len(units) == 2 and Percent in units:
        units.remove(Percent)
    if len(units) == 2:
        raise ArithmeticMistake(
            f"cannot multiply {describe(left)} by {describe(right)}", "one side of `*` must be a plain number"
        )
    return _with_unit(units[0] if units else None, _exact(left, right, lambda a, b: a * b))


def _divide(left: Any, right: Any) -> Any:
    if right == 0:
        raise ArithmeticMistake("this divides by zero")
    unit, by = _unit(left), _unit(right)
    if by is not None and by is not unit:
        raise ArithmeticMistake(
            f"cannot divide {describe(left)} by {describe(right)}",
            "divide by a plain number or by the same unit",
        )
    ratio = _exact(left, right, lambda a, b: a / b)
    result = ratio if by is not None else _with_unit(unit, ratio)
    plain = unit is None or by is not None
    return int(result) if plain and result == int(result) and type(left) is not float else result


def _exact(left: Any, right: Any, operation: Any) -> Any:
    """The operation on bare numbers; in decimals where money is involved."""
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return operation(Decimal(str(_bare(left))), Decimal(str(_bare(right))))
    return operation(_bare(left), _bare(right))


def _with_unit(unit: type | None, number: Any) -> Any:
    if unit is Size and number != int(number):
        return Size(round(number))
    return unit(number) if unit else number


def _bare(value: Any) -> Any:
    if isinstance(value, Money):
        return Decimal(value)
    if isinstance(value, Duration | Percent):
        return float(value)
    return int(value) if isinstance(value, Size) else value

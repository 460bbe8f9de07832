"""Values from values, at once: fields, operators, lists, records, texts with values in them."""

from __future__ import annotations

import math
import operator as op
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...requests.errors import StepFailed
from .block import Compute, Frame
from .values.texts import text_of


def field(of: int, name: str) -> Compute:
    """One field of a record; None where it is optional and missing."""
    return lambda frame: frame[of].get(name)


def list_of(items: Sequence[int]) -> Compute:
    return lambda frame: [frame[slot] for slot in items]


def record(fields: Mapping[str, int]) -> Compute:
    return lambda frame: {name: frame[slot] for name, slot in fields.items()}


def interpolation(literals: Sequence[str], values: Sequence[int]) -> Compute:
    """A text: a literal, a value, a literal, …, a literal."""
    head, *others = literals
    pairs = tuple(zip(values, others, strict=True))

    def compute(frame: Frame) -> str:
        parts = [head]
        for slot, literal in pairs:
            parts += (text_of(frame[slot]), literal)
        return "".join(parts)

    return compute


def operation(operator: str, operands: Sequence[int]) -> Compute:
    """One or two operands. Division by zero raises StepFailed."""
    if len(operands) == 1:
        (only,) = operands
        unary = _UNARY[operator]
        return lambda frame: unary(frame[only])
    left, right = operands
    if operator == "/":
        return lambda frame: _divide(frame[left], frame[right])
    binary = _BINARY[operator]
    if operator in _ARITHMETIC:
        return lambda frame: _calculate(binary, frame[left], frame[right])
    return lambda frame: binary(frame[left], frame[right])


def _calculate(binary: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    try:
        value = binary(a, b)
    except OverflowError:
        raise StepFailed("the result is too large for a float") from None
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise StepFailed("the result is too large for an int: it has 64 bits")
    if type(value) is float and math.isinf(value) and not (math.isinf(a) or math.isinf(b)):
        raise StepFailed("the result is too large for a float")
    return value


def _divide(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        raise StepFailed("it divides by zero") from None
    except OverflowError:
        raise StepFailed("the quotient is too large for a float") from None


_ARITHMETIC = ("+", "-", "*")
_UNARY: dict[str, Callable[[Any], Any]] = {"-": op.neg, "!": op.not_}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": op.add,
    "-": op.sub,
    "*": op.mul,
    "==": op.eq,
    "!=": op.ne,
    "<": op.lt,
    "<=": op.le,
    ">": op.gt,
    ">=": op.ge,
    "&&": lambda a, b: a and b,
    "||": lambda a, b: a or b,
}

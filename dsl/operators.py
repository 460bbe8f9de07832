"""Operators: how tightly they bind, and what follows the last value of an expression."""

from __future__ import annotations

from attrs import evolve

from . import syntax as s

_BINDING = {
    "else": 0,
    "..": 0,
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 4,
    ">": 4,
    "<=": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
"""How tightly each operator binds."""


def bind(left: s.Expression, operator: str, right: s.Expression) -> s.Binary:
    """`left operator right`, where `left` may hold operators that bind less."""
    if isinstance(left, s.Binary) and _BINDING[left.operator] < _BINDING[operator]:
        inner = bind(left.right, operator, right)
        return s.Binary(left.start, right.end, left.operator, left.left, inner, left.length + 1)
    length = left.length + 1 if isinstance(left, s.Binary) else 1
    return s.Binary(left.start, right.end, operator, left, right, length)


def without_options(value: s.Expression) -> tuple[s.Expression, s.Body | None]:
    """`value`, and the `with { … }` at its end, which belongs to the route."""
    match value:
        case s.WithOptions():
            return value.inner, value.options
        case s.Binary():
            right, options = without_options(value.right)
            return (value, None) if options is None else (evolve(value, right=right, end=right.end), options)
        case s.Unary():
            operand, options = without_options(value.operand)
            if options is not None:
                return evolve(value, operand=operand, end=operand.end), options
    return value, None

"""What operators of fields give; what makes no sense is said with both sides."""

from __future__ import annotations

from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ...dsl.parsing.tokens import tokenize
from ...dsl.source import Span
from ...dsl.values import describe
from ...dsl.wording import shorten
from ..scope import Scope
from .arithmetic import ArithmeticMistake, calculate
from .unknown import UNKNOWN
from .unknown_values import report_stray_word


def binary(node: s.Binary, left: Any, right: Any, scope: Scope, found: Diagnostics) -> Any:
    """`left operator right`, or UNKNOWN where that makes no sense."""
    if node.operator not in ("+", "-", "*", "/", ".."):
        found.error(
            "E0309",
            f"`{node.operator}` belongs in a pipeline or a route",
            scope.span(node),
            help="fields calculate with `+`, `-`, `*` and `/`",
        )
        return UNKNOWN
    try:
        return calculate(node.operator, left, right)
    except ArithmeticMistake as mistake:
        sides = [(node.left, left), (node.right, right)]
        for side, value in sides:
            if report_stray_word(side, value, scope, found):
                return UNKNOWN
        labels = [Label(scope.span(side), describe(value)) for side, value in sides]
        found.error(
            "E0307",
            str(mistake),
            operator_span(node, scope),
            secondary=labels,
            help=mistake.help,
            fixes=as_one_list(node, scope),
        )
        return UNKNOWN
    except (ArithmeticError, ValueError):
        found.error("E0307", "this number is too large", scope.span(node))
        return UNKNOWN


def unary(node: s.Unary, value: Any, scope: Scope, found: Diagnostics) -> Any:
    """`operator value`, or UNKNOWN where that makes no sense."""
    if report_stray_word(node.operand, value, scope, found):
        return UNKNOWN
    if node.operator == "-" and isinstance(value, int | float) and not isinstance(value, bool):
        return type(value)(-value)
    found.error("E0307", f"`{node.operator}` does not apply to {describe(value)}", scope.span(node))
    return UNKNOWN


def operator_span(node: s.Binary, scope: Scope) -> Span:
    """Where an operator stands: between its sides there is nothing else but comments."""
    start, end = node.left.end, node.right.start
    token = next(tokenize(scope.module.source.text[start:end]))
    return scope.module.span(start + token.start, start + token.end)


def as_one_list(node: s.Expression, scope: Scope) -> list[Fix]:
    """The fix of `[a] + [b]`, where both are written there."""
    match node:
        case s.Binary(
            operator="+",
            left=s.ListExpression(items=(_, *_)) as left,
            right=s.ListExpression(items=(_, *_)) as right,
        ):
            inner = [
                scope.module.span(each.items[0].start, each.items[-1].end).text for each in (left, right)
            ]
            joined = f"[{', '.join(inner)}]"
            return [Fix(f"write `{shorten(joined)}`", (Edit(scope.span(node), joined),))]
    return []

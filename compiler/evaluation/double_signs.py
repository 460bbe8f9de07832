"""Two signs one behind the other, of which the second undoes the first."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix
from ..scope import Scope


def report_double_sign(node: s.Unary | s.Binary, scope: Scope, found: Diagnostics) -> None:
    """A warning for `- -x`, `!!x` and `a - -b`."""
    inner = node.operand if isinstance(node, s.Unary) else node.right
    sign, here = node.operator, scope.span(inner)
    if sign not in ("-", "!") or not isinstance(inner, s.Unary | s.Number) or not here.starts_with(sign):
        return
    span, operand = scope.span(node), here.text.removeprefix(sign).lstrip()
    if isinstance(node, s.Unary):
        instead, says = operand, f"the second `{sign}` undoes the first"
    else:
        instead, says = f"{scope.span(node.left).text} + {operand}", "what is taken away is negative"
    found.warning(
        "W0618",
        f"`{sign}` stands here twice: {says}",
        span,
        f"is `{instead}`" if len(instead) <= 40 else "",
        fixes=[Fix("write it without both", (Edit(span, instead),), safe=False)],
    )

"""The shares of a split: percentages, 100% together."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, Label
from ...dsl.late_pattern import late_pattern
from ...dsl.units import Percent
from ...dsl.values import describe, show
from ..evaluation.unknown import UNKNOWN
from ..scope import Scope
from .typed import Member

_MOST_SHOWN = 8
_SHARE = late_pattern(r'"(\d+(?:\.\d+)?%)"')


def read_share(node: s.Expression, value: object, scope: Scope, found: Diagnostics) -> Percent | None:
    """The share that `node` stands for, whose value is `value`; None when it is none, which is reported."""
    span = scope.span(node)
    if isinstance(value, Percent):
        if value <= 0:
            found.error("E0304", f"a share is more than 0%, not {value}", span, help="leave it out")
        return value
    if type(value) in (int, float):
        number = float(str(value))
        fixes = []
        if isinstance(node, s.Number):
            written = f"{show(value)}%" if number >= 1 else str(Percent(number))
            fixes = [Fix(f"write `{written}`", (Edit(span, written),), safe=False)]
        found.error("E0302", "a share needs a `%`", span, "a share of the requests", fixes=fixes)
    elif value is not UNKNOWN:
        message = f"a share is a percentage, found {describe(value)}"
        share = _SHARE.fullmatch(span.text)
        fixes = [Fix(f"write `{share[1]}`", (Edit(span, share[1]),), safe=False)] if share else []
        found.error("E0301", message, span, "a share of the requests", fixes=fixes)
    return None


def check_sum(node: s.RouteSplit, members: tuple[Member, ...], scope: Scope, found: Diagnostics) -> None:
    """Report shares that are not 100% together, once all of them are known."""
    shares = [member.share for member in members if member.share is not None and member.share > 0]
    total = round(sum(shares), 9)
    if not shares or len(shares) < len(members) or total == 1:
        return
    last = Percent(round(shares[-1] + 1 - total, 9))
    fixes = []
    if last > 0 and isinstance(node.shares[-1].share, s.Number):
        edit = Edit(scope.span(node.shares[-1].share), str(last))
        fixes = [Fix(f"give the last one {last}", (edit,), safe=False)]
    labels = [
        Label(scope.span(share.share), str(percent))
        for share, percent in zip(node.shares, shares, strict=True)
    ]
    found.error(
        "E0611",
        f"the shares are {Percent(total)} together, not 100%",
        scope.span(node),
        f"{Percent(abs(round(1 - total, 9)))} too {'little' if total < 1 else 'much'}",
        secondary=labels if len(labels) <= _MOST_SHOWN else (),
        fixes=fixes,
    )

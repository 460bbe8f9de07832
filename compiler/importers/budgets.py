"""Ceilings of what may be spent, by the time after which they are renewed."""

from __future__ import annotations

from .draft import Block, Draft
from .foreign import Node
from .literals import Code
from .tables import Unfit, budget_period, dollars, span


def budget(
    block: Block, ceiling: Node | None, period: Node | None, draft: Draft, path: str = "budget"
) -> None:
    """A ceiling of what may be spent, and how often it is renewed."""
    if ceiling is None or period is None:
        return
    try:
        length = span(period)
        name, most = budget_period(length), dollars(ceiling)
    except Unfit:
        return
    if name is None:
        return
    block.put(f"{path}.{name}", most, ceiling, period)
    block.put(f"{path}.on_exceeded", Code("reject"))
    draft.kept(ceiling, period)

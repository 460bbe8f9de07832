"""Budgets: can the spend be known, and do the ceilings fit each other?"""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import BudgetAction
from ..program import Program


def check(program: Program, found: Diagnostics) -> None:
    """A budget needs a price, at least one ceiling, and a day that is not below its hours."""
    for declared, deployment in program.deployments:
        budget = deployment.budget
        if budget is None:
            continue
        hour, day = budget.max_spend_per_hour, budget.max_spend_per_day
        written = any(declared.wrote("budget", name) for name in ("max_spend_per_hour", "max_spend_per_day"))
        if hour is None and day is None and not written:
            found.error(
                "E0305",
                "this budget has no ceiling",
                declared.span("budget"),
                "nothing is limited",
                help="add `max_spend_per_hour` or `max_spend_per_day`",
            )
        elif hour is not None and day is not None and day < hour:
            found.error(
                "E0412",
                f"the ceiling of a day ({day!s}) is below that of an hour ({hour!s})",
                declared.span("budget", "max_spend_per_day"),
                secondary=[Label(declared.span("budget", "max_spend_per_hour"), "the ceiling of an hour")],
                help="raise the ceiling of the day, or lower that of the hour",
            )
        if deployment.model and not declared.wrote("price") and deployment.effective_price() is None:
            rejects = budget.on_exceeded is BudgetAction.REJECT
            say = found.error if rejects else found.warning
            say(
                "E0413" if rejects else "W0421",
                f"the price of `{deployment.model}` is not known, so its budget cannot be kept",
                declared.span("budget"),
                "needs a price",
                help="add `price { input = $0.15, output = $0.60 }`, in dollars per million tokens",
            )

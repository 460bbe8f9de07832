"""Budgets: can the spend be known, and do the ceilings fit each other?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import pairwise

from ...dsl.closure import closure
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import BudgetAction, TransportKind
from ...dsl.policies import BUDGET_WINDOWS, Budget
from ...dsl.record import frozen
from ...dsl.source import Span
from ...dsl.suggest import either
from ..blocks.merge import Section
from ..blocks.shape import span_in
from ..declare import Declared
from ..program import Program

FIELDS = tuple(f"max_spend_per_{window}" for window in BUDGET_WINDOWS)


@frozen(slots=False)
class SharedBudget:
    """A budget of several deployments.

    whose: as messages say it. written: where a part of it stands, by its path. section: its block. reached:
    the names of the deployments; None: all of them.
    """

    whose: str
    budget: Budget
    written: Callable[..., Span]
    section: object
    reached: Collection[str] | None


def check_own(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A budget needs prices, at least one ceiling, and none that is below that of a shorter time."""
    budget = deployment.budget
    if budget is None:
        return
    _ceilings(budget, declared.span, declared.section_at("budget"), found)
    if deployment.model and not declared.wrote("price") and deployment.effective_price is None:
        rejects = budget.on_exceeded is BudgetAction.REJECT
        say = found.error if rejects else found.warning
        say(
            "E0413" if rejects else "W0421",
            f"the price of `{deployment.model}` is not known, so its budget cannot be kept",
            declared.span("budget"),
            "needs a price",
            help="add `price { input = $0.15, output = $0.60 }`, in dollars per million tokens",
        )
    _tier(declared, deployment, budget, found)


def _tier(declared: Declared, deployment: Deployment, budget: Budget, found: Diagnostics) -> None:
    """A tier of service that the file asks for, and that may be dearer than the usual one, needs a price."""
    price, request = deployment.effective_price, deployment.request
    if price is None or request is None:
        return
    from ..plan.service_tiers import WRITABLE, has_unknown_price, tier_in  # most files ask for no tier
    from ..targets import wire_of

    wire = wire_of(deployment.effective_runtime.provider)
    for where, said in (("force", request.force), ("defaults", request.defaults)):
        tier = tier_in(said.extra_body, wire) if said is not None and said.extra_body else ""
        if not has_unknown_price(tier, price):
            continue
        rejects = budget.on_exceeded is BudgetAction.REJECT
        (found.error if rejects else found.warning)(
            "E0413" if rejects else "W0421",
            f"the price of `{deployment.model}` in the tier `{tier}` is not known, so no budget can be kept",
            declared.span("request", where, "extra_body"),
            "asks for it",
            help=f"add `{tier} = 2` to its `price`, if tokens cost two times as much there"
            if tier in WRITABLE
            else "ask for another tier",
        )


def check(program: Program, found: Diagnostics) -> None:
    """The same for budgets that several deployments share."""
    for shared in _shared(program):
        check_shared(shared, program, found)
    _least_cost(program, found)


def check_shared(shared: SharedBudget, program: Program, found: Diagnostics) -> None:
    """The same for one of them; it has no slots that it could halve."""
    if shared.budget.on_exceeded is BudgetAction.THROTTLE:
        found.error(
            "E0303",
            f"{shared.whose} cannot be throttled",
            shared.written("budget", "on_exceeded"),
            "only a deployment can",
            help="write `reject` or `warn`",
        )
    if not _ceilings(shared.budget, shared.written, shared.section, found):
        return
    rejects = shared.budget.on_exceeded is BudgetAction.REJECT
    say = found.error if rejects else found.warning
    for declared, deployment in program.deployments:
        is_free = deployment.effective_runtime.transport is TransportKind.LOCAL
        if is_free or declared.wrote("price") or deployment.effective_price is not None:
            continue
        if shared.reached is None or deployment.name in shared.reached:
            say(
                "E0413" if rejects else "W0421",
                f"the price of `{deployment.model}` is not known, so the budget of {shared.whose} "
                "cannot be kept",
                declared.symbol.span,
                "needs a price",
                secondary=[Label(shared.written("budget"), "this budget")],
                help="add `price { input = $0.15, output = $0.60 }`, in dollars per million tokens",
            )


def _least_cost(program: Program, found: Diagnostics) -> None:
    """Members whose costs cannot be compared, where a route asks the cheapest."""
    declared = [route for each in program.graph.routes for route in each.routes()] if program.graph else []
    if not declared:
        return
    from ..plan.routes import BalanceKind, RouteKind  # a check of deployments alone needs no plan

    cheapest = [
        route for route in declared if route.kind is RouteKind.BALANCE and route.by is BalanceKind.LEAST_COST
    ]
    if not cheapest:
        return
    unpriced = {
        deployment.name: deployment
        for each, deployment in program.deployments
        if deployment.effective_runtime.transport is not TransportKind.LOCAL
        and not each.wrote("price")
        and deployment.effective_price is None
    }
    for route in cheapest:
        for member in route.members:
            if member.name in unpriced:
                model = unpriced[member.name].model
                found.warning(
                    "W0421",
                    f"the price of `{model}` is not known, so `{member.name}` is asked last",
                    route.symbol.scope.span(member.node),
                    "needs a price",
                    help="add `price { input = $0.15, output = $0.60 }` to it, in dollars per million tokens",
                )


def _shared(program: Program) -> Iterator[SharedBudget]:
    """The budgets of the gateway and of routes."""
    gateway = program.gateway
    if gateway.budget is not None:
        section = gateway.paths.get(("budget",))
        yield SharedBudget(
            "the gateway", gateway.budget, lambda *path: span_in(gateway.paths, path), section, None
        )
    for route in program.graph.routes if program.graph is not None else ():
        if route.budget is not None:
            paths = route.options.paths
            yield SharedBudget(
                f"the route `{route.name}`",
                route.budget,
                lambda *path, paths=paths: span_in(paths, path),
                paths.get(("budget",)),
                _members(program, route.name),
            )


def _members(program: Program, name: str) -> set[str]:
    """The names of all that stands in the route `name`, and in the routes in it."""
    assert program.graph is not None
    inside = {
        each.name: [member.name for member in each.members]
        for route in program.graph.routes
        for each in route.routes()
    }
    return closure([name], lambda each: inside.get(each, ()))


def _ceilings(budget: Budget, written: Callable[..., Span], section: object, found: Diagnostics) -> bool:
    """Whether there is a ceiling, and each window has room for the shorter ones.

    section: its block, in which a ceiling may stand that could not be read.
    """
    ceilings = budget.ceilings()
    if (
        not ceilings
        and isinstance(section, Section)
        and (section.damaged or section.settings.keys() - {"on_exceeded"})
    ):
        return False
    if not ceilings:
        found.error(
            "E0305",
            "this budget has no ceiling",
            written("budget"),
            "nothing is limited",
            help=f"add {either(f'`{name}`' for name in FIELDS)}",
        )
        return False
    for (shorter, low), (longer, high) in pairwise(ceilings.items()):
        if high < low:
            found.error(
                "E0412",
                f"the ceiling of a {longer} ({high!s}) is below that of {_A[shorter]} ({low!s})",
                written("budget", f"max_spend_per_{longer}"),
                secondary=[
                    Label(written("budget", f"max_spend_per_{shorter}"), f"the ceiling of {_A[shorter]}")
                ],
                help=f"raise the ceiling of the {longer}, or lower that of the {shorter}",
            )
            return False
    return True


_A = {"hour": "an hour", "day": "a day", "week": "a week"}

"""What one of several requests is played before: limits, slots and budgets that are as much smaller.

Times of providers, retries and circuits stay as they are. What is counted is counted so many times. Where a
limit becomes so small that single requests matter, the outcome is coarse, and `coarse` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve

from ...compiler.plan import Budget, Money, OnnxServingPlan, Plan, RemotePoolPlan
from ...compiler.plan.scenarios import LoadPlan, ProviderPlan
from .samples import COARSE, Sample, limits_of


def sampled_plan(plan: Plan, sample: Sample) -> Plan:
    """`plan`, with so much less room for everything."""
    if sample == Sample():
        return plan
    less, money = sample.thinned, sample.played
    deployments = tuple(_deployment(each, less, money) for each in plan.deployments)
    routes = tuple(evolve(each, budget=_budget(each.budget, money)) for each in plan.routes)
    gateway = evolve(
        plan.gateway,
        budget=_budget(plan.gateway.budget, money),
        keys=tuple(
            evolve(
                key,
                budget=_budget(key.budget, money),
                rate_limits=_limits(key.rate_limits, less),
            )
            for key in plan.gateway.keys
        ),
    )
    return evolve(plan, deployments=deployments, routes=routes, gateway=gateway)


def sampled_world(world: Mapping[str, ProviderPlan], sample: Sample) -> dict[str, ProviderPlan]:
    """The same of what providers let through."""
    less = sample.thinned
    if less == 1.0:
        return dict(world)
    return {
        name: evolve(
            each,
            requests_per_minute=_less(each.requests_per_minute, less),
            tokens_per_minute=_less(each.tokens_per_minute, less),
            failures=tuple(evolve(failure, times=_less(failure.times, less)) for failure in each.failures),
        )
        for name, each in world.items()
    }


def coarse(
    plan: Plan, world: Mapping[str, ProviderPlan], load: LoadPlan | None, sample: Sample
) -> Iterator[str]:
    """What is so small in a sample that the outcome says little of it."""
    less = sample.thinned
    if less == 1.0:
        return
    if any(each.failures for each in world.values()):
        yield "circuits, which count single failures and open later"
    for name, what, limit in limits_of(plan, world, load):
        if limit / less < COARSE:
            yield f"`{name}`: {what} ({max(1, round(limit / less)):,} in place of {limit:,.0f})"


def _deployment(plan: Any, less: float, money: float) -> OnnxServingPlan | RemotePoolPlan:
    serving = evolve(plan.serving, max_concurrent=_less(plan.serving.max_concurrent, less))
    if isinstance(plan, OnnxServingPlan):
        return evolve(plan, serving=serving)
    assert isinstance(plan, RemotePoolPlan)
    limits = _limits(plan.rate_limits, less)
    return evolve(plan, serving=serving, rate_limits=limits, budget=_budget(plan.budget, money))


def _limits(limits: Any, less: float) -> Any:
    names = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
    return evolve(limits, **{name: _less(getattr(limits, name), less) for name in names})


def _budget(budget: Budget | None, less: float) -> Budget | None:
    if budget is None:
        return None
    smaller: dict[str, Any] = {
        f"max_spend_per_{window}": Money(Decimal(ceiling) / Decimal(less))
        for window, ceiling in budget.ceilings().items()
    }
    return evolve(budget, **smaller)


def _less(limit: int | None, less: float) -> int | None:
    return None if limit is None else max(1, round(limit / less))

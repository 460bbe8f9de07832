"""One of several requests in place of all: limits, slots and budgets are as much smaller.

Times of providers, retries and circuits stay as they are. What is counted is counted so many times. Where a
limit becomes so small that single requests matter, the outcome is coarse, and `coarse` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve

from ...compiler.plan import Budget, Money, OnnxServingPlan, Plan, RemotePoolPlan
from ...compiler.plan.scenarios import ProviderPlan

COARSE = 20
"""A limit that lets fewer through is coarse."""


def scale_for(requests: float, most: int) -> float:
    """How many requests each one that is played stands for."""
    return 1.0 if requests <= most else requests / most


def sampled_plan(plan: Plan, scale: float) -> Plan:
    """`plan`, with so much less room for everything."""
    if scale == 1.0:
        return plan
    deployments = tuple(_deployment(each, scale) for each in plan.deployments)
    routes = tuple(evolve(each, budget=_budget(each.budget, scale)) for each in plan.routes)
    gateway = evolve(
        plan.gateway,
        budget=_budget(plan.gateway.budget, scale),
        keys=tuple(
            evolve(
                key,
                budget=_budget(key.budget, scale),
                rate_limits=_limits(key.rate_limits, scale),
            )
            for key in plan.gateway.keys
        ),
    )
    return evolve(plan, deployments=deployments, routes=routes, gateway=gateway)


def sampled_world(plan: Plan, world: Mapping[str, ProviderPlan], scale: float) -> dict[str, ProviderPlan]:
    """The same of what providers let through."""
    if scale == 1.0:
        return dict(world)
    return {
        name: evolve(
            each,
            requests_per_minute=_less(each.requests_per_minute, scale),
            tokens_per_minute=_less(each.tokens_per_minute, scale),
            failures=tuple(evolve(failure, times=_less(failure.times, scale)) for failure in each.failures),
        )
        for name, each in world.items()
    }


def coarse(plan: Plan, world: Mapping[str, ProviderPlan], scale: float) -> Iterator[str]:
    """What is so small in a sample that the outcome says little of it."""
    if scale == 1.0:
        return
    if any(each.failures for each in world.values()):
        yield "circuits, which count single failures and open later"
    for each in plan.deployments:
        if each.serving.max_concurrent / scale < COARSE:
            yield f"`{each.deployment}`: max_concurrent"
        if isinstance(each, RemotePoolPlan):
            for name in ("requests_per_minute", "concurrent_requests"):
                limit = getattr(each.rate_limits, name)
                if limit is not None and limit / scale < COARSE:
                    yield f"`{each.deployment}`: {name}"


def _deployment(plan: Any, scale: float) -> OnnxServingPlan | RemotePoolPlan:
    serving = evolve(plan.serving, max_concurrent=_less(plan.serving.max_concurrent, scale))
    if isinstance(plan, OnnxServingPlan):
        return evolve(plan, serving=serving)
    assert isinstance(plan, RemotePoolPlan)
    limits = _limits(plan.rate_limits, scale)
    return evolve(plan, serving=serving, rate_limits=limits, budget=_budget(plan.budget, scale))


def _limits(limits: Any, scale: float) -> Any:
    names = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
    return evolve(limits, **{name: _less(getattr(limits, name), scale) for name in names})


def _budget(budget: Budget | None, scale: float) -> Budget | None:
    if budget is None:
        return None
    names = ("max_spend_per_hour", "max_spend_per_day", "max_spend_per_month")
    smaller: dict[str, Any] = {
        name: Money(Decimal(value) / Decimal(scale))
        for name in names
        if (value := getattr(budget, name, None)) is not None
    }
    return evolve(budget, **smaller)


def _less(limit: int | None, scale: float) -> int | None:
    return None if limit is None else max(1, round(limit / scale))

"""The routes of a plan, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING

from ....compiler.plan import BalancePlan, CascadePlan, FallbackPlan, HedgePlan, RoutePlan, SplitPlan
from ....compiler.plan.reach import members_of
from ..model import Model
from .balance import Balance
from .fallback import Fallback
from .hedge import Hedge
from .route import Route
from .split import Split

if TYPE_CHECKING:
    from ..pipelines.workers.workers import Workers


def build_route(
    plan: RoutePlan, models: Mapping[str, Model], random: Random, workers: Workers | None = None
) -> Route:
    """models: deployments and routes by name. random: for requests to a split that have no key.

    workers: what a cascade needs for its condition.
    """
    members = [models[name] for name in members_of(plan)]
    match plan:
        case FallbackPlan():
            return Fallback(plan, members)
        case BalancePlan():
            return Balance(plan, members)
        case SplitPlan():
            return Split(plan, members, random)
        case HedgePlan():
            return Hedge(plan, members)
        case CascadePlan():
            from .cascade import Cascade

            assert workers is not None
            return Cascade(plan, members, workers)
    raise TypeError(f"no such kind of route: {plan!r}")

"""What is done where nobody knows what a tier of service costs, and it may be more than the standard one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ...compiler.plan import RemotePoolPlan
from ...compiler.plan.service_tiers import WRITABLE
from ..limits.replica_policies import Payer, ReplicaPolicies
from ..requests.errors import Incapable

log = logging.getLogger(__name__)


def refuse_unpriced(plan: RemotePoolPlan, tier: str, payers: Sequence[Payer]) -> None:
    """Raise Incapable where a budget that rejects would pay what nobody knows."""
    for payer in payers:
        if payer.budget.rejects:
            raise Incapable(
                f"deployment `{plan.deployment}`: nobody knows what the tier `{tier}` of {plan.model} costs, "
                f"so the budget of {payer.who} cannot be kept{_how_to_say(tier)}",
                param="service_tier",
                deployment=plan.deployment,
                provider=plan.provider,
            )


def _how_to_say(tier: str) -> str:
    return f": `price {{ {tier} = … }}` says how many times as much it is" if tier in WRITABLE else ""


def doubt_price(policies: ReplicaPolicies, tier: str) -> None:
    """Say once that nobody knows what a tier costs."""
    plan = policies.plan
    if not policies.tiers.is_unpriced(tier) or (plan.deployment, tier) in _doubted:
        return
    _doubted.add((plan.deployment, tier))
    log.warning(
        "deployment `%s`: %s answered in its tier `%s`, whose price is not known and is counted as the usual "
        "one%s",
        plan.deployment,
        plan.provider,
        tier,
        _how_to_say(tier),
    )


_doubted: set[tuple[str, str]] = set()

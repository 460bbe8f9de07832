"""One endpoint has one circuit, whatever number of deployments uses it: who says nothing of it says what
others say, and no default is more careful than what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import evolve

from .declare import Declared
from .plan import DeploymentPlan, RemotePoolPlan

_CAREFUL: dict[str, Callable[[list[Any]], Any]] = {
    "failure_threshold": min,
    "open_duration": max,
    "half_open_max_probes": min,
}


def with_shared_circuits(
    declared: Iterable[Declared], plans: Sequence[DeploymentPlan]
) -> tuple[DeploymentPlan, ...]:
    """`plans`, with what is written of the circuits of their endpoints. declared: in the same order."""
    written: dict[tuple[str, str, str], list[Any]] = {}
    unsaid: list[list[tuple[str, str, str]]] = []
    for each, plan in zip(declared, plans, strict=True):
        unsaid.append([])
        if not isinstance(plan, RemotePoolPlan) or plan.is_launched or not plan.endpoint:
            continue
        for name in _CAREFUL:
            key = plan.provider.value, plan.endpoint, name
            if each.setting("runtime_config", "circuit_breaker", name) is None:
                unsaid[-1].append(key)
            else:
                written.setdefault(key, []).append(getattr(plan.circuit_breaker, name))
    return tuple(
        _told(plan, {key[-1]: _CAREFUL[key[-1]](written[key]) for key in keys if key in written})
        for plan, keys in zip(plans, unsaid, strict=True)
    )


def _told(plan: DeploymentPlan, values: dict[str, Any]) -> DeploymentPlan:
    if not values or not isinstance(plan, RemotePoolPlan):
        return plan
    return evolve(plan, circuit_breaker=evolve(plan.circuit_breaker, **values))

"""One endpoint has one circuit, whatever number of deployments uses it: who says nothing of it says what
others say, and no default is more careful than what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..dsl.deployment import Deployment
from ..dsl.record import frozen
from ..dsl.runtimes import LaunchableConfig, RemoteConfig
from .blocks.merge import Setting
from .capabilities import config_of
from .declare import Declared
from .targets import target_of

if TYPE_CHECKING:
    from .plan import DeploymentPlan

_CAREFUL: dict[str, Callable[[list[Any]], Any]] = {
    "failure_threshold": min,
    "open_duration": max,
    "half_open_max_probes": min,
}
_BLOCK = ("runtime_config", "circuit_breaker")


@frozen
class Shared:
    """A setting of a circuit as it counts. setting: where it is written. by: for which deployment."""

    value: Any
    setting: Setting
    by: str


def shared_circuits(deployments: Iterable[tuple[Declared, Deployment]]) -> dict[str, dict[str, Shared]]:
    """What counts of each setting that anybody with the same endpoint writes, by deployment and setting."""
    written: dict[tuple[str, str, str], list[Shared]] = {}
    asked: dict[str, tuple[str, str]] = {}
    for declared, deployment in deployments:
        provider, config = deployment.effective_runtime.provider, config_of(declared, deployment)
        if provider is None or not isinstance(config, RemoteConfig):
            continue
        endpoint = target_of(provider, config, deployment.effective_task).endpoint
        launched = isinstance(config, LaunchableConfig) and config.launch is not None
        if launched or not endpoint or "{port}" in endpoint:
            continue
        asked[deployment.name] = provider.value, endpoint
        for name in _CAREFUL:
            if (setting := declared.setting(*_BLOCK, name)) is not None:
                said = Shared(getattr(config.circuit_breaker, name), setting, deployment.name)
                written.setdefault((provider.value, endpoint, name), []).append(said)
    counts: dict[tuple[str, str], dict[str, dict[str, Shared]]] = {}
    for (whose, endpoint, name), told in written.items():
        value = _CAREFUL[name]([each.value for each in told])
        there = [each for each in told if each.value == value]
        counts.setdefault((whose, endpoint), {})[name] = {"": there[0]} | {each.by: each for each in there}
    return {
        user: {name: by.get(user, by[""]) for name in _CAREFUL if (by := counts.get(where, {}).get(name))}
        for user, where in asked.items()
    }


def with_shared_circuits(
    deployments: Sequence[tuple[Declared, Deployment]], plans: Sequence[DeploymentPlan]
) -> tuple[DeploymentPlan, ...]:
    """`plans`, with what is written of the circuits of their endpoints; `deployments` in the same order."""
    from .plan import RemotePoolPlan

    shared = shared_circuits(deployments)
    found: list[DeploymentPlan] = []
    for (declared, deployment), plan in zip(deployments, plans, strict=True):
        told = {
            name: each.value
            for name, each in shared.get(deployment.name, {}).items()
            if declared.setting(*_BLOCK, name) is None
        }
        if told and isinstance(plan, RemotePoolPlan):
            plan = evolve(plan, circuit_breaker=evolve(plan.circuit_breaker, **told))
        found.append(plan)
    return tuple(found)

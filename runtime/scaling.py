"""Another number of replicas than the file says, until the file is read again. Pure."""

from __future__ import annotations

from attrs import evolve

from ..compiler.plan import Plan, RemotePoolPlan, ReplicaPlacement

MOST_REPLICAS = 1000


class CannotScale(Exception):
    """It cannot have so many replicas; the message says why, and what to do."""


def scaled(plan: Plan, name: str, replicas: int) -> Plan:
    """`plan` with so many replicas of the deployment `name`. Raises CannotScale."""
    known = {each.deployment: each for each in plan.deployments}
    deployment = known.get(name)
    if deployment is None:
        listed = ", ".join(f"`{each}`" for each in known)
        raise CannotScale(f"there is no deployment `{name}`; there are {listed}")
    if not 1 <= replicas <= MOST_REPLICAS:
        raise CannotScale(f"a deployment has 1 to {MOST_REPLICAS} replicas; `inferc drain` lets none answer")
    places = deployment.replicas
    if replicas > len(places) and any(each.gpu_indices or each.node for each in places):
        raise CannotScale(
            f"`{name}` is placed on GPUs, which more replicas need: write `replicas = {replicas}` in the file"
        )
    keys = deployment.api_key if isinstance(deployment, RemotePoolPlan) else ()
    if len(keys) > 1 and replicas > len(keys):
        raise CannotScale(f"each replica of `{name}` has a key of its own, and there are {len(keys)}")
    more = (ReplicaPlacement(index, None, ()) for index in range(len(places), replicas))
    changed = evolve(deployment, replicas=(*places[:replicas], *more))
    if isinstance(changed, RemotePoolPlan) and len(keys) > 1:
        changed = evolve(changed, api_key=keys[:replicas])
    others = (changed if each is deployment else each for each in plan.deployments)
    return evolve(plan, deployments=tuple(others))

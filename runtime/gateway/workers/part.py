"""The part of a plan that one of several workers serves: all of it, and of what is limited its share."""

from __future__ import annotations

from attrs import evolve

from ....compiler.plan import Plan, Size


def part_of(plan: Plan, index: int, workers: int) -> Plan:
    """What the worker `index` of so many serves; all parts together may do what the plan says."""
    if workers == 1:
        return plan
    deployments = tuple(
        evolve(
            each,
            serving=evolve(
                each.serving, max_concurrent=max(_share(each.serving.max_concurrent, index, workers), 1)
            ),
        )
        for each in plan.deployments
    )
    gateway = plan.gateway
    memory = max(_share(int(gateway.max_body_memory), index, workers), int(gateway.max_body))
    return evolve(
        plan,
        deployments=deployments,
        gateway=evolve(gateway, max_body_memory=Size(memory)),
    )


def _share(total: int, index: int, workers: int) -> int:
    return total // workers + (index < total % workers)

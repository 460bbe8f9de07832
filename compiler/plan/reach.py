"""What a plan names, and the part of it that one name needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import Any

from attrs import evolve

from ...dsl.closure import closure
from ...dsl.kinds import ProviderKind
from ...dsl.policies import Budget
from ...dsl.record import fields, is_record
from .model import DeploymentPlan, Plan, RemotePoolPlan
from .nodes import CallNode, ExternNode
from .pipelines import PipelinePlan
from .routes import RoutePlan, SplitPlan
from .tasks import FileRef


def names_of(plan: Plan) -> tuple[str, ...]:
    """What can be asked for: deployments, routes that do not stand inside others, pipelines."""
    return (
        *(each.deployment for each in plan.deployments),
        *(each.route for each in plan.routes if not each.inner),
        *(each.pipeline for each in plan.pipelines),
    )


def files_of(plan: Plan) -> tuple[str, ...]:
    """The files that local models are loaded from, relative to the plan."""
    found = (each.path for part in plan.deployments for each in values_in(part) if isinstance(each, FileRef))
    return tuple(dict.fromkeys(found))


def targets_of(plan: Plan) -> tuple[str, ...]:
    """The code of the user's that the plan names, as `package.module:function`."""
    pools = (each for each in plan.deployments if isinstance(each, RemotePoolPlan))
    servers = [each.target for each in pools if each.target and each.provider is ProviderKind.PYTHON]
    return tuple(dict.fromkeys([*servers, *(each.target for each in plan.externs)]))


def nodes_of(plan: Plan) -> tuple[str, ...]:
    """The machines that the plan places replicas on; none where there is but one, without a name."""
    placed = (replica.node for each in plan.deployments for replica in each.replicas)
    return tuple(dict.fromkeys(node for node in placed if node is not None))


def budgets_of(plan: Plan) -> Iterator[tuple[str, str, Budget]]:
    """All budgets, each with what it is of (`gateway`, `key`, `route`, `deployment`) and its name."""
    found: list[tuple[str, str, Budget | None]] = [
        ("gateway", "the gateway", plan.gateway.budget),
        *(("key", each.name, each.budget) for each in plan.gateway.keys),
        *(("route", each.route, each.budget) for each in plan.routes),
        *(("deployment", p.deployment, p.budget) for p in plan.deployments if isinstance(p, RemotePoolPlan)),
    ]
    return ((what, name, budget) for what, name, budget in found if budget is not None)


def values_in(part: object) -> Iterator[object]:
    """`part` of a plan, and all that is in it, however deep."""
    todo = [part]
    while todo:
        each = todo.pop()
        yield each
        if type(each) in PLAIN:
            continue
        if isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, (list, tuple)):
            todo += each
        else:
            todo += [getattr(each, name) for name in fields_in(each)]


PLAIN = frozenset((NoneType, bool, int, float, str))
"""Kinds of values that have nothing in them: most of a plan."""


def fields_in(value: Any) -> tuple[str, ...]:
    """The names of the fields of a record; none of what is no record."""
    kind: Any = type(value)
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> tuple[str, ...]:
    return tuple(fields(kind)) if is_record(kind) else ()


def members_of(route: RoutePlan) -> tuple[str, ...]:
    """The names of the members of a route, in their order."""
    if isinstance(route, SplitPlan):
        return tuple(share.member for share in route.shares)
    members: tuple[str, ...] = route.members  # type: ignore[attr-defined]
    return members


def differ_in_model_alone(one: DeploymentPlan, other: DeploymentPlan) -> bool:
    """Whether two models on this machine differ in no more than the model and how it is loaded."""
    same = ("replicas", "serving", "idempotent", "request", "cache", "task_kind")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def only(plan: Plan, name: str) -> Plan:
    """`plan` with `name`, and what it calls, asks or falls back to; nothing else."""
    needs = needs_of(plan)
    wanted = closure([name], lambda each: needs.get(each, ()))
    for guard in plan.gateway.guards:
        wanted |= {f"extern {each}" for each in (guard.request, guard.answer) if each is not None}
    return evolve(
        plan,
        deployments=tuple(each for each in plan.deployments if each.deployment in wanted),
        routes=tuple(each for each in plan.routes if each.route in wanted),
        pipelines=tuple(each for each in plan.pipelines if each.pipeline in wanted),
        externs=tuple(each for each in plan.externs if f"extern {each.extern}" in wanted),
    )


def needs_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    """What each name asks or calls itself; externs as `extern x`."""
    return dict(_needs(plan))


def _needs(plan: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What each name needs directly; externs, which have names of their own, as `extern x`."""
    for deployment in plan.deployments:
        target = deployment.serving.on_capacity_exhausted.target
        yield deployment.deployment, (target,) if target is not None else ()
    for route in plan.routes:
        yield route.route, members_of(route)
    for pipeline in plan.pipelines:
        yield pipeline.pipeline, tuple(_called(pipeline))


def _called(pipeline: PipelinePlan) -> Iterator[str]:
    for node in pipeline.nodes:
        match node:
            case CallNode(target=target, tools=tools):
                yield target
                yield from (f"extern {each.target}" if each.is_extern else each.target for each in tools)
            case ExternNode(extern=extern):
                yield f"extern {extern}"

"""A plan as the page draws it: what there is, and what asks what; no headers, and no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from yarl import URL

from ....compiler.plan import (
    BalancePlan,
    CallNode,
    DeploymentPlan,
    HedgePlan,
    OnnxServingPlan,
    PipelinePlan,
    Plan,
    RemotePoolPlan,
    RoutePlan,
    SourceRef,
    SplitPlan,
    plan_converter,
)
from ....compiler.plan.reach import budgets_of, members_of

Json = dict[str, Any]

_POLICIES = ("serving", "rate_limits", "retry", "timeouts", "circuit_breaker", "budget", "cache", "batching")


def described(plan: Plan) -> Json:
    """All of `plan` that the page shows."""
    gateway = plan.gateway
    return {
        "compiler": plan.compiler,
        "name": plan.state.name,
        "nodes": [*_nodes(plan)],
        "edges": [*_edges(plan)],
        "budgets": [*_budgets(plan)],
        "keys": [{"name": key.name, "models": key.models, "labels": key.labels} for key in gateway.keys],
        "guards": [
            {
                "name": guard.name,
                "request": guard.request,
                "answer": guard.answer,
                "models": guard.models,
                "keys": guard.keys,
                "on_failure": guard.on_failure,
                "sees": [node["name"] for node in _nodes(plan) if guard.sees(node["name"])],
            }
            for guard in gateway.guards
        ],
    }


def _nodes(plan: Plan) -> Iterator[Json]:
    for pipeline in plan.pipelines:
        parameters = ", ".join(f"{each.name}: {each.type}" for each in pipeline.parameters)
        yield {
            "kind": "pipeline",
            "name": pipeline.pipeline,
            "says": f"({parameters}) -> {pipeline.result}",
            "steps": {each.name: each.target for each in _calls(pipeline)},
            "at": _at(pipeline.source),
        }
    for route in plan.routes:
        yield {
            "kind": "route",
            "name": route.route,
            "says": _strategy(route),
            "inner": route.inner,
            "task": route.task,
            "at": _at(route.source),
        }
    for deployment in plan.deployments:
        yield {"kind": "deployment", "at": _at(deployment.source), **_deployment(deployment)}


def _deployment(plan: DeploymentPlan) -> Json:
    told: Json = {
        "name": plan.deployment,
        "task": plan.task_kind,
        "replicas": len(plan.replicas),
        "policies": _policies(plan),
    }
    match plan:
        case RemotePoolPlan(endpoint=str(endpoint)) if "{" not in endpoint:
            told |= {"says": plan.model, "runs": plan.provider, "host": URL(endpoint).host}
        case RemotePoolPlan():
            told |= {"says": plan.model, "runs": plan.provider}
        case OnnxServingPlan():
            told |= {"says": plan.model.path.rpartition("/")[2], "runs": "onnxruntime", "is_local": True}
    return told


def _policies(plan: DeploymentPlan) -> Json:
    """Those that are set, as a plan writes them."""
    found = {}
    for name in _POLICIES:
        value = getattr(plan, name, None)
        if value is not None and attrs.has(type(value)):
            written = plan_converter().unstructure(value)
            told = {field: each for field, each in written.items() if each is not None}
            if told:
                found[name] = told
    return found


def _strategy(route: RoutePlan) -> str:
    match route:
        case BalancePlan(by=by):
            return f"balance by {by}"
        case HedgePlan(after=after):
            return f"hedge after {after}"
    return route.kind.value


def _edges(plan: Plan) -> Iterator[Json]:
    for pipeline in plan.pipelines:
        steps: dict[str, list[str]] = {}
        for call in _calls(pipeline):
            steps.setdefault(call.target, []).append(call.name)
        for target, names in steps.items():
            yield {"from": pipeline.pipeline, "to": target, "kind": "call", "steps": names}
    for route in plan.routes:
        shares = (
            {each.member: str(each.share) for each in route.shares} if isinstance(route, SplitPlan) else {}
        )
        for place, member in enumerate(members_of(route)):
            yield {
                "from": route.route,
                "to": member,
                "kind": "member",
                "place": place,
                "says": shares.get(member, ""),
            }
    for deployment in plan.deployments:
        spare = deployment.serving.on_capacity_exhausted.target
        if spare is not None:
            yield {"from": deployment.deployment, "to": spare, "kind": "capacity", "says": "when full"}


def _calls(pipeline: PipelinePlan) -> Iterator[CallNode]:
    return (node for node in pipeline.nodes if isinstance(node, CallNode))


def _budgets(plan: Plan) -> Iterator[Json]:
    """Each with its ceilings, and where the status says what was spent."""
    for kind, name, budget in budgets_of(plan):
        ceilings = {window: float(most) for window, most in budget.ceilings().items()}
        yield {"kind": kind, "name": name, "ceilings": ceilings, "on_exceeded": budget.on_exceeded}


def _at(source: SourceRef) -> Json:
    return {"file": source.file, "line": source.line}

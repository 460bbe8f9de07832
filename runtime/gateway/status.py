"""`GET /healthz`: whether everything is ready, and for those who may ask, how each deployment is."""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Any

from aiohttp import web

from ...compiler.plan import OnnxServingPlan
from ..executor import Executor
from ..limits.store import Store
from ..serving.deployment import Deployment
from ..serving.routes.route import Route
from .responses import json_answer


def health(executor: Executor, *, detailed: bool) -> web.Response:
    """200 when everything is ready, or routes do without what is not, else 503."""
    working = [one for name, one in executor.deployments.items() if name not in executor.broken]
    ready = (
        bool(executor.deployments)
        and all(one.is_ready() for one in working)
        and all(route.is_ready() for route in executor.routes.values())
    )
    state = executor.state
    degraded = executor.broken or (state is not None and state.problems.now)
    status = ("degraded" if degraded else "ok") if ready else "not ready"
    answer: dict[str, Any] = {"status": status}
    if detailed:
        answer["deployments"] = [_deployment(each) for each in executor.deployments.values()]
        answer["routes"] = [_route(each) for each in executor.routes.values() if not each.plan.inner]
        answer["pipelines"] = [
            {"name": each.name, "ready": each.is_ready()} for each in executor.pipelines.values()
        ]
        answer["reload_problems"] = executor.reload_problems
        answer["state"] = _state(state) if state is not None else None
    return json_answer(answer, 200 if ready else 503)


def _state(state: Store) -> dict[str, Any]:
    now = dict.fromkeys(state.problems.now.values())
    return {"where": state.where, "available": not now, "warnings": [*now, *state.problems.past]}


def _route(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "kind": route.plan.kind.value,
        "task": route.task.value,
        "ready": route.is_ready(),
        "members": [{"name": member.name, "ready": member.is_ready()} for member in route.members],
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    plan = deployment.plan
    if isinstance(plan, OnnxServingPlan):
        model, runtime = plan.model.path, "onnxruntime"
    else:
        model, runtime = plan.model, plan.provider.value
    held = deployment.held_for(asyncio.get_running_loop().time())
    return {
        "name": deployment.name,
        "model": model,
        "runtime": runtime,
        "task": deployment.task.value,
        "ready": deployment.is_ready(),
        "running": deployment.running,
        "waiting": deployment.waiting,
        "replicas": [
            {
                "ready": status.ready,
                "providers": status.providers,
                "missing_providers": status.missing,
                "warnings": status.warnings,
                "held_seconds": ceil(seconds),
            }
            for status, seconds in zip(deployment.status(), held, strict=True)
        ],
    }

"""`GET /healthz`: whether requests are taken, and for those who may ask, how each part is."""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Any

from aiohttp import web
from attrs import asdict

from ...compiler.plan import OnnxServingPlan
from ..executor import Executor
from ..limits.store import Store
from ..requests.health import Health
from ..serving.deployment import Deployment
from ..serving.routes.route import Route
from .bodies import BODIES
from .exchange import Exchange
from .health import findings, overall
from .responses import json_answer


async def answer_alive(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /livez`: that the server turns at all, whether or not it takes requests."""
    return json_answer({"live": True})


def answer_readiness(request: web.Request, executor: Executor, *, is_closing: bool) -> web.Response:
    """200 while requests are taken, else 503."""
    health = overall(findings(executor, request.app[BODIES]))
    status = "stopping" if is_closing else health.value
    return json_answer({"status": status}, 503 if is_closing or health is Health.NOT_READY else 200)


def answer_health(request: web.Request, executor: Executor, *, detailed: bool) -> web.Response:
    """200 while requests are taken, if only by those parts that are left, else 503."""
    found = findings(executor, request.app[BODIES])
    health = overall(found)
    answer: dict[str, Any] = {"status": health}
    if detailed:
        answer["findings"] = [asdict(each) for each in found]
        answer["deployments"] = [_deployment(each) for each in executor.deployments.values()]
        answer["routes"] = [_route(each) for each in executor.routes.values() if not each.plan.inner]
        answer["pipelines"] = [
            {"name": each.name, "ready": each.is_ready()} for each in executor.pipelines.values()
        ]
        answer["reload_problems"] = executor.reload_problems
        answer["state"] = _state(executor.state) if executor.state is not None else None
    return json_answer(answer, 503 if health is Health.NOT_READY else 200)


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
                "key_refused": index in deployment.refused,
            }
            for index, (status, seconds) in enumerate(zip(deployment.status(), held, strict=True))
        ],
    }

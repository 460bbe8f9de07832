"""`GET /healthz`: whether requests are taken, and for those who may ask, how each part is."""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Any

from aiohttp import web
from attrs import asdict

from ...compiler.plan import OnnxServingPlan
from ..executor import Executor
from ..limits.keys import KeyPolicies
from ..limits.store import Store
from ..requests.health import Health
from ..requests.usage import PICODOLLARS
from ..serving.deployment import Deployment
from ..serving.routes.route import Route
from .exchange import Exchange
from .health import findings, overall
from .incoming.bodies import BODIES
from .outgoing.answers import json_answer
from .telemetry.accounting import Accounting
from .telemetry.request_records import RECORDS


async def answer_alive(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /livez`: that the server turns at all, whether or not it takes requests."""
    return json_answer({"live": True})


def answer_readiness(request: web.Request, executor: Executor, *, is_closing: bool) -> web.Response:
    """200 while requests are taken, else 503."""
    health = overall(findings(executor, request.app[BODIES]))
    status = "stopping" if is_closing else health.value
    return json_answer({"status": status}, 503 if is_closing or health is Health.NOT_READY else 200)


def answer_health(
    request: web.Request, executor: Executor, details: dict[str, Any] | None = None
) -> web.Response:
    """200 while requests are taken, if only by those parts that are left, else 503."""
    found = findings(executor, request.app[BODIES])
    status = 503 if overall(found) is Health.NOT_READY else 200
    return json_answer({"status": overall(found)} if details is None else details, status)


def health_of(app: web.Application, executor: Executor) -> dict[str, Any]:
    """How everything is, in detail."""
    found = findings(executor, app[BODIES])
    return {
        "status": overall(found),
        "findings": [asdict(each) for each in found],
        "deployments": [_deployment(each) for each in executor.deployments.values()],
        "routes": [_route(each) for each in executor.routes.values() if not each.plan.inner],
        "pipelines": [{"name": each.name, "ready": each.is_ready()} for each in executor.pipelines.values()],
        "keys": [_key(each, app[RECORDS].accounting, executor) for each in executor.keys.values()],
        "guards": _guards(executor),
        "budgets": executor.spent(),
        "reload_problems": executor.reload_problems,
        "reloaded_at": executor.reloaded_at,
        "state": _state(executor.state) if executor.state is not None else None,
    }


def _key(key: KeyPolicies, accounting: Accounting, executor: Executor) -> dict[str, Any]:
    """What a key has asked for since the start, and what is left of its budget."""
    plan = key.plan
    requests = {outcome: count for (name, outcome), count in accounting.outcomes.items() if name == plan.name}
    spends = [spend for (name, _, _), spend in accounting.totals.items() if name == plan.name]
    return {
        "name": plan.name,
        "labels": plan.labels,
        "expires": plan.expires,
        "requests": requests,
        "tokens": sum(each.prompt_tokens + each.completion_tokens for each in spends),
        "cost": sum(each.cost for each in spends) / PICODOLLARS,
        "budget": executor.now.spent_by(key),
        "limits_used": key.limiter.used(asyncio.get_running_loop().time()) if key.limiter else None,
    }


def _guards(executor: Executor) -> list[dict[str, Any]]:
    guards = executor.now.guards
    return [
        {
            "name": each.plan.name,
            "seen": {
                direction: {
                    outcome: count
                    for (at, outcome), count in each.counters.outcomes.items()
                    if at == direction
                }
                for direction in ("request", "answer")
                if each.looks_at(direction)
            },
        }
        for each in (guards.all if guards is not None else ())
    ]


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
        "drained": deployment.is_drained,
        "replicas": [
            {
                "ready": status.ready,
                "providers": status.providers,
                "missing_providers": status.missing,
                "warnings": status.warnings,
                "held_seconds": ceil(seconds),
                "key_refused": index in deployment.refused,
                "circuit_open": _is_open(deployment, index),
            }
            for index, (status, seconds) in enumerate(zip(deployment.status(), held, strict=True))
        ],
    }


def _is_open(deployment: Deployment, index: int) -> bool:
    """Whether the circuit of the endpoint of a replica is not closed."""
    policies = deployment.policies[index]
    return policies is not None and not policies.breaker.is_closed

"""`GET /healthz`: whether everything is ready, and for those who may ask, how each deployment is."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...compiler.plan import OnnxServingPlan
from ..deployment import Deployment
from ..executor import Executor
from .answers import json_answer
from .infer import is_ready


def health(executor: Executor, *, detailed: bool) -> web.Response:
    """200 when every deployment is ready, else 503."""
    deployments = executor.deployments.values()
    ready = bool(deployments) and all(map(is_ready, deployments))
    answer: dict[str, Any] = {"status": "ok" if ready else "not ready"}
    if detailed:
        answer["deployments"] = [_deployment(each) for each in deployments]
    return json_answer(answer, 200 if ready else 503)


def _deployment(deployment: Deployment) -> dict[str, Any]:
    plan = deployment.plan
    if isinstance(plan, OnnxServingPlan):
        model, runtime = plan.model.path, "onnxruntime"
    else:
        model, runtime = plan.model, plan.provider.value
    return {
        "name": deployment.name,
        "model": model,
        "runtime": runtime,
        "task": deployment.task.value,
        "ready": is_ready(deployment),
        "running": deployment.running,
        "waiting": deployment.waiting,
        "replicas": [
            {
                "ready": status.ready,
                "providers": status.providers,
                "missing_providers": status.missing,
                "warnings": status.warnings,
            }
            for status in deployment.status()
        ],
    }

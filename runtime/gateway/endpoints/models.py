"""`GET /v1/models`: what requests may name as `model`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ....compiler.plan import RemotePoolPlan
from ...serving.deployment import Deployment
from ...serving.model import Model
from ..exchange import Exchange
from ..responses import json_answer


async def list_models(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/models`."""
    return json_answer({"object": "list", "data": [describe_model(m) for m in exchange.models.values()]})


async def show_model(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/models/{name}`. Raises UnknownModel."""
    return json_answer(describe_model(exchange.model(request.match_info["name"])))


def describe_model(model: Model) -> dict[str, Any]:
    """`model` as OpenAI describes one."""
    plan = model.plan if isinstance(model, Deployment) else None
    owner = plan.provider.value if isinstance(plan, RemotePoolPlan) else "inferc"
    return {"id": model.name, "object": "model", "created": 0, "owned_by": owner}

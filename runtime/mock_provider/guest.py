"""Who sent a request, and which provider and model were meant."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...compiler.plan.record import frozen
from .api import Api
from .faults import Fault
from .strict import Table, provider_of, table

ASKED_OF: web.RequestKey[tuple[Table | None, str]] = web.RequestKey("asked_of", tuple)
"""The rules of the provider that a request is for, where they are kept, and the model."""


@frozen
class Guest:
    """Who sent a request, what goes wrong with the answer, and the rules of the provider that was meant."""

    key: str
    fault: Fault | None
    table: Table | None = None


def model_of(request: web.Request, body: dict[str, Any]) -> str:
    """The name of the model, by the path or by the body; empty where neither says one."""
    told = request.match_info.get("model") or request.match_info.get("deployment") or body.get("model")
    return told if isinstance(told, str) else ""


def table_of(request: web.Request, api: Api, body: dict[str, Any]) -> Table:
    """The rules of the provider that the request is for."""
    named, model = request.match_info.get("provider", ""), body.get("model")
    path = request.path.removeprefix(f"/{named}") if named else request.path
    has_api_key = "api-key" in request.headers
    return table(provider_of(api.name, path, named, model if isinstance(model, str) else "", has_api_key))

"""Batches and files, which are not passed on: what to do instead."""

from __future__ import annotations

from itertools import groupby

from aiohttp import web

from ....compiler.plan import RemotePoolPlan
from ....compiler.plan.endpoints import batches_told
from ...requests.errors import RequestError
from ...serving.deployment import Deployment
from ..exchange import Exchange

_MOST_NAMES = 8
"""Models that are named of each provider."""
_MOST = 12
"""Lines about providers."""


class NotPassedOn(RequestError):
    """The provider may have it, and this gateway does not."""

    status, type, code = 404, "invalid_request_error", "batches_not_supported"


async def refuse_batches(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """Say whose batches there are, and where. Raises NotPassedOn."""
    plans = [
        (model.name, model.plan)
        for model in exchange.models.values()
        if isinstance(model, Deployment) and isinstance(model.plan, RemotePoolPlan)
    ]
    lines = sorted((batches_told(plan), name) for name, plan in plans)
    told = [
        f"{_listed([name for _, name in group])}: {line}"
        for line, group in groupby(lines, key=lambda each: each[0])
    ]
    more = [f"and {len(told) - _MOST} more providers"] if len(told) > _MOST else []
    raise NotPassedOn(
        f"{request.path[:200]}: batches and their files are not passed on, as no key, limit or budget of this"
        " gateway would hold for what is in them; send them to the provider of a model, with a key of its own"
        + "".join(f"; {each}" for each in [*told[:_MOST], *more])
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")

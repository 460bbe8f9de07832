"""At which endpoints a model can be asked here, and what is known of its provider's batches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from ...compiler.plan import CapacityKind, RemotePoolPlan, TaskKind
from ...compiler.plan.endpoints import CHATTING, Endpoints, batches_shown, offered, shared, told
from ..serving.deployment import Deployment
from ..serving.model import Model
from ..serving.routes.route import Route


def offered_by(model: Model, models: Mapping[str, Model]) -> Endpoints:
    """Where clients of this gateway can ask `model`; models: all of the plan, by name.

    Of a route, what all of its members have; of a deployment that another one takes over from when it is
    full, what both have.
    """
    if isinstance(model, Route):
        return reduce(shared, (offered_by(member, models) for member in model.members))
    if not isinstance(model, Deployment):
        return CHATTING if model.task is TaskKind.CHAT else {}
    found, full = offered(model.plan), model.plan.serving.on_capacity_exhausted
    if full.kind is not CapacityKind.FALLBACK or full.target is None:
        return found
    return shared(found, offered_by(models[full.target], models))


def shown(model: Model, models: Mapping[str, Model]) -> dict[str, Any]:
    """As `/v1/models` tells it: `endpoints` by kind, where null may or may not be there, and `batches`."""
    found: dict[str, Any] = {"endpoints": told(offered_by(model, models))}
    plan = model.plan if isinstance(model, Deployment) else None
    return found | {"batches": batches_shown(plan)} if isinstance(plan, RemotePoolPlan) else found

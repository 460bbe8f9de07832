"""What may be asked of a model, and where: told with its name, so that clients need not try."""

from __future__ import annotations

from typing import Any

from attrs import asdict

from ....compiler.plan import RemotePoolPlan
from ....compiler.plan.abilities import Abilities
from ....compiler.plan.endpoints import batches_shown, told
from ....compiler.plan.features import PROTOCOLS, asked_in
from ...serving.deployment import Deployment
from ...serving.model import Model


def where_asked(model: Model, abilities: Abilities) -> dict[str, Any]:
    """`endpoints` by kind, where null may or may not be there, and `batches`."""
    plan = model.plan if isinstance(model, Deployment) else None
    batches = {"batches": batches_shown(plan)} if isinstance(plan, RemotePoolPlan) else {}
    return {"endpoints": told(abilities.endpoints), **batches}


def asked_by(protocol: str, abilities: Abilities) -> dict[str, Any] | None:
    """What chats of `protocol`, one of `PROTOCOLS`, may ask for; None where the model does not chat."""
    if abilities.features is None:
        return None
    return {**asdict(asked_in(protocol, abilities.features)), "max_output_tokens": abilities.most}


def asked_anywhere(abilities: Abilities) -> dict[str, Any]:
    """`abilities`, those of OpenAI's chats, and `abilities_at`, those of other protocols; nothing where the
    model does not chat."""
    chats, *others = PROTOCOLS
    if abilities.features is None:
        return {}
    return {
        "abilities": asked_by(chats, abilities),
        "abilities_at": {each: asked_by(each, abilities) for each in others},
    }

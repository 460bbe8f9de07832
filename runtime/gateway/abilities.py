"""What may be asked of a model: told with its name, so that clients need not try."""

from __future__ import annotations

from functools import reduce

from attrs import frozen

from ...compiler.plan import RemotePoolPlan, TaskKind
from ...compiler.plan.features import both, features_of
from ..serving.deployment import Deployment
from ..serving.model import Model
from ..serving.routes.route import Route


@frozen
class Abilities:
    """Of a model that chats; None where it is not known."""

    tools: bool | None = False
    structured_output: bool | None = False
    images: bool | None = False
    audio: bool | None = False
    documents: bool | None = False
    thinking: bool | None = False
    max_output_tokens: int | None = None


def abilities_of(model: Model) -> Abilities | None:
    """What `model` can do; of a route, what each of its members can. None where it does not chat."""
    if isinstance(model, Route):
        found = [abilities_of(member) for member in model.members]
        known = [each for each in found if each is not None]
        return reduce(_both, known) if known and len(known) == len(found) else None
    if model.task not in (TaskKind.CHAT, TaskKind.GENERATE):
        return None
    plan = model.plan if isinstance(model, Deployment) else None
    can = features_of(plan) if plan is not None else None
    if can is None:
        return Abilities()
    return Abilities(
        tools=can.tools,
        structured_output=can.json_schema,
        images=can.images,
        audio=can.audio,
        documents=can.documents,
        thinking=can.thinking,
        max_output_tokens=plan.capabilities.greatest_output if isinstance(plan, RemotePoolPlan) else None,
    )


def _both(one: Abilities, other: Abilities) -> Abilities:
    """What both can do: a no of one is enough, and what is not known of one is not known."""
    limits = [each.max_output_tokens for each in (one, other)]
    known = [limit for limit in limits if limit is not None]
    return Abilities(
        **{name: both(getattr(one, name), getattr(other, name)) for name in _YES_OR_NO},
        max_output_tokens=min(known) if len(known) == len(limits) else None,
    )


_YES_OR_NO = ("tools", "structured_output", "images", "audio", "documents", "thinking")

"""What may be asked of a model: told with its name, so that clients need not try."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from attrs import asdict

from ...compiler.plan import CapacityKind, RemotePoolPlan, TaskKind
from ...compiler.plan.features import PROTOCOLS, Features, asked_in, features_of
from ...compiler.plan.record import frozen
from ..serving.deployment import Deployment
from ..serving.model import Model
from ..serving.routes.route import Route


@frozen
class Abilities:
    """Of all that may answer for a model that chats. most: tokens of an answer, where known."""

    features: Features
    most: int | None = None

    def at(self, protocol: str) -> dict[str, Any]:
        """What may be asked for there, one of `PROTOCOLS`."""
        return {**asdict(asked_in(protocol, self.features)), "max_output_tokens": self.most}

    def shown(self) -> dict[str, Any]:
        """As `/v1/models` tells it."""
        others = [protocol for protocol in PROTOCOLS if protocol != "chat"]
        return {"abilities": self.at("chat"), "abilities_at": {each: self.at(each) for each in others}}

    def both(self, other: Abilities) -> Abilities:
        """What both have."""
        known = [each.most for each in (self, other) if each.most is not None]
        return Abilities(self.features.both(other.features), min(known) if len(known) == 2 else None)


def abilities_of(model: Model, models: Mapping[str, Model]) -> Abilities | None:
    """What `model` can do; None where it does not chat. models: all of the plan, by name.

    Of a route, what each of its members can; of a deployment that another one takes over from when it is
    full, what both can.
    """
    if isinstance(model, Route):
        return _all([abilities_of(member, models) for member in model.members])
    if model.task not in (TaskKind.CHAT, TaskKind.GENERATE):
        return None
    if not isinstance(model, Deployment):
        return Abilities(Features())
    plan, features = model.plan, features_of(model.plan)
    if features is None:
        return None
    most = plan.capabilities.greatest_output if isinstance(plan, RemotePoolPlan) else None
    own = Abilities(features, most)
    full = plan.serving.on_capacity_exhausted
    if full.kind is not CapacityKind.FALLBACK or full.target is None:
        return own
    return _all([own, abilities_of(models[full.target], models)])


def _all(found: list[Abilities | None]) -> Abilities | None:
    known = [each for each in found if each is not None]
    return reduce(Abilities.both, known) if known and len(known) == len(found) else None

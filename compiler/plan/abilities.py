"""What clients may ask of each name of a plan, whoever answers for it.

A member of a route may answer, whatever the route, and so may what takes over from a deployment that is full:
what one of them lacks cannot be asked for.
"""

from __future__ import annotations

from functools import reduce

from ...dsl.kinds import CapacityKind
from ...dsl.record import frozen
from .endpoints import CHATTING, Endpoints, offered, shared
from .features import Features, features_of
from .model import DeploymentPlan, Plan, RemotePoolPlan
from .pipelines import PipelinePlan
from .reach import members_of


@frozen
class Abilities:
    """endpoints: where it is asked. features: None where it does not chat.

    most: tokens of an answer, where known.
    """

    endpoints: Endpoints
    features: Features | None = None
    most: int | None = None

    def both(self, other: Abilities) -> Abilities:
        """What both have."""
        features, theirs = self.features, other.features
        known = [each.most for each in (self, other) if each.most is not None]
        return Abilities(
            shared(self.endpoints, other.endpoints),
            features.both(theirs) if features is not None and theirs is not None else None,
            min(known) if len(known) == 2 else None,
        )


def abilities_of(plan: Plan) -> dict[str, Abilities]:
    """Of all deployments, routes and pipelines, by name."""
    deployments = {each.deployment: each for each in plan.deployments}
    routes = {each.route: each for each in plan.routes}
    found = {each.pipeline: _of_pipeline(each) for each in plan.pipelines}

    def of(name: str) -> Abilities:
        if name not in found:
            if (route := routes.get(name)) is not None:
                found[name] = reduce(Abilities.both, map(of, members_of(route)))
            else:
                following = takes_over(deployments[name])
                own = _own(deployments[name])
                found[name] = own if following is None else own.both(of(following))
        return found[name]

    return {name: of(name) for name in (*deployments, *routes, *found)}


def takes_over(plan: DeploymentPlan) -> str | None:
    """The name of what answers when the deployment is full; None where nothing does."""
    policy = plan.serving.on_capacity_exhausted
    return policy.target if policy.kind is CapacityKind.FALLBACK else None


def _own(plan: DeploymentPlan) -> Abilities:
    most = plan.capabilities.greatest_output if isinstance(plan, RemotePoolPlan) else None
    return Abilities(offered(plan), features_of(plan), most)


def _of_pipeline(plan: PipelinePlan) -> Abilities:
    """What it asks is written in its steps: nothing of a client but the words gets through."""
    return Abilities(CHATTING, Features()) if plan.chats else Abilities({})

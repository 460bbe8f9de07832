"""A plan, cut into the part of the gateway and one part for each model that runs on machines of its own."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ...dsl.kinds import AuthScheme, CapacityKind, ProviderKind, WireFormat
from ...dsl.policies import (
    CapacityPolicy,
    CircuitBreakerConfig,
    RateLimits,
    RetryPolicy,
    Timeouts,
)
from ...dsl.record import frozen
from ...dsl.units import Duration
from .model import (
    DeploymentPlan,
    GatewayPlan,
    OnnxServingPlan,
    Plan,
    RemotePoolPlan,
    ReplicaPlacement,
)

PORT = 8080
"""Where each part listens."""

_SLOWEST = Duration(600)
"""Until the first byte of the answer of a model: what many tokens at once may take."""


@frozen
class Part:
    """A deployment that is served alone. plan: what is run for each of its replicas."""

    name: str
    deployment: OnnxServingPlan | RemotePoolPlan
    plan: Plan

    @property
    def replicas(self) -> int:
        """How many times it runs."""
        return len(self.deployment.replicas)

    @property
    def gpus(self) -> int:
        """Of each replica."""
        return len(self.deployment.replicas[0].gpu_indices)


def is_local(plan: DeploymentPlan) -> bool:
    """Whether the model is served by the executor's machine, and not by somebody else."""
    if isinstance(plan, RemotePoolPlan):
        return plan.launch is not None or (plan.provider is ProviderKind.PYTHON and "{port}" in plan.endpoint)
    return isinstance(plan, OnnxServingPlan)


def split(plan: Plan, address: Callable[[str], str]) -> tuple[Plan, tuple[Part, ...]]:
    """The plan of the gateway, and the parts that it asks over HTTP; policies stay with the gateway.

    address: the base URL, without a path, at which the deployment of a name is served.
    """
    parts = tuple(_part(plan, each) for each in plan.deployments if is_local(each))
    names = {part.name for part in parts}
    deployments = tuple(
        _served_at(each, address(each.deployment)) if each.deployment in names else each
        for each in plan.deployments
    )
    return evolve(plan, deployments=deployments), parts


def _part(whole: Plan, plan: DeploymentPlan) -> Part:
    assert isinstance(plan, OnnxServingPlan | RemotePoolPlan)
    first = plan.replicas[0]
    alone = evolve(
        plan,
        replicas=(ReplicaPlacement(0, None, tuple(range(len(first.gpu_indices)))),),
        serving=evolve(plan.serving, on_capacity_exhausted=CapacityPolicy(CapacityKind.QUEUE)),
        request=None,
        allows=None,
        cache=None,
        scaling=None,
    )
    if isinstance(alone, RemotePoolPlan):
        alone = evolve(
            alone,
            api_key=alone.api_key[:1],
            rate_limits=RateLimits(),
            retry=RetryPolicy(max_retries=0),
            budget=None,
            price=None,
        )
    served = Plan(
        schema=whole.schema,
        compiler=whole.compiler,
        gateway=GatewayPlan(host="0.0.0.0", port=PORT, open=True),
        deployments=(alone,),
    )
    return Part(plan.deployment, plan, served)


def _served_at(plan: DeploymentPlan, address: str) -> RemotePoolPlan:
    """The deployment as the gateway sees it: a pool of connections to where it is served."""
    endpoint = f"{address}/v1"
    if isinstance(plan, RemotePoolPlan):
        kept = plan
    else:
        assert isinstance(plan, OnnxServingPlan)
        kept = RemotePoolPlan(
            deployment=plan.deployment,
            source=plan.source,
            replicas=plan.replicas,
            serving=plan.serving,
            idempotent=plan.idempotent,
            request=plan.request,
            allows=plan.allows,
            cache=plan.cache,
            provider=ProviderKind.OPENAI_COMPATIBLE,
            model=plan.deployment,
            endpoint=endpoint,
            wire=WireFormat.OPENAI,
            auth=AuthScheme.BEARER,
            api_key=(),
            credentials=None,
            headers={},
            query={},
            task=plan.task_kind,
            rate_limits=RateLimits(),
            retry=RetryPolicy(),
            timeouts=Timeouts(request=_SLOWEST, read=Duration(60)),
            circuit_breaker=CircuitBreakerConfig(),
            budget=None,
            price=None,
            safety={},
            target=None,
            launch=None,
            settings={},
        )
    most = plan.serving.max_concurrent * (len(plan.replicas) if isinstance(plan, RemotePoolPlan) else 1)
    return evolve(
        kept,
        provider=ProviderKind.OPENAI_COMPATIBLE if kept.provider is ProviderKind.PYTHON else kept.provider,
        replicas=(ReplicaPlacement(0, None, ()),),
        serving=evolve(plan.serving, max_concurrent=most),
        model=plan.deployment,
        endpoint=endpoint,
        auth=AuthScheme.BEARER,
        api_key=(),
        headers={},
        query={},
        launch=None,
        target=None,
        scaling=None,
    )

"""What a configuration of Ray Serve imports: `import_path: inferc.runtime.ray.application:model`.

`inferc emit rayservice` writes such configurations. Both build from a plan file that lies on every node.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from ...compiler.plan import load_plan
from .cluster import ReplicaOptions, model_application
from .following import registry_of
from .gateways import GatewayOptions, gateway_application
from .library import load_ray
from .placing import gateway_part, wanted


def model(arguments: Mapping[str, Any]) -> Any:
    """One deployment of the plan, each replica on a node with the resource that the arguments name."""
    ray, options = load_ray(), _options(arguments)
    gateway, parts = gateway_part(load_plan(options.base / arguments["plan"]))
    named = [each for each in wanted(options.application, gateway, parts) if _is(each, arguments)]
    replicas = sum(each.replicas for each in named)
    return model_application(
        ray,
        evolve(named[0], nodes=(), replicas=replicas),
        ReplicaOptions(options.base, registry_of(options.application), options.grace, options.load_timeout),
        host=None,
        resources={arguments["resource"]: 1},
    )


def gateways(arguments: Mapping[str, Any]) -> Any:
    """The gateways of the plan, each on a node with the resource that the arguments name."""
    return gateway_application(
        load_ray(),
        _options(arguments),
        int(arguments["count"]),
        {"resources": {arguments["resource"]: 1}},
        plan_file=arguments["plan"],
    )


def _is(found: Any, arguments: Mapping[str, Any]) -> bool:
    return bool(found.deployment == arguments["deployment"])


def _options(arguments: Mapping[str, Any]) -> GatewayOptions:
    return GatewayOptions(
        arguments["application"],
        Path(arguments["base"]),
        float(arguments["grace"]),
        float(arguments["load_timeout"]),
        share_port=False,
    )

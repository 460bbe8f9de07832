"""Further gateways: actors on other nodes of the cluster, which serve what this process does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...compiler.plan import Plan, is_loopback
from ...compiler.plan.record import frozen
from ..requests.errors import StartError
from .cluster import Cluster, lasting
from .library import Ray


@frozen
class GatewayOptions:
    """How each one is run: `base` is the folder of the plan, the rest as `inferc run` has it."""

    application: str
    base: Path
    grace: float
    load_timeout: float
    share_port: bool


class Gateways:
    """All but the one of this process. count: how many there are with it; None: one on each node."""

    def __init__(self, cluster: Cluster, count: int | None, options: GatewayOptions) -> None:
        self._cluster = cluster
        self._count = count
        self._options = options
        self.name = f"{options.application}..gateways"
        """Of the application of Serve; no model has two dots in a row."""
        self.others = 0
        """How many are on Ray."""

    def lacks(self, nodes: int) -> list[str]:
        """What is wrong with their number in a cluster of so many nodes, in a sentence; else nothing."""
        count = nodes if self._count is None else self._count
        self.others = count - 1
        if count <= nodes:
            return []
        return [
            f"--gateways {count}: the Ray cluster has {nodes} nodes, and each has one gateway at most: add "
            "nodes, or write `--gateways per-node`"
        ]

    def deploy(self, deadline: float) -> None:
        """Start them, or those that are missing. Blocks. Raises StartError."""
        if self.others:
            ray = self._cluster.ray
            mine = ray.core.get_runtime_context().get_node_id()
            elsewhere = {"label_selector": {"ray.io/node-id": f"!in({mine})"}}
            made = gateway_application(ray, self._options, self.others, elsewhere)
            target = ray.serve.RunTarget(made, name=self.name, route_prefix=None)
            self._cluster.run({self.name: "the gateways"}, [target], deadline)


def gateway_application(
    ray: Ray,
    options: GatewayOptions,
    count: int,
    actor_options: Mapping[str, object],
    plan_file: str | None = None,
) -> Any:
    """What Serve is given for gateways. plan_file: below `base`; None: the registry says what they serve."""
    from .served_gateway import ServedGateway

    deployment = ray.serve.deployment(ServedGateway).options(
        name="gateway",
        _internal=True,
        num_replicas=count,
        max_replicas_per_node=1,
        max_surge_percent=0,
        ray_actor_options={"num_cpus": 0, **actor_options},
        **lasting(options.grace),
    )
    return deployment.bind(
        options.application,
        str(options.base.absolute()),
        options.grace,
        options.load_timeout,
        options.share_port,
        plan_file,
    )


def check_gateways(plan: Plan, address: str | None, *, counts_apart: bool) -> None:
    """Whether several gateways can serve `plan`. Raises StartError.

    counts_apart: whether each would count what all of them must count together.
    """
    if address is None:
        raise StartError("--gateways: gateways run on the nodes of a cluster: name it with `--address`")
    problems = []
    if counts_apart:
        problems.append(
            "--gateways: the file has budgets or limits that all gateways must keep together: give them "
            "a Redis server, `--state redis://…`"
        )
    if plan.gateway.port == 0:
        problems.append("--gateways: all of them listen at the same port: name one with `--port`")
    if is_loopback(plan.gateway.host):
        problems.append(
            f"--gateways: the gateway listens at {plan.gateway.host}, which no other machine reaches: "
            'write `gateway { bind = "0.0.0.0:8080" }` or `--host 0.0.0.0`'
        )
    if problems:
        raise StartError(*problems)

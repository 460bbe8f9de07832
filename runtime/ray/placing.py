"""What Ray is asked for: one deployment for each model, and for each machine that the file names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from attrs import evolve

from ...compiler.plan import Plan, RemotePoolPlan, ReplicaPlacement, ScalingPlan
from ...compiler.plan.codec import dump_plan
from ...compiler.plan.record import frozen
from ...compiler.plan.split import Part, split
from ..requests.errors import StartError
from .registry import BEAT

LABEL = "inferc.dev/node"
"""The label of Ray's nodes that says which machine of the file one is."""

DIGEST = "ray"
"""The setting of a pool of the gateway that names its part."""

_ADDRESS = "http://{port}"
"""Stands in the gateway's plan for what is known only when replicas run."""


@frozen
class Wanted:
    """Replicas that are alike for Ray: an application of Serve.

    nodes: those of the file that they may run on; empty: any. replicas: how many; with `scaling`, how few.
    """

    name: str
    deployment: str
    nodes: tuple[str, ...]
    replicas: int
    gpus: int
    plan_text: str
    digest: str
    scaling: ScalingPlan | None = None

    def actor_options(self) -> dict[str, object]:
        """What each replica takes. One whose machine is gone may run on another one."""
        options: dict[str, object] = {"num_cpus": 1, "num_gpus": self.gpus}
        if self.nodes:
            among = self.nodes[0] if len(self.nodes) == 1 else f"in({','.join(self.nodes)})"
            options["label_selector"] = {LABEL: among}
            options["fallback_strategy"] = [{"label_selector": {}}]
        return options

    def count(self) -> dict[str, object]:
        """How many there are, as Serve takes it."""
        if self.scaling is None:
            return {"num_replicas": self.replicas}
        return {
            "autoscaling_config": {
                "min_replicas": self.scaling.min_replicas,
                "max_replicas": self.scaling.max_replicas,
                "target_ongoing_requests": self.scaling.target,
                "upscale_delay_s": float(self.scaling.upscale_delay),
                "downscale_delay_s": float(self.scaling.downscale_delay),
                "metrics_interval_s": BEAT,
                "look_back_period_s": 3 * BEAT,
                "policy": {"policy_function": "inferc.runtime.ray.autoscaling:replicas_for_load"},
            }
        }


@frozen
class Machine:
    """A node of the cluster, with all that it has."""

    labels: Mapping[str, str]
    cpus: float
    gpus: float


def gateway_part(plan: Plan) -> tuple[Plan, dict[str, Part]]:
    """What the gateway runs, and the parts by what its pools call them."""
    gateway, parts = split(plan, lambda deployment: _ADDRESS)
    named = {_digest(part): part for part in parts}
    by_name = {part.name: digest for digest, part in named.items()}
    pools = tuple(
        _pool(each, named[by_name[each.deployment]], by_name[each.deployment])
        if each.deployment in by_name and isinstance(each, RemotePoolPlan)
        else each
        for each in gateway.deployments
    )
    return evolve(gateway, deployments=pools), named


def _digest(part: Part) -> str:
    return sha256(f"{part.name}\n{dump_plan(part.plan)}".encode()).hexdigest()[:16]


def _pool(pool: RemotePoolPlan, part: Part, digest: str) -> RemotePoolPlan:
    """A pool with a replica for each one that Ray runs, or may run. Its circuits are theirs, one each."""
    scaling = part.deployment.scaling
    places = [ReplicaPlacement(each.replica_index, each.node, ()) for each in part.deployment.replicas]
    if scaling is not None:
        more = range(len(places), scaling.max_replicas)
        places += [ReplicaPlacement(index, None, ()) for index in more]
    return evolve(
        pool,
        replicas=tuple(places),
        serving=evolve(pool.serving, max_concurrent=part.deployment.serving.max_concurrent),
        settings={DIGEST: digest},
        scaling=scaling,
    )


def wanted(application: str, gateway: Plan, parts: Mapping[str, Part]) -> tuple[Wanted, ...]:
    """What is to run for the pools of `gateway`, with as many replicas as those have. Raises StartError."""
    found = []
    for pool in gateway.deployments:
        digest = pool.settings.get(DIGEST) if isinstance(pool, RemotePoolPlan) else None
        part = parts.get(str(digest))
        if part is None:
            continue
        base = ".".join([slug(application), slug(part.name)])
        plan_text = dump_plan(part.plan)
        nodes = [each.node for each in pool.replicas]
        named = tuple(dict.fromkeys(node for node in nodes if node is not None))
        if pool.scaling is not None:
            least, most = pool.scaling.min_replicas, pool.scaling.max_replicas
            if len(nodes) != most:
                raise StartError(
                    f"`{part.name}` has as many replicas as its load needs, from {least} to {most}: for a "
                    "fixed number, write that into the file"
                )
            found.append(
                Wanted(base, part.name, named, least, part.gpus, plan_text, str(digest), pool.scaling)
            )
            continue
        for node in dict.fromkeys(nodes):
            name = base if node is None else f"{base}.{slug(node)}"
            on = () if node is None else (node,)
            count = nodes.count(node)
            found.append(Wanted(name, part.name, on, count, part.gpus, plan_text, str(digest)))
    return tuple(found)


def slug(name: str) -> str:
    """A name that Ray takes, for any name; different ones stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"


def lacks(asked: Sequence[Wanted], machines: Iterable[Machine]) -> list[str]:
    """What the cluster has too little of, one sentence each; nothing where everything fits."""
    machines = list(machines)
    problems = []
    names = dict.fromkeys(node for each in asked for node in each.nodes)
    for node in names:
        here = [each for each in machines if each.labels.get(LABEL) == node]
        need = sum(each.gpus * each.replicas for each in asked if each.nodes == (node,))
        if not here:
            problems.append(
                f"no node of the Ray cluster is `{node}` of the file: start Ray on that machine with "
                f"`ray start --labels={LABEL}={node}`"
            )
        elif (there := sum(each.gpus for each in here)) < need:
            problems.append(
                f"node `{node}` of the Ray cluster has {there:g} GPUs, and the file places models on {need} "
                f"there: correct `gpus` of the node in the file, or have fewer replicas"
            )
    cpus, replicas = sum(each.cpus for each in machines), sum(each.replicas for each in asked)
    if cpus < replicas:
        problems.append(
            f"the Ray cluster has {cpus:g} CPUs, and the file has {replicas} replicas, which take one each: "
            "add a machine, or have fewer replicas"
        )
    if problems:
        return problems
    free = sorted((each.gpus for each in machines), reverse=True)
    for each in sorted(asked, key=lambda each: -each.gpus):
        for index in range(each.replicas if each.gpus and len(each.nodes) != 1 else 0):
            room = max(range(len(free)), key=free.__getitem__, default=None)
            if room is None or free[room] < each.gpus:
                return [
                    f"the Ray cluster has no room for replica {index} of `{each.deployment}`, which takes "
                    f"{each.gpus} GPUs of one machine: add one, or have fewer replicas"
                ]
            free[room] -= each.gpus
    return []

"""What Ray is asked for: one deployment for each model, and for each machine that the file names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from attrs import evolve, frozen

from ...compiler.plan import Plan, RemotePoolPlan, ReplicaPlacement
from ...compiler.plan.codec import dump_plan
from ...compiler.plan.split import Part, split

LABEL = "inferc.dev/node"
"""The label of Ray's nodes that says which machine of the file one is."""

DIGEST = "ray"
"""The setting of a pool of the gateway that names its part."""

_ADDRESS = "http://{port}"
"""Stands in the gateway's plan for what is known only when replicas run."""


@frozen
class Wanted:
    """Replicas that are alike for Ray: an application of Serve. node: of the file, where it names one."""

    name: str
    deployment: str
    node: str | None
    replicas: int
    gpus: int
    plan_text: str
    digest: str

    def actor_options(self) -> dict[str, object]:
        """What each replica takes. One whose machine is gone may run on another one."""
        options: dict[str, object] = {"num_cpus": 1, "num_gpus": self.gpus}
        if self.node is not None:
            options["label_selector"] = {LABEL: self.node}
            options["fallback_strategy"] = [{"label_selector": {}}]
        return options


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
    """A pool with a replica for each one that Ray runs. Its circuits are theirs, one each."""
    places = (ReplicaPlacement(each.replica_index, each.node, ()) for each in part.deployment.replicas)
    return evolve(
        pool,
        replicas=tuple(places),
        serving=evolve(pool.serving, max_concurrent=part.deployment.serving.max_concurrent),
        settings={DIGEST: digest},
    )


def wanted(application: str, gateway: Plan, parts: Mapping[str, Part]) -> tuple[Wanted, ...]:
    """What is to run for the pools of `gateway`, with as many replicas as those have."""
    found = []
    for pool in gateway.deployments:
        digest = pool.settings.get(DIGEST) if isinstance(pool, RemotePoolPlan) else None
        part = parts.get(str(digest))
        if part is None:
            continue
        nodes = [each.node for each in pool.replicas]
        for node in dict.fromkeys(nodes):
            name = ".".join([slug(application), slug(part.name), *([] if node is None else [slug(node)])])
            plan_text = dump_plan(part.plan)
            found.append(Wanted(name, part.name, node, nodes.count(node), part.gpus, plan_text, str(digest)))
    return tuple(found)


def slug(name: str) -> str:
    """A name that Ray takes, for any name; different ones stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"


def lacks(asked: Sequence[Wanted], machines: Iterable[Machine]) -> list[str]:
    """What the cluster has too little of, one sentence each; nothing where everything fits."""
    machines = list(machines)
    problems = []
    names = dict.fromkeys(each.node for each in asked if each.node is not None)
    for node in names:
        here = [each for each in machines if each.labels.get(LABEL) == node]
        need = sum(each.gpus * each.replicas for each in asked if each.node == node)
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
        for index in range(each.replicas if each.gpus and each.node is None else 0):
            room = max(range(len(free)), key=free.__getitem__, default=None)
            if room is None or free[room] < each.gpus:
                return [
                    f"the Ray cluster has no room for replica {index} of `{each.deployment}`, which takes "
                    f"{each.gpus} GPUs of one machine: add one, or have fewer replicas"
                ]
            free[room] -= each.gpus
    return []

"""Which GPUs each replica gets. A replica is never split over nodes."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field

from ..dsl.deployment import Deployment, Replica
from ..dsl.record import define, frozen


@frozen(slots=False)
class Node:
    """A machine of the cluster."""

    name: str
    gpus: int


@define(eq=False, repr=False)
class _Free:
    node: Node
    gpus: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.gpus = list(range(self.node.gpus))


class NoRoom(Exception):
    """A replica fits on no node; `deployment` is the one that did not fit."""

    def __init__(self, deployment: Deployment, replica_index: int) -> None:
        super().__init__(deployment.name)
        self.deployment = deployment
        self.replica_index = replica_index


def gpus_needed(deployment: Deployment) -> int:
    """GPUs that all replicas of a deployment take together; 0 where it runs elsewhere."""
    return deployment.gpus * deployment.least_replicas if deployment.gpus and deployment.uses_gpus else 0


def place(deployments: Sequence[Deployment], nodes: Sequence[Node]) -> dict[str, tuple[Replica, ...]]:
    """The replicas of each deployment, by its name.

    Without nodes, everything runs on one machine and GPUs are numbered from 0, each used once. With
    nodes, large replicas are placed first, each on the node where it leaves least free. Raises NoRoom.
    """
    if not nodes:
        return _on_one_machine(deployments)
    free = [_Free(node) for node in nodes]
    placed: dict[str, list[Replica]] = {deployment.name: [] for deployment in deployments}
    order = sorted(deployments, key=lambda d: -(d.gpus or 0) if gpus_needed(d) else 1)
    for deployment in order:
        wanted = (deployment.gpus or 0) if gpus_needed(deployment) else 0
        for index in range(deployment.least_replicas):
            placed[deployment.name].append(_fit(deployment, index, wanted, free))
    return {name: tuple(replicas) for name, replicas in placed.items()}


def _fit(deployment: Deployment, index: int, wanted: int, free: list[_Free]) -> Replica:
    if wanted == 0:
        return Replica(deployment.name, index)
    fitting = [room for room in free if len(room.gpus) >= wanted]
    if not fitting:
        raise NoRoom(deployment, index)
    best = min(fitting, key=lambda room: len(room.gpus))
    taken, best.gpus = best.gpus[:wanted], best.gpus[wanted:]
    return Replica(deployment.name, index, best.node.name, tuple(taken))


def _on_one_machine(deployments: Sequence[Deployment]) -> dict[str, tuple[Replica, ...]]:
    placed: dict[str, tuple[Replica, ...]] = {}
    next_gpu = 0
    for deployment in deployments:
        replicas = []
        wanted = (deployment.gpus or 0) if gpus_needed(deployment) else 0
        for index in range(deployment.least_replicas):
            replicas.append(Replica(deployment.name, index, None, tuple(range(next_gpu, next_gpu + wanted))))
            next_gpu += wanted
        placed[deployment.name] = tuple(replicas)
    return placed

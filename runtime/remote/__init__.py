"""Deployments behind HTTP: one pool of connections per replica."""

from __future__ import annotations

from pathlib import Path

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement
from ..replica import Replica
from .pool import RemoteReplica
from .wires import make_wire


def make_replica(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> Replica:
    """A replica that speaks the wire format of `plan`.

    base_dir: where secret files are looked up.
    """
    return RemoteReplica(plan, placement, base_dir, make_wire(plan))

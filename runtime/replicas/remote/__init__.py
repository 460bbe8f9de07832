"""Deployments behind HTTP: one pool of connections per replica."""

from __future__ import annotations

from pathlib import Path

from ....compiler.plan import ProviderKind, RemotePoolPlan, ReplicaPlacement
from ...dialects.registry import make_wire
from ..launch import LaunchedServer, launch_of
from ..plugins import load_plugin
from ..replica import HeadersObserver, Replica
from .api_key_auth import make_authorizer
from .replica import RemoteReplica


def make_replica(
    plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path, observe: HeadersObserver
) -> Replica:
    """A replica that speaks the wire format of `plan`, or the one that its plugin makes.

    base_dir: where secret files are looked up, and launched servers run. Raises StartError.
    """
    if plan.provider is ProviderKind.CUSTOM:
        return load_plugin(plan, placement, base_dir)
    launch = launch_of(plan, base_dir)
    server = LaunchedServer(plan, launch, placement, base_dir) if launch else None
    return RemoteReplica(plan, make_wire(plan), make_authorizer(plan, placement, base_dir), observe, server)

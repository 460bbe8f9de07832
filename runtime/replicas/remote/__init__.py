"""Deployments behind HTTP: one pool of connections per replica."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ....compiler.plan import ProviderKind, RemotePoolPlan, ReplicaPlacement
from ...requests.errors import StartError
from ..elsewhere import Servers
from ..replica import HeadersObserver, Replica
from ..stand_ins import ReplicaStandIns
from .auth.api_key import make_authorizer
from .replica import RemoteReplica
from .transport.reachability import names_user


def make_replica(
    plan: RemotePoolPlan,
    placement: ReplicaPlacement,
    base_dir: Path,
    observe: HeadersObserver,
    on_ready: Callable[[], None],
    keys: frozenset[str] = frozenset(),
    stand_ins: ReplicaStandIns | None = None,
    servers: Servers | None = None,
) -> Replica:
    """A replica that speaks the wire format of `plan`, or the one that its plugin makes.

    base_dir: where secret files are looked up, and launched servers run. on_ready: called whenever a launched
    server is ready. keys: variables of our environment that hold keys, which no launched server gets but its
    own. stand_ins: for what is outside, where the plan is simulated.
    servers: what runs servers in our place. Raises StartError.
    """
    if stand_ins is not None:
        return stand_ins.remote(plan, placement, observe)
    if names_user(plan.endpoint):
        raise StartError(
            f"deployment `{plan.deployment}`: its `endpoint` holds a user name or a password, which logs "
            "would show: take it out, and give the key with `api_key`"
        )
    if plan.provider is ProviderKind.CUSTOM:
        from ..plugins import load_plugin

        return load_plugin(plan, placement, base_dir)
    authorizer = make_authorizer(plan, placement, base_dir)
    found = servers.server(plan, placement, on_ready) if servers is not None else None
    if found is not None:
        return RemoteReplica(plan, authorizer, observe, found, base_dir=base_dir)
    server = None
    if plan.launch is not None or plan.is_launched:
        from ..launch import LaunchedServer, launch_of

        launch = launch_of(plan, base_dir, keys)
        server = LaunchedServer(plan, launch, placement, base_dir, on_ready, keys=keys) if launch else None
    return RemoteReplica(plan, authorizer, observe, server, base_dir=base_dir)

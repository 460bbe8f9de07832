"""What stands for the world outside where a plan is simulated: everything else runs as it always does."""

from __future__ import annotations

from typing import Protocol

from ...compiler.plan import OnnxServingPlan, RemotePoolPlan, ReplicaPlacement
from .replica import HeadersObserver, Replica


class ReplicaStandIns(Protocol):
    """Providers without sockets, keys without secrets, models without files."""

    def remote(self, plan: RemotePoolPlan, placement: ReplicaPlacement, observe: HeadersObserver) -> Replica:
        """One of a provider, or of a plug-in."""
        ...

    def local(self, plan: OnnxServingPlan, placement: ReplicaPlacement) -> Replica:
        """One of a model on this machine."""
        ...

"""What stands for the world outside where a plan is simulated: everything else runs as it always does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ...compiler.plan import OnnxServingPlan, RemotePoolPlan, ReplicaPlacement
from .replica import Replica

if TYPE_CHECKING:
    from .remote.authorizer import Authorizer
    from .remote.http_client import HttpClient


class ReplicaStandIns(Protocol):
    """Providers without sockets, keys without secrets, models without files."""

    def client(self, plan: RemotePoolPlan) -> HttpClient:
        """What sends the requests of one replica."""
        ...

    def authorizer(self, plan: RemotePoolPlan, placement: ReplicaPlacement) -> Authorizer:
        """What shows the credential of one replica."""
        ...

    def replica(self, plan: OnnxServingPlan | RemotePoolPlan, placement: ReplicaPlacement) -> Replica | None:
        """One that no HTTP client serves: a model on this machine, a plug-in; None: it runs for real."""
        ...

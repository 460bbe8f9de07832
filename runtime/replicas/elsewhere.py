"""Replicas whose address changes while they serve: what a pool is told instead of its endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement


class Server(Protocol):
    """Where one replica of a pool sends its requests: a launched server, a replica of an engine."""

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        ...

    @property
    def endpoint(self) -> str:
        """Its base URL as it is now. Raises ServerDown while there is none."""
        ...

    async def start(self) -> None:
        """Wait until it is ready. Raises StartError."""

    async def stop(self) -> None:
        """Give back what it took. Safe to call twice."""


class Servers(Protocol):
    """What finds them, where an engine runs them."""

    def server(
        self, plan: RemotePoolPlan, placement: ReplicaPlacement, on_ready: Callable[[], None]
    ) -> Server | None:
        """Of one replica; None where it asks the endpoint of the plan.

        on_ready: called whenever another one answers.
        """
        ...

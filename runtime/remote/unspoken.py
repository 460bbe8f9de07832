"""Providers whose wire format is not spoken yet: the deployment starts, and each request says so."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement
from ..errors import Unsupported
from ..replica import Chunk, Request

log = logging.getLogger(__name__)


class UnspokenReplica:
    """Refuses every request with `Unsupported`."""

    def __init__(self, plan: RemotePoolPlan, placement: ReplicaPlacement) -> None:
        self._plan = plan
        self._first = placement.replica_index == 0

    async def start(self) -> None:
        if self._first:
            log.warning("%s; its requests are answered with 501", self._reason())

    async def stop(self) -> None:
        """Nothing is held."""

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        raise Unsupported(self._reason(), deployment=self._plan.deployment, provider=self._plan.provider)

    def _reason(self) -> str:
        return (
            f"deployment `{self._plan.deployment}`: the {self._plan.wire} wire format of "
            f"{self._plan.provider} is not supported yet"
        )

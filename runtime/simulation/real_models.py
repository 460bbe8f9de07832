"""Models on this machine that run for real in a simulation: what they take passes on its clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from ...compiler.plan import OnnxServingPlan, ReplicaPlacement
from ...compiler.plan.installing import pip_install
from ..replicas.replica import Replica, ReplicaStatus
from ..requests.answer import Chunk
from ..requests.errors import StartError
from ..requests.request import Request
from .provider import Provider

T = TypeVar("T")


class RealModel:
    """One replica, on an event loop of its own, which has real time. Each request runs alone."""

    def __init__(
        self, plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, provider: Provider
    ) -> None:
        self._plan = plan
        self._placement = placement
        self._base_dir = base_dir
        self._provider = provider
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="real model", daemon=True)
        self._replica: Replica | None = None

    async def start(self) -> None:
        self._thread.start()
        self._replica = self._really(self._started())

    async def stop(self) -> None:
        if self._replica is not None:
            self._really(self._replica.stop())
            self._replica = None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=self._replica is not None)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        assert self._replica is not None
        self._provider.calls += 1
        began = perf_counter()
        chunks = self._really(_all(self._replica, request))
        await asyncio.sleep(perf_counter() - began)
        for chunk in chunks:
            yield chunk

    async def _started(self) -> Replica:
        try:
            from ..replicas.onnx import OnnxReplica
        except ImportError as error:
            raise StartError(
                f"deployment `{self._plan.deployment}`: it needs {error.name}, which is not installed: "
                f"{pip_install('gpu,embed')}, or {pip_install('cpu,embed')} without a GPU"
            ) from None
        replica = OnnxReplica(self._plan, self._placement, self._base_dir)
        await replica.start()
        return replica

    def _really(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of `work`, while no time passes here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _all(replica: Replica, request: Request) -> list[Chunk]:
    return [chunk async for chunk in replica.stream(request, None)]

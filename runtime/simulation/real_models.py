"""Models on this machine that run for real in a simulation: what they take passes on its clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Hashable
from pathlib import Path
from time import perf_counter
from typing import Any, Self, TypeVar

from attrs import evolve

from ...compiler.plan import OnnxServingPlan, ReplicaPlacement, SourceRef
from ...compiler.plan.installing import pip_install
from ..replicas.replica import Replica, ReplicaStatus
from ..requests.answer import Chunk
from ..requests.errors import StartError
from ..requests.request import Request
from .provider import Provider

T = TypeVar("T")

_ANYWHERE = SourceRef("", 0, 0)


class RealModels:
    """Models that are loaded, kept from one simulation to the next, which may want the same ones.

    When a simulation has to load another one, those that it does not want itself go first, so that no more
    are in memory than it needs.
    """

    def __init__(self) -> None:
        self._idle: dict[Hashable, _Loaded] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unload those that no simulation has."""
        while self._idle:
            self._idle.popitem()[1].close()

    def take(self, key: Hashable) -> _Loaded | None:
        return self._idle.pop(key, None)

    def give_back(self, key: Hashable, model: _Loaded) -> None:
        self._idle[key] = model


class RealModel:
    """One replica, on an event loop of its own, which has real time. Each request runs alone.

    models: where it is taken from, if it is there. All replicas of a simulation are made before one starts.
    """

    def __init__(
        self,
        plan: OnnxServingPlan,
        placement: ReplicaPlacement,
        base_dir: Path,
        provider: Provider,
        models: RealModels,
    ) -> None:
        self._plan = plan
        self._placement = placement
        self._base_dir = base_dir
        self._provider = provider
        self._models = models
        # What is in the files is in the plan, too, so that equal plans of two folders are one model.
        self._key = repr((evolve(plan, source=_ANYWHERE), placement))
        self._loaded = models.take(self._key)

    async def start(self) -> None:
        if self._loaded is None:
            self._models.close()
            self._loaded = _Loaded(self._plan, self._placement, self._base_dir)

    async def stop(self) -> None:
        if self._loaded is not None:
            self._models.give_back(self._key, self._loaded)
            self._loaded = None

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=self._loaded is not None)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        assert self._loaded is not None
        self._provider.calls += 1
        began = perf_counter()
        chunks = self._loaded.answer(request)
        await asyncio.sleep(perf_counter() - began)
        for chunk in chunks:
            yield chunk


class _Loaded:
    """A replica that runs, on its event loop. Raises StartError."""

    def __init__(self, plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="real model", daemon=True)
        self._thread.start()
        try:
            self._replica = self._really(_started(plan, placement, base_dir))
        except BaseException:
            self._end()
            raise

    def answer(self, request: Request) -> list[Chunk]:
        """Raises RequestError."""
        return self._really(_all(self._replica, request))

    def close(self) -> None:
        self._really(self._replica.stop())
        self._end()

    def _really(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of `work`, while no time passes where it is waited for."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _started(plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path) -> Replica:
    try:
        from ..replicas.onnx import OnnxReplica
    except ImportError as error:
        raise StartError(
            f"deployment `{plan.deployment}`: it needs {error.name}, which is not installed: "
            f"{pip_install('gpu,embed')}, or {pip_install('cpu,embed')} without a GPU"
        ) from None
    replica = OnnxReplica(plan, placement, base_dir)
    try:
        await replica.start()
    except BaseException:
        await replica.stop()  # what it has loaded would stay
        raise
    return replica


async def _all(replica: Replica, request: Request) -> list[Chunk]:
    return [chunk async for chunk in replica.stream(request, None)]

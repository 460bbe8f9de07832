"""A replica that runs an ONNX model in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import Any

from ....compiler.plan import OnnxServingPlan, ReplicaPlacement
from ...requests.answer import Chunk
from ...requests.request import Request
from ..replica import LOAD_TIMEOUT, ReplicaStatus, RunSizes
from .loading.loaded_model import LoadedModel
from .sessions.shared import SharedSessions

_sessions = SharedSessions()


class OnnxReplica:
    """An ONNX model, loaded when it starts and run on threads of its own, off the event loop.

    Replicas of one deployment on the same devices share one session, and so the weights.
    base_dir: what the paths in the plan are relative to. trusted: load models at once; else see
    `isolated_load`. time_limit: seconds that a load, and the runs after it, may take.
    """

    def __init__(
        self,
        plan: OnnxServingPlan,
        placement: ReplicaPlacement,
        base_dir: Path,
        sessions: SharedSessions = _sessions,
        *,
        trusted: bool = True,
        time_limit: float = LOAD_TIMEOUT,
    ) -> None:
        self._placement = placement
        self._base_dir = base_dir
        self._sessions = sessions
        self._trusted = trusted
        self._time_limit = time_limit
        self._run_sizes = RunSizes()
        self._serving = self._version(plan)
        self._retiring: set[LoadedModel] = set()
        self._stopping = False

    async def start(self) -> None:
        """Load the model and what its task needs, and run it once. Raises StartError."""
        await self._serving.open()

    async def stop(self) -> None:
        """Wait for what runs, refuse what is queued, give back the session and the threads."""
        self._stopping = True
        await asyncio.gather(*(version.close() for version in (self._serving, *self._retiring)))

    async def reload(self, plan: OnnxServingPlan) -> None:
        """Serve `plan` from now on. Raises StartError, and goes on with what it served before.

        Requests are answered all the time: the new model is loaded and run once while the old one works,
        new requests then go to the new one, and the old one goes with its last request.
        """
        fresh = self._version(plan)
        try:
            await fresh.open()
        except BaseException:
            await fresh.close()
            raise
        if self._stopping:
            await fresh.close()
            return
        old, self._serving = self._serving, fresh
        self._retiring.add(old)
        try:
            await old.idle()
        finally:
            await old.close()
            self._retiring.discard(old)

    async def unload(self) -> None:
        """Serve nothing until the next `reload`; the model goes with its last request."""
        old, self._serving = self._serving, self._version(self._serving.plan)
        self._retiring.add(old)
        try:
            await old.idle()
        finally:
            await old.close()
            self._retiring.discard(old)

    def status(self) -> ReplicaStatus:
        """Whether it is loaded, and what it really runs on."""
        return self._serving.status()

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` that change nothing here. Raises BadRequest."""
        return self._serving.left_out(request)

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer to `request`, in pieces. Raises RequestError."""
        return self._serving.stream(request, deadline)

    def answer(self, request: Request, deadline: float | None) -> Coroutine[Any, Any, Chunk]:
        """The whole answer to `request`. Raises RequestError."""
        return self._serving.answer(request, deadline)

    def _version(self, plan: OnnxServingPlan) -> LoadedModel:
        return LoadedModel(
            plan,
            self._placement,
            self._base_dir,
            self._sessions,
            self._run_sizes,
            trusted=self._trusted,
            time_limit=self._time_limit,
        )

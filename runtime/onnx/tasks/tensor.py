"""The task `tensor`: the model's own inputs in, its own outputs out."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...replica import Chunk, Request, TensorChunk, TensorRequest
from ..model import Model
from ..tensor_runs import TensorRuns


class TensorTask:
    """Answers `TensorRequest`s, in one chunk each."""

    def __init__(self, model: Model) -> None:
        self._runs = TensorRuns(model)

    def warm_up(self) -> None:
        self._runs.warm_up()

    async def close(self) -> None:
        await self._runs.close()

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, TensorRequest)
        yield TensorChunk(await self._runs.infer(request, deadline))

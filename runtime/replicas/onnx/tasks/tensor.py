"""The task `tensor`: the model's own inputs in, its own outputs out."""

from __future__ import annotations

from collections.abc import Sequence

from ....requests.answer import Chunk, TensorChunk
from ....requests.request import Request, TensorRequest
from ..model import OnnxModel, WholeAnswers
from ..queue.runner import Stopper
from ..runs.tensor_runs import TensorRuns


class TensorTask(WholeAnswers):
    """Answers `TensorRequest`s, in one chunk each."""

    def __init__(self, model: OnnxModel) -> None:
        self._runs = TensorRuns(model)

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        return self._runs.warm_up(stopper)

    async def close(self) -> None:
        await self._runs.close()

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, TensorRequest)
        outputs = self._runs.infer_here(request, deadline)
        if outputs is None:
            outputs = await self._runs.infer(request, deadline)
        return TensorChunk(outputs)

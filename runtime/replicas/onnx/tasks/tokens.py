"""What tasks that read text have in common: they answer tensors, too."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from ....requests.answer import Chunk, TensorChunk
from ....requests.errors import BadRequest, StartError
from ....requests.request import Request, TensorRequest
from ..model import OnnxModel, WholeAnswers
from ..runs.tensor_runs import TensorRuns


class TokenTask(WholeAnswers):
    """Answers `TensorRequest`s with what the model itself gives, and leaves all others to its subclass."""

    def __init__(self, model: OnnxModel) -> None:
        self._owner = model.owner
        self._unsent = ""
        self._tensors: TensorRuns | None = None
        try:
            self._tensors = TensorRuns(model)
        except StartError as error:  # of an output that no request can carry, and that text does not need
            self._unsent = str(error)

    def _share_runs(self, said: Sequence[str]) -> Sequence[str]:
        """Let tensors share runs where texts do. said: why texts do not; gives it back."""
        if said and self._tensors:
            self._tensors.run_alone()
        return said

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        if not isinstance(request, TensorRequest):
            return await self._answer(request, deadline)
        if self._tensors is None:
            raise BadRequest(self._unsent, param="inputs")
        return TensorChunk(await self._tensors.infer(request, deadline))

    async def close(self) -> None:
        if self._tensors:
            await self._tensors.close()

    @abstractmethod
    async def _answer(self, request: Request, deadline: float | None) -> Chunk:
        """The answer to a request with texts. Raises RequestError."""

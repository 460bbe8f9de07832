"""The task `rerank`: a query and documents in, how well each document answers it out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import RerankSpec
from ....dialects.field_check import FieldCheck, Refused
from ....dialects.retrieval.options import LOCAL_FIELDS, wants_all
from ....requests.answer import Chunk, RerankChunk
from ....requests.request import Request, RerankRequest
from ....requests.usage import Usage
from ..model import OnnxModel
from ..pooling import Floats
from ..runner import Stopper
from ..scores import sigmoid
from ..signature import read_rerank_signature
from ..token_runs import TokenRuns
from .tokens import TokenTask


class RerankTask(TokenTask):
    """Answers `RerankRequest`s, in one chunk each, with a model that reads query and document together."""

    def __init__(self, model: OnnxModel, spec: RerankSpec) -> None:
        super().__init__(model)
        signature = read_rerank_signature(model.session, model.owner)
        self._fields = FieldCheck(
            LOCAL_FIELDS | {"raw_scores": Refused("scores are from 0 to 1", (False,))}, self._owner
        )
        self._runs = TokenRuns(model, signature, spec.tokenizer, spec.max_length, _scores)

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        self._runs.warm_up(("warm", "up"), stopper)
        return self._share_runs(self._runs.try_company(stopper, query="warm"))

    async def close(self) -> None:
        await super().close()
        await self._runs.close()

    async def _answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, RerankRequest)
        self._fields.check(request.options)
        uncut = wants_all(request.options)
        pairs = [(request.query, document) for document in request.documents]
        scores, tokens = await self._runs.run(pairs, "documents", deadline, uncut=uncut)
        return RerankChunk(scores[:, 0], Usage(prompt_tokens=tokens))


def _scores(logits: Floats, lengths: NDArray[numpy.int64]) -> Floats:
    return sigmoid(logits.reshape(len(logits), 1))

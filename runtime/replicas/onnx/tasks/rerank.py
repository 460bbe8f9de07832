"""The task `rerank`: a query and documents in, how well each document answers it out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import Activation, RerankSpec
from ....dialects.field_check import SENT, FieldCheck
from ....dialects.retrieval.options import LOCAL_FIELDS, wants_all
from ....requests.answer import Chunk, RerankChunk
from ....requests.errors import BadRequest
from ....requests.request import Request, RerankRequest
from ....requests.usage import Usage
from ..model import OnnxModel
from ..outputs.pooling import Floats
from ..outputs.scores import sigmoid
from ..queue.runner import Stopper
from ..runs.token_runs import TokenRuns
from ..signature import read_rerank_signature
from .tokens import TokenTask


class RerankTask(TokenTask):
    """Answers `RerankRequest`s, in one chunk each, with a model that reads query and document together."""

    def __init__(self, model: OnnxModel, spec: RerankSpec) -> None:
        super().__init__(model)
        signature = read_rerank_signature(model.session, model.owner)
        self._activation = spec.activation
        self._fields = FieldCheck(LOCAL_FIELDS | {"raw_scores": SENT}, self._owner)
        self._runs = TokenRuns(model, signature, spec.tokenizer, spec.max_length, _numbers)

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        self._runs.warm_up(("warm", "up"), stopper)
        return self._share_runs(self._runs.try_company(stopper, query="warm"))

    async def close(self) -> None:
        await super().close()
        await self._runs.close()

    def left_out(self, request: Request) -> tuple[str, ...]:
        return self._fields.check(request.options) if isinstance(request, RerankRequest) else ()

    async def _answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, RerankRequest)
        self.left_out(request)
        uncut = wants_all(request.options)
        pairs = [(request.query, document) for document in request.documents]
        numbers, tokens = await self._runs.run(pairs, "documents", deadline, uncut=uncut)
        assert not isinstance(numbers, list)
        scores, raw = self._scores(numbers)
        if _is_true(request.options.get("raw_scores")):
            scores = raw
        return RerankChunk(scores, Usage(prompt_tokens=tokens), raw=raw)

    def _scores(self, numbers: Floats) -> tuple[Floats, Floats]:
        """The scores of [documents, 1 or 2] numbers, and what has their order where scores are too close."""
        has_two = numbers.shape[1] == 2
        activation = self._activation or (Activation.SOFTMAX if has_two else Activation.SIGMOID)
        raw = numbers[:, -1]
        if activation is Activation.SOFTMAX and has_two:
            raw = numbers[:, 1] - numbers[:, 0]
        return (raw if activation is Activation.NONE else sigmoid(raw)), raw


def _is_true(value: object) -> bool:
    """Raises BadRequest for what is neither true nor false."""
    if value is not None and not isinstance(value, bool):
        raise BadRequest("`raw_scores` must be true or false", param="raw_scores")
    return value is True


def _numbers(logits: Floats, lengths: NDArray[numpy.int64]) -> Floats:
    return logits.reshape(len(logits), -1)

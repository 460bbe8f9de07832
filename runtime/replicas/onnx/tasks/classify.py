"""The task `classify`: texts or tensors in, the labels that fit best out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import ClassifySpec
from ....requests.answer import Chunk, ClassifyChunk, TensorChunk
from ....requests.errors import BadRequest, RequestError, StartError
from ....requests.request import ClassifyRequest, Request, TensorRequest
from ....requests.usage import Usage
from ..model import OnnxModel, WholeAnswers
from ..runner import Stopper
from ..scores import Floats, activate, best
from ..signature import class_scores_output, read_classify_signature
from ..tensor_runs import TensorRuns
from ..token_runs import TokenRuns


class ClassifyTask(WholeAnswers):
    """Answers `ClassifyRequest`s, and `TensorRequest`s with what the model itself gives."""

    def __init__(self, model: OnnxModel, spec: ClassifySpec) -> None:
        self._owner = model.owner
        self._spec = spec
        self._output, classes = class_scores_output(model.session, model.owner)
        if spec.labels and classes not in (None, len(spec.labels)):
            raise StartError(
                f"{model.owner}: it has {len(spec.labels)} `labels`, but its model knows {classes} classes"
            )
        self._tensors = TensorRuns(model)
        self._texts: TokenRuns | None = None
        if spec.tokenizer is not None:
            signature = read_classify_signature(model.session, self._output, model.owner)
            self._texts = TokenRuns(model, signature, spec.tokenizer, spec.max_length, _as_they_are)

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        if self._texts is None:
            return self._tensors.warm_up(stopper)
        self._texts.warm_up("warm up", stopper)
        said = self._texts.try_company(stopper)
        if said:
            self._tensors.run_alone()
        return said

    async def close(self) -> None:
        await self._tensors.close()
        if self._texts:
            await self._texts.close()

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        if isinstance(request, TensorRequest):
            return TensorChunk(await self._tensors.infer(request, deadline))
        assert isinstance(request, ClassifyRequest)
        logits, tokens = await self._logits(request, deadline)
        scores = activate(logits, self._spec.activation)
        names = self._spec.labels or tuple(map(str, range(scores.shape[1])))
        if len(names) != scores.shape[1]:
            raise RequestError(
                f"{self._owner}: it has {len(names)} `labels`, but its model gave {scores.shape[1]} scores"
            )
        top_k = request.top_k if request.top_k is not None else self._spec.top_k
        return ClassifyChunk(best(scores, names, top_k), Usage(prompt_tokens=tokens))

    async def _logits(self, request: ClassifyRequest, deadline: float | None) -> tuple[Floats, int]:
        if self._texts:
            if not request.texts:
                raise BadRequest(f"{self._owner} classifies texts: send them as `input`", param="input")
            return await self._texts.run(request.texts, "input", deadline)
        if not request.inputs:
            raise BadRequest(
                f"{self._owner} has no tokenizer, it classifies tensors: send them as `inputs`, each with "
                "`name`, `datatype`, `shape` and `data`",
                param="inputs",
            )
        [output] = await self._tensors.infer(TensorRequest(request.inputs, (self._output,)), deadline)
        logits: Floats = output.values.astype(numpy.float32, copy=False)
        if not numpy.isfinite(logits).all():
            raise RequestError(f"{self._owner}: the model gave no numbers (NaN or infinity)")
        return logits, 0


def _as_they_are(logits: Floats, lengths: NDArray[numpy.int64]) -> Floats:
    return logits

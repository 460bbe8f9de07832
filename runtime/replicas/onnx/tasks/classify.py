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
from ..outputs.ctc import decode_ctc
from ..outputs.scores import Floats, activate, best
from ..outputs.spans import spans_of
from ..queue.runner import Stopper
from ..runs.tensor_runs import TensorRuns
from ..runs.token_runs import TokenRuns
from ..signature import class_scores_output, read_classify_signature


class ClassifyTask(WholeAnswers):
    """Answers `ClassifyRequest`s, and `TensorRequest`s with what the model itself gives."""

    def __init__(self, model: OnnxModel, spec: ClassifySpec) -> None:
        self._owner = model.owner
        self._spec = spec
        self._per_token = spec.aggregation is not None or spec.decoding is not None
        self._output, classes = class_scores_output(model.session, model.owner, per_token=self._per_token)
        if spec.labels and classes not in (None, len(spec.labels)):
            raise StartError(
                f"{model.owner}: it has {len(spec.labels)} `labels`, but its model knows {classes} classes"
            )
        self._tensors = TensorRuns(model)
        self._texts: TokenRuns | None = None
        if spec.tokenizer is not None:
            signature = read_classify_signature(model.session, self._output, model.owner)
            finish = _of_tokens if self._per_token else _as_they_are
            self._texts = TokenRuns(model, signature, spec.tokenizer, spec.max_length, finish)

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
        rows, tokens = await self._logits(request, deadline)
        if isinstance(rows, list):
            return await self._spans(request, rows, tokens)
        if self._spec.decoding is not None:
            return self._decoded(request, rows)
        scores = activate(rows, self._spec.activation)
        names = self._names(scores.shape[1])
        top_k = request.top_k if request.top_k is not None else self._spec.top_k
        return ClassifyChunk(best(scores, names, top_k), Usage(prompt_tokens=tokens))

    def _decoded(self, request: ClassifyRequest, rows: Floats) -> Chunk:
        """The text of each row, and how sure its labels are."""
        if request.top_k not in (None, 1):
            raise BadRequest("each row is one text: leave `top_k` out", param="top_k")
        names = self._names(rows.shape[2])
        scores = (activate(row, self._spec.activation) for row in rows)
        return ClassifyChunk(tuple((decode_ctc(row, names),) for row in scores), Usage(prompt_tokens=0))

    async def _spans(self, request: ClassifyRequest, rows: list[Floats], tokens: int) -> Chunk:
        """The labelled parts of each text."""
        assert self._texts is not None
        assert self._spec.aggregation is not None
        if request.top_k not in (None, 1):
            raise BadRequest("each span has one label: leave `top_k` out", param="top_k")
        names = self._names(rows[0].shape[1])
        encodings = await self._texts.encodings(request.texts)
        spans = tuple(
            spans_of(text, encoding, activate(row, self._spec.activation), names, self._spec.aggregation)
            for text, encoding, row in zip(request.texts, encodings, rows, strict=True)
        )
        return ClassifyChunk((), Usage(prompt_tokens=tokens), spans=spans)

    def _names(self, classes: int) -> Sequence[str]:
        """The labels of so many classes. Raises RequestError."""
        names = self._spec.labels or tuple(map(str, range(classes)))
        if len(names) != classes:
            raise RequestError(
                f"{self._owner}: it has {len(names)} `labels`, but its model gave {classes} scores"
            )
        return names

    async def _logits(
        self, request: ClassifyRequest, deadline: float | None
    ) -> tuple[Floats | list[Floats], int]:
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


def _of_tokens(logits: Floats, lengths: NDArray[numpy.int64]) -> list[Floats]:
    return [row[:length].copy() for row, length in zip(logits, lengths.tolist(), strict=True)]


def _as_they_are(logits: Floats, lengths: NDArray[numpy.int64]) -> Floats:
    return logits

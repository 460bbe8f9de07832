"""The task `embed`: texts in, vectors out: one for each text, or for each of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import EmbedSpec, InputType, Pooling, VectorKind
from ....dialects.field_check import SENT, FieldCheck, Refused
from ....dialects.retrieval.options import LOCAL_FIELDS, input_type_in, wants_all
from ....requests.answer import Chunk, EmbedChunk
from ....requests.errors import BadRequest
from ....requests.request import EmbedRequest, Request
from ....requests.usage import Usage
from ..model import OnnxModel
from ..outputs.pooling import Floats, normalise, pool
from ..queue.runner import Stopper
from ..runs.token_runs import TokenRuns
from ..signature import read_embed_signature
from .tokens import TokenTask

_SCALED = "the deployment says whether vectors have the length 1"
_KIND = "the deployment says what kind of vectors it gives"


class EmbedTask(TokenTask):
    """Answers `EmbedRequest`s, in one chunk each."""

    def __init__(self, model: OnnxModel, spec: EmbedSpec) -> None:
        super().__init__(model)
        self._is_multi = spec.vectors is VectorKind.MULTI
        self._is_sparse = spec.vectors is VectorKind.SPARSE
        pooling = Pooling.MEAN if self._is_multi else spec.pooling
        signature = read_embed_signature(model.session, pooling, model.owner)
        self._spec = spec
        self._width = 0
        self._prompts = {InputType.QUERY: spec.query_prompt, InputType.DOCUMENT: spec.document_prompt}
        self._tells_kinds = any(self._prompts.values()) or spec.query_length is not None
        self._fields = FieldCheck(
            LOCAL_FIELDS
            | {
                "output_dimension": SENT,
                "normalize": Refused(_SCALED, (spec.normalize,)),
                "normalized": Refused(_SCALED, (spec.normalize,)),
                "late_chunking": Refused("each text has a vector of its own", (False,)),
                "return_multivector": Refused(_KIND, (self._is_multi,)),
            }
            | (dict.fromkeys(("input_type", "task", "prompt_name"), SENT) if self._tells_kinds else {}),
            self._owner,
        )
        finish = self._of_tokens if self._is_multi else self._weights if self._is_sparse else self._vectors
        self._runs = TokenRuns(
            model,
            signature,
            spec.tokenizer,
            spec.max_length,
            finish,
            spec.on_too_long,
            spec.query_length,
            attends_expansion=spec.attends_expansion,
        )

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        self._width = self._runs.warm_up("warm up", stopper)[0].shape[-1]
        return self._share_runs(self._runs.try_company(stopper))

    async def close(self) -> None:
        await super().close()
        await self._runs.close()

    def left_out(self, request: Request) -> tuple[str, ...]:
        if not isinstance(request, EmbedRequest) or not request.options:
            return ()
        return self._fields.check(request.options)

    async def _answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, EmbedRequest)
        if not request.texts:
            if request.token_ids:
                message = "`input` must be text: the model has a tokenizer of its own, and takes no token ids"
                raise BadRequest(message, param="input", code="wrong_type")
            raise BadRequest("the input holds no text", param="input")
        self.left_out(request)
        wanted = self._dimensions(request)
        uncut = bool(request.options) and wants_all(request.options)
        kind = input_type_in(request.options) or self._spec.input_type if self._tells_kinds else None
        prompt = self._prompts.get(kind, "") if kind is not None else ""
        texts = [prompt + text for text in request.texts] if prompt else request.texts
        is_query = kind is InputType.QUERY
        rows, tokens = await self._runs.run(texts, "input", deadline, uncut=uncut, is_query=is_query)
        usage = Usage(prompt_tokens=tokens)
        if isinstance(rows, list):
            nothing: Floats = numpy.zeros((0, 0), numpy.float32)
            return EmbedChunk(nothing, usage, tokens=tuple(rows))
        if self._is_sparse:
            return EmbedChunk(rows, usage, is_sparse=True)
        return EmbedChunk(rows if wanted is None else self._shortened(rows, wanted), usage)

    def _dimensions(self, request: EmbedRequest) -> int | None:
        wanted = request.dimensions
        if wanted is None:
            return None
        if self._spec.vectors is not VectorKind.DENSE:
            raise BadRequest(
                f"the vectors of {self._owner} are {self._spec.vectors}: no `dimensions` can be cut off",
                param="dimensions",
            )
        if wanted > self._width:
            raise BadRequest(
                f"`dimensions` is {wanted}, and the vectors of {self._owner} have {self._width} numbers",
                param="dimensions",
            )
        return wanted

    def _vectors(self, states: Floats, lengths: NDArray[numpy.int64]) -> Floats:
        """From what the model gives to vectors."""
        pooling = self._spec.pooling
        vectors = states if pooling is Pooling.NONE else pool(states, lengths, pooling)
        return self._shortened(vectors, self._spec.dimensions)

    def _weights(self, states: Floats, lengths: NDArray[numpy.int64]) -> Floats:
        """SPLADE: how much each token of the vocabulary is in a text, at the place where it is most."""
        if self._spec.pooling is Pooling.NONE:
            return states
        weights: Floats = numpy.log1p(numpy.maximum(pool(states, lengths, Pooling.MAX), 0))
        return weights

    def _of_tokens(self, states: Floats, lengths: NDArray[numpy.int64]) -> list[Floats]:
        """ColBERT: a vector for each token."""
        rows = [state[:length] for state, length in zip(states, lengths.tolist(), strict=True)]
        return [normalise(row) if self._spec.normalize else row.copy() for row in rows]

    def _shortened(self, vectors: Floats, size: int | None) -> Floats:
        """The first `size` numbers of each vector, scaled to length 1 if vectors are to be."""
        vectors = vectors[:, :size]
        return normalise(vectors) if self._spec.normalize else vectors

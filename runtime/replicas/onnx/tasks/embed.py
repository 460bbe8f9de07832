"""The task `embed`: texts in, one vector per text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import EmbedSpec, Pooling
from ....dialects.field_check import FieldCheck, Refused
from ....dialects.retrieval.options import LOCAL_FIELDS, wants_all
from ....requests.answer import Chunk, EmbedChunk
from ....requests.errors import BadRequest
from ....requests.request import EmbedRequest, Request
from ....requests.usage import Usage
from ..model import OnnxModel
from ..pooling import Floats, normalise, pool
from ..runner import Stopper
from ..signature import read_embed_signature
from ..token_runs import TokenRuns
from .tokens import TokenTask

_SCALED = "the deployment says whether vectors have the length 1"


class EmbedTask(TokenTask):
    """Answers `EmbedRequest`s, in one chunk each."""

    def __init__(self, model: OnnxModel, spec: EmbedSpec) -> None:
        super().__init__(model)
        signature = read_embed_signature(model.session, spec.pooling, model.owner)
        self._spec = spec
        self._width = 0
        self._fields = FieldCheck(
            LOCAL_FIELDS
            | {
                "normalize": Refused(_SCALED, (spec.normalize,)),
                "normalized": Refused(_SCALED, (spec.normalize,)),
                "late_chunking": Refused("each text has a vector of its own", (False,)),
                "return_multivector": Refused("each text has one vector", (False,)),
            },
            self._owner,
        )
        self._runs = TokenRuns(
            model, signature, spec.tokenizer, spec.max_length, self._vectors, spec.on_too_long
        )

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        self._width = self._runs.warm_up("warm up", stopper).shape[1]
        return self._share_runs(self._runs.try_company(stopper))

    async def close(self) -> None:
        await super().close()
        await self._runs.close()

    async def _answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, EmbedRequest)
        if not request.texts:
            if request.token_ids:
                message = "`input` must be text: the model has a tokenizer of its own, and takes no token ids"
                raise BadRequest(message, param="input", code="wrong_type")
            raise BadRequest("the input holds no text", param="input")
        self._fields.check(request.options)
        wanted = request.dimensions
        if wanted is not None and wanted > self._width:
            raise BadRequest(
                f"`dimensions` is {wanted}, and the vectors of {self._owner} have {self._width} numbers",
                param="dimensions",
            )
        uncut = wants_all(request.options)
        vectors, tokens = await self._runs.run(request.texts, "input", deadline, uncut=uncut)
        return EmbedChunk(self._shortened(vectors, wanted), Usage(prompt_tokens=tokens))

    def _vectors(self, states: Floats, lengths: NDArray[numpy.int64]) -> Floats:
        """From what the model gives to vectors."""
        pooling = self._spec.pooling
        vectors = states if pooling is Pooling.NONE else pool(states, lengths, pooling)
        return self._shortened(vectors, self._spec.dimensions)

    def _shortened(self, vectors: Floats, size: int | None) -> Floats:
        """The first `size` numbers of each vector, scaled to length 1 if vectors are to be."""
        vectors = vectors[:, :size]
        return normalise(vectors) if self._spec.normalize else vectors

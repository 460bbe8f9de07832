"""The task `embed`: texts in, one vector per text out."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from ....compiler.plan import EmbedSpec, Pooling
from ...errors import BadRequest
from ...replica import Chunk, EmbedChunk, EmbedRequest, Request, Usage
from ..model import Model, WholeAnswers
from ..pooling import Floats, normalise, pool
from ..signature import read_embed_signature
from ..token_runs import TokenRuns


class EmbedTask(WholeAnswers):
    """Answers `EmbedRequest`s, in one chunk each."""

    def __init__(self, model: Model, spec: EmbedSpec) -> None:
        signature = read_embed_signature(model.session, spec.pooling, model.owner)
        self._spec = spec
        self._runs = TokenRuns(
            model, signature, spec.tokenizer, spec.max_length, self._vectors, spec.on_too_long
        )

    def warm_up(self) -> None:
        self._runs.warm_up("warm up")

    async def close(self) -> None:
        await self._runs.close()

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        assert isinstance(request, EmbedRequest)
        if not request.texts:
            raise BadRequest("the input holds no text", param="input")
        vectors, tokens = await self._runs.run(request.texts, "input", deadline)
        return EmbedChunk(vectors, Usage(prompt_tokens=tokens))

    def _vectors(self, states: Floats, lengths: NDArray[numpy.int64]) -> Floats:
        """From what the model gives to vectors; those that are shortened are normalised afterwards."""
        pooling = self._spec.pooling
        vectors = states if pooling is Pooling.NONE else pool(states, lengths, pooling)
        vectors = vectors[:, : self._spec.dimensions]
        return normalise(vectors) if self._spec.normalize else vectors

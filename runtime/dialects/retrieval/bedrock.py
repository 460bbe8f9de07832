"""Embeddings and rerankings of Amazon's and Cohere's models on Amazon Bedrock: `InvokeModel`, with bodies
that are each model's own.

Sources: Amazon Bedrock user guide, inference request parameters (Titan Text Embeddings, Cohere Embed v3, v4),
and model cards of the rerankers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from attrs import evolve

from ....compiler.plan import RemotePoolPlan, bedrock_retrieval
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import Unsupported
from ...requests.request import EmbedRequest, RerankRequest
from ...requests.usage import Usage
from ..field_check import SENT, Dropped, Handling
from ..fields import count
from ..provider_errors.classify import Classifier
from ..reader import parse_object
from .cohere import use_of
from .embed_limits import check_embed
from .options import wants_all
from .vectors import ordered_scores, stack_vectors
from .wire import Outgoing, dumped, field_check

_NOT_ASKED: dict[str, Handling] = {
    "user": Dropped("the models are not told who asks"),
    "priority": Dropped("the queue is that of Cohere's own service"),
}
_TITAN: dict[str, Handling] = {
    "input_type": Dropped("Titan reads queries and documents alike"),
    "task": Dropped("Titan reads queries and documents alike"),
    "truncate": Dropped("Titan refuses texts that are too long"),
    "truncation": Dropped("Titan refuses texts that are too long"),
    "normalize": SENT,
    "output_dimension": SENT,
    **_NOT_ASKED,
}
_COHERE: dict[str, Handling] = {
    "input_type": SENT,
    "task": SENT,
    "output_dimension": SENT,
    "truncate": SENT,
    "truncation": SENT,
    **_NOT_ASKED,
}
_COHERE_V4: dict[str, Handling] = {**_COHERE, "max_tokens": SENT}
_RERANK: dict[str, Handling] = {"return_documents": Dropped("documents are not sent back"), **_NOT_ASKED}
_COHERE_RERANK: dict[str, Handling] = {**_RERANK, "max_tokens_per_doc": SENT}
_DIGITS = 9
"""Of a number of tokens that is believed."""


class BedrockRetrieval:
    """Which kind of model it is, its name says."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._kind = bedrock_retrieval(plan.model)
        self._path = f"/model/{quote(plan.model, safe='')}/invoke"
        table = {
            "titan": _TITAN,
            "cohere_embed": _COHERE_V4 if self._is_v4 else _COHERE,
            "cohere_rerank": _COHERE_RERANK,
        }.get(self._kind, _RERANK)
        self._fields = field_check(table, plan)

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        self.left_out(request)
        if isinstance(request, RerankRequest):
            return Outgoing(self._path, dumped(self._ranked(request)))
        check_embed(request, self._plan, token_ids=False)
        if self._kind == "titan":
            return Outgoing(self._path, dumped(self._titan(request)))
        if self._kind == "cohere_embed":
            return Outgoing(self._path, dumped(self._cohere(request)))
        raise self._cannot("embed")

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        return self._fields.check(request.options)

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(bytes(body), classifier)
        try:
            if self._kind == "titan":
                found: Any = [answer["embedding"]]
            else:
                found = answer["embeddings"]
                found = found["float"] if isinstance(found, Mapping) else found
            vectors = list(found)
        except (KeyError, TypeError):
            raise classifier.malformed("the answer holds no vectors") from None
        return stack_vectors(vectors, texts, Usage(count(answer, "inputTextTokenCount")), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        answer = parse_object(body, classifier)
        return RerankChunk(ordered_scores(answer.get("results"), documents, classifier), Usage(0))

    def _titan(self, request: EmbedRequest) -> dict[str, Any]:
        body: dict[str, Any] = {"inputText": request.texts[0]}  # one at a time, as the catalogue says
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        if request.options.get("normalize") is not None:
            body["normalize"] = request.options["normalize"]
        return body

    def _cohere(self, request: EmbedRequest) -> dict[str, Any]:
        options = request.options
        body: dict[str, Any] = {"texts": request.texts, "input_type": use_of(options)}
        if wants_all(options):
            body["truncate"] = "NONE"
        elif options.get("truncate") is not None or options.get("truncation") is not None:
            body["truncate"] = "RIGHT" if self._is_v4 else "END"
        if self._is_v4:
            body["embedding_types"] = ["float"]
            if request.dimensions is not None:
                body["output_dimension"] = request.dimensions
            if options.get("max_tokens") is not None:
                body["max_tokens"] = options["max_tokens"]
        return body

    @property
    def _is_v4(self) -> bool:
        return "embed-v4" in self._plan.model

    def _ranked(self, request: RerankRequest) -> dict[str, Any]:
        body: dict[str, Any] = {"query": request.query, "documents": request.documents}
        if self._kind == "cohere_rerank":
            most = request.options.get("max_tokens_per_doc")
            return {**body, "api_version": 2} | ({} if most is None else {"max_tokens_per_doc": most})
        if self._kind == "amazon_rerank":
            return body
        raise self._cannot("rank")

    def _cannot(self, what: str) -> Unsupported:
        plan = self._plan
        return Unsupported(
            f"{plan.provider} (deployment `{plan.deployment}`): `{plan.model}` does not {what} here",
            deployment=plan.deployment,
            provider=plan.provider,
        )


def counted(chunk: EmbedChunk, headers: Mapping[str, str]) -> EmbedChunk:
    """`chunk` with the tokens that a header tells, where its answer told none, as Cohere's."""
    told = headers.get("x-amzn-bedrock-input-token-count", "")
    if chunk.usage.prompt_tokens or not (told.isascii() and told.isdigit() and len(told) <= _DIGITS):
        return chunk
    return evolve(chunk, usage=Usage(int(told)))

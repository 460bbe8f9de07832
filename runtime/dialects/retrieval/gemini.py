"""Embeddings of Google's models, on AI Studio and on Vertex AI.

Sources: Gemini API reference (batchEmbedContents), Vertex AI reference (text embeddings).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from ....compiler.plan import RemotePoolPlan
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import Unsupported
from ...requests.request import EmbedRequest, RerankRequest
from ...requests.usage import Usage
from ..fields import count
from ..gemini import is_vertex
from ..provider_errors.classify import Classifier
from ..reader import parse_object
from .embed_limits import check_embed
from .vectors import stack_vectors
from .wire import Outgoing


class GeminiRetrieval:
    """Which of Google's two services it is, the endpoint says."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._vertex = is_vertex(plan.endpoint)
        self._model = plan.model
        self._models = f"{'' if self._vertex else '/v1beta'}/models/{quote(plan.model, safe='')}"
        self._plan = plan

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        if isinstance(request, RerankRequest):
            raise self._no_scores()
        return self._embed(request)

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(body, classifier)
        try:
            if self._vertex:
                found = [item["embeddings"] for item in answer["predictions"]]
                tokens = sum(count(item.get("statistics"), "token_count") for item in found)
            else:
                found = answer["embeddings"]
                tokens = count(answer.get("usageMetadata"), "promptTokenCount")
            vectors = [item["values"] for item in found]
        except (KeyError, TypeError, AttributeError):
            raise classifier.malformed("the answer holds no vectors") from None
        return stack_vectors(vectors, texts, Usage(tokens), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        raise self._no_scores()

    def _no_scores(self) -> Unsupported:
        plan = self._plan
        message = f"{plan.provider} (deployment `{plan.deployment}`) answers chats and embeddings only"
        return Unsupported(message, deployment=plan.deployment, provider=plan.provider)

    def _embed(self, request: EmbedRequest) -> Outgoing:
        check_embed(request, self._plan, token_ids=False)
        body: dict[str, Any]
        if self._vertex:
            body = {"instances": [{"content": text} for text in request.texts]}
            if request.dimensions is not None:
                body["parameters"] = {"outputDimensionality": request.dimensions}
            return Outgoing(f"{self._models}:predict", orjson.dumps(body))
        fixed: dict[str, Any] = {"model": f"models/{self._model}"}
        if request.dimensions is not None:
            fixed["outputDimensionality"] = request.dimensions
        body = {"requests": [fixed | {"content": {"parts": [{"text": text}]}} for text in request.texts]}
        return Outgoing(f"{self._models}:batchEmbedContents", orjson.dumps(body))

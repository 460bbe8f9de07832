"""Embeddings of Google's models, on AI Studio and on Vertex AI.

Sources: Gemini API reference (batchEmbedContents), Vertex AI reference (text embeddings).
"""

from __future__ import annotations

from urllib.parse import quote

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
from .google_bodies import EMBED_FIELDS, studio_body, vertex_body
from .vectors import stack_vectors
from .wire import Outgoing, dumped, field_check


class GeminiRetrieval:
    """Which of Google's two services it is, the endpoint says."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._vertex = is_vertex(plan.endpoint)
        self._model = plan.model
        self._models = f"{'' if self._vertex else '/v1beta'}/models/{quote(plan.model, safe='')}"
        self._plan = plan
        self._fields = field_check(EMBED_FIELDS, plan)

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        if isinstance(request, RerankRequest):
            raise self._no_scores()
        return self._embed(request)

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        return self._fields.check(request.options)

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(bytes(body), classifier)
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
        self.left_out(request)
        if self._vertex:
            return Outgoing(f"{self._models}:predict", dumped(vertex_body(request)))
        return Outgoing(f"{self._models}:batchEmbedContents", dumped(studio_body(request, self._model)))

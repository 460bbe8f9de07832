"""Gemini's wire format: `generateContent`, on AI Studio and on Vertex AI, and embeddings.

Sources: Gemini API reference (generateContent, batchEmbedContents, thought signatures), Vertex AI
reference (GenerateContentResponse, GenerationConfig, text embeddings).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ....compiler.plan import RemotePoolPlan
from ...requests.answer import ChatChunk, EmbedChunk, RerankChunk
from ...requests.errors import Unsupported
from ...requests.request import ChatRequest, EmbedRequest, RerankRequest
from ...requests.usage import Usage
from ..embed_limits import check_embed
from ..provider_errors.classify import Classifier
from ..translation.fields import FieldCheck
from ..vectors import stack_vectors
from ..wire import Outgoing, Sendable, dumped, malformed, parse_object, whole
from .answer import GeminiReader, read_response
from .embeddings import EMBED_FIELDS, studio_body, vertex_body
from .request import FIELDS, GeminiTarget, generate_body

_VERTEX = "/publishers/google"


class GeminiWire:
    """Chat and embeddings; which of Google's two services it is, the endpoint says."""

    headers: Mapping[str, str] = {}

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._vertex = plan.endpoint.endswith(_VERTEX)
        self._model = plan.model
        self._models = f"{'' if self._vertex else '/v1beta'}/models/{quote(plan.model, safe='')}"
        self._plan = plan
        who = f"{plan.provider} (deployment `{plan.deployment}`)"
        self._embed_fields = FieldCheck(EMBED_FIELDS, who)
        self._target = GeminiTarget(plan.model, self._vertex, plan.safety, FieldCheck(FIELDS, who))

    def request(self, request: Sendable) -> Outgoing:
        if isinstance(request, RerankRequest):
            raise self._no_scores()
        if isinstance(request, EmbedRequest):
            return self._embed(request)
        method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        body = generate_body(request, self._target)
        return Outgoing(f"{self._models}:{method}", dumped(body))

    def answer(self, body: bytes, classifier: Classifier) -> ChatChunk:
        return read_response(parse_object(body, classifier), self._model, classifier)

    def reader(self, request: ChatRequest, classifier: Classifier) -> GeminiReader:
        return GeminiReader(request, self._model, classifier)

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(body, classifier)
        try:
            if self._vertex:
                found = [item["embeddings"] for item in answer["predictions"]]
                tokens = sum(whole(item.get("statistics", {}).get("token_count")) for item in found)
            else:
                found = answer["embeddings"]
                tokens = whole(answer.get("usageMetadata", {}).get("promptTokenCount"))
            vectors = [item["values"] for item in found]
        except (KeyError, TypeError, AttributeError):
            raise malformed(classifier, "the answer holds no vectors") from None
        return stack_vectors(vectors, texts, Usage(tokens), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        raise self._no_scores()

    def _no_scores(self) -> Unsupported:
        plan = self._plan
        message = f"{plan.provider} (deployment `{plan.deployment}`) answers chats and embeddings only"
        return Unsupported(message, deployment=plan.deployment, provider=plan.provider)

    def _embed(self, request: EmbedRequest) -> Outgoing:
        check_embed(request, self._plan, token_ids=False)
        self._embed_fields.check(request.options)
        if self._vertex:
            return Outgoing(f"{self._models}:predict", dumped(vertex_body(request)))
        return Outgoing(f"{self._models}:batchEmbedContents", dumped(studio_body(request, self._model)))

"""Embeddings as OpenAI has them, also Azure's and those of compatible servers.

Reranking, which OpenAI has not, is what vLLM, LiteLLM, Jina and Cohere agree on: `/rerank`.

Sources: OpenAI API reference (embeddings), Azure OpenAI REST reference.
"""

from __future__ import annotations

from typing import Any

from ....compiler.plan import ProviderKind, RemotePoolPlan
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.request import EmbedRequest, RerankRequest
from ...requests.usage import Usage, is_believable
from ..field_check import Dropped, FieldCheck, Handling
from ..fields import count, few, told_cost
from ..openai_chat import read_usage
from ..provider_errors.classify import Classifier
from ..reader import IMPOSSIBLE, parse_object
from .embed_limits import check_embed
from .vectors import ordered_scores, split_vectors, stack_packed, stack_vectors
from .wire import Outgoing, dumped

_NOT_OPENAIS: dict[str, Handling] = {
    "input_type": Dropped("OpenAI's models read queries and documents alike"),
    "truncate": Dropped("OpenAI refuses texts that are too long"),
    "truncation": Dropped("OpenAI refuses texts that are too long"),
}
"""What other providers of embeddings are told, and OpenAI itself is not, where the answer is no other."""

_NO_USER: dict[str, Handling] = {"user": Dropped("the provider has no such field")}

_UNKNOWN: dict[ProviderKind, dict[str, Handling]] = {
    ProviderKind.OPENAI: _NOT_OPENAIS,
    ProviderKind.AZURE: {name: _NOT_OPENAIS[name] for name in ("truncate", "truncation")},
    ProviderKind.MISTRAL: _NO_USER
    | {name: Dropped("Mistral's models read all texts alike") for name in _NOT_OPENAIS},
    ProviderKind.TOGETHER: _NO_USER,
    ProviderKind.OLLAMA: _NO_USER,
    ProviderKind.GITHUB: _NO_USER,
}
"""What providers are not told, where the answer is no other. Sources: their API references (embeddings)."""

_DIMENSIONS = {ProviderKind.MISTRAL: "output_dimension"}
"""What the number of dimensions is called, where that is not `dimensions`. Source: Mistral's API
reference."""

_ONE_ENCODING = frozenset({ProviderKind.TOGETHER})
"""Providers that cannot be told how to write vectors. Source: Together's API reference."""


class OpenAIRetrieval:
    """Below an endpoint that ends in `/v1` or names an Azure deployment."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._model = plan.model
        self._unknown = _UNKNOWN.get(plan.provider, {})
        self._check = FieldCheck(self._unknown, Classifier(plan, None).who)
        self._dimensions = _DIMENSIONS.get(plan.provider, "dimensions")

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        if isinstance(request, RerankRequest):
            asked = {"model": self._model, "query": request.query, "documents": request.documents}
            return Outgoing("/rerank", dumped({**request.options, **asked}))
        check_embed(request, self._plan)
        body = self._embed_options(request)
        body |= {"model": self._model, "input": request.inputs}
        if self._plan.provider not in _ONE_ENCODING:
            body["encoding_format"] = "base64"
        if request.dimensions is not None and "output_dimension" not in body:
            body[self._dimensions] = request.dimensions
        return Outgoing("/embeddings", dumped(body))

    def _embed_options(self, request: EmbedRequest) -> dict[str, Any]:
        """What else the client says of its texts: as it came, but for what the provider does not know."""
        known = {name: value for name, value in request.options.items() if name not in self._unknown}
        if self._plan.provider in (ProviderKind.OPENAI, ProviderKind.AZURE, ProviderKind.MISTRAL):
            known.pop("output_dimension", None)  # another name of `dimensions`
        self._check.check({name: value for name, value in request.options.items() if name in self._unknown})
        return known

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        found = _packed(body, texts, classifier)
        if found is not None:
            return found
        answer = parse_object(body, classifier)
        try:
            items = sorted(answer["data"], key=lambda item: item["index"])
            vectors = [item["embedding"] for item in items]
            indices = [item["index"] for item in items]
        except (KeyError, TypeError):
            raise classifier.malformed("the answer holds no vectors") from None
        if indices != list(range(len(indices))):
            raise classifier.malformed("the vectors are not numbered from 0")
        return stack_vectors(vectors, texts, read_usage(_usage(answer, classifier)), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        answer = parse_object(body, classifier)
        results = answer.get("data") if "results" not in answer else answer["results"]  # Voyage says `data`
        scores = ordered_scores(results, documents, classifier)
        return RerankChunk(scores, _ranked(answer, _usage(answer, classifier)))


def _ranked(answer: dict[str, Any], usage: dict[str, Any]) -> Usage:
    """What a ranking took: tokens, or searches, which Cohere tells beside the answer.

    Source: Cohere API reference (v2, rerank): `meta.billed_units`.
    """
    meta = answer.get("meta")
    told: dict[str, Any] = meta if isinstance(meta, dict) else {}
    billed, tokens = told.get("billed_units"), told.get("tokens")
    return Usage(
        count(usage, "total_tokens") or count(usage, "prompt_tokens") or count(tokens, "input_tokens"),
        searches=few(billed, "search_units") or few(usage, "search_units"),
        told_cost=told_cost(usage),
    )


def _packed(body: bytes, texts: int, classifier: Classifier) -> EmbedChunk | None:
    """Vectors in base64, which stay as they came; None where anything about the answer is not usual."""
    found = split_vectors(body)
    if found is None or len(found.vectors) != texts:
        return None
    answer = found.answer
    items = answer.get("data") if type(answer) is dict and not answer.get("error") else None
    if type(items) is not list or len(items) != texts:
        return None
    for index, item in enumerate(items):
        if type(item) is not dict or item.get("index") != index or item.get("embedding") != str(index):
            return None
    return stack_packed(found.vectors, texts, read_usage(_usage(answer, classifier)))


def _usage(answer: dict[str, Any], classifier: Classifier) -> dict[str, Any]:
    """The usage, where it is one that can be; empty else, and what is known without it counts."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return {}
    if is_believable(usage):
        return usage
    classifier.doubt(IMPOSSIBLE)
    return {}

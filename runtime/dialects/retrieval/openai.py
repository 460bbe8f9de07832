"""Embeddings as OpenAI has them, also Azure's and those of compatible servers.

Reranking, which OpenAI has not, is what vLLM, LiteLLM, Jina and Cohere agree on: `/rerank`.

Sources: OpenAI API reference (embeddings), Azure OpenAI REST reference.
"""

from __future__ import annotations

from typing import Any

from ....compiler.plan import ProviderKind, RemotePoolPlan
from ....compiler.plan.record import new_tuple
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.request import EmbedRequest, RerankRequest
from ...requests.usage import Usage, is_believable
from ..field_check import Dropped, Handling, Refused
from ..fields import count, few, told_cost
from ..openai_chat import plain_usage, read_usage
from ..provider_errors.classify import Classifier
from ..reader import IMPOSSIBLE, parse_object
from .embed_limits import check_embed
from .vectors import ordered_scores, packed_vectors, split_vectors, stack_vectors, whole_numbers
from .wire import Outgoing, dumped, field_check

_LACKS = Refused("the provider has no such field")
_ALIKE = Dropped("its models read queries and documents alike")
_TOO_LONG = Dropped("the provider refuses texts that are too long")

_OF_OTHERS: dict[str, Handling] = {
    "input_type": _ALIKE,
    "task": _ALIKE,
    "task_type": _ALIKE,
    "prompt_name": _ALIKE,
    "truncate": _TOO_LONG,
    "truncation": _TOO_LONG,
    "priority": Dropped("the queue is that of Cohere's own service"),
    "title": _LACKS,
    "truncation_direction": _LACKS,
    "max_tokens": _LACKS,
    "normalize": Refused("the provider says how long vectors are"),
    "normalized": Refused("the provider says how long vectors are"),
    "late_chunking": Refused("each text has a vector of its own", (False,)),
    "return_multivector": Refused("each text has one vector", (False,)),
}
"""What other providers of embeddings are told, and OpenAI, Mistral and Together are not. Fields that nobody
documents go on: a new one of the provider's own may be among them."""

_NO_USER: dict[str, Handling] = {"user": Dropped("the provider has no such field")}

_UNKNOWN: dict[ProviderKind, dict[str, Handling]] = {
    ProviderKind.OPENAI: _OF_OTHERS,
    ProviderKind.AZURE: {name: said for name, said in _OF_OTHERS.items() if name != "input_type"},
    ProviderKind.MISTRAL: _OF_OTHERS | _NO_USER,
    ProviderKind.TOGETHER: _OF_OTHERS | _NO_USER,
    ProviderKind.PERPLEXITY: _OF_OTHERS | _NO_USER,
    ProviderKind.OLLAMA: {name: said for name, said in _OF_OTHERS.items() if name != "truncate"} | _NO_USER,
    ProviderKind.GITHUB: {name: said for name, said in _OF_OTHERS.items() if name != "input_type"},
}
"""What providers are not told. Sources: their API references (embeddings)."""

_DIMENSIONS = {ProviderKind.MISTRAL: "output_dimension"}
"""What the number of dimensions is called, where that is not `dimensions`. Source: Mistral's API
reference."""

_ONE_ENCODING = frozenset(
    {
        ProviderKind.TOGETHER,
        ProviderKind.OPENAI_COMPATIBLE,
        ProviderKind.OPENROUTER,
        ProviderKind.LITELLM,
    }
)
"""Providers that cannot be told how to write vectors, or where it is up to whoever answers behind them:
base64 is refused there, or answered with nothing. Sources: Together's API reference;
https://github.com/plastic-labs/honcho/pull/938, https://github.com/stevereiner/flexible-graphrag/issues/17,
https://github.com/BerriAI/litellm/pull/42421 (2026-09-22)."""

_ENCODINGS = {ProviderKind.PERPLEXITY: "base64_int8"}
"""How vectors are asked for, where not as float32. Source: Perplexity's API reference (embeddings)."""


class OpenAIRetrieval:
    """Below an endpoint that ends in `/v1` or names an Azure deployment."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._model = plan.model
        self._unknown = _UNKNOWN.get(plan.provider, {})
        self._check = field_check(self._unknown, plan)
        self._dimensions = _DIMENSIONS.get(plan.provider, "dimensions")
        self._are_bytes = plan.provider in _ENCODINGS
        encoding = _ENCODINGS.get(plan.provider, "base64")
        self._encoding = None if plan.provider in _ONE_ENCODING else encoding

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        if isinstance(request, RerankRequest):
            asked = {"model": self._model, "query": request.query, "documents": request.documents}
            return Outgoing("/rerank", dumped({**request.options, **asked}))
        check_embed(request, self._plan)
        self.left_out(request)
        body = self._embed_options(request)
        body |= {"model": self._model, "input": request.inputs}
        if self._encoding is not None:
            body["encoding_format"] = self._encoding
        if request.dimensions is not None and "output_dimension" not in body:
            body[self._dimensions] = request.dimensions
        return new_tuple(Outgoing, ("/embeddings", dumped(body)))

    def _embed_options(self, request: EmbedRequest) -> dict[str, Any]:
        """What else the client says of its texts: as it came, but for what the provider does not know."""
        if not request.options:
            return {}
        known = {name: value for name, value in request.options.items() if name not in self._unknown}
        if self._plan.provider in (ProviderKind.OPENAI, ProviderKind.AZURE, ProviderKind.MISTRAL):
            known.pop("output_dimension", None)  # another name of `dimensions`
        return known

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        if isinstance(request, RerankRequest) or not request.options:
            return ()
        return self._check.check(
            {name: value for name, value in request.options.items() if name in self._unknown}
        )

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        """The vectors of so many texts, in their order. Raises RequestError.

        Google's service that speaks as OpenAI does leaves out that the index of one is 0, or all of them, and
        llama.cpp told 0 for each: these are in order. Sources:
        https://github.com/spring-projects/spring-ai/issues/7019,
        https://github.com/ikawrakow/ik_llama.cpp/pull/1303.
        """
        found = None if self._are_bytes else _packed(body, texts, classifier)
        if found is not None:
            return found
        answer = parse_object(bytes(body), classifier)
        try:
            items = answer["data"]
            indices = [item.get("index") or 0 for item in items]
            if any(indices):
                items = sorted(items, key=lambda item: item.get("index") or 0)
            vectors = [item["embedding"] for item in items]
        except (AttributeError, KeyError, TypeError):
            raise classifier.malformed("the answer holds no vectors") from None
        if any(indices) and sorted(indices) != list(range(len(indices))):
            raise classifier.malformed("the vectors are not numbered from 0")
        if self._are_bytes:
            vectors = whole_numbers(vectors, classifier)
        return stack_vectors(vectors, texts, read_usage(_usage(answer, classifier)), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        answer = parse_object(body, classifier)
        results = answer.get("data") if "results" not in answer else answer["results"]  # Voyage says `data`
        scores = ordered_scores(results, documents, classifier)
        return RerankChunk(scores, ranked_usage(answer, _usage(answer, classifier)))


def ranked_usage(answer: dict[str, Any], usage: dict[str, Any]) -> Usage:
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


def _packed(body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk | None:
    """Vectors in base64, which stay as they came; None where anything about the answer is not usual."""
    found = split_vectors(body, texts)
    if found is None:
        return None
    answer, last, vectors, together = found
    if type(answer) is not dict or answer.get("error"):
        return None
    items = answer.get("data")
    if type(items) is not list or len(items) != min(texts, 2):
        return None
    for item, index, number in zip(items, (0, last), "01", strict=False):
        if type(item) is not dict or item.get("index") != index or item.get("embedding") != number:
            return None
    usage = plain_usage(answer.get("usage")) or read_usage(_usage(answer, classifier))
    packed = packed_vectors(vectors, together)
    return None if packed is None else EmbedChunk(None, usage, packed=packed)


def _usage(answer: dict[str, Any], classifier: Classifier) -> dict[str, Any]:
    """The usage, where it is one that can be; empty else, and what is known without it counts."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return {}
    if is_believable(usage):
        return usage
    classifier.doubt(IMPOSSIBLE)
    return {}

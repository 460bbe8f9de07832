"""Embeddings and rerankings of Cohere's own API, whose way in for OpenAI's words knows neither the number of
dimensions nor what texts are for, and does not rank.

Sources: Cohere's OpenAPI document (v2, embed and rerank), Cohere docs (using models via the OpenAI SDK).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ....compiler.plan import InputType, RemotePoolPlan
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.request import EmbedRequest, RerankRequest
from ...requests.usage import Usage
from ..field_check import SENT, Dropped, Handling
from ..fields import count
from ..provider_errors.classify import Classifier
from ..reader import parse_object
from .embed_limits import check_embed
from .openai import ranked_usage
from .options import input_type_in, wants_all
from .vectors import ordered_scores, stack_vectors
from .wire import Outgoing, dumped, field_check

COMPATIBLE = "/compatibility/v1"
"""Where its endpoint for OpenAI's words ends."""

_NO_USER: dict[str, Handling] = {"user": Dropped("Cohere is not told who asks")}
_EMBED: dict[str, Handling] = {
    **dict.fromkeys(
        ("input_type", "task", "truncate", "truncation", "max_tokens", "priority", "output_dimension"), SENT
    ),
    **_NO_USER,
}
_RERANK: dict[str, Handling] = {
    "max_tokens_per_doc": SENT,
    "priority": SENT,
    "return_documents": Dropped("documents are not sent back"),
    **_NO_USER,
}
_USES = ("classification", "clustering")
"""Uses of a text that Cohere knows beside queries and documents."""


class CohereRetrieval:
    """Below an endpoint that ends in its version; `/v2` is added to one that ends in none."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._base = "" if re.search(r"/v\d+$", plan.endpoint) else "/v2"
        self._embed, self._rerank = field_check(_EMBED, plan), field_check(_RERANK, plan)

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        self.left_out(request)
        if isinstance(request, RerankRequest):
            asked = {"model": self._plan.model, "query": request.query, "documents": request.documents}
            return Outgoing(f"{self._base}/rerank", dumped(asked | _given(request.options, _RERANK)))
        check_embed(request, self._plan, token_ids=False)
        options = request.options
        body: dict[str, Any] = {
            "model": self._plan.model,
            "texts": request.texts,
            "input_type": use_of(options),
        }
        body |= {"embedding_types": ["float"]} | _given(options, ("max_tokens", "priority"))
        if options.get("truncate") in ("START", "start"):
            body["truncate"] = "START"
        elif wants_all(options):
            body["truncate"] = "NONE"
        if request.dimensions is not None:
            body["output_dimension"] = request.dimensions
        return Outgoing(f"{self._base}/embed", dumped(body))

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        check = self._rerank if isinstance(request, RerankRequest) else self._embed
        return check.check(request.options)

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(bytes(body), classifier)
        try:
            found = list(answer["embeddings"]["float"])
        except (KeyError, TypeError):
            raise classifier.malformed("the answer holds no vectors") from None
        meta = answer.get("meta")
        billed = meta.get("billed_units") if isinstance(meta, dict) else None
        return stack_vectors(found, texts, Usage(count(billed, "input_tokens")), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        answer = parse_object(body, classifier)
        return RerankChunk(
            ordered_scores(answer.get("results"), documents, classifier), ranked_usage(answer, {})
        )


def is_compatible(plan: RemotePoolPlan) -> bool:
    """Whether the deployment names Cohere's endpoint for OpenAI's words, where OpenAI's embeddings are."""
    return plan.endpoint.endswith(COMPATIBLE)


def use_of(options: Mapping[str, Any]) -> str:
    """What the texts are for, which Cohere wants to know: documents, where nothing is said."""
    for name in ("input_type", "task"):
        if options.get(name) in _USES:
            return str(options[name])
    return "search_query" if input_type_in(options) is InputType.QUERY else "search_document"


def _given(options: Mapping[str, Any], names: Mapping[str, Handling] | tuple[str, ...]) -> dict[str, Any]:
    """Those of `names` that are sent, and that a client says something of."""
    sent = names if isinstance(names, tuple) else [name for name, said in names.items() if said is SENT]
    return {name: options[name] for name in sent if options.get(name) is not None}

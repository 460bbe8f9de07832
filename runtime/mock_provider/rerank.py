"""Reranking as vLLM, LiteLLM and Jina do it: the more words of the query a document has, the better."""

from __future__ import annotations

from typing import Any

from .parsed_request import MockError, wanted


def rerank(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """`POST /v1/rerank`: the answer, the best document first, and the tokens it took. Raises MockError."""
    query, documents = wanted(body, "query", str), wanted(body, "documents", list)
    if not documents or not all(isinstance(document, str) for document in documents):
        raise MockError(400, "`documents` must be a list of texts")
    asked = set(query.lower().split())
    scores = [len(asked & set(document.lower().split())) / max(len(asked), 1) for document in documents]
    best = sorted(range(len(documents)), key=lambda index: -scores[index])
    tokens = sum(len(query.split()) + len(document.split()) for document in documents)
    return {
        "id": "rerank-mock",
        "model": wanted(body, "model", str),
        "results": [{"index": index, "relevance_score": scores[index]} for index in best],
        "usage": {"total_tokens": tokens},
    }, tokens

"""Reranking as Cohere's second API has it. Source: Cohere's API reference (v2, rerank)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any

from ...requests.answer import RerankChunk
from ..client_request import RerankAsked, best_first
from ..json_pieces import json_pieces
from ..openai.requests import count_in, required
from ..openai.rerank import rerank_request, with_documents

_READ = frozenset({"model", "query", "documents", "top_n", "return_documents"})


def read_rerank(body: dict[str, Any]) -> RerankAsked:
    """The request in `body`. Raises BadRequest."""
    with_documents(body)  # which the second API does not give back
    write = partial(_write, most=count_in(body, "top_n"))
    return RerankAsked(required(body, "model", str), rerank_request(body, _READ), write)


def _write(chunk: RerankChunk, model: str, *, most: int | None) -> Iterable[bytes]:
    return json_pieces(
        {
            "id": f"rerank-{secrets.token_hex(12)}",
            "results": [
                {"index": index, "relevance_score": score} for index, score in best_first(chunk, most)
            ],
            "meta": {
                "api_version": {"version": "2"},
                "billed_units": {"search_units": chunk.usage.searches or 1},
                "tokens": {"input_tokens": chunk.usage.prompt_tokens},
            },
        }
    )

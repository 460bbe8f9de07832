"""Documents in their order: `POST /v1/rerank`, and the same in other protocols."""

from __future__ import annotations

from typing import Any

from ....compiler.plan import TaskKind
from ...dialects import cohere, tei
from ...dialects.client_request import RerankAsked
from ...dialects.openai.rerank import read_rerank
from .one_piece import answer_asked


def _read_bare(body: dict[str, Any]) -> RerankAsked:
    """At `/rerank`, Text Embeddings Inference sends `texts`; vLLM, `documents`."""
    return tei.read_rerank(body) if "texts" in body else read_rerank(body)


answer_rerank = answer_asked(read_rerank, TaskKind.RERANK)
"""As Cohere's first API, Jina, vLLM and Voyage have it."""

answer_cohere_rerank = answer_asked(cohere.read_rerank, TaskKind.RERANK)
answer_bare_rerank = answer_asked(_read_bare, TaskKind.RERANK)

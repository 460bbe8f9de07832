"""Requests and answers of Text Embeddings Inference, which serves one model and is not told its name.

Source: Text Embeddings Inference, its OpenAPI document (`/embed`, `/rerank`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import RequestError
from ...requests.request import EmbedRequest, RerankRequest
from ..client_request import EmbedAsked, RerankAsked, best_first, json_bytes
from ..fields import optional
from ..openai.requests import count_in, required, texts_in, token_ids
from ..openai.rerank import with_documents
from ..retrieval.vectors import json_vectors


def read_embed(body: dict[str, Any]) -> EmbedAsked:
    """The request in `body`. Raises BadRequest."""
    ids = token_ids(body.get("inputs"), "inputs")
    texts = () if ids else texts_in(body, "inputs")
    options = _options(body, {"inputs", "dimensions"})
    request = EmbedRequest(texts, count_in(body, "dimensions"), ids, options)
    return EmbedAsked(optional(body, "model", str), request, _write_vectors)


def read_rerank(body: dict[str, Any]) -> RerankAsked:
    """The request in `body`. Raises BadRequest."""
    texts = texts_in(body, "texts")
    shown = texts if with_documents(body, "return_text") else ()
    options = _options(body, {"query", "texts", "return_text"})
    request = RerankRequest(required(body, "query", str), texts, options)
    return RerankAsked(optional(body, "model", str), request, partial(_write_scores, texts=shown))


def write_error(error: RequestError) -> dict[str, Any]:
    """`error` in the shape of Text Embeddings Inference."""
    kind = "Validation" if error.status < 429 else "Overloaded" if error.status == 429 else "Backend"
    return {"error": error.message, "error_type": kind}


def _options(body: dict[str, Any], read: set[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in read and name != "model"}


def _write_vectors(chunk: EmbedChunk, model: str) -> bytes:
    return json_bytes(json_vectors(chunk))


def _write_scores(chunk: RerankChunk, model: str, *, texts: tuple[str, ...]) -> bytes:
    return json_bytes(
        [
            {"index": index, "score": score} | ({"text": texts[index]} if texts else {})
            for index, score in best_first(chunk, None)
        ]
    )

"""Requests and answers of Text Embeddings Inference, which serves one model and is not told its name.

Source: Text Embeddings Inference, its OpenAPI document (`/embed`, `/embed_sparse`,
`/embed_all`, `/rerank`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import BadRequest, RequestError
from ...requests.request import EmbedRequest, RerankRequest
from ..client_request import EmbedAsked, RerankAsked, best_first
from ..fields import optional
from ..json_pieces import json_pieces
from ..openai.requests import count_in, options_in, required, texts_in, token_ids
from ..openai.rerank import with_documents
from ..retrieval.vectors import json_vectors


def read_embed(body: dict[str, Any]) -> EmbedAsked:
    """The request in `body`. Raises BadRequest."""
    return _read_embed(body, _write_vectors)


def read_embed_sparse(body: dict[str, Any]) -> EmbedAsked:
    """The request for sparse vectors in `body`. Raises BadRequest, also when another kind comes."""
    return _read_embed(body, _write_sparse)


def read_embed_all(body: dict[str, Any]) -> EmbedAsked:
    """The request for a vector of each token in `body`. Raises BadRequest, also when another kind comes."""
    return _read_embed(body, _write_of_tokens)


def _read_embed(body: dict[str, Any], write: Callable[[EmbedChunk, str], Iterable[bytes]]) -> EmbedAsked:
    ids = token_ids(body.get("inputs"), "inputs")
    texts = () if ids else texts_in(body, "inputs")
    options = _options(body, {"inputs", "dimensions"})
    request = EmbedRequest(texts, count_in(body, "dimensions"), ids, options)
    return EmbedAsked(optional(body, "model", str), request, write)


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
    return options_in(body, {*read, "model"})


def _write_vectors(chunk: EmbedChunk, model: str) -> Iterable[bytes]:
    return json_pieces(json_vectors(chunk))


def _write_sparse(chunk: EmbedChunk, model: str) -> Iterable[bytes]:
    if not chunk.is_sparse:
        raise _other_vectors(model, "sparse")
    rows = (zip(each["indices"], each["values"], strict=True) for each in json_vectors(chunk))
    return json_pieces([{"index": index, "value": value} for index, value in row] for row in rows)


def _write_of_tokens(chunk: EmbedChunk, model: str) -> Iterable[bytes]:
    if not chunk.tokens:
        raise _other_vectors(model, "for each token")
    return json_pieces(json_vectors(chunk))


def _other_vectors(model: str, wanted: str) -> BadRequest:
    return BadRequest(f"the vectors of `{model}` are not {wanted}: ask for them at `/embed`", param="model")


def _write_scores(chunk: RerankChunk, model: str, *, texts: tuple[str, ...]) -> Iterable[bytes]:
    return json_pieces(
        [
            {"index": index, "score": score} | ({"text": texts[index]} if texts else {})
            for index, score in best_first(chunk, None)
        ]
    )

"""Embeddings as Cohere has them. Source: Cohere's API reference (v1 and v2, embed)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any

from ...requests.answer import EmbedChunk
from ...requests.errors import BadRequest
from ...requests.request import EmbedRequest
from ..client_request import EmbedAsked
from ..json_pieces import json_pieces
from ..openai.embeddings import in_base64
from ..openai.requests import count_in, options_in, required, texts_in
from ..retrieval.vectors import json_vectors

_READ = frozenset({"model", "texts", "embedding_types", "output_dimension", "images", "inputs"})
_KINDS = ("float", "base64")


def read_embed(body: dict[str, Any], *, version: str) -> EmbedAsked:
    """The request in `body`; version: "1" or "2". Raises BadRequest."""
    for name in ("images", "inputs"):
        if body.get(name):
            raise BadRequest(f"`{name}` is not supported: send `texts`", param=name, code="unsupported")
    kinds = _kinds(body)
    if kinds is None and version == "2":
        kinds = ["float"]
    texts = texts_in(body, "texts")
    options = options_in(body, _READ)
    request = EmbedRequest(texts, count_in(body, "output_dimension"), options=options)
    write = partial(_write, texts=texts, kinds=kinds, version=version)
    return EmbedAsked(required(body, "model", str), request, write)


def _write(
    chunk: EmbedChunk, model: str, *, texts: tuple[str, ...], kinds: list[str] | None, version: str
) -> Iterable[bytes]:
    vectors: Any = (
        json_vectors(chunk)
        if kinds is None
        else {kind: json_vectors(chunk) if kind == "float" else in_base64(chunk) for kind in kinds}
    )
    return json_pieces(
        {
            "id": f"embed-{secrets.token_hex(12)}",
            "response_type": "embeddings_floats" if kinds is None else "embeddings_by_type",
            "embeddings": vectors,
            "texts": texts,
            "meta": {
                "api_version": {"version": version},
                "billed_units": {"input_tokens": chunk.usage.prompt_tokens},
            },
        }
    )


def _kinds(body: dict[str, Any]) -> list[str] | None:
    """The forms in which the vectors are wanted. Raises BadRequest for those that floats are no more."""
    kinds = body.get("embedding_types")
    if kinds is None:
        return None
    if not isinstance(kinds, list) or not kinds or not all(kind in _KINDS for kind in kinds):
        raise BadRequest(
            "`embedding_types` must be a list of `float`, `base64` or both", param="embedding_types"
        )
    return kinds

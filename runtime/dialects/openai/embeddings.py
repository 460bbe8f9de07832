"""Embeddings as OpenAI has them, with the fields that Jina, Voyage, NVIDIA and others add.

Sources: OpenAI API reference (embeddings), Jina's and Voyage's API references (embeddings).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import orjson
from attrs import evolve

from ...requests.answer import EmbedChunk
from ...requests.base64_text import encoded
from ...requests.errors import BadRequest
from ...requests.packed_vectors import PackedVectors
from ...requests.request import EmbedRequest
from ..client_request import Asked, EmbedAsked
from ..json_pieces import MOST, gathered, json_at_once, json_pieces
from ..retrieval.vectors import json_vectors
from .requests import count_in, options_in, required, texts_in, token_ids

_READ = frozenset({"model", "input", "encoding_format", "embedding_type", "output_dtype", "dimensions"})


def read_embed(body: dict[str, Any]) -> EmbedAsked:
    """The request in `body`. Raises BadRequest."""
    model = required(body, "model", str)
    encoding = _encoding(body)
    options = options_in(body, _READ)
    dimensions = count_in(body, "dimensions") or count_in(body, "output_dimension")
    ids = token_ids(body.get("input"))
    texts = () if ids else texts_in(_texts(body), "input")
    request = EmbedRequest(texts, dimensions, ids, options)
    return Asked(model, request, partial(write_embeddings, as_base64=encoding == "base64"))


def write_embeddings(chunk: EmbedChunk, model: str, *, as_base64: bool) -> Iterable[bytes | memoryview]:
    """The vectors as OpenAI's JSON: lists of numbers, or little-endian float32 in base64.

    Sparse vectors are `indices` and `values`, several for a text a list of them: neither is put into base64.
    """
    tokens = chunk.usage.prompt_tokens
    if as_base64 and chunk.packed is not None:
        return _with_packed(chunk.packed, model, tokens)
    if chunk.packed is not None:
        chunk = evolve(chunk, array=chunk.vectors, packed=None)  # decoded once
    is_plain = not chunk.is_sparse and not chunk.tokens
    vectors = in_base64(chunk) if as_base64 and is_plain else json_vectors(chunk)
    data = (
        {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
    )
    is_small = is_plain and chunk.vectors.size <= MOST
    return (json_at_once if is_small else json_pieces)(
        {
            "object": "list",
            "data": list(data) if is_small else data,
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _with_packed(packed: PackedVectors, model: str, tokens: int) -> Iterable[bytes | memoryview]:
    """The same with vectors that are in base64 already; they are not copied where they can go together."""
    usage = b'"usage":{"prompt_tokens":%d,"total_tokens":%d}}' % (tokens, tokens)
    end = b'"}],"model":%b,%b' % (orjson.dumps(model), usage)
    if packed.together is not None:
        return _FIRST, packed.together, end
    parts = _around(len(packed.each)).copy()
    parts[1::2] = packed.each
    return gathered([*parts, end])


_FIRST = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":"'
"""What stands before the first vector."""


@lru_cache(maxsize=4)  # clients send as many texts again and again
def _around(vectors: int) -> list[bytes | memoryview]:
    """What stands before each vector, followed by a place for it."""
    parts: list[bytes | memoryview] = [_FIRST, b""]
    for index in range(1, vectors):
        parts += b'"},{"object":"embedding","index":%d,"embedding":"' % index, b""
    return parts


def in_base64(chunk: EmbedChunk) -> Iterator[str]:
    """The vectors as little-endian float32 in base64."""
    if chunk.packed is not None:
        yield from (str(each, "ascii") for each in chunk.packed.each)
        return
    data = memoryview(chunk.vectors.astype("<f4", copy=False).tobytes())
    length = len(data) // len(chunk.vectors)
    yield from (encoded(data[at : at + length]) for at in range(0, len(data), length))


def _encoding(body: dict[str, Any]) -> str:
    """`float` or `base64`, in the words of OpenAI, Jina or Voyage. Raises BadRequest."""
    found = "float"
    for name in ("embedding_type", "output_dtype", "encoding_format"):
        value = body.get(name)
        if value is None:
            continue
        if value not in ("float", "base64"):
            raise BadRequest(f"`{name}` must be `float` or `base64`", param=name)
        found = value if value == "base64" else found
    return found


def _texts(body: dict[str, Any]) -> dict[str, Any]:
    """`body`, whose inputs may be objects with a `text`, as Jina has them."""
    given = body.get("input")
    if not isinstance(given, list) or dict not in map(type, given):
        return body
    return {**body, "input": [_text(each) for each in given]}


def _text(given: Any) -> Any:
    return given["text"] if isinstance(given, dict) and given.keys() == {"text"} else given

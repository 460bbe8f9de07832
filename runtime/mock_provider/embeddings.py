"""Embeddings in the shapes of OpenAI, AI Studio, Vertex and Bedrock: the answer, and the tokens it took."""

from __future__ import annotations

from array import array
from base64 import b64encode
from typing import Any

from . import answers
from .parsed_request import MockError, wanted

_MAX_DIMENSIONS = 4096

Embedded = tuple[dict[str, Any], int]


def openai_embeddings(model: str, body: dict[str, Any]) -> Embedded:
    """`POST /v1/embeddings`. Raises MockError."""
    texts = _inputs(body.get("input"))
    dimensions = _dimensions(body, "dimensions")
    vectors: list[Any] = [answers.vector(text, dimensions) for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [b64encode(array("f", vector).tobytes()).decode() for vector in vectors]
    if body.get("encoding_format") == "base64_int8":  # Perplexity's
        vectors = [
            b64encode(array("b", [round(127 * x) for x in each]).tobytes()).decode() for each in vectors
        ]
    tokens = sum(_tokens(text) for text in texts)
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}, tokens


def gemini_embeddings(body: dict[str, Any]) -> Embedded:
    """AI Studio's `batchEmbedContents`. Raises MockError."""
    asked = wanted(body, "requests", list)
    texts = [each["content"]["parts"][0]["text"] for each in asked]
    made = [
        {"values": answers.vector(text, _dimensions(each, "outputDimensionality"))}
        for each, text in zip(asked, texts, strict=True)
    ]
    return {"embeddings": made}, sum(_tokens(text) for text in texts)


def vertex_embeddings(body: dict[str, Any]) -> Embedded:
    """Vertex's `predict`. Raises MockError."""
    texts = [each["content"] for each in wanted(body, "instances", list)]
    dimensions = _dimensions(body.get("parameters") or {}, "outputDimensionality")
    made = [
        {
            "values": answers.vector(text, dimensions),
            "statistics": {"token_count": _tokens(text), "truncated": False},
        }
        for text in texts
    ]
    return {"predictions": [{"embeddings": each} for each in made]}, sum(_tokens(text) for text in texts)


def titan_embeddings(body: dict[str, Any]) -> Embedded:
    """Bedrock's `invoke` of Amazon Titan. Raises MockError."""
    text = wanted(body, "inputText", str)
    made = answers.vector(text, _dimensions(body, "dimensions"))
    whole = {"embedding": made, "inputTextTokenCount": _tokens(text)}
    return whole | {"embeddingsByType": {"float": made}}, _tokens(text)


def cohere_embeddings(body: dict[str, Any]) -> Embedded:
    """Cohere's `POST /v2/embed`, and Bedrock's `invoke` of Cohere. Raises MockError."""
    texts = wanted(body, "texts", list)
    dimensions = _dimensions(body, "output_dimension")
    made = [answers.vector(text, dimensions) for text in texts]
    by_type = body.get("embedding_types") is not None
    kind = "embeddings_by_type" if by_type else "embeddings_floats"
    whole = {"id": "mock", "response_type": kind, "embeddings": {"float": made} if by_type else made}
    return whole | {"texts": texts}, sum(_tokens(text) for text in texts)


def _dimensions(body: dict[str, Any], name: str) -> int:
    """How long vectors are to be. Raises MockError."""
    dimensions = body.get(name, answers.DIMENSIONS)
    if type(dimensions) is not int or not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise MockError(400, f"`{name}` must be from 1 to {_MAX_DIMENSIONS}")
    return dimensions


def _inputs(value: object) -> list[str]:
    """A text, texts, token ids or lists of them, as texts: ids are words. Raises MockError."""
    inputs = value if isinstance(value, list) else [value]
    if inputs and all(type(each) is int for each in inputs):
        inputs = [inputs]
    texts = [" ".join(map(str, each)) if isinstance(each, list) else each for each in inputs]
    found = [text for text in texts if isinstance(text, str)]
    if not found or len(found) < len(texts):
        raise MockError(400, "`input` must be a text, token ids, or a list of texts or of token ids")
    return found


def _tokens(text: str) -> int:
    return len(text.split())

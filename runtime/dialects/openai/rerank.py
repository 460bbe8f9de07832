"""Reranking as Cohere's first API, Jina and vLLM agree on, and as Voyage has it.

Sources: Cohere's (v1 and v2), Jina's and Voyage's API references (rerank).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ...requests.answer import RerankChunk
from ...requests.errors import BadRequest
from ...requests.request import RerankRequest
from ..client_request import RerankAsked, best_first
from ..json_pieces import json_pieces
from .requests import count_in, mistyped, options_in, required

_READ = frozenset({"model", "query", "documents", "top_n", "top_k", "return_documents", "rank_fields"})

Documents = Sequence[Any]


def read_rerank(body: dict[str, Any]) -> RerankAsked:
    """The request in `body`. Raises BadRequest."""
    is_voyages = "top_n" not in body and ("top_k" in body or "truncation" in body)
    write = _write_as_voyage if is_voyages else _write
    most = count_in(body, "top_k" if is_voyages else "top_n")
    shown = required(body, "documents", list) if with_documents(body) else ()
    request = rerank_request(body, _READ if is_voyages else _READ - {"top_k"})
    return RerankAsked(required(body, "model", str), request, partial(write, most=most, documents=shown))


def rerank_request(body: dict[str, Any], read: frozenset[str]) -> RerankRequest:
    """The query and the documents of `body`. read: the fields that are no options. Raises BadRequest."""
    query = _plain(body.get("query"))
    texts = _texts(body)
    options = options_in(body, read)
    return RerankRequest(required({**body, "query": query} if query else body, "query", str), texts, options)


def with_documents(body: dict[str, Any], name: str = "return_documents") -> bool:
    """Whether the answer shall hold the documents. Raises BadRequest."""
    value = body.get(name) or False
    if not isinstance(value, bool):
        raise mistyped(name, bool, value)
    return value


def _write(chunk: RerankChunk, model: str, *, most: int | None, documents: Documents) -> Iterable[bytes]:
    tokens = chunk.usage.prompt_tokens
    return json_pieces(
        {
            "id": f"rerank-{secrets.token_hex(12)}",
            "object": "list",
            "model": model,
            "results": [
                {"index": index, "relevance_score": score} | _document(documents, index)
                for index, score in best_first(chunk, most)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            "meta": {
                "billed_units": {"search_units": chunk.usage.searches or 1},
                "tokens": {"input_tokens": tokens},
            },
        }
    )


def _write_as_voyage(
    chunk: RerankChunk, model: str, *, most: int | None, documents: Documents
) -> Iterable[bytes]:
    return json_pieces(
        {
            "object": "list",
            "data": [
                {"index": index, "relevance_score": score}
                | ({"document": documents[index]} if documents else {})
                for index, score in best_first(chunk, most)
            ],
            "model": model,
            "usage": {"total_tokens": chunk.usage.prompt_tokens},
        }
    )


def _document(documents: Documents, index: int) -> dict[str, Any]:
    if not documents:
        return {}
    shown = documents[index]
    return {"document": shown if isinstance(shown, dict) else {"text": shown}}


def _texts(body: dict[str, Any]) -> tuple[str, ...]:
    """The documents of `body`: texts, or objects with a `text` or the fields that `rank_fields` names."""
    documents = required(body, "documents", list)
    if not documents:
        raise BadRequest("`documents` must hold at least one document", param="documents")
    names = body.get("rank_fields")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise BadRequest("`rank_fields` must be a list of names of fields", param="rank_fields")
    texts: list[str] = []
    for index, document in enumerate(documents):
        text = _joined(document, names, index) if names and isinstance(document, dict) else _plain(document)
        if not isinstance(text, str):
            raise mistyped(f"documents[{index}]", str, document)
        texts.append(text)
    return tuple(texts)


def _plain(given: Any) -> Any:
    return given.get("text") if isinstance(given, dict) else given


def _joined(document: dict[str, Any], names: list[str], index: int) -> str:
    """The fields `names` of `document`, each on a line of its own."""
    for name in names:
        if name in document and not isinstance(document[name], str):
            raise mistyped(f"documents[{index}].{name}", str, document[name])
    lines = [f"{name}: {document[name]}" for name in names if name in document]
    if not lines:
        raise BadRequest(f"`documents[{index}]` has none of the `rank_fields`", param=f"documents[{index}]")
    return "\n".join(lines)

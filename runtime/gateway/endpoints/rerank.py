"""`POST /v1/rerank`, in the shape that Cohere and Jina share."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...dialects.openai.requests import count_in, mistyped, required
from ...requests.answer import RerankChunk
from ...requests.errors import BadRequest
from ...requests.request import RerankRequest
from ...requests.trace import Trace
from ..bodies import priority_of, read_object
from ..exchange import Exchange
from ..responses import answered_by, json_answer


async def answer_rerank(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The documents of the body, the best first. Raises RequestError."""
    body = await read_object(request)
    name = required(body, "model", str)
    documents = _documents(body)
    top_n = count_in(body, "top_n")
    with_text = body.get("return_documents") or False
    if not isinstance(with_text, bool):
        raise mistyped("return_documents", bool, with_text)
    rerank = RerankRequest(required(body, "query", str), documents)
    trace = Trace()
    chunk = await exchange.answer(
        name, rerank, exchange.deadline(), trace, priority=priority_of(request), headers=request.headers
    )
    assert isinstance(chunk, RerankChunk)
    scores = chunk.scores.tolist()
    best = sorted(range(len(scores)), key=lambda index: -scores[index])[:top_n]
    results = [
        {"index": index, "relevance_score": scores[index]}
        | ({"document": {"text": documents[index]}} if with_text else {})
        for index in best
    ]
    tokens = chunk.usage.prompt_tokens
    answer = {
        "object": "list",
        "model": name,
        "results": results,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_answer(answer, headers=answered_by(trace, name))


def _documents(body: dict[str, Any]) -> tuple[str, ...]:
    """Texts, or objects with a `text`."""
    documents = required(body, "documents", list)
    if not documents:
        raise BadRequest("`documents` must hold at least one document", param="documents")
    texts: list[str] = []
    for index, document in enumerate(documents):
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str):
            raise mistyped(f"documents[{index}]", str, document)
        texts.append(text)
    return tuple(texts)

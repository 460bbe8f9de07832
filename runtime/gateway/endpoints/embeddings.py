"""`POST /v1/embeddings`."""

from __future__ import annotations

from base64 import b64encode

import orjson
from aiohttp import web

from ...dialects.openai.requests import embed_request
from ...requests.answer import EmbedChunk
from ...requests.trace import Trace
from ..bodies import priority_of, read_object
from ..exchange import Exchange
from ..responses import answered_by


async def answer_embeddings(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The vectors of the deployment that the body names. Raises RequestError."""
    name, embed, as_base64 = embed_request(await read_object(request))
    trace = Trace()
    chunk = await exchange.answer(
        name, embed, exchange.deadline(), trace, priority=priority_of(request), headers=request.headers
    )
    assert isinstance(chunk, EmbedChunk)
    return web.Response(
        body=embeddings_json(chunk, name, as_base64),
        headers=answered_by(trace, name),
        content_type="application/json",
    )


def embeddings_json(chunk: EmbedChunk, model: str, as_base64: bool) -> bytes:
    """The vectors as OpenAI's JSON: lists of numbers, or little-endian float32 in base64."""
    tokens = chunk.usage.prompt_tokens
    vectors = chunk.vectors
    encoded = (b64encode(row.astype("<f4", copy=False).tobytes()).decode() for row in vectors)
    return orjson.dumps(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(encoded if as_base64 else vectors)
            ],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )

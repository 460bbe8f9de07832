"""`POST /v1/completions`, unary and streamed."""

from __future__ import annotations

from aiohttp import web

from ...dialects.openai.requests import mistyped, required, texts_in, token_ids
from ...requests.errors import BadRequest
from ...requests.request import CompletionRequest
from ..exchange import Exchange
from ..incoming.bodies import read_object
from .chat import respond

MOST_PROMPTS = 128


async def answer_completion(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The continuations of the body's prompts. Raises RequestError."""
    body = await read_object(request)
    name = required(body, "model", str)
    prompts = token_ids(body.get("prompt"), "prompt") or texts_in(body, "prompt")
    if len(prompts) > MOST_PROMPTS:
        raise BadRequest(f"`prompt` holds {len(prompts)} texts; the most is {MOST_PROMPTS}", param="prompt")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise mistyped("stream", bool, stream)
    return await respond(request, exchange, name, CompletionRequest(body, bool(stream)))

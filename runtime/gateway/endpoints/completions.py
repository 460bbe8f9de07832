"""`POST /v1/completions`, unary and streamed."""

from __future__ import annotations

from aiohttp import web

from ...dialects.openai.requests import mistyped, required, texts_in
from ...requests.errors import BadRequest
from ...requests.request import CompletionRequest
from ..bodies import read_object
from ..exchange import Exchange
from .chat import respond

MAX_PROMPTS = 128


async def answer_completion(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The continuation of the body's prompt. Raises RequestError."""
    body = await read_object(request)
    name = required(body, "model", str)
    prompts = texts_in(body, "prompt")
    if len(prompts) > MAX_PROMPTS:
        message = f"`prompt` holds {len(prompts)} texts; the most is {MAX_PROMPTS}"
        raise BadRequest(message, param="prompt")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise mistyped("stream", bool, stream)
    completion = CompletionRequest(
        body | {"prompt": prompts[0] if len(prompts) == 1 else list(prompts)}, bool(stream)
    )
    return await respond(request, exchange, name, completion)

"""Chats in other protocols: `POST /v1/messages` (Anthropic) and `POST /v1/responses` (OpenAI)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ...dialects.chats import said_in
from ...dialects.sides import CLIENT_SIDES
from ...policies.estimate import estimate
from ..bodies import read_object
from ..exchange import Exchange
from ..responses import json_answer
from .chat import respond


def answer_in(dialect: str) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What answers requests in that dialect."""
    read_request = CLIENT_SIDES[dialect].read_request

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        body = await read_object(request)
        asked = read_request(body)
        return await respond(request, exchange, asked.model, said_in(dialect, body, asked))

    return answer


async def count_tokens(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/messages/count_tokens`: about how many tokens the request would have. Raises RequestError."""
    body = {"max_tokens": 1, **await read_object(request)}  # which is not said here
    asked = CLIENT_SIDES["anthropic"].read_request(body)
    exchange.model(asked.model)
    return json_answer({"input_tokens": estimate(said_in("anthropic", body, asked)).prompt})

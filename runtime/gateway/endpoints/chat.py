"""`POST /v1/chat/completions`, unary and streamed."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web

from ...dialects.openai.requests import chat_request
from ...requests.answer import ChatChunk
from ...requests.request import ChatRequest, CompletionRequest
from ...requests.trace import Trace
from ..bodies import priority_of, read_object
from ..event_stream import EventStream, event
from ..exchange import Exchange
from ..responses import answered_by

_END = b"data: [DONE]\n\n"
_WRITE = 16 << 10
"""Bytes of events that are sent together; a client that does not read makes more wait."""


async def answer_chat(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The answer of the deployment that the body names. Raises RequestError."""
    name, chat = chat_request(await read_object(request))
    return await respond(request, exchange, name, chat)


async def respond(
    request: web.Request, exchange: Exchange, name: str, chat: ChatRequest | CompletionRequest
) -> web.StreamResponse:
    """The answer of deployment `name` to `chat`. Raises RequestError."""
    trace = Trace(spans=[])
    deadline, priority = exchange.deadline(), priority_of(request)
    if not chat.stream:
        chunk = await exchange.answer(name, chat, deadline, trace, priority=priority, headers=request.headers)
        assert isinstance(chunk, ChatChunk)
        headers = answered_by(trace, name)
        return web.Response(body=chunk.data, headers=headers, content_type="application/json")
    answer = exchange.stream(name, chat, deadline, trace, priority=priority, headers=request.headers)
    async with EventStream(request) as out, aclosing(answer) as chunks:
        pending, begun = b"", False
        try:
            async for chunk in chunks:
                if not begun:
                    await out.begin(answered_by(trace, name, streams=True))
                    begun = True
                assert isinstance(chunk, ChatChunk)
                data, more = chunk.data, chunk.more
                if data:
                    pending += event(data)
                if pending and (not more or len(pending) > _WRITE):  # those that are here go out in one write
                    await out.send(pending)
                    pending = b""
            pending += _END
        except Exception as error:
            pending += event(out.error(error))  # without the end marker
        return await out.end(pending)

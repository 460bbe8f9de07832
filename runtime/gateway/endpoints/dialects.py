"""Chats in other protocols: `POST /v1/messages` (Anthropic) and `POST /v1/responses` (OpenAI).

A request is read in its protocol and written as a chat completion, which all deployments answer; the answer
becomes events, which are written in the protocol of the client.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web
from attrs import evolve

from ....compiler.plan.capabilities import Capabilities
from ...dialects import exact_json, openai_chat
from ...dialects.adapt import Unsuitable, adapt
from ...dialects.answer import fold
from ...dialects.openai.requests import chat_request
from ...dialects.reader import PlainFailures
from ...dialects.server_sent_events import Event
from ...dialects.sides import CLIENT_SIDES, ClientSide
from ...policies.estimate import estimate
from ...requests.answer import ChatChunk
from ...requests.conversation import Conversation
from ...requests.errors import RequestError
from ...requests.events import Failed
from ...requests.request import ChatRequest
from ...requests.trace import Trace
from ..bodies import priority_of, read_object
from ..event_stream import EventStream
from ..exchange import Exchange
from ..responses import answered_by, json_answer

ADAPTED_HEADER = "x-inferc-adapted"
"""Names what of a request was changed or left out."""

_DONE = Event(b"", b"[DONE]")
_MOST_NOTES = 10


def answer_in(dialect: str) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What answers requests in that dialect."""
    side, as_anthropic = CLIENT_SIDES[dialect], dialect == "anthropic"

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        asked, model, chat, headers = _read(await read_object(request), dialect)
        trace = Trace(spans=[])
        if chat.stream:
            return await _stream(request, exchange, side, asked, model, chat, headers, trace, as_anthropic)
        chunk = await exchange.answer(
            model, chat, exchange.deadline(), trace, priority=priority_of(request), headers=request.headers
        )
        assert isinstance(chunk, ChatChunk)
        events = openai_chat.OpenAIChatReader(PlainFailures()).read_whole(chunk.data)
        body = side.whole(asked, int(time.time()), fold(events))
        headers |= answered_by(trace, model, as_anthropic=as_anthropic)
        return web.Response(body=body, headers=headers, content_type="application/json")

    return answer


async def count_tokens(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/messages/count_tokens`: about how many tokens the request would have. Raises RequestError."""
    body = await read_object(request)
    _, model, chat, _ = _read({"max_tokens": 1, **body}, "anthropic")  # which is not said here
    exchange.model(model)
    return json_answer({"input_tokens": estimate(chat).prompt})


def _read(body: dict[str, Any], dialect: str) -> tuple[Conversation, str, ChatRequest, dict[str, str]]:
    """What the client asked, the name of the model, the chat to send, and headers of its answer."""
    asked = CLIENT_SIDES[dialect].read_request(body)
    fit = adapt(asked, Capabilities(), client=dialect, provider="openai_chat", unsupported="drop")
    if isinstance(fit, Unsuitable):
        raise fit.error("a deployment")
    sent = evolve(fit.conversation, stream_usage=True if asked.stream else None)
    model, chat = chat_request(orjson.loads(exact_json.dumps(openai_chat.write_request(sent))))
    changed = ", ".join(dict.fromkeys(note.where for note in fit.notes[:_MOST_NOTES]))
    headers = {ADAPTED_HEADER: changed} if changed.isascii() and changed.isprintable() and changed else {}
    return asked, model, chat, headers


async def _stream(
    request: web.Request,
    exchange: Exchange,
    side: ClientSide,
    asked: Conversation,
    model: str,
    chat: ChatRequest,
    headers: dict[str, str],
    trace: Trace,
    as_anthropic: bool,
) -> web.StreamResponse:
    reader, writer = openai_chat.OpenAIChatReader(PlainFailures()), side.stream(asked, int(time.time()))
    answer = exchange.stream(
        model, chat, exchange.deadline(), trace, priority=priority_of(request), headers=request.headers
    )
    async with EventStream(request) as out, aclosing(answer) as chunks:
        begun = False
        try:
            async for chunk in chunks:
                assert isinstance(chunk, ChatChunk)
                if not begun:
                    who = answered_by(trace, model, streams=True, as_anthropic=as_anthropic)
                    await out.begin(headers | who)
                    begun = True
                if not chunk.data:
                    continue
                if data := b"".join(map(writer.write, reader.read(Event(b"", chunk.data)))):
                    await out.send(data)
            last = b"".join(map(writer.write, reader.read(_DONE)))
        except Exception as error:
            out.error(error)  # raised where it can have a status
            said = error if isinstance(error, RequestError) else RequestError("internal error")
            last = writer.write(Failed(said, True))
        return await out.end(last + writer.end())

"""`POST /v1/chat/completions`, unary and streamed; and how chats of every protocol are answered."""

from __future__ import annotations

import logging
from functools import partial

from aiohttp import web

from ...dialects import anthropic
from ...dialects.adapt import client_names
from ...dialects.openai.requests import chat_request
from ...http.whole_answer import WholeAnswer, fields_of
from ...requests.answer import ChatChunk
from ...requests.errors import BadRequest
from ...requests.foreign_text import one_line
from ...requests.request import ChatRequest, CompletionRequest, Said
from ...requests.trace import Trace
from ...serving.deployment import Deployment
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..incoming.head import priority_of
from ..kept.responses import Keeper
from ..outgoing.answers import adapted, answered_by, lines_answered, untold
from ..outgoing.chat_writer import ChatWriter
from ..outgoing.client_sink import ClientSink
from ..outgoing.event_stream import EventStream, Headers

log = logging.getLogger(__name__)

_MOST_NAMES, _MOST_NAME = 10, 50
_WRITE = 16 << 10
"""Bytes of events that are sent together; a client that does not read makes more wait."""


async def answer_chat(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """The answer of the deployment that the body names. Raises RequestError."""
    name, chat = chat_request(await read_object(request))
    return await respond(request, exchange, name, chat)


async def respond(
    request: web.Request,
    exchange: Exchange,
    name: str,
    chat: ChatRequest | CompletionRequest,
    keeper: Keeper | None = None,
) -> web.StreamResponse:
    """The answer of deployment `name` to `chat`. keeper: writes it, and keeps it. Raises RequestError."""
    try:
        trace = Trace()
        if not chat.stream:
            call = exchange.call(chat, priority_of(request), request._headers)
            chunk = await exchange.answer(name, call, trace)
            if keeper is None and type(chunk) is ChatChunk and _is_openais(chat):
                return WholeAnswer((chunk.data,), lines_answered(trace, name))
            writer = ChatWriter(chat) if keeper is None else keeper
            body = writer.whole(chunk)
            if keeper is not None:
                await keeper.join()
                await keeper.keep()
            told = _headers(trace, name, chat)
            if names := writer.untold:
                told = {**(fields_of(told) if isinstance(told, bytes) else told), **untold(names)}
                _report(exchange, trace, names)
            return WholeAnswer((body,), told)
        writer = ChatWriter(chat) if keeper is None else keeper
        out = EventStream(request, exchange, partial(_headers, trace, name, chat, streams=True))
        sink = ClientSink(writer, out) if isinstance(writer, ChatWriter) else None
        call = exchange.call(chat, priority_of(request), request._headers, sink=sink)
        answer = exchange.stream(name, call, trace)
        async with out:
            pending, has_come = b"", False
            try:
                async for chunk in answer:
                    has_come = True
                    pending += writer.write(chunk)
                    if pending and (not getattr(chunk, "more", False) or len(pending) > _WRITE):
                        await out.send(pending)  # those that are here go out in one write
                        pending = b""
                    if sink is not None:
                        sink.is_open = not pending
                last = writer.end() if sink is None else sink.left + writer.end()
                if names := writer.untold:
                    _report(exchange, trace, names)
                if keeper is not None:
                    await keeper.join()
                    await keeper.keep()
                pending += last
            except Exception as error:
                if has_come:  # it is for the client, too
                    await out.begin()
                pending += (sink.left if sink is not None else b"") + writer.fail(out.failed(error))
            finally:
                await answer.aclose()
            return await out.end(pending)
    except BadRequest as error:
        if isinstance(chat, ChatRequest) and chat.said is not None:
            _tell_in_words_of(chat.said, error)
        raise


def _tell_in_words_of(said: Said, error: BadRequest) -> None:
    """Name the field that is wrong as the client does: models and providers name it in words of theirs."""
    name = client_names(said.conversation, said.dialect).get(error.param or "")
    if name is not None:
        error.message, error.param = error.message.replace(f"`{error.param}`", f"`{name}`"), name


def _report(exchange: Exchange, trace: Trace, untold: tuple[str, ...]) -> None:
    """Count, and log, that a client was not told of `untold`: the first time, the second, the fourth, …"""
    model = exchange.plan.models.get(trace.deployment or "")
    if isinstance(model, Deployment):
        model.counters.untold = times = model.counters.untold + 1
        if times & (times - 1) == 0:
            names = ", ".join(one_line(name, _MOST_NAME) for name in untold[:_MOST_NAMES])
            log.warning(
                "deployment `%s` answered with what the client's protocol has no word for: %s",
                model.name,
                names,
            )


def _is_openais(chat: ChatRequest | CompletionRequest) -> bool:
    """Whether its client asked in OpenAI's words, which need no writer."""
    return not isinstance(chat, ChatRequest) or chat.said is None


def _headers(
    trace: Trace, name: str, chat: ChatRequest | CompletionRequest, *, streams: bool = False
) -> Headers:
    """Who answered, and what was changed or lost on the way."""
    if not isinstance(chat, ChatRequest) or chat.said is None:
        return lines_answered(trace, name, streams=streams)
    as_anthropic = chat.dialect == anthropic.DIALECT
    if chat.lost and not trace.adapted:
        return answered_by(trace, name, streams=streams, as_anthropic=as_anthropic) | adapted(chat.lost)
    return lines_answered(trace, name, streams=streams, as_anthropic=as_anthropic)

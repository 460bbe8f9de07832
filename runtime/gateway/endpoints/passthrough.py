"""What OpenAI has beside chats and vectors, passed on: moderations, speech, transcriptions, images."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from aiohttp import web

from ....compiler.plan import RemotePoolPlan
from ...dialects.multipart import read_form, text_of
from ...dialects.openai.passed_fields import check_body, check_form
from ...dialects.openai.requests import required
from ...dialects.server_sent_events import EVENT_STREAM
from ...requests.answer import PassedChunk
from ...requests.errors import BadRequest
from ...requests.request import PassedRequest
from ...requests.trace import Trace
from ...serving.deployment import Deployment
from ..exchange import Exchange
from ..incoming.bodies import is_form, read_body, read_object
from ..incoming.head import priority_of
from ..outgoing.answers import answered_by
from ..outgoing.errors import error_event
from ..outgoing.event_stream import UNBUFFERED

_JSON = "application/json"
_USUAL = {"/moderations": ("moderation",), "/images": ("image", "dall-e")}
"""Parts of the names of models that are meant where a request names none: OpenAI has a default there."""


def passing(path: str, *, forms: bool) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What passes requests on to `path` below the endpoint of a provider. forms: may they be forms."""

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return await pass_on(await _read(path, request, exchange, forms), request, exchange)

    return answer


async def pass_on(asked: PassedRequest, request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """Hand the answer to `asked` on as it comes. Raises RequestError."""
    trace = Trace(spans=[])
    call = exchange.call(asked, priority_of(request), request.headers)
    async with aclosing(exchange.stream(asked.model, call, trace)) as chunks:
        first = await anext(chunks)
        assert isinstance(first, PassedChunk)
        if first.content_type == _JSON:
            async for _ in chunks:
                raise AssertionError("JSON comes in one piece")
            headers = {**answered_by(trace, asked.model), "Content-Type": _JSON}
            return web.Response(body=first.data, headers=headers)
        headers = {**answered_by(trace, asked.model, streams=True), "Content-Type": first.content_type}
        out = web.StreamResponse(headers={**headers, **exchange.ids, **UNBUFFERED})
        await out.prepare(request)
        await out.write(first.data)
        try:
            async for chunk in chunks:
                assert isinstance(chunk, PassedChunk)
                await out.write(chunk.data)
                await request.writer.drain()
        except ConnectionError:
            raise
        except Exception as error:
            if first.content_type.startswith(EVENT_STREAM):
                await out.write(error_event(error))
            elif request.transport is not None:
                request.transport.abort()  # there is no other way to say that it is not all
                raise ConnectionResetError from error
        await out.write_eof()
        return out


async def _read(path: str, request: web.Request, exchange: Exchange, forms: bool) -> PassedRequest:
    """Raises RequestError."""
    if not (forms and is_form(request)):
        body = await read_object(request)
        name = required(body, "model", str) if body.get("model") is not None else _usual(path, exchange)
        check_body(path, body)
        return PassedRequest(path, name, body=body)
    form = read_form(await read_body(request, forms=True), request.headers["Content-Type"])
    check_form(path, form)
    name = request.match_info.get("deployment") or text_of(form, "model") or _usual(path, exchange)
    return PassedRequest(path, name, form=form)


def _usual(path: str, exchange: Exchange) -> str:
    """The model that is meant where none is named: the only one that is made for that. Raises BadRequest."""
    parts: tuple[str, ...] = next((names for start, names in _USUAL.items() if path.startswith(start)), ())
    found = [model.name for model in exchange.models.values() if any(part in _own(model) for part in parts)]
    if len(found) == 1:
        return found[0]
    raise BadRequest("`model` is missing; it must be text", param="model", code="missing_field")


def _own(model: Any) -> str:
    """What the provider calls `model`."""
    plan = model.plan if isinstance(model, Deployment) else None
    return plan.model if isinstance(plan, RemotePoolPlan) else ""

"""`/v1/responses`: answers, and what is kept of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from ...dialects.chats import said_in
from ...dialects.fields import optional, required
from ...dialects.openai_responses import Identity, read_request
from ...policies.estimate import estimate
from ...requests.errors import BadRequest
from ...requests.request import ChatRequest, PassedRequest
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..incoming.head import priority_of
from ..kept.background import BACKGROUND
from ..kept.conversations import Conversations, named_by, shown
from ..kept.responses import Keeper, KeptResponses, items_of, new_id, with_previous
from ..outgoing.answers import json_answer
from ..outgoing.errors import error_event
from ..outgoing.event_stream import EventStream
from .chat import respond
from .conversations import page_of
from .passthrough import pass_on

_DIALECT = "openai_responses"
_OURS = frozenset({"previous_response_id", "conversation", "background"})


async def answer_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses`. Raises RequestError."""
    body = await read_object(request)
    kept, conversations = KeptResponses(exchange), Conversations(exchange)
    chat, model, identity, items, new = await _read(body, kept, conversations)
    keeper = Keeper(chat, identity, items, new, kept, conversations)
    if not identity.background:
        return await respond(request, exchange, model, chat, keeper)
    exchange.model(model)
    told, events = await request.app[BACKGROUND].begin(
        exchange, model, chat, keeper, kept, priority_of(request), request.headers.copy()
    )
    return json_answer(told) if events is None else await _stream(request, exchange, events.follow(0))


async def show_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/responses/{id}`, also the events of one in the background. Raises RequestError."""
    id, kept = request.match_info["id"], KeptResponses(exchange)
    record = await kept.load(id)
    streamed, after = request.query.get("stream", "false"), request.query.get("starting_after")
    if streamed not in ("true", "false"):
        raise BadRequest("`stream` must be true or false", param="stream")
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 10):
        raise BadRequest("`starting_after` must be the number of an event", param="starting_after")
    if streamed == "false":
        if after is not None:
            raise BadRequest("`starting_after` needs `stream=true`", param="starting_after")
        return json_answer(record["response"])
    if not record.get("streamed"):
        message = "`stream`: only responses made with `background` and `stream` are streamed again"
        raise BadRequest(message, param="stream")
    number = 0 if after is None else int(after) + 1
    return await _stream(request, exchange, request.app[BACKGROUND].follow(kept, id, number))


async def _stream(
    request: web.Request, exchange: Exchange, events: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    async with EventStream(request, exchange) as out, aclosing(events):
        try:
            async for data in events:
                await (out.send(data) if data else out.begin())
        except Exception as error:
            return await out.end(error_event(out.failed(error)))
        return await out.end()


async def delete_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`DELETE /v1/responses/{id}`. Raises RequestError."""
    id, kept = request.match_info["id"], KeptResponses(exchange)
    await kept.delete(id)
    request.app[BACKGROUND].stop(kept.name(id), "response_deleted", "the response was deleted")
    return json_answer({"id": id, "object": "response", "deleted": True})


async def cancel_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses/{id}/cancel`: of one in the background. Raises RequestError."""
    id, kept = request.match_info["id"], KeptResponses(exchange)
    record = await kept.load(id)
    if not record["response"].get("background"):
        raise BadRequest("only a response in the background can be cancelled", param="id")
    if record["response"]["status"] in ("queued", "in_progress"):
        record["response"]["status"] = "cancelled"
        await kept.save(id, record)
        request.app[BACKGROUND].stop(kept.name(id), "response_cancelled", "the response was cancelled")
    return json_answer(record["response"])


async def list_input(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/responses/{id}/input_items`: all that it was the answer to. Raises RequestError."""
    record = await KeptResponses(exchange).load(request.match_info["id"])
    items = [shown(item, f"item_{number}") for number, item in enumerate(record["input"])]
    return json_answer(page_of(items, request))


async def count_input(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses/input_tokens`: about how many tokens the request has. Raises RequestError."""
    body = await read_object(request)
    chat, model, *_ = await _read(body, KeptResponses(exchange), Conversations(exchange))
    exchange.model(model)
    return json_answer({"object": "response.input_tokens", "input_tokens": estimate(chat).prompt})


async def compact_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses/compact`: where a provider has it. Raises RequestError."""
    body, kept = await read_object(request), KeptResponses(exchange)
    model = required(body, "model", str)
    whole, _ = await with_previous(await kept.with_items(body, []), kept, needs_input=False)
    passed = {name: value for name, value in whole.items() if name not in _OURS}
    return await pass_on(PassedRequest("/responses/compact", model, body=passed), request, exchange)


async def _read(
    body: dict[str, Any], kept: KeptResponses, conversations: Conversations
) -> tuple[ChatRequest, str, Identity, list[Any], list[Any]]:
    """The chat, its model, what the response is called, all of its input, and what of it is new.

    Raises RequestError.
    """
    store, background = optional(body, "store", bool), bool(optional(body, "background", bool))
    if background and store is False:
        raise BadRequest("`background` needs a response that is stored: `store`", param="background")
    conversation = named_by(body)
    said = [] if conversation is None else (await conversations.load(conversation))["items"]
    body = await kept.with_items(body, said)
    whole, items = await with_previous(body, kept)
    if said and items:
        items = [*said, *items]
        whole = {**whole, "input": items}
    whole = {name: value for name, value in whole.items() if name not in _OURS}
    asked = read_request(whole)
    previous = body.get("previous_response_id")
    identity = Identity(new_id(), previous, store is not False, background, conversation)
    return said_in(_DIALECT, whole, asked), asked.model, identity, items, items_of(body.get("input"))

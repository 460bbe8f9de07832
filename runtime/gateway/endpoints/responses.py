"""`/v1/responses`: answers, and what is kept of them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web

from ...dialects.chats import said_in
from ...dialects.fields import optional
from ...dialects.openai_responses import Identity, read_request
from ...policies.estimate import estimate
from ...requests.errors import Backpressure, BadRequest, RequestError, ShuttingDown, forget_frames
from ...requests.events import Failed
from ...requests.request import ChatRequest
from ...requests.trace import Trace
from ..bodies import priority_of, read_object
from ..exchange import Exchange
from ..kept_responses import BACKGROUND, Keeper, KeptResponses, new_id, with_previous
from ..responses import internal_error, json_answer, log_failure
from .chat import respond

MOST_BACKGROUND = 256
"""Responses that this process works on while nobody waits."""

_DIALECT = "openai_responses"
_OURS = frozenset({"previous_response_id", "background"})

log = logging.getLogger(__name__)


async def answer_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses`. Raises RequestError."""
    body = await read_object(request)
    kept = KeptResponses(exchange)
    chat, model, identity, items = await _read(body, kept)
    keeper = Keeper(chat, identity, items, kept)
    if not identity.background:
        return await respond(request, exchange, model, chat, keeper)
    exchange.model(model)
    tasks = request.app[BACKGROUND]
    if len(tasks) >= MOST_BACKGROUND:
        raise Backpressure(
            f"{MOST_BACKGROUND} responses are being worked on in the background", retry_after=1
        )
    told = keeper.writer.unanswered("queued")
    await keeper.keep()
    work = _work(exchange, model, chat, keeper, kept, priority_of(request), request.headers.copy())
    name = kept.name(identity.id)
    task = tasks[name] = exchange.background = asyncio.create_task(work)
    task.add_done_callback(lambda _: tasks.pop(name, None))
    return json_answer(told)


async def show_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/responses/{id}`. Raises RequestError."""
    if request.query.get("stream", "false") != "false":
        raise BadRequest("`stream`: a response that is kept is not streamed", param="stream")
    record = await KeptResponses(exchange).load(request.match_info["id"])
    return json_answer(record["response"])


async def delete_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`DELETE /v1/responses/{id}`. Raises RequestError."""
    id, kept = request.match_info["id"], KeptResponses(exchange)
    await kept.delete(id)
    _stop(request, kept.name(id))
    return json_answer({"id": id, "object": "response", "deleted": True})


async def cancel_response(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses/{id}/cancel`: of one in the background. Raises RequestError."""
    id, kept = request.match_info["id"], KeptResponses(exchange)
    record = await kept.load(id)
    if not record["response"].get("background"):
        raise BadRequest("only a response in the background can be cancelled", param="id")
    if record["response"]["status"] in ("queued", "in_progress"):
        record["response"]["status"] = "cancelled"
        await kept.save(record)
        _stop(request, kept.name(id))
    return json_answer(record["response"])


async def list_input(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/responses/{id}/input_items`: all that it was the answer to. Raises RequestError."""
    record = await KeptResponses(exchange).load(request.match_info["id"])
    items = [{"id": f"item_{number}", **item} for number, item in enumerate(record["input"])]
    if request.query.get("order", "desc") != "asc":
        items.reverse()
    ids = [item["id"] for item in items]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return json_answer(
        {"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": False}
    )


async def count_input(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/responses/input_tokens`: about how many tokens the request has. Raises RequestError."""
    body = await read_object(request)
    chat, model, _, _ = await _read(body, KeptResponses(exchange))
    exchange.model(model)
    return json_answer({"object": "response.input_tokens", "input_tokens": estimate(chat).prompt})


async def _read(body: dict[str, Any], kept: KeptResponses) -> tuple[ChatRequest, str, Identity, list[Any]]:
    """The chat, its model, what the response is called, and all of its input. Raises RequestError."""
    store, background = optional(body, "store", bool), bool(optional(body, "background", bool))
    if background and (store is False or body.get("stream")):
        wrong = "store" if store is False else "stream"
        raise BadRequest(
            f"`background` needs a response that is stored, and not streamed: `{wrong}`", param="background"
        )
    whole, items = await with_previous(body, kept)
    whole = {name: value for name, value in whole.items() if name not in _OURS}
    asked = read_request(whole)
    previous = body.get("previous_response_id")
    identity = Identity(new_id(), previous, store is not False, background)
    return said_in(_DIALECT, whole, asked), asked.model, identity, items


async def _work(
    exchange: Exchange,
    model: str,
    chat: ChatRequest,
    keeper: Keeper,
    kept: KeptResponses,
    priority: int,
    headers: Any,
) -> None:
    """Answer, with nobody who waits, and keep what came, unless somebody has cancelled it meanwhile."""
    writer = keeper.writer
    try:
        writer.unanswered("in_progress")
        await keeper.keep()
        trace = Trace(spans=[])
        chunk = await exchange.answer(
            model, chat, exchange.deadline(), trace, priority=priority, headers=headers
        )
        keeper.whole(chunk)
    except asyncio.CancelledError:
        writer.write(Failed(ShuttingDown("the server stopped before the answer was there"), False))
        await asyncio.shield(_keep(keeper, kept))
        raise
    except Exception as error:
        failure = error if isinstance(error, RequestError) else internal_error()
        log_failure(failure)
        forget_frames(failure)
        writer.write(Failed(failure, False))
    await _keep(keeper, kept)


async def _keep(keeper: Keeper, kept: KeptResponses) -> None:
    """Keep what came, unless the response was cancelled or deleted meanwhile."""
    response = keeper.writer.response
    assert response is not None
    try:
        record = await kept.load(response["id"])
    except RequestError:
        return
    if record["response"]["status"] != "cancelled":
        await keeper.keep()


def _stop(request: web.Request, name: str) -> None:
    task = request.app[BACKGROUND].pop(name, None)
    if task is not None:
        task.cancel()

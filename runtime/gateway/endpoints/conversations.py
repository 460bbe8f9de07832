"""`/v1/conversations`: conversations that are kept, and their items. Source: OpenAI API reference."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...requests.errors import BadRequest
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..kept.conversations import Conversations, metadata_of, new_items, unknown_item
from ..outgoing.answers import json_answer

_MOST = 100
_USUAL = 20


async def create_conversation(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/conversations`. Raises RequestError."""
    body = await read_object(request)
    items, metadata = new_items(body, needed=False), metadata_of(body, needed=False)
    return json_answer(await Conversations(exchange).create(items, metadata))


async def show_conversation(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/conversations/{id}`. Raises RequestError."""
    return json_answer((await Conversations(exchange).load(request.match_info["id"]))["conversation"])


async def update_conversation(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/conversations/{id}`: its metadata. Raises RequestError."""
    metadata = metadata_of(await read_object(request), needed=True)
    return json_answer(await Conversations(exchange).describe(request.match_info["id"], metadata))


async def delete_conversation(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`DELETE /v1/conversations/{id}`. Raises RequestError."""
    id = request.match_info["id"]
    await Conversations(exchange).delete(id)
    return json_answer({"id": id, "object": "conversation.deleted", "deleted": True})


async def add_items(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/conversations/{id}/items`. Raises RequestError."""
    items = new_items(await read_object(request), needed=True)
    await Conversations(exchange).add(request.match_info["id"], items)
    return json_answer(_list(items, has_more=False))


async def list_items(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/conversations/{id}/items`: a page of them, the newest first. Raises RequestError."""
    items = (await Conversations(exchange).load(request.match_info["id"]))["items"]
    return json_answer(page_of(items, request))


async def show_item(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/conversations/{id}/items/{item}`. Raises RequestError."""
    items = (await Conversations(exchange).load(request.match_info["id"]))["items"]
    wanted = request.match_info["item"]
    found = next((item for item in items if item["id"] == wanted), None)
    if found is None:
        raise unknown_item(wanted)
    return json_answer(found)


async def delete_item(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`DELETE /v1/conversations/{id}/items/{item}`; gives the conversation. Raises RequestError."""
    named = request.match_info
    return json_answer(await Conversations(exchange).remove(named["id"], named["item"]))


def page_of(items: list[dict[str, Any]], request: web.Request) -> dict[str, Any]:
    """The page of `items` that a request asks for: `order`, `after` and `limit`. Raises BadRequest."""
    query = request.query
    order, after, limit = query.get("order", "desc"), query.get("after"), query.get("limit", str(_USUAL))
    if order not in ("asc", "desc"):
        raise BadRequest("`order` must be asc or desc", param="order")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 5 and 1 <= int(limit) <= _MOST):
        raise BadRequest(f"`limit` must be a whole number from 1 to {_MOST}", param="limit")
    if order == "desc":
        items = items[::-1]
    if after is not None:
        place = next((number for number, item in enumerate(items) if item["id"] == after), None)
        if place is None:
            raise BadRequest(f"`after`: there is no item `{after[:100]}`", param="after")
        items = items[place + 1 :]
    return _list(items[: int(limit)], has_more=len(items) > int(limit))


def _list(items: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    ids = [item["id"] for item in items]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return {"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": has_more}

"""Responses that are kept in the store for a while, each for one key, so that later ones go on from them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Any

import orjson
from aiohttp import web

from ..dialects.chats import conversation_of
from ..dialects.chunks import ChunkEvents, whole_answer
from ..dialects.openai_responses import Identity, ResponsesWriter
from ..limits.store import StoreError
from ..requests.answer import Chunk
from ..requests.errors import BadRequest, RequestError, StoreUnavailable
from ..requests.events import Failed
from ..requests.request import ChatRequest
from .exchange import Exchange

KEPT = 24 * 3600.0
"""Seconds for which a response is kept."""
MOST = 4 << 20
"""Characters of a response with all that came before it; a longer one is not kept."""

Json = dict[str, Any]

BACKGROUND: web.AppKey[dict[str, asyncio.Task[None]]] = web.AppKey("background", dict)
"""The responses that this process is working on while nobody waits for them."""

log = logging.getLogger(__name__)


class UnknownResponse(RequestError):
    """No response of this name is kept for the key that asks: it is too old, was deleted, or never stored."""

    status, type, code = 404, "invalid_request_error", "response_not_found"


class KeptResponses:
    """Those that the client of `exchange` may see."""

    def __init__(self, exchange: Exchange) -> None:
        store = exchange.executor.state
        assert store is not None
        self._values = store.values
        key = exchange.key.plan.name if exchange.key is not None else ""
        self._prefix = f"response\n{exchange.executor.plan.state.name}\n{key}\n"

    async def load(self, id: str) -> Json:
        """Its `response`, and the `input` it was the answer to. Raises UnknownResponse, StoreUnavailable."""
        try:
            text = await self._values.get(self.name(id)) if len(id) <= 100 else None
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None
        if text is None:
            raise UnknownResponse(f"there is no response `{id[:100]}`: it was not stored, or is not any more")
        record: Json = orjson.loads(text)
        return record

    async def save(self, record: Json) -> None:
        """Keep it. Where that cannot be, the log says so: the answer itself is there."""
        text = orjson.dumps(record).decode()
        id = record["response"]["id"]
        if len(text) > MOST:
            log.warning("response %s is not kept: it has more than %d MiB", id, MOST >> 20)
            return
        try:
            await self._values.put(self.name(id), text, KEPT)
        except StoreError as error:
            log.warning("response %s is not kept: %s", id, error)

    async def delete(self, id: str) -> None:
        """Raises UnknownResponse, StoreUnavailable."""
        await self.load(id)
        try:
            await self._values.delete(self.name(id))
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None

    def name(self, id: str) -> str:
        """What it is called in the store."""
        return f"{self._prefix}{id}"


def new_id() -> str:
    """That of a response to come, which nobody can guess."""
    return f"resp_{secrets.token_hex(24)}"


def items_of(given: Any) -> list[Any]:
    """What a client gives as `input`, as a list of items; what is no input stays as it is."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given if isinstance(given, list) else []


class Keeper:
    """Writes the answer to `chat`, and keeps it when it is there. items: all of its input."""

    def __init__(self, chat: ChatRequest, identity: Identity, items: list[Any], kept: KeptResponses) -> None:
        self.writer = ResponsesWriter(conversation_of(chat), int(time.time()), identity)
        self._items = items
        self._kept = kept if identity.stored else None
        self._events = ChunkEvents()

    def whole(self, chunk: Chunk) -> bytes:
        """The body of an answer in one piece. Raises RequestError."""
        return self.writer.whole(whole_answer(chunk))

    def write(self, chunk: Chunk) -> bytes:
        """What tells the client of `chunk`. Raises RequestError."""
        return b"".join(map(self.writer.write, self._events.of(chunk)))

    def end(self) -> bytes:
        """The end of a whole answer."""
        return b"".join(map(self.writer.write, self._events.end())) + self.writer.end()

    def fail(self, error: RequestError) -> bytes:
        """What tells the client that the answer broke off."""
        return self.writer.write(Failed(error, True)) + self.writer.end()

    async def keep(self) -> None:
        """The answer is as it was told last."""
        if self._kept is not None and self.writer.response is not None:
            await self._kept.save({"response": self.writer.response, "input": self._items})


async def with_previous(body: Json, kept: KeptResponses) -> tuple[Json, list[Any]]:
    """`body` with all that was said before, where it goes on from a response; and its items.

    Raises BadRequest, StoreUnavailable.
    """
    items = items_of(body.get("input"))
    previous = body.get("previous_response_id")
    if previous is None:
        return body, items
    if not isinstance(previous, str):
        raise BadRequest(
            "`previous_response_id` must be text", param="previous_response_id", code="wrong_type"
        )
    try:
        record = await kept.load(previous)
    except UnknownResponse as error:
        raise BadRequest(
            error.message, param="previous_response_id", code="previous_response_not_found"
        ) from None
    status = record["response"].get("status")
    if status not in ("completed", "incomplete"):
        raise BadRequest(f"`previous_response_id`: that response is {status}", param="previous_response_id")
    if not items:
        return body, items  # which is refused by name
    items = [*record["input"], *record["response"]["output"], *items]
    return {**body, "input": items}, items

"""Responses that are kept in the store for a while, each for one key, so that later ones go on from them."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import orjson

from ...dialects.chats import conversation_of
from ...dialects.chunks import ChunkEvents
from ...dialects.openai_responses import DIALECT as RESPONSES, Identity, ResponsesWriter
from ...requests.answer import ChatEvents, Chunk
from ...requests.errors import BadRequest, RequestError
from ...requests.events import Failed
from ...requests.foreign_text import one_line
from ...requests.request import ChatRequest
from .conversations import Conversations, numbered
from .event_log import EventLog
from .kept import LONGEST_ID, Json, Kept

_COMPLETE = ("completed", "incomplete")


class UnknownResponse(RequestError):
    """No response of this name is kept for the key that asks: it is too old, was deleted, or never stored."""

    status, type, code = 404, "invalid_request_error", "response_not_found"


class KeptResponses(Kept):
    """Those that the client of `exchange` may see: its `response`, and the `input` it was the answer to."""

    kind = "response"

    def unknown(self, id: str) -> RequestError:
        return UnknownResponse(f"there is no response `{id}`: it was not stored, or is not any more")

    async def name_items(self, response: Json) -> None:
        """Keep which response an item is of, so that later requests can name it."""
        names = [item["id"] for item in response["output"] if isinstance(item.get("id"), str)]
        await asyncio.gather(*(self._put(f"{name}\nitem", response["id"]) for name in names))

    async def with_items(self, body: Json, known: list[Json]) -> Json:
        """`body` with the items that its input names, which are kept, or `known`. Raises BadRequest."""
        given = body.get("input")
        if not isinstance(given, list) or not any(map(_is_reference, given)):
            return body
        by_id = {item.get("id"): item for item in known}
        found = []
        for number, item in enumerate(given):
            if _is_reference(item):
                item = by_id.get(item["id"]) or await self._item(item["id"], number)
            found.append(item)
        return {**body, "input": found}

    async def _item(self, id: str, number: int) -> Json:
        response = await self._get(f"{id}\nitem") if len(id) <= LONGEST_ID else None
        try:
            record = await self.load(response or id)
            return next(item for item in record["response"]["output"] if item.get("id") == id)
        except (UnknownResponse, StopIteration):
            where, name = f"input[{number}].id", one_line(id, LONGEST_ID)
            what = f"`{where}`: there is no item `{name}`: it was not stored, or is not any more"
            raise BadRequest(f"{what}; send the item itself", param=where, code="item_not_found") from None

    async def save_events(self, id: str, log: EventLog) -> None:
        """Keep the events of a stream that is over."""
        packed = log.packed()
        if packed is not None:
            await self._put(f"{id}\nevents", packed)

    async def load_events(self, id: str) -> str | None:
        """Those of a stream, packed; None while it is not over, and where they are not kept.

        Raises StoreUnavailable.
        """
        return await self._get(f"{id}\nevents")


def _is_reference(item: Any) -> bool:
    """Whether an item of an input names another one, which is kept."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item)


def new_id() -> str:
    """That of a response to come, which nobody can guess."""
    return f"resp_{secrets.token_hex(24)}"


def items_of(given: Any) -> list[Any]:
    """What a client gives as `input`, as a list of items; what is no input stays as it is."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given if isinstance(given, list) else []


class Keeper:
    """Writes the answer to `chat`, and keeps it when it is there, also in the conversation it belongs to.

    items: all of its input. new: those of them that came with the request.
    """

    def __init__(
        self,
        chat: ChatRequest,
        identity: Identity,
        items: list[Any],
        new: list[Any],
        kept: KeptResponses,
        conversations: Conversations,
    ) -> None:
        self.writer = ResponsesWriter(conversation_of(chat), int(time.time()), identity)
        self._items, self._new = items, new
        self._kept = kept if identity.stored else None
        self._conversations, self._conversation = conversations, identity.conversation
        self._streamed = chat.stream and identity.background
        self._events = ChunkEvents(RESPONSES)

    @property
    def untold(self) -> tuple[str, ...]:
        """What of the answer responses have no word for."""
        return tuple(self._events.untold)

    def whole(self, chunk: Chunk) -> bytes:
        """The body of an answer in one piece. Raises RequestError."""
        if isinstance(chunk, ChatEvents) and chunk.native:
            return orjson.dumps(self.writer.adopt(orjson.loads(chunk.native)))
        return self.writer.whole(self._events.whole(chunk))

    def write(self, chunk: Chunk) -> bytes:
        """What tells the client of `chunk`. Raises RequestError."""
        if isinstance(chunk, ChatEvents) and chunk.native:
            return self.writer.adopt_event(chunk.native)
        return b"".join(map(self.writer.write, self._events.of(chunk)))

    def end(self) -> bytes:
        """The end of a whole answer."""
        return b"".join(map(self.writer.write, self._events.end())) + self.writer.end()

    def fail(self, error: RequestError) -> bytes:
        """What tells the client that the answer broke off."""
        return self.writer.write(Failed(error, True)) + self.writer.end()

    async def join(self) -> None:
        """The answer is whole: put it into its conversation. Raises RequestError where that is gone."""
        response = self.writer.response
        if self._conversation is not None and response is not None and response["status"] in _COMPLETE:
            items = numbered([*self._new, *response["output"]])
            await self._conversations.add(self._conversation, items)

    async def keep(self) -> None:
        """The answer is as it was told last."""
        response = self.writer.response
        if self._kept is not None and response is not None:
            record = {"response": response, "input": self._items, "streamed": self._streamed}
            await self._kept.save(response["id"], record)
            if response["status"] in _COMPLETE:
                await self._kept.name_items(response)


async def with_previous(
    body: Json, kept: KeptResponses, *, needs_input: bool = True
) -> tuple[Json, list[Any]]:
    """`body` with all that was said before, where it goes on from a response; and its items.

    needs_input: there must be something new, too. Raises BadRequest, StoreUnavailable.
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
    if status not in _COMPLETE:
        raise BadRequest(f"`previous_response_id`: that response is {status}", param="previous_response_id")
    if needs_input and not items and not body.get("prompt"):
        return body, items  # which is refused by name
    items = [*record["input"], *record["response"]["output"], *items]
    return {**body, "input": items}, items

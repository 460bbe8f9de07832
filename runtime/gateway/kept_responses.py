"""Responses that are kept in the store for a while, each for one key, so that later ones go on from them."""

from __future__ import annotations

import secrets
import time
from typing import Any

import orjson

from ..dialects.chats import conversation_of
from ..dialects.chunks import ChunkEvents
from ..dialects.openai_responses import DIALECT as RESPONSES
from ..dialects.openai_responses import Identity, ResponsesWriter
from ..requests.answer import ChatEvents, Chunk
from ..requests.errors import BadRequest, RequestError
from ..requests.events import Failed
from ..requests.request import ChatRequest
from .conversations import Conversations, numbered
from .event_log import EventLog
from .kept import Json, Kept

_COMPLETE = ("completed", "incomplete")


class UnknownResponse(RequestError):
    """No response of this name is kept for the key that asks: it is too old, was deleted, or never stored."""

    status, type, code = 404, "invalid_request_error", "response_not_found"


class KeptResponses(Kept):
    """Those that the client of `exchange` may see: its `response`, and the `input` it was the answer to."""

    kind = "response"

    def unknown(self, id: str) -> RequestError:
        return UnknownResponse(f"there is no response `{id}`: it was not stored, or is not any more")

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
    if status not in _COMPLETE:
        raise BadRequest(f"`previous_response_id`: that response is {status}", param="previous_response_id")
    if not items and not body.get("prompt"):
        return body, items  # which is refused by name
    items = [*record["input"], *record["response"]["output"], *items]
    return {**body, "input": items}, items

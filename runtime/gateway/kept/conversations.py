"""Conversations that are kept: items that responses go on from, and that their answers are added to."""

from __future__ import annotations

import secrets
import time
from typing import Any

from ...dialects import fields
from ...dialects.openai_responses import read_items
from ...requests.errors import BadRequest, RequestError
from .kept import Json, Kept

MOST_AT_ONCE = 20
"""Items that are given in one request which makes or changes a conversation, as OpenAI has it."""

_METADATA = (16, 64, 512)
"""Entries, and characters of a name and of a value."""
_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
}


class UnknownConversation(RequestError):
    """No conversation of this name is kept for the key that asks."""

    status, type, code = 404, "invalid_request_error", "conversation_not_found"


class UnknownItem(RequestError):
    """The conversation holds no such item."""

    status, type, code = 404, "invalid_request_error", "item_not_found"


class Conversations(Kept):
    """Those that the client of `exchange` may see; each with its `items`."""

    kind = "conversation"

    def unknown(self, id: str) -> RequestError:
        message = f"there is no conversation `{id}`: it was deleted, or is not kept any more"
        return UnknownConversation(message, param="conversation")

    async def create(self, items: list[Json], metadata: Json) -> Json:
        """A new one; gives it as clients see it. Raises RequestError."""
        id = f"conv_{secrets.token_hex(24)}"
        shown = {"id": id, "object": "conversation", "created_at": int(time.time()), "metadata": metadata}
        await self.begin(id, {"conversation": shown, "items": items})
        return shown

    async def add(self, id: str, items: list[Json]) -> None:
        """Put `items` at its end. Raises RequestError."""
        await self.change(id, lambda record: record["items"].extend(items))

    async def remove(self, id: str, item: str) -> Json:
        """Take one item out; gives the conversation. Raises RequestError."""

        def remove(record: Json) -> None:
            left = [each for each in record["items"] if each["id"] != item]
            if len(left) == len(record["items"]):
                raise unknown_item(item)
            record["items"] = left

        shown: Json = (await self.change(id, remove))["conversation"]
        return shown

    async def describe(self, id: str, metadata: Json) -> Json:
        """Say other things about it; gives it. Raises RequestError."""

        def describe(record: Json) -> None:
            record["conversation"]["metadata"] = metadata

        shown: Json = (await self.change(id, describe))["conversation"]
        return shown


def unknown_item(item: str) -> UnknownItem:
    return UnknownItem(f"the conversation holds no item `{item[:100]}`", param="item_id")


def named_by(body: Json) -> str | None:
    """The conversation that a request for a response names. Raises BadRequest."""
    match body.get("conversation"):
        case None:
            return None
        case str(id) | {"id": str(id)}:
            if body.get("previous_response_id") is not None:
                message = "`conversation` does not go together with `previous_response_id`"
                raise BadRequest(message, param="conversation", code="mutually_exclusive_parameters")
            return id
        case _:
            message = "`conversation` must be the id of a conversation, or an object with its `id`"
            raise BadRequest(message, param="conversation", code="wrong_type")


def new_items(body: Json, *, needed: bool) -> list[Json]:
    """The `items` of a request, as they are kept. Raises BadRequest."""
    given = fields.required(body, "items", list) if needed else fields.optional(body, "items", list)
    given = given or []
    if len(given) > MOST_AT_ONCE:
        message = f"`items` holds {len(given)}; the most at once is {MOST_AT_ONCE}"
        raise BadRequest(message, param="items")
    read_items(given, "items")
    return numbered(given)


def metadata_of(body: Json, *, needed: bool) -> Json:
    """The `metadata` of a request. Raises BadRequest."""
    given = fields.required(body, "metadata", dict) if needed else fields.optional(body, "metadata", dict)
    entries, longest_name, longest_value = _METADATA
    for name, value in (given or {}).items():
        if not isinstance(value, str) or len(value) > longest_value or len(name) > longest_name:
            message = (
                f"`metadata` must hold texts of at most {longest_value} characters, "
                f"under names of at most {longest_name}"
            )
            raise BadRequest(message, param="metadata")
    if len(given or {}) > entries:
        raise BadRequest(f"`metadata` must hold at most {entries} entries", param="metadata")
    return given or {}


def numbered(items: list[Any]) -> list[Json]:
    """`items` as they are kept and shown: each with an id, a message with a list of parts."""
    return [shown(item) for item in items]


def shown(item: Json, id: str | None = None) -> Json:
    """One item; id: what it is called where it has no id, made here where that is not said."""
    kind = item.get("type") or "message"
    id = item.get("id") or id or f"{_PREFIXES.get(kind, 'item')}_{secrets.token_hex(24)}"
    if kind != "message":
        return {**item, "id": id}
    content = item.get("content") or []
    if isinstance(content, str):
        part: Json = {"type": "input_text", "text": content}
        if item["role"] == "assistant":
            part = {"type": "output_text", "text": content, "annotations": [], "logprobs": []}
        content = [part]
    return {"status": "completed", **item, "type": "message", "id": id, "content": content}

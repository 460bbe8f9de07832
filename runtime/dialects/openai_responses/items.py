"""The input items of OpenAI's responses, read into turns and written from them.

Source: OpenAI API reference, responses. Items of hosted tools, uploaded files and what only OpenAI can open
stay sealed.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...requests.conversation import Role, Turn
from ...requests.parts import (
    NOTHING,
    Media,
    Part,
    Place,
    Refusal,
    Sealed,
    Text,
    ToolCall,
    ToolResult,
    path,
)
from .. import fields
from ..media_urls import split_data_url, type_of_url
from ..openai_chat.messages import carried
from ..sealed_texts import part_of, signed, unseal

Json = dict[str, Any]

DIALECT = "openai_responses"

_MESSAGE = frozenset({"type", "role", "content", "id", "status"})
"""Ids and states of messages are the answer's own, and nothing that OpenAI wants back."""

_TEXT = frozenset({"type", "text", "prompt_cache_breakpoint"})
_IMAGE = frozenset({"type", "image_url", "prompt_cache_breakpoint"})
_FILE = frozenset({"type", "file_data", "file_url", "filename", "prompt_cache_breakpoint"})
_CALL = frozenset({"type", "call_id", "name", "arguments", "extra_content"})
_RESULT = frozenset({"type", "call_id", "output"})
_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}


def read_items(items: list[Any], field: str = "input") -> tuple[Turn, ...]:
    """The turns in `items`: items of the model that follow each other are one turn. Raises BadRequest.

    field: where they stand in the request.
    """
    turns: list[Turn] = []
    for index, item in enumerate(items):
        at: Place = (field, index)
        if not isinstance(item, dict):
            raise fields.mistyped(path(at), dict, item)
        fields.optional(item, "id", str, at)
        turn = _turn(item, at)
        last = turns[-1] if turns else None
        if last is not None and turn.role == last.role == "assistant" and not (turn.extras or last.extras):
            turns[-1] = Turn("assistant", last.parts + turn.parts, at=last.at)
        else:
            turns.append(turn)
    for index, turn in enumerate(turns):
        if turn.role == "assistant" and (parts := signed(turn.parts)) is not turn.parts:
            turns[index] = evolve(turn, parts=parts)
    return tuple(turns)


def _turn(item: Json, at: Place) -> Turn:
    match item.get("type"):
        case None | "message":
            role = _ROLES.get(str(item.get("role")))
            if role is None:
                fields.required(item, "role", str, at)
                raise fields.wrong((*at, "role"), "must be user, assistant, system or developer")
            parts = fields.content(item.get("content"), (*at, "content"), read_part)
            return Turn(role, parts, fields.rest(DIALECT, item, _MESSAGE), at)
        case "function_call":
            thoughts, extras = carried(item.get("extra_content"), at)
            call = ToolCall(
                fields.required(item, "call_id", str, at),
                fields.required(item, "name", str, at),
                fields.required(item, "arguments", str, at),
                extras={**fields.rest(DIALECT, item, _CALL), **extras} or NOTHING,
                at=at,
            )
            return Turn("assistant", (*thoughts, call), NOTHING, at)
        case "function_call_output" if item.get("call_id") is None and item.get("name") is not None:
            return Turn("user", (Sealed(DIALECT, item, at),), NOTHING, at)  # of a tool that nobody called
        case "function_call_output":
            result = ToolResult(
                fields.required(item, "call_id", str, at),
                fields.content(item.get("output"), (*at, "output"), read_part),
                extras=fields.rest(DIALECT, item, _RESULT),
                at=at,
            )
            return Turn("user", (result,), NOTHING, at)
        case "reasoning":
            return Turn("assistant", (_thought(item, at),), NOTHING, at)
        case (
            "custom_tool_call_output"
            | "computer_call_output"
            | "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
        ):
            return Turn("user", (Sealed(DIALECT, item, at),), NOTHING, at)
        case str():
            return Turn("assistant", (Sealed(DIALECT, item, at),), NOTHING, at)
        case _:
            fields.required(item, "type", str, at)
            raise AssertionError("unreachable")


def _thought(item: Json, at: Place) -> Part:
    """A reasoning item of ours says whose thoughts it holds; OpenAI's own goes back to OpenAI as it came."""
    content = item.get("encrypted_content")
    sealed = unseal(content) if isinstance(content, str) else None
    if sealed is None:
        return Sealed(DIALECT, item, at)
    summary = fields.optional(item, "summary", list, at) or ()
    texts = [str(part.get("text", "")) for part in summary if isinstance(part, dict)]
    return part_of(sealed, "\n\n".join(texts), at)


def read_part(part: Json, at: Place) -> Part:
    if not isinstance(part, dict):
        raise fields.mistyped(path(at), dict, part)
    match part.get("type"):
        case "input_text" | "output_text":
            text = fields.required(part, "text", str, at)
            more = {name: value for name, value in part.items() if name not in _TEXT and value != []}
            return Text(text, fields.cache_mark(part, at), {DIALECT: more} if more else NOTHING, at)
        case "refusal":
            return Refusal(fields.required(part, "refusal", str, at), at=at)
        case "input_image" if isinstance(part.get("image_url"), str):
            return _media("image", part, part["image_url"], _IMAGE, at)
        case "input_image" if part.get("file_id") is None:
            raise fields.wrong(at, "must hold `image_url`, or a `file_id`")
        case "input_file" if part.get("file_id") is None:
            where = "file_data" if part.get("file_data") is not None else "file_url"
            if part.get(where) is None:
                raise fields.wrong(at, "must hold `file_data`, `file_url`, or a `file_id`")
            return _media("document", part, fields.required(part, where, str, at), _FILE, at)
        case str():
            return Sealed(DIALECT, part, at)
        case _:
            fields.required(part, "type", str, at)
            raise AssertionError("unreachable")


def _media(kind: Any, part: Json, url: str, known: frozenset[str], at: Place) -> Media:
    more = {name: value for name, value in part.items() if name not in known and value is not None}
    common: Json = {
        "name": fields.optional(part, "filename", str, at),
        "cache": fields.cache_mark(part, at),
        "extras": {DIALECT: more} if more else NOTHING,
        "at": at,
    }
    if inline := split_data_url(url):
        return Media(kind, *inline, **common)
    if url.startswith(("https://", "http://")):
        return Media(kind, type_of_url(url), url=url, **common)
    raise fields.wrong(at, "must hold an https URL or `data:…;base64,…`")

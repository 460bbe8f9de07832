"""Content blocks of Anthropic's messages, read into parts and written from them.

Source: Anthropic Messages API reference. Kinds that no other provider has, such as searches that Anthropic
runs itself and files that were uploaded there, stay sealed.
"""

from __future__ import annotations

from typing import Any

from ...requests.errors import BadRequest
from ...requests.parts import (
    CacheMark,
    Media,
    Part,
    Place,
    RedactedThinking,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    own,
    path,
)
from .. import fields
from ..exact_json import dumps
from ..sealed_texts import part_of, unseal
from ..tool_arguments import arguments_object

Json = dict[str, Any]

DIALECT = "anthropic"

_TEXT = frozenset({"type", "text", "cache_control"})
_SOURCE = frozenset({"type", "source", "cache_control", "title"})
_CALL = frozenset({"type", "id", "name", "input", "cache_control"})
_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})
_THINKING = frozenset({"type", "thinking", "signature"})
_REDACTED = frozenset({"type", "data"})


def read_content(content: object, at: Place) -> tuple[Part, ...]:
    """The parts of a message. Raises BadRequest."""
    return fields.content(content, at, _read)


def _read(block: Json, at: Place) -> Part:
    if not isinstance(block, dict):
        raise fields.mistyped(path(at), dict, block)
    match block.get("type"):
        case "text":
            text = fields.required(block, "text", str, at)
            if len(block) == 2:
                return Text(text, at=at)
            return Text(text, fields.cache_mark(block, at), fields.rest(DIALECT, block, _TEXT), at)
        case "tool_use":
            return ToolCall(
                fields.required(block, "id", str, at),
                fields.required(block, "name", str, at),
                dumps(fields.required(block, "input", dict, at)).decode(),
                fields.cache_mark(block, at),
                fields.rest(DIALECT, block, _CALL),
                at,
            )
        case "tool_result":
            content = block.get("content")
            return ToolResult(
                fields.required(block, "tool_use_id", str, at),
                () if content is None else read_content(content, (*at, "content")),
                fields.optional(block, "is_error", bool, at),
                fields.cache_mark(block, at),
                fields.rest(DIALECT, block, _RESULT),
                at,
            )
        case "image" | "document" as kind:
            return _read_media(block, kind, at)
        case "thinking":
            text = fields.required(block, "thinking", str, at)
            signature = fields.optional(block, "signature", str, at)
            if signature == "":  # the thoughts of others, as they were told here
                return Thinking(text, None, "openai_chat", at=at)
            if signature is not None and (sealed := unseal(signature)) is not None:
                return part_of(sealed, text, at)
            return Thinking(text, signature, DIALECT, fields.rest(DIALECT, block, _THINKING), at)
        case "redacted_thinking":
            data = fields.required(block, "data", str, at)
            if (sealed := unseal(data)) is not None:
                return part_of(sealed, "", at)
            return RedactedThinking(data, DIALECT, fields.rest(DIALECT, block, _REDACTED), at)
        case str():
            return Sealed(DIALECT, block, at)
        case _:
            fields.required(block, "type", str, at)
            raise AssertionError("unreachable")


def _read_media(block: Json, kind: Any, at: Place) -> Part:
    source = fields.required(block, "source", dict, at)
    more: Json = {
        "name": fields.optional(block, "title", str, at),
        "cache": fields.cache_mark(block, at),
        "extras": fields.rest(DIALECT, block, _SOURCE),
        "at": at,
    }
    inner: Place = (*at, "source")
    match source.get("type"):
        case "base64":
            type = fields.required(source, "media_type", str, inner)
            return Media(kind, type, fields.required(source, "data", str, inner), **more)
        case "url":
            known = "application/pdf" if kind == "document" else None
            return Media(kind, known, url=fields.required(source, "url", str, inner), **more)
        case "text":
            return Media(kind, "text/plain", text=fields.required(source, "data", str, inner), **more)
        case _:  # an uploaded file, or blocks of blocks
            return Sealed(DIALECT, block, at)


def write_part(part: Part) -> Json:
    """The block for `part`. Raises BadRequest for what Anthropic has no word for."""
    match part:
        case Text() | Refusal():
            block: Json = {"type": "text", "text": part.text}
        case ToolCall():
            block = {
                "type": "tool_use",
                "id": part.id,
                "name": part.name,
                "input": arguments_object(part.arguments),
            }
        case ToolResult():
            block = {"type": "tool_result", "tool_use_id": part.id}
            if part.parts:
                block["content"] = write_content(part.parts)
            if part.is_error is not None:
                block["is_error"] = part.is_error
        case Media():
            block = _write_media(part)
        case Thinking(signature=str(signature)):
            return {"type": "thinking", "thinking": part.text, "signature": signature, **_own(part)}
        case RedactedThinking():
            return {"type": "redacted_thinking", "data": part.data, **_own(part)}
        case Sealed(dialect="anthropic"):
            return dict(part.value)
        case _:
            raise unwritable(part)
    if part.cache is not None:
        block["cache_control"] = write_mark(part.cache)
    return block | _own(part) if part.extras else block


def _own(part: Any) -> Any:
    return own(part.extras, DIALECT)


def write_content(parts: tuple[Part, ...]) -> str | list[Json]:
    """The content of a message, which is text where it is nothing else."""
    if len(parts) == 1 and type(part := parts[0]) is Text and part.cache is None and not part.extras:
        return part.text
    return [write_part(part) for part in parts]


def write_mark(mark: CacheMark) -> Json:
    """`cache_control`; Anthropic keeps a prompt for five minutes or an hour."""
    if mark.ttl is None:
        return {"type": "ephemeral"}
    return {"type": "ephemeral", "ttl": mark.ttl if mark.field == "cache_control" else "1h"}


def _write_media(media: Media) -> Json:
    match media:
        case Media(kind="image" | "document", url=url) if url:
            source: Json = {"type": "url", "url": url}
        case Media(kind="document", type="text/plain", text=text) if text:
            source = {"type": "text", "media_type": "text/plain", "data": text}
        case Media(kind="image" | "document", data=data, type=str(type)) if data:
            source = {"type": "base64", "media_type": type, "data": data}
        case _:
            raise unwritable(media)
    block: Json = {"type": media.kind, "source": source}
    if media.name is not None and media.kind == "document":
        block["title"] = media.name
    return block


def unwritable(part: Part) -> BadRequest:
    """The error for a part that Anthropic has no word for."""
    what = part.kind if isinstance(part, Media) else type(part).__name__
    place = path(part.at) or "messages"
    return BadRequest(f"`{place}`: {what} in this form cannot be sent to Anthropic", param=place)

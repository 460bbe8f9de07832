"""The messages of a chat request, read into turns.

Besides what OpenAI documents, two habits of compatible servers and clients are known: `reasoning_content`,
what the model thought, and `extra_content` of a tool call, in which other providers' thoughts and signatures
travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ...requests.conversation import Turn
from ...requests.errors import BadRequest
from ...requests.parts import (
    NOTHING,
    Extras,
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
from ..media_urls import split_data_url, type_of_url
from ..sealed_texts import SIGNATURE
from .thought_details import FIELD, is_mistrals, mistral_thoughts

Json = dict[str, Any]

DIALECT = "openai_chat"

_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "reasoning_content", "tool_call_id"})
_TEXT = frozenset({"type", "text", "cache_control", "prompt_cache_breakpoint"})
_REFUSAL = frozenset({"type", "refusal", "cache_control", "prompt_cache_breakpoint"})
_IMAGE = frozenset({"type", "image_url", "cache_control", "prompt_cache_breakpoint"})
_AUDIO = frozenset({"type", "input_audio", "cache_control", "prompt_cache_breakpoint"})
_FILE = frozenset({"type", "file", "cache_control", "prompt_cache_breakpoint"})
_CALL = frozenset({"id", "type", "function", "extra_content", "index", "cache_control"})

CARRIERS = {"anthropic": "anthropic", "openai": "openai_responses"}
"""Under which name `extra_content` has whose thoughts."""

PLAIN_AUDIO = {"mp3": "audio/mpeg"}
"""Formats whose media type has another name."""


def read_messages(messages: list[Any]) -> tuple[Turn, ...]:
    """The turns in `messages`. Raises BadRequest, which names the place."""
    if not messages:
        raise BadRequest("`messages` must hold at least one message", param="messages")
    return tuple([_turn(message, ("messages", index)) for index, message in enumerate(messages)])


def _turn(message: Json, at: Place) -> Turn:
    if not isinstance(message, dict):
        raise fields.mistyped(path(at), dict, message)
    extras = fields.rest("openai_chat", message, _MESSAGE)
    content = message.get("content")
    match message.get("role"):
        case "user":
            return Turn("user", _content(content, at), extras, at)
        case "assistant":
            turn = Turn("assistant", _said(message, content, at), extras, at)
            if FIELD in message:
                turn = _with_details(turn)
            return _signed(turn) if "extra_content" in message else turn
        case "system" | "developer" as role:
            return Turn(role, _content(content, at), extras, at)
        case "tool":
            id = fields.required(message, "tool_call_id", str, at)
            mark = fields.cache_mark(message, at) if extras else None
            result = ToolResult(id, _content(content, at), cache=mark, extras=_unmarked(extras), at=at)
            return Turn("user", (result,), NOTHING, at)
        case "function":
            return Turn("user", (Sealed(DIALECT, message, at),), NOTHING, at)
        case str() as unknown:
            raise fields.wrong(
                (*at, "role"), f"must be system, developer, user, assistant or tool, not `{unknown}`"
            )
        case _:
            fields.required(message, "role", str, at)
            raise AssertionError("unreachable")


def _unmarked(extras: Extras) -> Extras:
    """`extras` without the cache mark, which has a place of its own."""
    kept = {k: v for k, v in own(extras, DIALECT).items() if k != "cache_control"}
    return {DIALECT: kept} if kept else NOTHING


def _content(content: object, at: Place) -> tuple[Part, ...]:
    return () if content is None else fields.content(content, (*at, "content"), _part)


def _part(part: Json, at: Place) -> Part:
    if not isinstance(part, dict):
        raise fields.mistyped(path(at), dict, part)
    kind = part.get("type")
    if kind == "text":
        text = part.get("text")
        if not isinstance(text, str):
            text = fields.required(part, "text", str, at)
        if len(part) == 2:
            return Text(text, at=at)
        return Text(text, fields.cache_mark(part, at), fields.rest(DIALECT, part, _TEXT), at)
    match kind:
        case "input_audio" | "file" if own_form(part) is not None:
            return Sealed(DIALECT, part, at)
        case "image_url":
            return read_image(part, at)
        case "input_audio":
            audio = fields.required(part, "input_audio", dict, at)
            inner = (*at, "input_audio")
            format = fields.required(audio, "format", str, inner)
            data = fields.required(audio, "data", str, inner)
            type = PLAIN_AUDIO.get(format, f"audio/{format}")
            return Media(
                "audio", type, data, cache=fields.cache_mark(part, at), extras=_more(part, _AUDIO), at=at
            )
        case "file":
            return _file(part, at)
        case "refusal":
            said = fields.required(part, "refusal", str, at)
            return Refusal(said, fields.cache_mark(part, at), _more(part, _REFUSAL), at)
        case str():
            return Sealed(DIALECT, part, at)
        case _:
            fields.required(part, "type", str, at)
            raise AssertionError("unreachable")


def own_form(part: Mapping[str, Any]) -> str | None:
    """The name for a sound, or a file, that is not written as OpenAI has it. Source: mistralai 3.7.0 (PyPI),
    AudioChunk and FileChunk."""
    match part:
        case {"type": "input_audio", "input_audio": str()}:
            return "input_audio as text"
        case {"type": "file", "file_id": str()}:
            return "file by file_id"
        case _:
            return None


def _more(part: Json, known: frozenset[str]) -> Extras:
    return fields.rest(DIALECT, part, known)


def read_image(part: Json, at: Place) -> Media:
    """A picture in a message, or in the `images` of an answer. Raises BadRequest."""
    image = part.get("image_url")
    if isinstance(image, str):
        image = {"url": image}
    elif not isinstance(image, dict):
        raise fields.mistyped(path((*at, "image_url")), dict, image)
    url = fields.required(image, "url", str, (*at, "image_url"))
    more: dict[str, Any] = {name: value for name, value in part.items() if name not in _IMAGE}
    if detail := {name: value for name, value in image.items() if name != "url"}:
        more["image_url"] = detail
    extras = {DIALECT: more} if more else NOTHING
    mark = fields.cache_mark(part, at)
    if inline := split_data_url(url):
        return Media("image", *inline, cache=mark, extras=extras, at=at)
    if url.startswith(("https://", "http://")):
        return Media("image", type_of_url(url), url=url, cache=mark, extras=extras, at=at)
    raise fields.wrong((*at, "image_url", "url"), "must be an https URL or `data:…;base64,…`")


def _file(part: Json, at: Place) -> Part:
    file = fields.required(part, "file", dict, at)
    data = fields.optional(file, "file_data", str, (*at, "file"))
    if data is None or not file.keys() <= {"file_data", "filename"}:
        return Sealed(DIALECT, part, at)  # a file that was uploaded to OpenAI
    name = fields.optional(file, "filename", str, (*at, "file"))
    inline = split_data_url(data)
    if inline is None:
        raise fields.wrong((*at, "file", "file_data"), "must be `data:…;base64,…`")
    return Media(
        "document", *inline, name=name, cache=fields.cache_mark(part, at), extras=_more(part, _FILE), at=at
    )


def _said(message: Json, content: object, at: Place) -> tuple[Part, ...]:
    """What the model said, in the order in which it did: thoughts, words, calls."""
    parts = _content(content, at)
    refusal = message.get("refusal")
    if refusal is not None:
        parts = (*parts, Refusal(fields.required(message, "refusal", str, at), at=(*at, "refusal")))
    calls = message.get("tool_calls")
    thoughts, _ = carried(message.get("extra_content"), at)
    if calls is not None:
        made: list[Part] = []
        for index, call in enumerate(fields.objects(calls, (*at, "tool_calls"))):
            place: Place = (*at, "tool_calls", index)
            signed, part = _call(call, place)
            lead = 0 if made else before_content(call, len(signed))
            thoughts += signed[:lead]
            made += [*signed[lead:], part]
        parts = (*parts, *made)
    reasoning = fields.optional(message, "reasoning_content", str, at)
    if reasoning and not thoughts:
        thoughts = [Thinking(reasoning, dialect=DIALECT, at=(*at, "reasoning_content"))]
    return (*thoughts, *parts)


def _with_details(turn: Turn) -> Turn:
    """An answer with the thoughts that Mistral signed as parts of it; OpenRouter's stay beside it."""
    beside: Json = own(turn.extras, DIALECT)
    thoughts = mistral_thoughts(beside.get(FIELD), (*turn.at, FIELD))
    if not thoughts:
        return turn
    left = [each for each in beside[FIELD] if not is_mistrals(each)]
    beside = {name: value for name, value in beside.items() if name != FIELD}
    if left:
        beside[FIELD] = left
    told = [part for part in turn.parts if not isinstance(part, Text | Thinking) or _is_own(part)]
    return evolve(turn, parts=(*thoughts, *told), extras={DIALECT: beside} if beside else NOTHING)


def _is_own(part: Text | Thinking) -> bool:
    """Whether `part` says something that a signed thought does not."""
    return bool(part.text if isinstance(part, Text) else part.signature)


def _signed(turn: Turn) -> Turn:
    """An answer without signed thoughts beside it, which have been read, and with Google's signature on
    its words; on none, before its calls, where there are none."""
    beside: Json = own(turn.extras, DIALECT)
    left: Any = beside["extra_content"]
    if isinstance(left, dict):
        _, left = _signed_thoughts(left, turn.at)
    signed: str | None = None
    match left:
        case {"google": {"thought_signature": str(signature), **more}, **others}:
            signed, left = signature, {**others, "google": more} if more else others
    if left == beside["extra_content"]:
        return turn
    beside = {name: value for name, value in beside.items() if name != "extra_content"}
    if left:
        beside["extra_content"] = left
    turn = evolve(turn, extras={DIALECT: beside} if beside else NOTHING)
    if signed is None:
        return turn
    extras = {"gemini": {SIGNATURE: signed}}
    parts = [part for part in turn.parts if not isinstance(part, Text) or part.text]
    last = next((place for place, part in enumerate(reversed(parts), 1) if isinstance(part, Text)), None)
    if last is None:
        place = next((n for n, part in enumerate(parts) if isinstance(part, ToolCall)), len(parts))
        parts.insert(place, Text("", extras=extras, at=(*turn.at, "extra_content")))
    else:
        words: Any = parts[-last]
        parts[-last] = evolve(words, extras={**words.extras, **extras})
    return evolve(turn, parts=tuple(parts))


def _call(call: Json, at: Place) -> tuple[list[Part], Part]:
    """The thoughts that a call carries, and the call."""
    function = call.get("function")
    if call.get("type", "function") != "function":
        return [], Sealed(DIALECT, call, at)
    id = fields.required(call, "id", str, at)
    if not isinstance(function, dict):
        function = fields.required(call, "function", dict, at)
    inner = (*at, "function")
    name = fields.required(function, "name", str, inner)
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # clients that have parsed what they send back
        arguments = dumps(arguments).decode()
    elif arguments is None and "arguments" in function:  # as some servers tell calls without any
        arguments = "{}"
    elif not isinstance(arguments, str):
        arguments = fields.required(function, "arguments", str, inner)
    if len(call) == 3 and len(function) == 2:
        return [], ToolCall(id, name, arguments, at=at)
    extras = dict(fields.rest(DIALECT, call, _CALL))
    more = {key: value for key, value in function.items() if key not in ("name", "arguments")}
    if more:
        extras[DIALECT] = {**own(extras, DIALECT), "function": more}
    thoughts, held = carried(call.get("extra_content"), at)
    mark = fields.cache_mark(call, at) if "cache_control" in call else None
    return thoughts, ToolCall(id, name, arguments, cache=mark, extras=extras | held or NOTHING, at=at)


def carried(extra: object, at: Place) -> tuple[list[Part], dict[str, Any]]:
    """What `extra_content` holds: thoughts that were signed; Gemini's signature, and all else, as extras."""
    if not isinstance(extra, dict):
        return [], {}
    extras: dict[str, Any] = {}
    thoughts, left = _signed_thoughts(extra, at)
    match extra.get("google"):
        case {"thought_signature": str(signature), **others} if not others:
            extras["gemini"] = {"thoughtSignature": signature}
            left.pop("google")
    if left:
        extras["openai"] = {"extra_content": left}
    return thoughts, extras


def _signed_thoughts(extra: Json, at: Place) -> tuple[list[Part], Json]:
    """The thoughts in `extra_content` that were signed, and what else there is: what holds none stays."""
    thoughts: list[Part] = []
    left = dict(extra)
    for owner, dialect in CARRIERS.items():
        match extra.get(owner):
            case {"thinking": list(blocks), **others} if others.keys() <= {BEFORE_CONTENT}:
                if found := [part for block in blocks if (part := _thought(block, dialect, at)) is not None]:
                    thoughts += found
                    left.pop(owner)
    return thoughts, left


BEFORE_CONTENT = "before_content"
"""How many of the thoughts that the first call carries stood before the words; without it, all of them."""


def before_content(call: Json, count: int) -> int:
    """How many of its `count` thoughts stood before the words."""
    match call.get("extra_content"):
        case {"anthropic": {"before_content": int(lead)}} | {"openai": {"before_content": int(lead)}} if (
            0 <= lead <= count
        ):
            return lead
    return count


def _thought(block: object, dialect: str, at: Place) -> Part | None:
    match block:
        case {"type": "thinking", "thinking": str(text), "signature": str(signature)}:
            return Thinking(text, signature, dialect, at=at)
        case {"type": "redacted_thinking", "data": str(data)}:
            return RedactedThinking(data, dialect, at=at)
        case _:
            return None

"""From a conversation to the body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import evolve

from ...requests.conversation import (
    DEFAULT_SAMPLING,
    Conversation,
    Format,
    FunctionTool,
    Tool,
    ToolChoice,
    Turn,
)
from ...requests.errors import BadRequest
from ...requests.parts import (
    NOTHING,
    CacheMark,
    Extras,
    Media,
    Part,
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
from ..media_urls import data_url
from ..sealed_texts import signature_of
from .messages import BEFORE_CONTENT, CARRIERS, DIALECT, PLAIN_AUDIO
from .thought_details import FIELD, detail_of

Json = dict[str, Any]

Thought = Thinking | RedactedThinking

_OWNERS = {dialect: owner for owner, dialect in CARRIERS.items()}

AUDIO_FORMATS = {type: format for format, type in PLAIN_AUDIO.items()}


def write_request(conversation: Conversation) -> Json:
    """The body for `conversation`. Raises BadRequest for parts that OpenAI has no word for."""
    c = conversation
    body: Json = {"model": c.model, "messages": [m for turn in c.turns for m in write_turn(turn)]}
    if c.tools:
        body["tools"] = [_tool(tool) for tool in c.tools]
    if c.tool_choice is not None:
        body["tool_choice"] = _tool_choice(c.tool_choice)
    if c.format is not None:
        body["response_format"] = _format(c.format)
    if c.max_tokens is not None:
        body[c.token_limit or "max_tokens"] = c.max_tokens
    if c.thinking is not None and (effort := "none" if c.thinking.is_off else c.thinking.effort) is not None:
        body["reasoning_effort"] = effort
    if c.sampling is not DEFAULT_SAMPLING:
        body |= c.sampling.said()
    for name in ("parallel_tool_calls", "verbosity", "n", "user"):
        if (value := getattr(c, name)) is not None:
            body[name] = value
    if c.stop:
        body["stop"] = list(c.stop)
    if c.modalities:
        body["modalities"] = list(c.modalities)
    if c.metadata:
        body["metadata"] = dict(c.metadata)
    if c.stream:
        body["stream"] = True
    if c.stream_usage is not None:
        body["stream_options"] = {"include_usage": c.stream_usage}
    for seal in ("openai", DIALECT) if c.extras else ():
        for name, value in own(c.extras, seal).items():
            body[name] = {**body.get(name, {}), **value} if name == "stream_options" else value
    return body


def write_turn(turn: Turn) -> Iterator[Json]:
    """The messages that say what `turn` says: each result of a tool is one of its own."""
    extras = turn.extras.get(DIALECT)
    if turn.role == "assistant":
        yield _said(turn.parts, extras)
        return
    parts: list[Part] = []
    written = False
    for part in turn.parts:
        if isinstance(part, ToolResult):
            yield _result(part)
            written = True
        elif isinstance(part, Sealed) and "role" in part.value:
            yield dict(_unseal(part))
            written = True
        else:
            parts.append(part)
    if parts or not written:
        message = {"role": turn.role, "content": _content(tuple(parts))}
        yield message | extras if extras else message


def _result(result: ToolResult) -> Json:
    message = {"role": "tool", "tool_call_id": result.id, "content": _content(result.parts)}
    if result.cache is not None:
        message |= _mark(result.cache)
    return message | own(result.extras, DIALECT) if result.extras else message


def _content(parts: tuple[Part, ...]) -> str | list[Json]:
    if not parts:
        return ""
    if len(parts) == 1 and type(part := parts[0]) is Text and part.cache is None and not part.extras:
        return part.text
    return [_part(part) for part in parts]


def _part(part: Part) -> Json:
    match part:
        case Text():
            written: Json = {"type": "text", "text": part.text}
        case Refusal():
            written = {"type": "refusal", "refusal": part.text}
        case Media():
            written = _media(part)
        case Sealed():
            return dict(_unseal(part))
        case _:
            raise unwritable(part)
    if part.cache is not None:
        written |= _mark(part.cache)
    for name, value in own(part.extras, DIALECT).items():
        written[name] = {**written[name], **value} if name == "image_url" else value
    return written


def _media(media: Media) -> Json:
    match media:
        case Media(kind="image", url=url) if url:
            return {"type": "image_url", "image_url": {"url": url}}
        case Media(kind="image", data=data) if data:
            return {"type": "image_url", "image_url": {"url": data_url(media.type, data)}}
        case Media(kind="audio", data=data, type=str(type)) if data:
            format = AUDIO_FORMATS.get(type, type.removeprefix("audio/"))
            return {"type": "input_audio", "input_audio": {"data": data, "format": format}}
        case Media(kind="document", data=data) if data:
            name = {} if media.name is None else {"filename": media.name}
            return {"type": "file", "file": {"file_data": data_url(media.type, data), **name}}
        case _:
            raise unwritable(media)


def _mark(mark: CacheMark) -> Json:
    ttl = {} if mark.ttl is None else {"ttl": mark.ttl}
    kind = {"type": "ephemeral"} if mark.field == "cache_control" else {"mode": "explicit"}
    return {mark.field: kind | ttl}


def _unseal(part: Sealed) -> Any:
    if part.dialect != DIALECT:
        raise unwritable(part)
    return part.value


def _said(parts: tuple[Part, ...], extras: Any = None) -> Json:
    """The message of an assistant: its words, and beside them its calls."""
    message = write_message(parts)
    if not extras:
        return message
    message |= extras
    return message if parts else message | {"content": None}


def write_message(parts: tuple[Part, ...]) -> Json:
    """What an assistant said, as one message."""
    said: list[Part] = []
    calls: list[Json] = []
    thoughts: list[Thought] = []
    details: list[Json] = []
    message: Json = {}
    reasoning = ""
    refusal: str | None = None
    for part in parts:
        match part:
            case ToolCall():
                calls.append(write_call(part, thoughts))
                thoughts = []
            case Thinking() | RedactedThinking() if (detail := detail_of(part)) is not None:
                details.append(detail)
            case Thinking():
                reasoning += part.text
                thoughts += signed_thoughts((part,))
            case RedactedThinking():
                thoughts += signed_thoughts((part,))
            case Refusal():
                refusal = (refusal or "") + part.text
            case Sealed() if part.value.get("type") == "custom":
                calls.append(dict(_unseal(part)))
            case Text() if (signature := signature_of(part)) is not None:
                message["extra_content"] = {"google": {"thought_signature": signature}}
                own = {seal: values for seal, values in part.extras.items() if seal != "gemini"}
                said += [evolve(part, extras=own or NOTHING)] if part.text else []
            case _:
                said.append(part)
    empty = None if calls or refusal is not None else ""
    message = {"role": "assistant", "content": _content(tuple(said)) if said else empty, **message}
    if details:
        message[FIELD] = details
    if refusal is not None:
        message["refusal"] = refusal
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    return message


def signed_thoughts(parts: Iterable[Part]) -> list[Thought]:
    """The thoughts among `parts` that were signed, or hidden, by who has no other place for them."""
    return [
        part
        for part in parts
        if isinstance(part, RedactedThinking) or (isinstance(part, Thinking) and part.signature)
        if part.dialect in _OWNERS
    ]


def carried_thoughts(thoughts: list[Thought], lead: int | None = None) -> Json:
    """The `extra_content` with `thoughts`, as Anthropic tells them. lead: as in `write_call`."""
    found: dict[str, Json] = {}
    for thought in thoughts:
        if isinstance(thought, RedactedThinking):
            block: Json = {"type": "redacted_thinking", "data": thought.data}
        else:
            block = {"type": "thinking", "thinking": thought.text, "signature": thought.signature}
        found.setdefault(_OWNERS[thought.dialect], {"thinking": []})["thinking"].append(block)
    if lead is not None:
        for held in found.values():
            held[BEFORE_CONTENT] = lead
    return found


def write_call(call: ToolCall, thoughts: list[Thought], lead: int | None = None) -> Json:
    """A call, and what its provider wants back with it: the thoughts before it, or their signature.

    lead: how many of them stand before the words of the message, where not all do.
    """
    function: Json = {"name": call.name, "arguments": call.arguments}
    written: Json = {"id": call.id, "type": "function", "function": function}
    if call.cache is not None:
        written |= _mark(call.cache)
    extra = carried_thoughts(thoughts, lead) if thoughts else {}
    if call.extras:
        extra |= carried_by(call.extras)
        for name, value in own(call.extras, DIALECT).items():
            written[name] = {**function, **value} if name == "function" else value
    if extra:
        written["extra_content"] = extra
    return written


def carried_by(extras: Extras) -> Json:
    """The `extra_content` of a call beside thoughts: Gemini's signature, and what other servers put there."""
    extra: Json = {**own(extras, "openai").get("extra_content", {})}
    if signature := own(extras, "gemini").get("thoughtSignature"):
        extra["google"] = {"thought_signature": signature}
    return extra


def _tool(tool: Tool) -> Json:
    if not isinstance(tool, FunctionTool):
        if tool.dialect != DIALECT:
            raise BadRequest(f"`{path(tool.at)}` is known to {tool.dialect} alone", param=path(tool.at))
        return dict(tool.value)
    function: Json = {"name": tool.name}
    for name in ("description", "parameters", "strict"):
        if (value := getattr(tool, name)) is not None:
            function[name] = value
    written: Json = {"type": "function", "function": function}
    if tool.cache is not None:
        written |= _mark(tool.cache)
    for name, value in own(tool.extras, DIALECT).items():
        written[name] = {**function, **value} if name == "function" else value
    return written


def _tool_choice(choice: ToolChoice) -> Any:
    if (sealed := own(choice.extras, DIALECT).get("tool_choice")) is not None:
        return sealed
    if not choice.names:
        return choice.mode
    named = [{"type": "function", "function": {"name": name}} for name in choice.names]
    if len(named) == 1 and choice.mode == "required":
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _format(format: Format) -> Json:
    if format.kind != "schema":
        return {"type": "text" if format.kind == "text" else "json_object"}
    inner: Json = {"name": format.name or "answer"}
    for name in ("description", "schema", "strict"):
        if (value := getattr(format, name)) is not None:
            inner[name] = value
    return {"type": "json_schema", "json_schema": inner}


def unwritable(part: Part) -> BadRequest:
    """The error for a part that the dialect has no word for."""
    what = {Sealed: "this part", Media: "this form of media"}.get(type(part), type(part).__name__)
    place = path(part.at) or "messages"
    return BadRequest(f"`{place}`: {what} cannot be sent to OpenAI's chat completions", param=place)

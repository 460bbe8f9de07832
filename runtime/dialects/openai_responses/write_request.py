"""From a conversation to the body of `POST /v1/responses`. Source: OpenAI API reference, responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from ...requests.conversation import Conversation, Turn
from ...requests.errors import BadRequest
from ...requests.parts import (
    CacheMark,
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
from .items import DIALECT
from .shapes import carried_json, choice_json, format_json, tools_json

Json = dict[str, Any]

_INSTRUCTIONS = ("instructions",)


def write_request(conversation: Conversation, *, origin: str | None = None) -> Json:
    """The body for `conversation`. Raises BadRequest for parts that OpenAI has no word for.

    origin: the deployment that is asked, which alone can read what it has hidden; None: any.
    """
    c = conversation
    turns = c.turns
    body: Json = {"model": c.model}
    if turns and turns[0].at == _INSTRUCTIONS and isinstance(turns[0].parts[0], Text):
        body["instructions"] = turns[0].parts[0].text
        turns = turns[1:]
    if turns:  # else OpenAI keeps all that is said
        body["input"] = [item for turn in turns for item in _turn(turn, origin)]
    if c.tools:
        body["tools"] = tools_json(c.tools)
    if c.tool_choice is not None:
        body["tool_choice"] = choice_json(c.tool_choice)
    if c.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = c.parallel_tool_calls
    text: Json = {} if c.format is None else {"format": _format(c)}
    if c.verbosity is not None:
        text["verbosity"] = c.verbosity
    if text:
        body["text"] = text
    if c.max_tokens is not None:
        body["max_output_tokens"] = c.max_tokens
    sampled = c.sampling.said()
    sampled.pop("logprobs", None)
    body |= sampled
    reasoning = dict(own(c.extras, DIALECT).get("reasoning") or {})
    if c.thinking is not None:
        effort = "none" if c.thinking.is_off else c.thinking.effort
        said = {"effort": effort, "summary": c.thinking.summary}
        reasoning |= {name: value for name, value in said.items() if value is not None}
    if reasoning:
        body["reasoning"] = reasoning
    for name, value in (("user", c.user), ("metadata", dict(c.metadata)), ("stream", c.stream)):
        if value:
            body[name] = value
    for seal in ("openai", DIALECT):
        body |= {name: value for name, value in own(c.extras, seal).items() if name != "reasoning"}
    return body


def _turn(turn: Turn, origin: str | None) -> Iterator[Json]:
    """The items that say what `turn` says: calls, results and sealed items stand between messages."""
    spoken: list[Json] = []
    thoughts: list[Json] = []  # OpenAI refuses those that nothing follows
    for part in turn.parts:
        if isinstance(part, Thinking | RedactedThinking) and part.dialect == DIALECT:
            if (thought := _thought(part, origin)) is not None:
                thoughts.append(thought)
            continue
        item = _item(part)
        if spoken and (thoughts or item is not None):
            yield _message(turn, spoken)
            spoken = []
        yield from thoughts
        thoughts = []
        if item is None:
            spoken.append(_part(part, is_answer=turn.role == "assistant"))
        else:
            yield item
    if spoken:
        yield _message(turn, spoken)


def _message(turn: Turn, content: list[Json]) -> Json:
    message = {"type": "message", "role": turn.role, "content": content}
    return message | own(turn.extras, DIALECT)


def _item(part: Part) -> Json | None:
    """The item that stands for `part` alone; None where it is a part of a message."""
    match part:
        case ToolCall():
            call = {
                "type": "function_call",
                "call_id": part.id,
                "name": part.name,
                "arguments": part.arguments,
            }
            return call | own(part.extras, DIALECT) | carried_json(part.extras)
        case ToolResult():
            parts = [_part(each, is_answer=False) for each in part.parts]
            plain = all(each.keys() == {"type", "text"} for each in parts)
            output: Any = "".join(each["text"] for each in parts) if plain and len(parts) < 2 else parts
            item = {"type": "function_call_output", "call_id": part.id, "output": output}
            return item | own(part.extras, DIALECT)
        case Sealed() if not str(part.value.get("type")).startswith("input_"):
            return _unsealed(part)
        case Thinking() | RedactedThinking():
            raise BadRequest(f"`{path(part.at)}`: thoughts of {part.dialect} are no other's")
        case _:
            return None


def _thought(part: Thinking | RedactedThinking, origin: str | None) -> Json | None:
    """The item that the signed thought `part` was; None where it is not from `origin`, or none was."""
    if isinstance(part, RedactedThinking):
        return None
    made_by, _, hidden = (part.signature or "").partition("/")
    id, _, hidden = hidden.partition(":")
    if not hidden or origin not in (None, unquote(made_by)):
        return None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    item = {"type": "reasoning", "id": id, "summary": summary, "encrypted_content": hidden}
    return item if id else {name: value for name, value in item.items() if name != "id"}


def _part(part: Part, *, is_answer: bool) -> Json:
    match part:
        case Text():
            kind = "output_text" if is_answer else "input_text"
            return {"type": kind, "text": part.text} | _mark(part.cache) | own(part.extras, DIALECT)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Media(kind="image"):
            url = part.url or data_url(part.type, part.data)
            return {"type": "input_image", "image_url": url} | _mark(part.cache) | own(part.extras, DIALECT)
        case Media(kind="document"):
            file = {"file_url": part.url} if part.url else {"file_data": data_url(part.type, part.data)}
            if part.name is not None:
                file["filename"] = part.name
            return {"type": "input_file"} | file | _mark(part.cache) | own(part.extras, DIALECT)
        case Sealed():
            return _unsealed(part)
        case _:
            raise BadRequest(f"`{path(part.at)}`: OpenAI's responses have no word for this")


def _unsealed(part: Sealed) -> Json:
    if part.dialect != DIALECT:
        raise BadRequest(f"`{path(part.at)}`: it is known to {part.dialect} alone")
    return dict(part.value)


def _mark(mark: CacheMark | None) -> Json:
    if mark is None:
        return {}
    ttl = {} if mark.ttl is None else {"ttl": mark.ttl}
    return {"prompt_cache_breakpoint": {"mode": "explicit"} | ttl}


def _format(c: Conversation) -> Json:
    form = format_json(c)
    assert c.format is not None
    if c.format.kind == "schema":
        form |= {"name": c.format.name or "answer", "description": c.format.description}
    return {name: value for name, value in form.items() if value is not None}

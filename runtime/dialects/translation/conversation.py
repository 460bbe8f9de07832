"""The messages of a chat request, read from OpenAI's shape: what was said by whom, checked and typed."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import field, frozen

from ...requests.errors import BadRequest
from .media import Media, audio_part, file_part, image_part


@frozen
class Text:
    """Words. cache_control: Anthropic's mark for its prompt cache, as the client set it."""

    text: str
    cache_control: Any = None


@frozen
class ToolCall:
    """A call that the model made.

    signature: Gemini's thought signature, and thoughts: Anthropic's thoughts before it; they want them back.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    signature: str | None = None
    thoughts: tuple[dict[str, Any], ...] = ()


@frozen
class ToolResult:
    """What the call `id` of the tool `name` gave."""

    id: str
    name: str
    parts: tuple[Text | Media, ...]


Part = Text | Media | ToolCall | ToolResult


@frozen
class Turn:
    """What one side says at a time."""

    assistant: bool
    parts: list[Part] = field(factory=list)


@frozen
class Conversation:
    """System prompts, wherever they stood, and then the turns, which alternate."""

    system: list[Text]
    turns: list[Turn]


def read_conversation(messages: list[Any]) -> Conversation:
    """The conversation in `messages`. Raises BadRequest, which names the place."""
    conversation = Conversation([], [])
    names: dict[str, str] = {}
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        content = message.get("content")
        match message["role"]:
            case "system" | "developer":
                conversation.system.extend(_texts(content, where))
            case "user":
                _turn(conversation, assistant=False).parts.extend(_parts(content, f"{where}.content"))
            case "assistant":
                calls = _tool_calls(message, where)
                names |= {call.id: call.name for call in calls}
                said = [] if content is None else _texts(content, where)
                _turn(conversation, assistant=True).parts.extend([*(t for t in said if t.text), *calls])
            case "tool":
                _turn(conversation, assistant=False).parts.append(_tool_result(message, names, where))
            case "function":
                raise BadRequest(
                    f"`{where}`: the role `function` is outdated: write `tool` with a `tool_call_id`",
                    param=f"{where}.role",
                )
            case unknown:
                raise BadRequest(f"`{where}.role`: there is no role `{unknown}`", param=f"{where}.role")
    return conversation


def _turn(conversation: Conversation, *, assistant: bool) -> Turn:
    """The turn of that side which goes on, or a new one."""
    turns = conversation.turns
    if not turns or turns[-1].assistant is not assistant:
        turns.append(Turn(assistant))
    return turns[-1]


def _parts(content: object, where: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list):
        raise BadRequest(f"`{where}` must be text or a list of parts", param=where, code="wrong_type")
    return [_part(part, f"{where}[{index}]") for index, part in enumerate(content)]


def _part(part: object, where: str) -> Text | Media:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise BadRequest(f"`{where}` must be an object with a `type`", param=where, code="wrong_type")
    match kind:
        case "text" | "refusal":
            text = part.get(kind)
            if not isinstance(text, str):
                raise BadRequest(f"`{where}.{kind}` must be text", param=f"{where}.{kind}", code="wrong_type")
            return Text(text, part.get("cache_control"))
        case "image_url":
            return image_part(part, where)
        case "input_audio":
            return audio_part(part, where)
        case "file":
            return file_part(part, where)
        case _:
            raise BadRequest(f"`{where}.type`: there is no part `{kind}`", param=f"{where}.type")


def _texts(content: object, where: str) -> list[Text]:
    """Content that can only be text."""
    parts = _parts(content, f"{where}.content")
    for index, part in enumerate(parts):
        if not isinstance(part, Text):
            place = f"{where}.content[{index}]"
            raise BadRequest(f"`{place}` must be text in a message of this role", param=place)
    return [part for part in parts if isinstance(part, Text)]


def _tool_calls(message: dict[str, Any], where: str) -> list[ToolCall]:
    if message.get("function_call") is not None:
        place = f"{where}.function_call"
        raise BadRequest(f"`{place}` is outdated: write `tool_calls`", param=place)
    calls = message.get("tool_calls")
    if calls is None:
        return []
    place = f"{where}.tool_calls"
    if not isinstance(calls, list):
        raise BadRequest(f"`{place}` must be a list", param=place, code="wrong_type")
    return [_tool_call(call, f"{place}[{index}]") for index, call in enumerate(calls)]


def _tool_call(call: Any, where: str) -> ToolCall:
    try:
        function = call["function"]
        call_id, name, arguments = call["id"], function["name"], function["arguments"]
    except (KeyError, TypeError):
        raise BadRequest(
            f"`{where}` must have an `id` and a `function` with `name` and `arguments`", param=where
        ) from None
    if not (isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str)):
        raise BadRequest(f"`{where}`: id, name and arguments must be text", param=where, code="wrong_type")
    try:
        parsed = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        place = f"{where}.function.arguments"
        raise BadRequest(f"`{place}` must be a JSON object, written as text", param=place)
    signature = _extra(call, "google", "thought_signature")
    thoughts = _extra(call, "anthropic", "thinking")
    return ToolCall(
        call_id,
        name,
        parsed,
        signature if isinstance(signature, str) else None,
        tuple(each for each in thoughts if isinstance(each, dict)) if isinstance(thoughts, list) else (),
    )


def _extra(call: dict[str, Any], provider: str, name: str) -> Any:
    """What a provider sent along with a call, and wants back."""
    extra = call.get("extra_content")
    sent = extra.get(provider) if isinstance(extra, dict) else None
    return sent.get(name) if isinstance(sent, dict) else None


def _tool_result(message: dict[str, Any], names: dict[str, str], where: str) -> ToolResult:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or call_id not in names:
        place = f"{where}.tool_call_id"
        raise BadRequest(f"`{place}` must be the id of a tool call that came before it", param=place)
    parts = _parts(message.get("content"), f"{where}.content")
    return ToolResult(
        call_id, names[call_id], tuple(part for part in parts if isinstance(part, Text | Media))
    )

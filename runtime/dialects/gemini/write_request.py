"""From a conversation to the body of Gemini's `generateContent`.

Sources: Gemini API reference (generateContent, function calling, thought signatures), Vertex AI reference.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson

from ...requests.conversation import Conversation, FunctionTool, Sampling, ThinkingWanted, ToolChoice, Turn
from ...requests.errors import BadRequest
from ...requests.parts import (
    Media,
    Part,
    Refusal,
    Sealed,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    own,
    path,
)
from ..sealed_texts import SIGNATURE
from ..tool_arguments import arguments_object

Json = dict[str, Any]

DIALECT = "gemini"

UNTOLD = {"image": "image/jpeg"}
"""Types of media whose address does not tell it: Vertex takes none without."""

NUMBERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
"""What is said about sampling, in Gemini's words."""


def write_request(conversation: Conversation, *, call_ids: bool = True) -> Json:
    """The body for `conversation`. call_ids: the service knows ids of calls, as AI Studio does and Vertex AI
    does not.

    Raises BadRequest for parts that Gemini has no word for.
    """
    system, turns = conversation.lead()
    writer = _Writer(call_ids)
    body: Json = {"contents": [writer.content(turn) for turn in turns]}
    if system:
        body["systemInstruction"] = {"parts": [{"text": text.text} for text in system]}
    if conversation.tools:
        body["tools"] = _tools(conversation)
    if conversation.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _calling(conversation.tool_choice)}
    if config := _config(conversation):
        body["generationConfig"] = config
    for name, value in own(conversation.extras, DIALECT).items():
        body[name] = {**body.get(name, {}), **value} if name in ("generationConfig", "toolConfig") else value
    return body


class _Writer:
    """Writes turns in their order, for results of tools name the function that was called."""

    def __init__(self, call_ids: bool) -> None:
        self._call_ids = call_ids
        self._names: dict[str, str] = {}

    def content(self, turn: Turn) -> Json:
        role = "model" if turn.role == "assistant" else "user"
        return {"role": role, "parts": [self._part(part) for part in turn.parts]}

    def _part(self, part: Part) -> Json:
        match part:
            case Text() | Refusal():
                written: Json = {"text": part.text}
            case ToolCall():
                self._names[part.id] = part.name
                args = arguments_object(part.arguments)
                written = {"functionCall": self._id(part.id) | {"name": part.name, "args": args}}
            case ToolResult():
                written = {"functionResponse": self._result(part)}
            case Media():
                written = _media(part)
            case Thinking():
                written = {"text": part.text, "thought": True}
                if part.signature is not None:
                    written[SIGNATURE] = part.signature
            case Sealed(dialect="gemini"):
                return dict(part.value)
            case _:
                raise unwritable(part)
        return written | own(part.extras, DIALECT) if part.extras else written

    def _result(self, result: ToolResult) -> Json:
        name = self._names.get(result.id)
        if name is None:
            place = f"{path(result.at)}.tool_call_id" if result.at else "tool_call_id"
            raise BadRequest(f"`{place}` must be the id of a tool call that came before it", param=place)
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        written = {**self._id(result.id), "name": name, "response": _response(text, result.is_error)}
        if media := [_media(part) for part in result.parts if not isinstance(part, Text)]:
            written["parts"] = media
        return written

    def _id(self, id: str) -> Json:
        return {"id": id} if self._call_ids else {}


def _response(text: str, is_error: bool | None) -> Any:
    """What a tool gave: an object as it is, all else as its `output`, as Google's reference has it.

    A schema is told as text: Google looks each `$ref` up beside it, and refuses what it does not find.
    Source: https://github.com/vercel/ai/issues/14369 (2026).
    """
    if is_error:
        return {"error": text}
    if '"$ref"' in text:
        return {"output": text}
    stripped = text.strip()
    if stripped[:1] == "{":
        try:
            orjson.loads(stripped)
            return orjson.Fragment(stripped)
        except orjson.JSONDecodeError:
            pass
    try:
        return {"output": orjson.loads(stripped)}
    except orjson.JSONDecodeError:
        return {"output": text}


def _media(part: Part) -> Json:
    match part:
        case Media(url=url, type=type, kind=kind) if url:
            told = type or UNTOLD.get(kind)
            return {"fileData": {"fileUri": url} | ({"mimeType": told} if told else {})}
        case Media(text=text) if text:
            return {"inlineData": {"mimeType": "text/plain", "data": b64encode(text.encode()).decode()}}
        case Media(type=type, data=data):
            return {"inlineData": {"mimeType": type, "data": data}}
        case _:
            raise unwritable(part)


def _tools(conversation: Conversation) -> list[Json]:
    """All functions in one tool, and each tool of Google's own after it."""
    functions: list[Json] = []
    others: list[Json] = []
    for tool in conversation.tools:
        if not isinstance(tool, FunctionTool):
            if tool.dialect != DIALECT:
                raise BadRequest(f"`{path(tool.at)}` is known to {tool.dialect} alone", param=path(tool.at))
            others.append(dict(tool.value))
            continue
        made: Json = {"name": tool.name}
        if tool.description is not None:
            made["description"] = tool.description
        if tool.parameters is not None:
            made["parametersJsonSchema"] = tool.parameters
        functions.append(made | own(tool.extras, DIALECT))
    return ([{"functionDeclarations": functions}] if functions else []) + others


def _calling(choice: ToolChoice) -> Json:
    mode = {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]
    return {"mode": mode} | ({"allowedFunctionNames": list(choice.names)} if choice.names else {})


def _config(conversation: Conversation) -> Json:
    c = conversation
    config = {theirs: v for ours, theirs in NUMBERS.items() if (v := getattr(c.sampling, ours)) is not None}
    if c.n is not None:
        config["candidateCount"] = c.n
    if c.max_tokens is not None:
        config["maxOutputTokens"] = c.max_tokens
    if c.stop:
        config["stopSequences"] = list(c.stop)
    if c.modalities:
        config["responseModalities"] = [each.upper() for each in c.modalities]
    _ask_logprobs(c.sampling, config)
    if c.format is not None and c.format.kind != "text":
        config["responseMimeType"] = "application/json"
        if c.format.schema is not None:
            config["responseJsonSchema"] = c.format.described
    if c.thinking is not None and (thinking := _thinking(c.thinking)):
        config["thinkingConfig"] = thinking
    return config


def _ask_logprobs(sampling: Sampling, config: Json) -> None:
    if sampling.logprobs:
        config["responseLogprobs"] = True
        if sampling.top_logprobs:
            config["logprobs"] = sampling.top_logprobs


def _thinking(thinking: ThinkingWanted) -> Json:
    """A budget for models before Gemini 3, a level for those since."""
    wanted: Json = {}
    if thinking.is_off:
        wanted["thinkingBudget"] = 0
    elif thinking.budget is not None:
        wanted["thinkingBudget"] = thinking.budget
    elif thinking.effort is not None:
        wanted["thinkingLevel"] = thinking.effort
    if thinking.shown is not None and not thinking.is_off:
        wanted["includeThoughts"] = thinking.shown
    return wanted


def unwritable(part: Part) -> BadRequest:
    """The error for a part that Gemini has no word for."""
    what = part.kind if isinstance(part, Media) else type(part).__name__
    place = path(part.at) or "messages"
    return BadRequest(f"`{place}`: {what} in this form cannot be sent to Gemini", param=place)

"""From OpenAI's chat request to Gemini's."""

from __future__ import annotations

import re
from typing import Any

import orjson
from attrs import frozen

from ...requests.errors import BadRequest
from ...requests.request import ChatRequest
from ..translation import options
from ..translation.conversation import Part, Text, ToolCall, ToolResult, Turn, read_conversation
from ..translation.fields import SENT, Dropped, FieldCheck, Handling, Refused
from ..translation.media import Media

FOREIGN_SIGNATURE = "skip_thought_signature_validator"
"""Goes with a call that has lost its thought signature, or that another model made: Google's own marker."""

IMAGE = "image/jpeg"
"""The type of an image where the end of its URL does not tell: Vertex takes none without."""

THINKING_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""What `reasoning_effort` means to models before Gemini 3, in tokens, as Google's OpenAI service has it."""

THINKING_LEVELS = ("minimal", "low", "medium", "high")
"""The values of `reasoning_effort` that Gemini 3 and later know."""

_WITHOUT_SIGNATURES = re.compile(r"gemini-[12]\b")

FIELDS: dict[str, Handling] = {
    "model": SENT,
    "messages": SENT,
    "stream": SENT,
    "stream_options": SENT,
    "max_tokens": SENT,
    "max_completion_tokens": SENT,
    "temperature": SENT,
    "top_p": SENT,
    "top_k": SENT,
    "n": SENT,
    "seed": SENT,
    "stop": SENT,
    "presence_penalty": SENT,
    "frequency_penalty": SENT,
    "logprobs": SENT,
    "top_logprobs": SENT,
    "tools": SENT,
    "tool_choice": SENT,
    "response_format": SENT,
    "reasoning_effort": SENT,
    "user": Dropped("Gemini does not ask who it answers"),
    "store": Dropped("it is about what OpenAI keeps"),
    "metadata": Dropped("it is about what OpenAI keeps"),
    "service_tier": Dropped("the tiers are OpenAI's"),
    "prediction": Dropped("it makes answers faster, not different"),
    "prompt_cache_key": Dropped("Gemini caches by itself"),
    "prompt_cache_retention": Dropped("Gemini caches by itself"),
    "safety_identifier": Dropped("Gemini does not ask who it answers"),
    "verbosity": Refused("Gemini has no such setting", ("medium",)),
    "parallel_tool_calls": Refused("Gemini cannot be held to one call at a time", (True,)),
    "logit_bias": Refused("Gemini has no such setting", ({},)),
    "modalities": Refused("only text is translated", (["text"],)),
    "audio": Refused("only text is translated"),
    "web_search_options": Refused("OpenAI's web search is not Google's"),
    "functions": Refused("it is outdated: write `tools`", ([],)),
    "function_call": Refused("it is outdated: write `tool_choice`"),
}

_CONFIG = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}


@frozen
class GeminiTarget:
    """The model behind the wire. safety: threshold per harm category."""

    model: str
    vertex: bool
    safety: dict[str, str]
    fields: FieldCheck

    @property
    def who(self) -> str:
        """Its name in messages."""
        return self.fields.who


def generate_body(request: ChatRequest, target: GeminiTarget) -> dict[str, Any]:
    """The body for Gemini. Raises BadRequest."""
    body = request.body
    target.fields.check(body)
    conversation = read_conversation(body["messages"])
    sent: dict[str, Any] = {"contents": [_content(turn, target) for turn in conversation.turns]}
    if conversation.system:
        sent["systemInstruction"] = {"parts": [{"text": text.text} for text in conversation.system]}
    if tools := options.tools(body):
        sent["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
        if choice := options.tool_choice(body):
            sent["toolConfig"] = {"functionCallingConfig": _calling(choice)}
    if config := _config(body, target):
        sent["generationConfig"] = config
    if target.safety:
        sent["safetySettings"] = [
            {"category": _category(category), "threshold": threshold.upper()}
            for category, threshold in target.safety.items()
        ]
    return sent


def _content(turn: Turn, target: GeminiTarget) -> dict[str, Any]:
    parts = [_part(part, target) for part in turn.parts]
    if not _WITHOUT_SIGNATURES.match(target.model):
        first_call = next((part for part in parts if "functionCall" in part), None)
        if first_call is not None:
            first_call.setdefault("thoughtSignature", FOREIGN_SIGNATURE)
    return {"role": "model" if turn.assistant else "user", "parts": parts}


def _part(part: Part, target: GeminiTarget) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.text}
        case Media(url="", type=kind, data=data):
            return {"inlineData": {"mimeType": kind, "data": data}}
        case Media(url=url, type=kind):
            return {"fileData": {"fileUri": url, "mimeType": kind or IMAGE}}
        case ToolCall():
            called = {**_id(part, target), "name": part.name, "args": part.arguments}
            call: dict[str, Any] = {"functionCall": called}
            return call | ({"thoughtSignature": part.signature} if part.signature else {})
        case ToolResult():
            response = {**_id(part, target), "name": part.name, "response": _result(part, target)}
            return {"functionResponse": response}


def _id(part: ToolCall | ToolResult, target: GeminiTarget) -> dict[str, str]:
    """The id of a call, which AI Studio knows and Vertex does not."""
    return {} if target.vertex else {"id": part.id}


def _result(result: ToolResult, target: GeminiTarget) -> dict[str, Any]:
    """What a tool gave: an object as it is, all else as its `output`."""
    for part in result.parts:
        if isinstance(part, Media):
            raise BadRequest(f"{target.who} takes text from tools, not {part.type}", param=part.where)
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"output": value}


def _declaration(tool: options.Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.parameters is not None:
        made["parametersJsonSchema"] = tool.parameters
    return made


def _calling(choice: options.ToolChoice) -> dict[str, Any]:
    match choice:
        case options.ToolChoice("auto"):
            return {"mode": "AUTO"}
        case options.ToolChoice("none"):
            return {"mode": "NONE"}
        case options.ToolChoice(name=None):
            return {"mode": "ANY"}
        case options.ToolChoice(name=name):
            return {"mode": "ANY", "allowedFunctionNames": [name]}


def _config(body: dict[str, Any], target: GeminiTarget) -> dict[str, Any]:
    config = {theirs: body[ours] for ours, theirs in _CONFIG.items() if body.get(ours) is not None}
    if (longest := options.max_tokens(body)) is not None:
        config["maxOutputTokens"] = longest
    if stop := options.stop_sequences(body):
        config["stopSequences"] = stop
    if body.get("logprobs"):
        config["responseLogprobs"] = True
        if body.get("top_logprobs"):
            config["logprobs"] = body["top_logprobs"]
    schema = options.json_schema(body)
    if schema is not False:
        config["responseMimeType"] = "application/json"
        if schema is not True:
            config["responseJsonSchema"] = schema
    if (effort := body.get("reasoning_effort")) is not None:
        config["thinkingConfig"] = _thinking(effort, target)
    return config


def _thinking(effort: object, target: GeminiTarget) -> dict[str, Any]:
    older = _WITHOUT_SIGNATURES.match(target.model) is not None
    known = tuple(THINKING_BUDGETS) if older else THINKING_LEVELS
    if not isinstance(effort, str) or effort not in known:
        message = f"{target.who} knows a `reasoning_effort` of {', '.join(known)}, not {effort!r}"
        raise BadRequest(message, param="reasoning_effort")
    return {"thinkingBudget": THINKING_BUDGETS[effort]} if older else {"thinkingLevel": effort}


def _category(name: str) -> str:
    """`hate_speech` is short for `HARM_CATEGORY_HATE_SPEECH`."""
    name = name.upper()
    return name if name.startswith("HARM_CATEGORY_") else f"HARM_CATEGORY_{name}"

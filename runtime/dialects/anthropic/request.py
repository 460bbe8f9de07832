"""From OpenAI's chat request to Anthropic's."""

from __future__ import annotations

from typing import Any

from ...requests.errors import BadRequest
from ...requests.request import ChatRequest
from ..translation import options
from ..translation.conversation import Conversation, Part, Text, ToolCall, ToolResult, Turn, read_conversation
from ..translation.fields import SENT, Dropped, FieldCheck, Handling, Refused
from ..translation.media import Media

DEFAULT_MAX_TOKENS = 4096
"""The longest answer where the client sets no limit: Anthropic wants one, and every model can do this."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""The values of `reasoning_effort` that Anthropic knows."""

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
    "stop": SENT,
    "tools": SENT,
    "tool_choice": SENT,
    "parallel_tool_calls": SENT,
    "response_format": SENT,
    "reasoning_effort": SENT,
    "user": SENT,
    "seed": Dropped("Anthropic has no seed, and OpenAI's promises no equal answers either"),
    "store": Dropped("it is about what OpenAI keeps"),
    "metadata": Dropped("it is about what OpenAI keeps"),
    "service_tier": Dropped("the tiers are OpenAI's"),
    "prediction": Dropped("it makes answers faster, not different"),
    "prompt_cache_key": Dropped("Anthropic caches where `cache_control` says so"),
    "prompt_cache_retention": Dropped("Anthropic caches where `cache_control` says so"),
    "safety_identifier": Dropped("send `user` instead"),
    "verbosity": Refused("Anthropic has no such setting", ("medium",)),
    "n": Refused("Anthropic gives one answer at a time", (1,)),
    "logprobs": Refused("Anthropic gives no log probabilities", (False,)),
    "top_logprobs": Refused("Anthropic gives no log probabilities", (0,)),
    "logit_bias": Refused("Anthropic has no such setting", ({},)),
    "frequency_penalty": Refused("Anthropic has no such setting", (0, 0.0)),
    "presence_penalty": Refused("Anthropic has no such setting", (0, 0.0)),
    "modalities": Refused("Anthropic answers in text", (["text"],)),
    "audio": Refused("Anthropic answers in text"),
    "web_search_options": Refused("OpenAI's web search is not Anthropic's"),
    "functions": Refused("it is outdated: write `tools`", ([],)),
    "function_call": Refused("it is outdated: write `tool_choice`"),
}


def messages_body(request: ChatRequest, model: str, fields: FieldCheck) -> dict[str, Any]:
    """The body for Anthropic. Raises BadRequest."""
    body, who = request.body, fields.who
    fields.check(body)
    conversation = read_conversation(body["messages"])
    sent: dict[str, Any] = {
        "model": model,
        "max_tokens": options.max_tokens(body) or DEFAULT_MAX_TOKENS,
        "messages": [_message(turn, who) for turn in conversation.turns],
    }
    if conversation.system:
        sent["system"] = _system(conversation)
    if request.stream:
        sent["stream"] = True
    for name in ("top_p", "top_k"):
        if body.get(name) is not None:
            sent[name] = body[name]
    if (temperature := body.get("temperature")) is not None:
        sent["temperature"] = _temperature(temperature, who)
    if stop := options.stop_sequences(body):
        sent["stop_sequences"] = stop
    if tools := options.tools(body):
        sent["tools"] = [_tool(tool) for tool in tools]
        if choice := _tool_choice(body):
            sent["tool_choice"] = choice
    if config := _output_config(body, who):
        sent["output_config"] = config
    if isinstance(user := body.get("user"), str):
        sent["metadata"] = {"user_id": user}
    return sent


def _system(conversation: Conversation) -> str | list[dict[str, Any]]:
    texts = conversation.system
    if len(texts) == 1 and texts[0].cache_control is None:
        return texts[0].text
    return [_text(text) for text in texts]


def _message(turn: Turn, who: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, ToolCall):
            begun = any(block["type"] == "tool_use" for block in content)
            place = len(content) if begun else 0  # the model thought before it said anything
            content[place:place] = part.thoughts
        content.append(_block(part, who))
    role = "assistant" if turn.assistant else "user"
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return {"role": role, "content": content[0]["text"]}
    return {"role": role, "content": content}


def _block(part: Part, who: str) -> dict[str, Any]:
    match part:
        case Text():
            return _text(part)
        case Media():
            return _media(part, who)
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}
        case ToolResult(id=id, parts=(Text(text=text, cache_control=None),)):
            return {"type": "tool_result", "tool_use_id": id, "content": text}
        case ToolResult():
            content = [_block(inner, who) for inner in part.parts]
            return {"type": "tool_result", "tool_use_id": part.id, "content": content}


def _text(text: Text) -> dict[str, Any]:
    block = {"type": "text", "text": text.text}
    return block if text.cache_control is None else block | {"cache_control": text.cache_control}


def _media(media: Media, who: str) -> dict[str, Any]:
    kind = media.type or "image/unknown"
    if kind.startswith("image/"):
        block = "image"
    elif kind == "application/pdf":
        block = "document"
    else:
        raise BadRequest(f"{who} reads images and PDF files, not {kind}", param=media.where)
    if media.url:
        return {"type": block, "source": {"type": "url", "url": media.url}}
    return {"type": block, "source": {"type": "base64", "media_type": kind, "data": media.data}}


def _temperature(value: object, who: str) -> object:
    if isinstance(value, int | float) and value > 1:
        message = f"{who} takes a `temperature` from 0 to 1, not {value}"
        raise BadRequest(message, param="temperature")
    return value


def _tool(tool: options.Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    made["input_schema"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict:
        made["strict"] = True
    if tool.cache_control is not None:
        made["cache_control"] = tool.cache_control
    return made


def _tool_choice(body: dict[str, Any]) -> dict[str, Any] | None:
    choice = options.tool_choice(body)
    alone = body.get("parallel_tool_calls") is False
    match choice:
        case None if not alone:
            return None
        case None | options.ToolChoice("auto"):
            made: dict[str, Any] = {"type": "auto"}
        case options.ToolChoice("none"):
            return {"type": "none"}
        case options.ToolChoice(name=None):
            made = {"type": "any"}
        case options.ToolChoice(name=name):
            made = {"type": "tool", "name": name}
    return made | {"disable_parallel_tool_use": True} if alone else made


def _output_config(body: dict[str, Any], who: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    schema = options.json_schema(body)
    if schema is True:
        message = f"{who} answers in JSON only by a schema: write a `json_schema` instead of `json_object`"
        raise BadRequest(message, param="response_format", code="unsupported")
    if schema is not False:
        config["format"] = {"type": "json_schema", "schema": schema}
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in EFFORTS:
            message = f"{who} knows a `reasoning_effort` of {', '.join(EFFORTS)}, not {effort!r}"
            raise BadRequest(message, param="reasoning_effort")
        config["effort"] = effort
    return config

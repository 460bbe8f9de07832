"""From a conversation to the body of `POST /v1/messages`."""

from __future__ import annotations

from typing import Any

from ...requests.conversation import Conversation, FunctionTool, ThinkingWanted, Tool, ToolChoice, Turn
from ...requests.errors import BadRequest
from ...requests.parts import own, path
from .blocks import DIALECT, write_content, write_mark

Json = dict[str, Any]

DEFAULT_MAX_TOKENS = 4096
"""The longest answer where nobody says one: Anthropic wants a limit, and every model can do this."""


def write_request(conversation: Conversation) -> Json:
    """The body for `conversation`. Raises BadRequest for parts that Anthropic has no word for."""
    c = conversation
    most = DEFAULT_MAX_TOKENS if c.max_tokens is None else c.max_tokens
    body: Json = {"model": c.model, "max_tokens": most}
    system, turns = _system(c)
    if system is not None:
        body["system"] = system
    body["messages"] = [_message(turn) for turn in turns]
    if c.tools:
        body["tools"] = [_tool(tool) for tool in c.tools]
    if c.tool_choice is not None or c.parallel_tool_calls is not None:
        body["tool_choice"] = _tool_choice(c.tool_choice or ToolChoice("auto"), c.parallel_tool_calls)
    for name in ("temperature", "top_p", "top_k"):
        if (value := getattr(c.sampling, name)) is not None:
            body[name] = value
    if c.stop:
        body["stop_sequences"] = list(c.stop)
    config: Json = {}
    if c.format is not None and c.format.schema is not None:
        config["format"] = {"type": "json_schema", "schema": c.format.described}
    if c.thinking is not None:
        _think(c.thinking, body, config)
    if config:
        body["output_config"] = config
    if c.user is not None:
        body["metadata"] = {"user_id": c.user}
    if c.stream:
        body["stream"] = True
    for name, value in own(c.extras, DIALECT).items():
        nested = name in ("output_config", "metadata", "thinking")
        made = {**body.get(name, {}), **value} if nested else value
        if name != "thinking" or "type" in made:  # how it thinks says nothing where it does not
            body[name] = made
    return body


def _system(conversation: Conversation) -> tuple[Any, tuple[Turn, ...]]:
    """The content of the system prompts at the beginning, and the turns that are left."""
    texts, turns = conversation.lead()
    if len(turns) == len(conversation.turns):
        return None, turns
    return write_content(texts), turns


def _message(turn: Turn) -> Json:
    role = "system" if turn.role == "developer" else turn.role
    message: Json = {"role": role}
    if turn.parts or turn.role != "system":
        message["content"] = write_content(turn.parts)
    return message | own(turn.extras, DIALECT) if turn.extras else message


def _tool(tool: Tool) -> Json:
    if not isinstance(tool, FunctionTool):
        if tool.dialect != DIALECT:
            raise BadRequest(f"`{path(tool.at)}` is known to {tool.dialect} alone", param=path(tool.at))
        return dict(tool.value)
    made: Json = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    made["input_schema"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict is not None:
        made["strict"] = tool.strict
    if tool.cache is not None:
        made["cache_control"] = write_mark(tool.cache)
    return made | own(tool.extras, DIALECT) if tool.extras else made


def _tool_choice(choice: ToolChoice, parallel: bool | None) -> Json:
    made: Json
    match choice:
        case ToolChoice("required", (name,)):
            made = {"type": "tool", "name": name}
        case ToolChoice("required"):
            made = {"type": "any"}
        case _:
            made = {"type": choice.mode}
    if parallel is not None and choice.mode != "none":
        made["disable_parallel_tool_use"] = not parallel
    return made | own(choice.extras, DIALECT)


def _think(thinking: ThinkingWanted, body: Json, config: Json) -> None:
    wanted: Json = {}
    match thinking.mode:
        case "budget":
            wanted = {"type": "enabled", "budget_tokens": thinking.budget}
        case "adaptive":
            wanted = {"type": "adaptive"}
        case "off":
            wanted = {"type": "disabled"}
    if wanted and thinking.mode != "off" and thinking.shown is not None:
        wanted["display"] = "summarized" if thinking.shown else "omitted"
    if wanted:
        body["thinking"] = wanted
    if thinking.effort is not None:
        config["effort"] = thinking.effort

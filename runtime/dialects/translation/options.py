"""Fields of a chat request that both foreign wires read alike, checked."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...requests.errors import BadRequest

Body = dict[str, Any]


@frozen
class Tool:
    """A function that the model may call."""

    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool
    cache_control: Any


@frozen
class ToolChoice:
    """mode: `auto`, `none`, or `required`; name: the one tool that must be called."""

    mode: str
    name: str | None = None


def max_tokens(body: Body) -> int | None:
    """The longest answer; `max_completion_tokens` wins over its older name."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is not None:
            if type(value) is not int or value < 1:
                raise BadRequest(f"`{name}` must be a whole number from 1", param=name)
            return value
    return None


def stop_sequences(body: Body) -> list[str]:
    """Texts at which the answer ends; none where the client named none."""
    stop = body.get("stop")
    stop = [stop] if isinstance(stop, str) else stop
    if stop is None:
        return []
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise BadRequest("`stop` must be text or a list of texts", param="stop", code="wrong_type")
    return stop


def tools(body: Body) -> list[Tool]:
    """The tools that the model may call."""
    given = body.get("tools") or []
    if not isinstance(given, list):
        raise BadRequest("`tools` must be a list", param="tools", code="wrong_type")
    return [_tool(tool, f"tools[{index}]") for index, tool in enumerate(given)]


def _tool(tool: Any, where: str) -> Tool:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise BadRequest(f"`{where}.type` must be `function`: this provider has no others", param=where)
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRequest(f"`{where}.function` must be an object with a `name`", param=f"{where}.function")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        place = f"{where}.function.parameters"
        raise BadRequest(f"`{place}` must be a JSON schema", param=place, code="wrong_type")
    description = function.get("description")
    return Tool(
        function["name"],
        description if isinstance(description, str) else None,
        parameters,
        function.get("strict") is True,
        tool.get("cache_control"),
    )


def tool_choice(body: Body) -> ToolChoice | None:
    """Which tool must be called; None where the client left it open."""
    match body.get("tool_choice"):
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("required", name)
        case _:
            message = "`tool_choice` must be auto, none, required, or name one function"
            raise BadRequest(message, param="tool_choice")


def json_schema(body: Body) -> dict[str, Any] | bool:
    """The schema that the answer must fit; True: any JSON; False: the answer is free text."""
    match body.get("response_format"):
        case None | {"type": "text"}:
            return False
        case {"type": "json_object"}:
            return True
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case _:
            message = "`response_format` must be text, json_object, or a json_schema with its `schema`"
            raise BadRequest(message, param="response_format")

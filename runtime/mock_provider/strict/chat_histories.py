"""What is checked of a whole conversation in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .found import Found, Json, object_in, objects


def chat_unanswered(body: Json) -> Iterator[Found]:
    """OpenAI's shape: calls that the messages right behind them do not answer."""
    waiting: dict[str, None] = {}
    caller = 0
    for index, message in enumerate(objects(body.get("messages"))):
        if message.get("role") == "tool":
            waiting.pop(str(message.get("tool_call_id")), None)
            continue
        if waiting:
            yield ("messages", caller), {"ids": ", ".join(waiting), "next": index}
        waiting = {str(call.get("id")): None for call in objects(message.get("tool_calls"))}
        caller = index
    if waiting:
        yield ("messages", caller), {"ids": ", ".join(waiting), "next": caller + 1}


def chat_orphans(body: Json) -> Iterator[Found]:
    """OpenAI's shape: results of tools that nobody called right before."""
    called: set[str] = set()
    for index, message in enumerate(objects(body.get("messages"))):
        if message.get("role") != "tool":
            called = {str(call.get("id")) for call in objects(message.get("tool_calls"))}
        elif str(message.get("tool_call_id")) not in called:
            yield ("messages", index), {"id": message.get("tool_call_id")}


def chat_count_differs(body: Json) -> Iterator[Found]:
    """OpenAI's shape: not as many results as calls."""
    calls = results = 0
    for index, message in enumerate(objects(body.get("messages"))):
        if message.get("role") == "tool":
            results += 1
            continue
        if calls != results:
            yield ("messages", index), {}
        calls, results = len(objects(message.get("tool_calls"))), 0
    if calls != results:
        yield ("messages",), {}


def chat_successive(body: Json) -> Iterator[Found]:
    """OpenAI's shape: two turns of the same side, one after the other."""
    roles = [(index, message.get("role")) for index, message in enumerate(objects(body.get("messages")))]
    for (first, one), (second, other) in pairwise(roles):
        if one == other and one in ("user", "assistant"):
            yield ("messages", second), {"first": first, "second": second, "role": one}


def chat_user_after_tool(body: Json) -> Iterator[Found]:
    """OpenAI's shape: a user who speaks right after a tool."""
    for index, (one, other) in enumerate(pairwise(objects(body.get("messages")))):
        if one.get("role") == "tool" and other.get("role") == "user":
            yield ("messages", index + 1), {}


def chat_ends_with_assistant(body: Json) -> Iterator[Found]:
    """OpenAI's shape: the last word is the model's own."""
    messages = objects(body.get("messages"))
    if messages and messages[-1].get("role") == "assistant" and not messages[-1].get("prefix"):
        yield ("messages", len(messages) - 1), {}


def chat_no_json(body: Json) -> Iterator[Found]:
    """OpenAI's shape: JSON is wanted, and no message speaks of it."""
    said = " ".join(map(_words, objects(body.get("messages"))))
    if object_in(body.get("response_format")).get("type") == "json_object" and "json" not in said.lower():
        yield ("messages",), {}


def unlisted_required(body: Json) -> Iterator[Found]:
    """Strict schemas in OpenAI's shape whose objects do not list all their properties as required."""
    form = object_in(object_in(body.get("response_format")).get("json_schema"))
    if form.get("strict"):
        yield from _unlisted(form.get("schema"), ("response_format", "json_schema", "schema"), 0)
    for index, tool in enumerate(objects(body.get("tools"))):
        function = object_in(tool.get("function"))
        if function.get("strict"):
            yield from _unlisted(function.get("parameters"), ("tools", index, "function", "parameters"), 0)


def _unlisted(schema: object, where: tuple[str | int, ...], depth: int) -> Iterator[Found]:
    if not isinstance(schema, dict) or depth > 32:
        return
    properties = object_in(schema.get("properties"))
    required = schema.get("required")
    listed = required if isinstance(required, list) else []
    missing = [name for name in properties if name not in listed]
    if missing:
        yield where, {"missing": missing[0]}
    for name, inner in properties.items():
        yield from _unlisted(inner, (*where, "properties", name), depth + 1)
    for key in ("$defs", "definitions"):
        for name, inner in object_in(schema.get(key)).items():
            yield from _unlisted(inner, (*where, key, name), depth + 1)
    yield from _unlisted(schema.get("items"), (*where, "items"), depth + 1)
    for index, inner in enumerate(objects(schema.get("anyOf"))):
        yield from _unlisted(inner, (*where, "anyOf", index), depth + 1)


def _words(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in objects(content))

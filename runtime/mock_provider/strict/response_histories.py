"""What is checked of a whole conversation in the shape of OpenAI's responses."""

from __future__ import annotations

from collections.abc import Iterator

from .found import Found, Json, objects


def responses_unanswered(body: Json) -> Iterator[Found]:
    """Calls that nothing answers."""
    answered = {item.get("call_id") for item in _items(body, "function_call_output")}
    for item in _items(body, "function_call"):
        if item.get("call_id") not in answered:
            yield ("input",), {"id": item.get("call_id")}


def responses_orphans(body: Json) -> Iterator[Found]:
    """Answers to calls that are not there."""
    called = {item.get("call_id") for item in _items(body, "function_call")}
    for item in _items(body, "function_call_output"):
        if item.get("call_id") not in called:
            yield ("input",), {"id": item.get("call_id")}


def responses_tools_repeated(body: Json) -> Iterator[Found]:
    """Two functions with the same name."""
    seen: set[object] = set()
    for tool in objects(body.get("tools")):
        name = tool.get("name") if tool.get("type") == "function" else None
        if name is not None and name in seen:
            yield ("tools",), {"name": name}
        seen.add(name)


def _items(body: Json, kind: str) -> list[Json]:
    return [item for item in objects(body.get("input")) if item.get("type") == kind]

"""What is checked of a whole conversation in the shape of Bedrock's Converse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .found import Found, Json, object_in, objects


def converse_alternates(body: Json) -> Iterator[Found]:
    """Two messages of the same side."""
    roles = [message.get("role") for message in objects(body.get("messages"))]
    for index, (one, other) in enumerate(pairwise(roles)):
        if one == other:
            yield ("messages", index + 1), {}


def converse_blank_text(body: Json) -> Iterator[Found]:
    """Texts of white space alone."""
    for index, message in enumerate(objects(body.get("messages"))):
        for place, block in enumerate(objects(message.get("content"))):
            if isinstance(text := block.get("text"), str) and not text.strip():
                yield ("messages", index, "content", place), {}


def converse_without_tools(body: Json) -> Iterator[Found]:
    """Calls and results where no tools are declared."""
    if body.get("toolConfig"):
        return
    for index, message in enumerate(objects(body.get("messages"))):
        if any("toolUse" in block or "toolResult" in block for block in objects(message.get("content"))):
            yield ("messages", index), {}


def converse_unanswered(body: Json) -> Iterator[Found]:
    """Calls that the next message does not answer."""
    messages = objects(body.get("messages"))
    for index, message in enumerate(messages[:-1]):
        missing = _ids(message, "toolUse") - _ids(messages[index + 1], "toolResult")
        if missing:
            yield ("messages", index + 1, "content"), {"ids": ", ".join(sorted(missing))}


def converse_orphans(body: Json) -> Iterator[Found]:
    """Results of calls that the message before does not hold."""
    called: set[str] = set()
    for index, message in enumerate(objects(body.get("messages"))):
        if _ids(message, "toolResult") - called:
            yield ("messages", index, "content"), {}
        called = _ids(message, "toolUse")


def converse_silent_documents(body: Json) -> Iterator[Found]:
    """Documents with no text beside them."""
    for index, message in enumerate(objects(body.get("messages"))):
        blocks = objects(message.get("content"))
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            yield ("messages", index), {}


def _ids(message: Json, kind: str) -> set[str]:
    blocks = objects(message.get("content"))
    return {str(object_in(block.get(kind)).get("toolUseId")) for block in blocks if kind in block}

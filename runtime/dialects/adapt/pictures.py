"""Pictures that a model made, as clients of chat completions send them back to it."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...requests.conversation import Turn
from ...requests.parts import Media, Part, ToolCall, own
from ..fields import objects
from ..openai_chat.messages import DIALECT, read_image
from ..sealed_texts import SIGNATURE


def with_pictures(turn: Turn) -> Turn:
    """`turn`, an answer of Gemini, with the pictures in its `images` before its calls, and with the
    signatures that Gemini put on pictures; itself where it has none. Raises BadRequest.

    Source: Gemini API, thought signatures (each picture of an answer has one, and goes back with it).
    """
    beside = own(turn.extras, DIALECT)
    listed, place = beside.get("images"), (*turn.at, "images")
    made = [read_image(each, (*place, n)) for n, each in enumerate(objects(listed, place))] if listed else []
    if not made and not any(isinstance(part, Media) for part in turn.parts):
        return turn
    before = next((n for n, part in enumerate(turn.parts) if isinstance(part, ToolCall)), len(turn.parts))
    parts = (*turn.parts[:before], *made, *turn.parts[before:])
    left = {name: value for name, value in beside.items() if name != "images"}
    return evolve(turn, parts=tuple(map(_signed, parts)), extras={**turn.extras, DIALECT: left})


def _signed(part: Part) -> Part:
    if not isinstance(part, Media):
        return part
    beside: dict[str, Any] = own(part.extras, DIALECT)
    match beside.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}}:
            left = {name: value for name, value in beside.items() if name != "extra_content"}
            return evolve(part, extras={**part.extras, DIALECT: left, "gemini": {SIGNATURE: signature}})
    return part

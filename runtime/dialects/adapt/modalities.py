"""What an answer shall hold beside text, as the model writes it and its provider can be asked for it."""

from __future__ import annotations

from typing import Any

from ....compiler.plan import Capabilities
from ...requests.conversation import Conversation
from ...requests.parts import Media
from .result import Findings, Problem


def adapt_modalities(c: Conversation, can: Capabilities, found: Findings) -> dict[str, Any]:
    """The fields to change."""
    if can.needs_audio and "audio" not in c.modalities and not _has_audio(c):
        found.problems.append(
            Problem("modalities", "the model hears or speaks: send it sound, or ask it for `audio`")
        )
    if not c.modalities:
        return {}
    has_field = can.knows_field("modalities")
    left: list[str] = []
    for each in c.modalities:
        if can.writes is not None and each not in can.writes:
            found.refuse("modalities", f"the model writes {' and '.join(can.writes)}, no {each}")
        elif has_field:
            left.append(each)
        elif each != "text":
            found.refuse("modalities", f"the provider cannot be asked for {each}")
    return {"modalities": tuple(left)} if len(left) < len(c.modalities) else {}


def _has_audio(c: Conversation) -> bool:
    return any(isinstance(part, Media) and part.kind == "audio" for turn in c.turns for part in turn.parts)

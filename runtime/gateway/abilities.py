"""What may be asked of a model: told with its name, so that clients need not try."""

from __future__ import annotations

from functools import reduce

from attrs import frozen

from ...compiler.plan import Capabilities, RemotePoolPlan, TaskKind, WireFormat
from ..dialects import anthropic, gemini
from ..dialects.adapt.dialects import KNOWN_OF
from ..requests.request import OPENAI_CHAT
from ..serving.deployment import Deployment
from ..serving.model import Model
from ..serving.routes.route import Route

_DIALECTS = {
    WireFormat.OPENAI: OPENAI_CHAT,
    WireFormat.ANTHROPIC: anthropic.DIALECT,
    WireFormat.GEMINI: gemini.DIALECT,
}


@frozen
class Abilities:
    """Of a model that chats; None where it is not known."""

    tools: bool | None = False
    structured_output: bool | None = False
    images: bool | None = False
    audio: bool | None = False
    documents: bool | None = False
    thinking: bool | None = False
    max_output_tokens: int | None = None


def abilities_of(model: Model) -> Abilities | None:
    """What `model` can do; of a route, what each of its members can. None where it does not chat."""
    if isinstance(model, Route):
        found = [abilities_of(member) for member in model.members]
        known = [each for each in found if each is not None]
        return reduce(_both, known) if known and len(known) == len(found) else None
    if model.task not in (TaskKind.CHAT, TaskKind.GENERATE):
        return None
    plan = model.plan if isinstance(model, Deployment) else None
    if not isinstance(plan, RemotePoolPlan):
        return Abilities()
    can, protocol = plan.capabilities, KNOWN_OF[_DIALECTS[plan.wire]]
    return Abilities(
        tools=can.tools,
        structured_output=can.json_schema,
        images=_takes(can, protocol, "image/"),
        audio=_takes(can, protocol, "audio/"),
        documents=_takes(can, protocol, "application/pdf"),
        thinking=None if can.thinks is None else can.thinks != "no",
        max_output_tokens=can.greatest_output,
    )


def _takes(can: Capabilities, protocol: Capabilities, kind: str) -> bool | None:
    """Whether media of `kind` may be sent, in one way or another, as far as the model is known."""
    ways = [way for way in (can.media_inline, can.media_by_url) if way is not None]
    if ways:
        return any(_fits(pattern, kind) for way in ways for pattern in way)
    there = (*(protocol.media_inline or ()), *(protocol.media_by_url or ()))
    return None if any(_fits(pattern, kind) for pattern in there) else False


def _fits(pattern: str, kind: str) -> bool:
    start = pattern.rstrip("*")
    return start.startswith(kind) or kind.startswith(start)


def _both(one: Abilities, other: Abilities) -> Abilities:
    """What both can do: a no of one is enough, and what is not known of one is not known."""
    limits = [each.max_output_tokens for each in (one, other)]
    known = [limit for limit in limits if limit is not None]
    return Abilities(
        **{name: _and(getattr(one, name), getattr(other, name)) for name in _YES_OR_NO},
        max_output_tokens=min(known) if len(known) == len(limits) else None,
    )


_YES_OR_NO = ("tools", "structured_output", "images", "audio", "documents", "thinking")


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True

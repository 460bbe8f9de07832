"""What clients may ask of a deployment that chats, by its capabilities and the words that its wire has.

None is not known. A wire without a word for something is a no, whatever the model; a word is no yes.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, field

from ...dsl.kinds import ProviderKind, TaskKind, WireFormat
from ...dsl.record import fields, frozen
from .capabilities import Capabilities
from .dialects import ANTHROPIC, BEDROCK, GEMINI, KNOWN_OF, OPENAI_CHAT
from .endpoints import chats
from .model import DeploymentPlan, OnnxServingPlan, RemotePoolPlan
from .tasks import GenerateSpec

_DIALECTS = {
    WireFormat.OPENAI: OPENAI_CHAT,
    WireFormat.ANTHROPIC: ANTHROPIC,
    WireFormat.GEMINI: GEMINI,
    WireFormat.BEDROCK: BEDROCK,
}
_MARKED_BY = {ProviderKind.OPENAI: OPENAI_CHAT, ProviderKind.ANTHROPIC: ANTHROPIC}
"""Whose models take the cache marks of their dialect, all of them."""


def _feature(heading: str) -> Any:
    return field(metadata={"heading": heading}, default=False)


@frozen(kw_only=True)
class Features:
    """True: it can be asked for; False: it cannot; None: nobody knows. context: in tokens, None as well."""

    tools: bool | None = _feature("TOOLS")
    parallel_tools: bool | None = _feature("PARALLEL")
    forced_tools: bool | None = _feature("FORCED")
    images: bool | None = _feature("IMAGES")
    documents: bool | None = _feature("PDF")
    audio: bool | None = _feature("AUDIO")
    image_output: bool | None = _feature("DRAWS")
    audio_output: bool | None = _feature("SPEAKS")
    json: bool | None = _feature("JSON")
    json_schema: bool | None = _feature("SCHEMA")
    thinking: bool | None = _feature("THINKS")
    caching: bool | None = _feature("CACHE")
    logprobs: bool | None = _feature("LOGPROBS")
    choices: bool | None = _feature("N")
    context: int | None = field(default=None, metadata={"heading": "CONTEXT"})

    def both(self, other: Features) -> Features:
        """What both have: a no of one is enough, and what is not known of one is not known of both."""
        windows = (self.context, other.context)
        return Features(
            **{name: both(getattr(self, name), getattr(other, name)) for name in YES_OR_NO},
            context=None if None in windows else min(each for each in windows if each is not None),
        )


PROTOCOLS = {"chat": "openai_chat", "responses": "openai_responses", "messages": "anthropic"}
"""The protocols in which clients chat, by their paths below `/v1`, and the dialects of their requests."""

YES_OR_NO = tuple(name for name in fields(Features) if name != "context")


def features_of(plan: DeploymentPlan) -> Features | None:
    """Of a deployment; None where it does not chat."""
    if isinstance(plan, OnnxServingPlan):
        return _local(plan.task) if isinstance(plan.task, GenerateSpec) else None
    if not isinstance(plan, RemotePoolPlan) or plan.task is not TaskKind.CHAT:
        return None
    if chats(plan.capabilities) is False:
        return None
    can, dialect = plan.capabilities, _DIALECTS[plan.wire]
    known = can.over(dialect)
    forced = plan.request.force if plan.request is not None else None
    by_call = both(can.tools, known.forced_tools)
    # Anthropic has no JSON mode: JSON is asked for as a call, and so is a schema where a model has none
    has_json = known.json_mode if known.json_mode is not None else can.json_schema or None
    is_fixed = forced is not None and forced.n is not None
    # of a model that cannot be held to one call, the first is kept
    one_call = None if known.parallel_tools is None else True
    says_calls = forced is not None and forced.parallel_tool_calls is not None
    return Features(
        tools=can.tools,
        parallel_tools=False if says_calls else both(can.tools, one_call),
        forced_tools=by_call,
        images=_reads(can, dialect, "image", "image/"),
        documents=_reads(can, dialect, "pdf", "application/pdf"),
        audio=_reads(can, dialect, "audio", "audio/"),
        image_output=_writes(known, "image"),
        audio_output=_writes(known, "audio"),
        json=_either(has_json, by_call),
        json_schema=_either(can.json_schema, by_call),
        thinking=None if can.thinks is None else can.thinks != "no",
        caching=_is_marked(plan, dialect),
        logprobs=_tells_logprobs(known),
        choices=False if is_fixed else _above(known.most_choices, 1),
        context=can.context_window,
    )


def asked_in(protocol: str, features: Features) -> Features:
    """What of `features` clients can ask for in that one of `PROTOCOLS`: each lacks words for some."""
    words = _words(KNOWN_OF[PROTOCOLS[protocol]])
    lost = {name: False for name in YES_OR_NO if not words.get(name, True)}
    return evolve(features, **lost) if lost else features


def wordless(protocol: str) -> tuple[str, ...]:
    """The features that cannot be asked for in that protocol, whatever the model."""
    everything = asked_in(protocol, Features(**dict.fromkeys(YES_OR_NO, True)))
    return tuple(name for name in YES_OR_NO if not getattr(everything, name))


def _words(dialect: Capabilities) -> dict[str, bool]:
    """What not all dialects have words for."""
    media = (*(dialect.media_inline or ()), *(dialect.media_by_url or ()))
    return {
        "images": any(_fits(pattern, "image/") for pattern in media),
        "documents": any(_fits(pattern, "application/pdf") for pattern in media),
        "audio": any(_fits(pattern, "audio/") for pattern in media),
        "image_output": dialect.writes is None or "image" in dialect.writes,
        "audio_output": dialect.writes is None or "audio" in dialect.writes,
        "json": dialect.json_mode is not False,
        "logprobs": "logprobs" not in (dialect.refused_sampling or ()),
        "choices": dialect.most_choices != 1,
        "caching": dialect.cache_marks != "no",
    }


def _local(task: GenerateSpec) -> Features:
    """Forms and calls need a package where the model runs, and a tokenizer that it knows."""
    return Features(
        tools=None,
        forced_tools=None,
        json=None,
        json_schema=None,
        logprobs=True,
        choices=True,
        context=task.max_length,
    )


def both(one: bool | None, other: bool | None) -> bool | None:
    """And, of what may not be known."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _either(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False


def _above(number: int | None, least: int) -> bool | None:
    return None if number is None else number > least


def _tells_logprobs(known: Capabilities) -> bool | None:
    if "logprobs" in (known.refused_sampling or ()):
        return False
    return _above(known.most_top_logprobs, 0)


def _is_marked(plan: RemotePoolPlan, dialect: Capabilities) -> bool | None:
    marks = plan.capabilities.cache_marks or _MARKED_BY.get(plan.provider, Capabilities()).cache_marks
    if marks is None and dialect.cache_marks == "no":
        return False
    return None if marks is None else marks != "no"


def _reads(can: Capabilities, dialect: Capabilities, word: str, kind: str) -> bool | None:
    """Whether media of `kind` may be sent, in one way or another, as far as the model is known."""
    ways = [way for way in (can.media_inline, can.media_by_url) if way is not None]
    if ways:
        return any(_fits(pattern, kind) for way in ways for pattern in way)
    there = (*(dialect.media_inline or ()), *(dialect.media_by_url or ()))
    if not any(_fits(pattern, kind) for pattern in there):
        return False
    return word in (can.reads or ()) or None


def _writes(known: Capabilities, what: str) -> bool | None:
    if not known.knows_field("modalities"):
        return False
    return None if known.writes is None else what in known.writes


def _fits(pattern: str, kind: str) -> bool:
    start = pattern.rstrip("*")
    return start.startswith(kind) or kind.startswith(start)

"""Answers of OpenAI's in one piece that go to the client as they come: only usage and failures are looked at,
words that come in parts, and calls as no client of OpenAI's reads them."""

from __future__ import annotations

import time
from typing import Any

import orjson
from attrs import evolve

from .....compiler.plan import ProviderKind
from .....compiler.plan.record import new_tuple
from .....compiler.plan.service_tiers import tier_named
from ....dialects.openai_chat import (
    SAYS_NOTHING,
    PlainParts,
    failure_in,
    plain_usage,
    read_usage,
    usage_of,
)
from ....dialects.openai_chat.plain import (
    with_plain_calls,
    with_plain_frame,
    with_plain_reason,
    with_plain_texts,
)
from ....dialects.provider_errors.classify import Classifier
from ....dialects.reader import IMPOSSIBLE, parse_object
from ....requests.answer import ChatChunk
from ....requests.upstream import Upstream
from ....requests.usage import Usage, is_believable

_PLAIN_ENDS = ("stop", "length")

OPENAIS = frozenset({ProviderKind.OPENAI, ProviderKind.AZURE})
"""Who knows all fields of their answers, and whose reasons are what they are."""


def read_whole(body: bytes, classifier: Classifier, upstream: Upstream | None = None) -> ChatChunk:
    """A whole answer, with its usage, and what its provider says beside it. Raises RequestError where it is
    none."""
    answer = parse_object(body, classifier)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise classifier.malformed("the answer has no choices")
    changed = False
    place = 0
    for choice in choices:
        if not _is_plain(choice):
            check_choice(choice, classifier)
            changed |= _is_mended(choice, place, classifier)
        place += 1  # noqa: SIM113, what `enumerate` makes for a list of one costs more than looking at it
    if _with_plain_fields(answer) or changed:
        body = orjson.dumps(answer)
    tier = tier_named(answer["service_tier"]) if "service_tier" in answer else ""
    return new_tuple(ChatChunk, (body, told_usage(answer, classifier, tier), False, upstream, True))


def _with_plain_fields(answer: dict[str, Any]) -> bool:
    """Whether fields were filled in that whole answers must have, and that are told to be nothing."""
    if answer.get("object", 0) is not None and answer.get("created", 0) is not None:
        return False
    empty = [name for name in ("object", "created") if name in answer and answer[name] is None]
    if "object" in empty:
        answer["object"] = "text_completion" if "text" in answer["choices"][0] else "chat.completion"
    if "created" in empty:
        answer["created"] = int(time.time())
    return bool(empty)


def _is_plain(choice: Any) -> bool:
    """Whether a choice of a whole answer is words and a usual end, as most are: there is nothing to mend, and
    nothing failed."""
    return (
        type(choice) is dict
        and "error" not in choice
        and "native_finish_reason" not in choice
        and type(message := choice.get("message")) is dict
        and type(message.get("content")) is str
        and not message.get("tool_calls")
        and choice.get("finish_reason") in _PLAIN_ENDS
        and type(choice.get("index")) is int
    )


def _is_mended(choice: dict[str, Any], position: int, classifier: Classifier) -> bool:
    """Whether a choice of a whole answer was changed, into what clients of OpenAI's read."""
    told_as_chunk = choice.get("message") is None and isinstance(choice.get("delta"), dict)
    if told_as_chunk:
        choice["message"] = choice.pop("delta")
    message = choice.get("message")
    if "text" not in choice and not isinstance(message, dict):
        raise classifier.malformed(SAYS_NOTHING)
    changed = with_plain_frame(choice, position) | with_plain_texts(message)
    changed |= PlainParts().mend(choice) | with_plain_calls(message)
    changed |= told_as_chunk
    if classifier.plan.provider in OPENAIS:
        return changed
    calls = isinstance(message, dict) and bool(message.get("tool_calls"))
    return with_plain_reason(choice, calls=calls) or changed


def check_choice(choice: Any, classifier: Classifier) -> None:
    """Raise the error of a choice that failed inside a success."""
    if not isinstance(choice, dict):
        raise classifier.malformed("the answer has a choice that is none")
    if (error := failure_in(choice)) is not None:
        raise classifier.in_band(error)


def told_usage(answer: dict[str, Any], classifier: Classifier, tier: str = "") -> Usage | None:
    plain = plain_usage(answer.get("usage"), tier)
    if plain is not None:
        return plain
    usage = usage_of(answer)
    if usage is not None and not is_believable(usage):
        classifier.doubt(IMPOSSIBLE)
        return None
    if usage is None:
        return None
    return evolve(read_usage(usage), tier=tier) if tier else read_usage(usage)

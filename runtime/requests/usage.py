"""What a request consumed: tokens, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import astuple

from ...compiler.plan.late_pattern import late_pattern
from ...compiler.plan.record import frozen

PICODOLLARS = 10**12
"""Parts of a dollar in which costs are counted: whole numbers, which add up exactly."""


MOST_TOKENS = 20_000_000
"""More than any model reads and writes for one request; a provider that tells more is not believed."""


def is_believable(told: Mapping[str, Any], depth: int = 2) -> bool:
    """Whether a usage, as a provider tells it, can be: no count is negative, none more than any model counts,
    and all are numbers."""
    for name, value in told.items():
        kind = type(value)
        if kind is int or kind is float:
            if not 0 <= value <= MOST_TOKENS and _COUNTED.search(name):
                return False
        elif isinstance(value, dict):
            if depth and not is_believable(value, depth - 1):
                return False
        elif (kind is str or kind is bool) and _COUNT.search(name):
            return False
    return True


_COUNTED = late_pattern(r"[tT]okens?|[cC]ount$")
"""What names of counts look like, in the words of all providers; others are times and money."""

_COUNT = late_pattern(r"(_tokens|TokenCount|Tokens)$")
"""What names of single counts end in."""


@frozen
class Usage:
    """What a request consumed, in tokens.

    cached_tokens: those of the prompt that the provider had cached. reasoning_tokens: those of the
    completion that the model thought in. cache_write_tokens: those of the prompt that it wrote to its cache,
    of which it keeps `cache_write_1h_tokens` for an hour, or longer. audio_tokens, audio_answer_tokens: those
    of the prompt, and of the completion, that are sound. audio_ms: how long a sound was that is paid for by
    its length. image_tokens, image_answer_tokens: those that are pictures. images: pictures that were made.
    searches: what was looked up, or ranked, and is paid for each time. characters: of what was spoken.
    told_cost: what the provider says that it charges, in picodollars; 0: it says nothing. tier: in which tier
    of service it was answered, as `compiler.plan.service_tiers` names it; empty: nobody says.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_tokens: int = 0
    audio_answer_tokens: int = 0
    audio_ms: int = 0
    image_tokens: int = 0
    image_answer_tokens: int = 0
    images: int = 0
    searches: int = 0
    characters: int = 0
    told_cost: int = 0
    tier: str = ""

    @classmethod
    def total(cls, usages: Iterable[Usage]) -> Usage:
        """What several requests consumed together, in whatever tiers."""
        rows = (astuple(each)[:-1] for each in (NOTHING_USED, *usages))
        sums: list[Any] = [sum(each) for each in zip(*rows, strict=True)]
        return cls(*sums)


NOTHING_USED = Usage(0)

"""What a request consumed: tokens, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import astuple

from .values import frozen

PICODOLLARS = 10**12
"""Parts of a dollar in which costs are counted: whole numbers, which add up exactly."""


@frozen
class Usage:
    """What a request consumed, in tokens.

    cached_tokens: those of the prompt that the provider had cached. reasoning_tokens: those of the
    completion that the model thought in. cache_write_tokens: those of the prompt that it wrote to its cache,
    of which it keeps `cache_write_1h_tokens` for an hour.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @classmethod
    def total(cls, usages: Iterable[Usage]) -> Usage:
        """What several requests consumed together."""
        return cls(*map(sum, zip(*map(astuple, usages), strict=True)))

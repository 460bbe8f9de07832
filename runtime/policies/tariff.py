"""What a request costs: the prices of one model, times what was used."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Any

from ...compiler.plan import Money, Price
from ...compiler.plan.record import frozen
from ...compiler.plan.service_tiers import tier_factors
from ..requests.usage import Usage
from .estimate import Estimate

_PARTS = 10_000
NO_TIERS: Mapping[str, tuple[int, int]] = MappingProxyType({})


@frozen
class Tariff:
    """Prices as whole picodollars per token, per millisecond of sound, per search, picture and character, so
    that sums are exact. tiers: how many of `_PARTS` parts of that tokens cost in a tier of service, and of
    those that were cached."""

    input: int
    output: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    audio_input: int
    audio_output: int
    image_input: int
    image_output: int
    audio_ms: int
    search: int
    image: int
    character: int
    tiers: Mapping[str, tuple[int, int]] = NO_TIERS

    @classmethod
    def of(cls, price: Price) -> Tariff:
        cached = price.input if price.cached_input is None else price.cached_input
        write = price.input if price.cache_write is None else price.cache_write
        long_write = write if price.cache_write_1h is None else price.cache_write_1h
        heard = price.input if price.audio_input is None else price.audio_input
        spoken = price.output if price.audio_output is None else price.audio_output
        seen = price.input if price.image_input is None else price.image_input
        drawn = price.output if price.image_output is None else price.image_output
        prices = (price.input, price.output, cached, write, long_write, heard, spoken, seen, drawn)
        units = (
            (price.per_second, 10**9),
            (price.per_search, 10**12),
            (price.per_image, 10**12),
            (price.per_character, 10**12),
        )
        numbers: list[Any] = [int(per_million * 10**6) for per_million in prices]
        numbers += [0 if each is None else int(each * parts) for each, parts in units]
        tiers = {
            name: (ceil(times * _PARTS), ceil(cached * _PARTS))
            for name, (times, cached) in tier_factors(price).items()
        }
        numbers.append(tiers or NO_TIERS)
        return cls(*numbers)

    @classmethod
    def free(cls) -> Tariff:
        return cls.of(Price(Money(0), Money(0)))

    def estimated(self, tokens: Estimate) -> int:
        """What a request will probably cost, in picodollars. No tier is sure to be had: what is asked for
        in a cheaper one may be answered in the standard one."""
        prompt, answer, searches, images, characters, audio_ms, tier = tokens
        cost = prompt * self.input + answer * self.output
        if tier and tier in self.tiers:
            cost = max(cost, cost * self.tiers[tier][0] // _PARTS)
        if searches or images or characters or audio_ms:
            cost += self._of_units(searches, images, characters, audio_ms)
        return cost

    def cost(self, usage: Usage) -> int:
        """What `usage` costs, in picodollars: what the provider says, where it does."""
        if usage.told_cost:
            return usage.told_cost
        if usage.cached_tokens or usage.cache_write_tokens:
            cost = self._of_text(usage)
        else:
            cost = usage.prompt_tokens * self.input + usage.completion_tokens * self.output
        if usage.audio_tokens or usage.audio_answer_tokens or usage.image_tokens or usage.image_answer_tokens:
            cost += self._more_for_media(usage)
        if usage.tier and usage.tier in self.tiers:
            cost = self._in_tier(cost, usage)
        if usage.searches or usage.images or usage.characters or usage.audio_ms:
            cost += self._of_units(usage.searches, usage.images, usage.characters, usage.audio_ms)
        return cost

    def _in_tier(self, cost: int, usage: Usage) -> int:
        """Of tokens that cost as much in the standard tier."""
        times, times_cached = self.tiers[usage.tier]
        cached = min(usage.cached_tokens, usage.prompt_tokens) * self.cached_input
        return ((cost - cached) * times + cached * times_cached) // _PARTS

    def _of_units(self, searches: int, images: int, characters: int, audio_ms: int) -> int:
        """Of what is not paid by tokens."""
        units = searches * self.search + images * self.image
        return units + characters * self.character + audio_ms * self.audio_ms

    def _of_text(self, usage: Usage) -> int:
        """Of text that was cached, or written to a cache, in part."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        written = min(usage.cache_write_tokens, usage.prompt_tokens - cached)
        long = min(usage.cache_write_1h_tokens, written)
        return (
            (usage.prompt_tokens - cached - written) * self.input
            + cached * self.cached_input
            + (written - long) * self.cache_write
            + long * self.cache_write_1h
            + usage.completion_tokens * self.output
        )

    def _more_for_media(self, usage: Usage) -> int:
        """What sound and pictures cost more than text: what was cached is text, as far as anybody says."""
        rest = max(usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens, 0)
        heard = min(usage.audio_tokens, rest)
        seen = min(usage.image_tokens, rest - heard)
        spoken = min(usage.audio_answer_tokens, usage.completion_tokens)
        drawn = min(usage.image_answer_tokens, usage.completion_tokens - spoken)
        return (
            heard * (self.audio_input - self.input)
            + seen * (self.image_input - self.input)
            + spoken * (self.audio_output - self.output)
            + drawn * (self.image_output - self.output)
        )

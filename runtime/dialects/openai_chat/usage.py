"""What an answer of `POST /v1/chat/completions` tells of what it took, in the forms of all who speak it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ...requests.usage import MOST_TOKENS, Usage
from ..fields import count, few, told_cost

Json = dict[str, Any]


def usage_of(answer: Json) -> Json | None:
    """The usage that an answer or a chunk tells; Groq's streams have it in a place of their own."""
    told = answer.get("usage")
    if told is None and isinstance(own := answer.get("x_groq"), dict):
        told = own.get("usage")
    return told if isinstance(told, dict) else None


def usage_within(chunk: Json) -> Json | None:
    """The usage that a choice of `chunk` tells, where Moonshot's streams have it.

    Source: https://github.com/AstrBotDevs/AstrBot/issues/6614.
    """
    choices = chunk.get("choices")
    told = (each.get("usage") for each in (choices if isinstance(choices, list) else ()))
    return next((usage for usage in told if isinstance(usage, dict)), None)


def with_details(before: Mapping[str, Any], usage: Json) -> Json:
    """The last usage of a stream, with the details that only one before it told of the same prompt.

    Source: https://github.com/BerriAI/litellm/pull/32130.
    """
    if not before or usage.get("prompt_tokens") != before.get("prompt_tokens"):
        return usage
    missed = {name: before[name] for name in before if usage.get(name) is None}
    return {**usage, **missed} if missed else usage


def read_usage(usage: Json) -> Usage:
    """OpenAI counts cached tokens inside the prompt, and thoughts inside the completion.

    Who counts thoughts beside the completion (xAI, and Google's service that speaks as OpenAI does) has them
    in the total alone: what that is more than prompt and completion is paid for as completion. What DeepSeek
    found in its cache has a name of its own. Mistral counts sound in seconds, and in the total. Gateways in
    front of Claude may count what was cached beside the prompt, as Anthropic does: New API says so, and more
    than the prompt can be no part of it.
    """
    plain = plain_usage(usage)
    if plain is not None:
        return plain
    asked, said = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached, written = count(prompt, "cached_tokens"), count(prompt, "cache_write_tokens")
    is_openais = usage.keys() <= _OPENAIS
    if not is_openais:
        # DeepSeek has a name of its own; OpenRouter says the one, LiteLLM the other
        cached = cached or count(usage, "prompt_cache_hit_tokens") or count(usage, "cached_tokens")
        written = written or count(usage, "cache_creation_input_tokens")
    if cached + written > asked or usage.get("usage_semantic") == "anthropic":
        asked += cached + written
    total = count(usage, "total_tokens")
    heard = few(usage, "prompt_audio_seconds") if "prompt_audio_seconds" in usage else 0
    if total > asked + said and not heard:
        said = total - asked
    found = Usage(
        asked,
        said,
        cached_tokens=cached,
        reasoning_tokens=count(completion, "reasoning_tokens"),
        cache_write_tokens=written,
        audio_tokens=count(prompt, "audio_tokens"),
        audio_answer_tokens=count(completion, "audio_tokens"),
        image_tokens=count(prompt, "image_tokens"),
        image_answer_tokens=count(completion, "image_tokens"),
    )
    if is_openais:
        return found
    return evolve(
        found,
        audio_ms=heard * 1000,
        image_tokens=found.image_tokens or count(usage, "image_tokens"),
        searches=searches_in(usage),
        told_cost=told_cost(usage),
    )


def searches_in(usage: Json) -> int:
    """How often the web was searched, as Perplexity, OpenRouter and xAI tell it."""
    return (
        few(usage, "num_search_queries")
        or few(usage.get("server_tool_use"), "web_search_requests")
        or few(usage.get("server_side_tool_usage_details"), "web_search_calls")
    )


_TOTALS = {"prompt_tokens", "completion_tokens", "total_tokens"}
_OPENAIS = _TOTALS | {"prompt_tokens_details", "completion_tokens_details"}


def plain_usage(told: object, tier: str = "") -> Usage | None:
    """A usage that tells two numbers and their sum, as many do; None where it may tell more, or is wrong.

    Of embeddings, it tells the prompt and the sum alone. tier: of service, that the answer tells.
    """
    if type(told) is not dict or not 2 <= len(told) <= 3:
        return None
    asked, total = told.get("prompt_tokens"), told.get("total_tokens")
    said = told.get("completion_tokens") if len(told) == 3 else 0
    if type(asked) is not int or type(said) is not int or not asked >= 0 <= said:
        return None
    if type(total) is not int or total != asked + said or total > MOST_TOKENS:
        return None
    return Usage(asked, said, tier=tier) if tier else Usage(asked, said)

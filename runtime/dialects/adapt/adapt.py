"""The rules in their order. All of them are pure; what they know stands in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve

from ....compiler.plan import Capabilities
from ....compiler.plan.dialects import KNOWN_OF
from ....compiler.plan.record import frozen
from ....compiler.plan.service_tiers import IN_GEMINIS_WORDS
from ...requests.conversation import Conversation
from ...requests.parts import own
from .declared_tools import with_functions
from .dialects import CLIENT_NAMES, EXTRAS, LACKING, RESTS, SEALS, UNKNOWN_EXTRA, Dropped
from .history import adapt_turns
from .marks import limit_marks
from .modalities import adapt_modalities
from .result import Findings, Note, ToRead, Unsuitable
from .sampling import adapt_limits, adapt_sampling, short_id
from .structured import speak_of_json
from .thinking import adapt_thinking, rest_for_calls, rest_for_tools
from .tool_names import with_short_names
from .tools import adapt_format, adapt_tools


@frozen
class Adapted:
    """A conversation that the model takes, and what was changed: it is the client's own where nothing was."""

    conversation: Conversation
    notes: tuple[Note, ...] = ()


def adapt(
    conversation: Conversation,
    capabilities: Capabilities,
    *,
    client: str,
    provider: str,
    unsupported: Literal["error", "drop"] = "error",
) -> Adapted | Unsuitable:
    """`conversation`, which came in the dialect `client`, for a model that is asked in the dialect
    `provider`.

    unsupported: what becomes of what the model cannot do and nothing stands in for.
    """
    can = capabilities.over(KNOWN_OF[provider])
    found = Findings(client_names(conversation, client), unsupported == "drop")
    if client.startswith("openai"):
        conversation = with_functions(conversation, can, found, client, provider)
    changed = adapt_sampling(conversation, can, found)
    changed |= adapt_limits(conversation, can, found, client, provider)
    changed |= adapt_modalities(conversation, can, found)
    longest = changed.get("max_tokens", conversation.max_tokens)
    changed |= adapt_thinking(conversation, can, found, longest, client, provider)
    changed |= adapt_tools(conversation, can, found, client, provider)
    if provider == "openai_chat" and can.chat_tools_with_thoughts is False and changed["tools"]:
        changed |= rest_for_tools(conversation, can, found)
    changed |= _adapt_formats(conversation, can, found, changed, provider)
    changed |= adapt_turns(conversation, can, found, provider)
    if can.json_word:
        changed |= speak_of_json(conversation, changed, found, provider)
    changed |= rest_for_calls(conversation, can, found, changed)
    changed |= limit_marks(conversation, changed, found, provider)
    changed |= _adapt_rest(conversation, can, found, provider)
    if provider == "openai_chat":
        changed |= _in_own_words(conversation, can, changed, found)
    if found.problems:
        return Unsuitable(tuple(found.problems))
    if any(value != getattr(conversation, name) for name, value in changed.items()):
        conversation = evolve(conversation, **changed)
    conversation = with_short_names(conversation, can.tool_names, found)
    return Adapted(conversation, tuple(found.notes))


def client_names(c: Conversation, client: str) -> Mapping[str, str]:
    """Names of fields in the client's words, where they are not those of OpenAI's chat completions."""
    names = CLIENT_NAMES.get(client, {})
    if c.token_limit is not None:
        return {**names, "max_tokens": c.token_limit}
    if client == "anthropic" and c.thinking is not None and c.thinking.mode is None:
        return {**names, "reasoning_effort": "output_config.effort"}
    return names


def _adapt_formats(
    c: Conversation, can: Capabilities, found: Findings, changed: dict[str, Any], provider: str
) -> dict[str, Any]:
    thinking = changed.get("thinking", c.thinking)
    thinks = thinking is not None and not thinking.is_off
    choice = changed.get("tool_choice", c.tool_choice)
    formed: dict[str, Any] = {}
    if (
        thinks
        and choice is not None
        and choice.mode == "required"
        and can.forced_tools_with_thoughts is False
    ):
        found.refuse("tool_choice", "the model cannot be made to call a function while it thinks")
        formed["tool_choice"] = evolve(choice, mode="auto")
    return formed | adapt_format(c, can, found, changed.get("tools", c.tools), thinks, provider)


def _adapt_rest(c: Conversation, can: Capabilities, found: Findings, provider: str) -> dict[str, Any]:
    """What only OpenAI has a word for, and what only the client's dialect knows."""
    changed: dict[str, Any] = {}

    def goes(name: str) -> bool:
        return provider.startswith("openai") and can.knows_field(name)

    if c.stream_usage is not None and not can.knows_field("stream_options"):
        changed["stream_usage"] = None  # such providers tell it without being asked
    if c.verbosity is not None and not goes("verbosity"):
        if c.verbosity != "medium":  # Codex sends `low` unless it is told otherwise
            found.note("verbosity", "left out: the model says as much as it does")
        changed["verbosity"] = None
    is_stored = provider != "openai_chat" or own(c.extras, "openai").get("store") is True
    if c.metadata and not (goes("metadata") and (is_stored or not can.stored_metadata)):
        found.note("metadata", "left out: it is about what OpenAI keeps")
        changed["metadata"] = {}
    seals = SEALS[provider]
    for seal, values in c.extras.items():
        empty = {"functions"} if values.get("functions") == [] else set()  # which OpenAI refuses
        if seal == "anthropic" and can.thinks == "no" and "thinking" in values:
            empty = {*empty, "thinking"}
        goes_on = seal in seals and not empty and all(map(can.knows_field, values))
        if goes_on and can.service_tiers is None and can.cache_modes is None:
            continue
        taken = {name for name in values if seal in seals and can.knows_field(name)} - empty
        kept = {name: value for name, value in values.items() if name in taken}
        if "prompt_cache_options" in kept and not _is_mode(kept["prompt_cache_options"], can.cache_modes):
            found.note("prompt_cache_options", "left out: the provider has no such mode")
            kept["prompt_cache_options"] = None
        if seal in seals and kept != values:
            changed["extras"] = {**changed.get("extras", c.extras), seal: kept}
        for name, value in values.items():
            if name == "service_tier" and name in kept and value not in (can.service_tiers or (value,)):
                changed["extras"] = {**changed.get("extras", c.extras), seal: {**kept, name: None}}
                found.note(name, "left out: the provider has no such tier")
            if name in kept:
                continue
            if seal == provider == "anthropic" and name == "thinking":  # of a kind that only it knows
                if isinstance(value, dict) and "type" in value:
                    found.note(name, "left out: the model does not think")
                continue
            if seal == "openai" and name == "service_tier" and provider == "gemini" and _is_geminis(value):
                extras = changed.get("extras", c.extras)
                told = {"serviceTier": IN_GEMINIS_WORDS[value], **own(extras, "gemini")}
                changed["extras"] = {**extras, "gemini": told}
                continue
            handling = EXTRAS.get(seal, {}).get(name, LACKING if seal in seals else UNKNOWN_EXTRA)
            if isinstance(handling, Dropped):
                for where in [f"{name}.{field}" for field in value] if handling.inside else [name]:
                    found.note(where, f"left out: {handling.why}")
            elif value is not None and value not in handling.neutral:
                found.refuse(name, handling.why)
    extras = changed.get("extras", c.extras)
    for name in IDS if "openai" in seals else ():
        value = own(extras, "openai").get(name)
        if isinstance(value, str) and (short := short_id(name, value, can, found)) != value:
            extras = {**extras, "openai": {**own(extras, "openai"), name: short}}
            changed["extras"] = extras
    return changed


IDS = ("prompt_cache_key", "safety_identifier")
"""What is as long as the name of a user, at OpenAI."""


def _is_geminis(tier: Any) -> bool:
    return isinstance(tier, str) and tier in IN_GEMINIS_WORDS


def _is_mode(options: Any, modes: tuple[str, ...] | None) -> bool:
    """Whether options of a prompt's cache say one of the modes that there are."""
    return modes is None or options is None or (isinstance(options, dict) and options.get("mode") in modes)


def _in_own_words(
    c: Conversation, can: Capabilities, changed: dict[str, Any], found: Findings
) -> dict[str, Any]:
    """What a provider that speaks OpenAI's protocol has a field of its own for."""
    sampling, thinking = changed.get("sampling", c.sampling), changed.get("thinking", c.thinking)
    own: dict[str, Any] = {}
    said: dict[str, Any] = {}
    if can.seed_field is not None and sampling.seed is not None:
        if sampling.seed < 0:
            found.note("seed", "left out: the provider takes none below 0")
        else:
            own[can.seed_field] = sampling.seed
        said["sampling"] = evolve(sampling, seed=None)
    if can.counts_logprobs and sampling.logprobs:
        own["logprobs"] = sampling.top_logprobs or 1
        said["sampling"] = evolve(said.get("sampling", sampling), logprobs=None, top_logprobs=None)
        found.notes.append(ToRead("logprobs", "asked for as a number"))
    if can.rests_by is not None and thinking is not None and thinking.is_off:
        own[can.rests_by] = RESTS[can.rests_by]
        said["thinking"] = None
    if own:
        extras = changed.get("extras", c.extras)
        said["extras"] = {**extras, "openai_chat": {**own, **extras.get("openai_chat", {})}}
    return said

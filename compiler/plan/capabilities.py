"""What a model can do and what it refuses, as far as that is known.

None is not known: nothing is assumed then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from attrs import evolve

from ...dsl.record import fields, frozen

T = TypeVar("T")

Thinks = Literal["no", "effort", "budget", "adaptive", "level"]
SystemPrompts = Literal["no", "first", "after_user", "anywhere"]
SchemaSubset = Literal["anything", "anthropic"]
UserIds = Literal["no", "opaque", "any"]
CacheMarks = Literal["no", "cache_control", "prompt_cache_breakpoint"]


@frozen
class Capabilities:
    """One model, as its provider documents it.

    refused_sampling: names of OpenAI's fields that it does not take, such as `temperature`.
    ignored_sampling: those that it takes and does not heed. ignored_with_thoughts: the same while it thinks.
    one_of_sampling: groups of them of which it takes one at most.
    greatest_temperature: 1 or 2.
    context_window: tokens of the request and the answer together.
    token_limit: the name of the field that limits the answer, where a dialect has two. greatest_output: in
    tokens.
    system_prompts: where they may stand; after_user: at the beginning, and between words of the user and the
    answer to them.
    tools, parallel_tools, strict_tools, forced_tools: whether it can call functions, be held to one call at
    a time, be held to a tool's schema, and be told which function it must call. custom_tools: whether it can
    call tools of free text in chat completions. allowed_tools: whether it can be told which of several it may
    call. streams_tools: whether it streams its answer while there are functions; it is asked for a whole one
    otherwise.
    call_ids, tool_names: regular expressions that each id of a tool call, and each name of a function, must
    match as a whole.
    json_mode, json_schema: whether answers can be held to JSON, and to a schema. json_word: whether a message
    must speak of JSON, then. schema_subset: what such schemas, and those of strict tools, may hold.
    reads: what it is known to read beside text: `image`, `audio`, `pdf` and others; the list may lack some.
    media_inline, media_by_url: media types that it reads, such as `image/png`, `image/*` or `*`.
    media_in_results, media_in_answers: whether results of tools may hold media, and answers in the history.
    writes: what its answers to chats hold, where they are asked for it: `text`, `image`, `audio`, `video`.
    needs_audio: whether it must hear or speak: sound is in the request, or is asked for.
    thinks: how it is asked to think. efforts: the words for how much. least_thinking, most_thinking: bounds
    of a budget in tokens. can_rest: whether it can be told not to think. rests_by: the field that tells it
    so, where that is not the effort. thinks_unasked: whether it thinks where nobody says how much.
    thoughts_in_history: whether it takes back thoughts that are not signed.
    call_signature: what stands for the signature of a call that has lost it, where calls need one.
    returned_fields: what of its answers it wants back with the history, beyond OpenAI's: `reasoning_details`,
    `extra_content`.
    calls_need_thoughts: whether, while it thinks, it takes calls back only with the thoughts before them.
    refused_with_thoughts, forced_tools_with_thoughts: the fields of sampling that it does not take while it
    thinks, and whether a function can be forced then. tool_choice_with_thoughts: whether anything can be
    said about which functions it calls, then. least_top_p_with_thoughts: of `top_p`, while it thinks.
    chat_endpoint, chat_tools_with_thoughts: whether it is at OpenAI's `/chat/completions`, or only at
    `/responses`; whether it takes functions there while it thinks.
    most_stop: how many stop sequences. most_choices: how many answers at once. most_top_logprobs: 0 is none
    at all.
    endpoints: all that it has at its provider, in the words of OpenAI's API, such as `audio/speech`; a chat
    is `chat/completions` in whatever protocol. batches: whether its provider takes it in batches.
    most_inputs, most_input_tokens: how many texts it embeds in one request, and how many tokens they may have
    together. token_ids: whether it embeds token ids, too.
    least_dimensions, greatest_dimensions: how many numbers a vector can be asked for; at most 0: no choice.
    dimensions: the only ones, where not all between can be asked for.
    user_ids: whether users can be told, and in which form. longest_ids: characters of a user, and of a key of
    a prompt's cache. stored_metadata: whether `metadata` goes only with
    chats that the provider stores. cache_marks: how the cached part of a prompt is
    marked.
    extra_fields, message_fields: of OpenAI's fields that have no fact of their own, those of requests and of
    messages that it takes; others are refused. part_kinds: the kinds of parts of messages, in OpenAI's words,
    that its provider has. lacking_fields: those of requests that it does not have, where all others go on.
    seed_field: what `seed` is called there. cache_key_header: the header in which `prompt_cache_key` goes
    with chats, which have no such field there. service_tiers: their names. cache_modes: what
    `prompt_cache_options` may say as `mode`, and must.
    counts_logprobs: whether `logprobs` is how many, and answers list tokens and numbers apart.
    developer_prompts: whether a system prompt may be the developer's. user_after_results: whether the user
    may speak right after a tool. schema_with_tools: whether an answer can be asked for as JSON, or held to a
    schema, while there are tools.
    joined_texts: whether several texts of a message are sent as one.
    prefill: whether it goes on with an answer that the conversation has begun.
    most_searches: how often it searches the web for one answer, at most, where its provider has such a bound.
    searches_unasked: it always does, once, and does not tell.
    turns_alternate: turns of the same side are joined, results of tools come first, and no turn or text is
    empty.
    """

    refused_sampling: tuple[str, ...] | None = None
    ignored_sampling: tuple[str, ...] | None = None
    ignored_with_thoughts: tuple[str, ...] | None = None
    one_of_sampling: tuple[tuple[str, ...], ...] | None = None
    greatest_temperature: float | None = None
    context_window: int | None = None
    token_limit: Literal["max_tokens", "max_completion_tokens"] | None = None
    greatest_output: int | None = None
    system_prompts: SystemPrompts | None = None
    tools: bool | None = None
    streams_tools: bool | None = None
    parallel_tools: bool | None = None
    strict_tools: bool | None = None
    custom_tools: bool | None = None
    forced_tools: bool | None = None
    allowed_tools: bool | None = None
    call_ids: str | None = None
    tool_names: str | None = None
    json_mode: bool | None = None
    json_schema: bool | None = None
    json_word: bool | None = None
    schema_subset: SchemaSubset | None = None
    reads: tuple[str, ...] | None = None
    media_inline: tuple[str, ...] | None = None
    media_by_url: tuple[str, ...] | None = None
    media_in_results: bool | None = None
    media_in_answers: bool | None = None
    writes: tuple[str, ...] | None = None
    needs_audio: bool | None = None
    thinks: Thinks | None = None
    efforts: tuple[str, ...] | None = None
    least_thinking: int | None = None
    most_thinking: int | None = None
    can_rest: bool | None = None
    rests_by: Literal["thinking", "reasoning"] | None = None
    thinks_unasked: bool | None = None
    thoughts_in_history: bool | None = None
    call_signature: str | None = None
    returned_fields: tuple[str, ...] | None = None
    calls_need_thoughts: bool | None = None
    refused_with_thoughts: tuple[str, ...] | None = None
    forced_tools_with_thoughts: bool | None = None
    tool_choice_with_thoughts: bool | None = None
    least_top_p_with_thoughts: float | None = None
    chat_endpoint: bool | None = None
    chat_tools_with_thoughts: bool | None = None
    most_stop: int | None = None
    most_choices: int | None = None
    most_top_logprobs: int | None = None
    endpoints: tuple[str, ...] | None = None
    batches: bool | None = None
    most_inputs: int | None = None
    most_input_tokens: int | None = None
    token_ids: bool | None = None
    least_dimensions: int | None = None
    greatest_dimensions: int | None = None
    dimensions: tuple[int, ...] | None = None
    user_ids: UserIds | None = None
    longest_ids: int | None = None
    stored_metadata: bool | None = None
    cache_marks: CacheMarks | None = None
    extra_fields: tuple[str, ...] | None = None
    message_fields: tuple[str, ...] | None = None
    part_kinds: tuple[str, ...] | None = None
    lacking_fields: tuple[str, ...] | None = None
    seed_field: str | None = None
    cache_key_header: str | None = None
    service_tiers: tuple[str, ...] | None = None
    cache_modes: tuple[str, ...] | None = None
    counts_logprobs: bool | None = None
    developer_prompts: bool | None = None
    user_after_results: bool | None = None
    joined_texts: bool | None = None
    schema_with_tools: bool | None = None
    prefill: bool | None = None
    most_searches: int | None = None
    searches_unasked: bool | None = None
    turns_alternate: bool | None = None

    def over(self, base: Capabilities) -> Capabilities:
        """What is known here, and what `base` knows of the rest. What one of them refuses is refused, and
        answers hold what both can."""
        key = id(self), id(base)  # for what is equal but not the same, 1 may be True
        found = _OVER.get(key)
        if found is None:
            if len(_OVER) >= _MOST_OVER:
                _OVER.clear()
            equal = repr([getattr(self, name) for name in _NAMES]), id(base)
            alike = _OVER.get(equal)
            if alike is None:
                alike = _OVER[equal] = self, base, self._over(base)
            found = _OVER[key] = self, base, alike[-1]
        return found[-1]

    def _over(self, base: Capabilities) -> Capabilities:
        known: dict[str, Any] = {name: v for name in _NAMES if (v := getattr(self, name)) is not None}
        for name in _REFUSED:
            mine, others = getattr(self, name), getattr(base, name)
            if mine and others:
                known[name] = tuple(dict.fromkeys(others + mine))
        if self.writes is not None and base.writes is not None:
            known["writes"] = tuple(each for each in self.writes if each in base.writes)
        if self.media_inline == () and self.media_by_url is None:
            known["media_by_url"] = ()
        return evolve(base, **known)

    def knows_field(self, name: str) -> bool:
        """Whether requests may hold this field of OpenAI's that has no fact of its own."""
        if self.extra_fields is not None:
            return name in self.extra_fields
        return name not in (self.lacking_fields or ())

    def alike(self, other: Capabilities) -> Capabilities:
        """What is true of both."""
        return self if self is other else _ALIKE.of(Capabilities._alike, self, other)

    def _alike(self, other: Capabilities) -> Capabilities:
        mine = {name: getattr(self, name) for name in _NAMES}
        return Capabilities(**{name: value for name, value in mine.items() if value == getattr(other, name)})


_NAMES = tuple(fields(Capabilities))

_REFUSED = ("refused_sampling", "lacking_fields")

_MOST_OVER = 4096
_OVER: dict[tuple[int | str, int], tuple[Capabilities, Capabilities, Capabilities]] = {}
"""What was found by `over` is asked for with each request; with what it was found from, so that none goes. By
what it is, and by all that it says, so that many deployments of one model share it."""


class ByIdentity:
    """What was worked out of the very same values, which need no hash: they are kept with it, so that none of
    them goes. The youngest few thousand at most."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, ...], tuple[tuple[Any, ...], Any]] = {}

    def of(self, work_out: Callable[..., T], *values: Any) -> T:
        """What is known of `values`, or what `work_out` gives for them."""
        key = tuple(map(id, values))
        known = self._found.get(key)
        if known is None:
            if len(self._found) >= _MOST_OVER:
                self._found.clear()
            known = self._found[key] = values, work_out(*values)
        found: T = known[1]
        return found


_ALIKE = ByIdentity()
KNOWN_BY_MODEL = ByIdentity()
"""The values of what the compiler knows of a model: deployments of the same one share it."""

UNKNOWN = Capabilities()
"""Nothing is known."""

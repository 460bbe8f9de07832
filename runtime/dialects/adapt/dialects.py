"""What each dialect knows, whatever the model: the ground on which the capabilities of a model stand.

Sources: the API references of OpenAI, Anthropic and Google; Anthropic's guide to extended thinking.
"""

from __future__ import annotations

from attrs import frozen

from ....compiler.plan import Capabilities

OPENAI_CHAT = Capabilities(
    media_inline=("image/*", "audio/*", "application/*"),
    media_by_url=("image/*",),
    media_in_results=False,
    thinks="effort",
    cache_marks="prompt_cache_breakpoint",
)

AT_OPENAI = Capabilities(refused_sampling=("top_k", "min_p"))
"""What OpenAI itself refuses, and Azure, of what other servers that speak its protocol take."""

AT_OTHERS = Capabilities(developer_prompts=False)
"""What servers that speak its protocol refuse, or hand to a chat template that does, of what OpenAI takes."""

OPENAI_RESPONSES = Capabilities(
    refused_sampling=(
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "logit_bias",
    ),
    media_inline=("image/*", "application/*", "text/*"),
    media_by_url=("image/*", "application/*"),
    thinks="effort",
    most_stop=0,
    most_choices=1,
    cache_marks="prompt_cache_breakpoint",
)

ANTHROPIC = Capabilities(
    refused_sampling=(
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
    ),
    refused_with_thoughts=("temperature", "top_k"),
    greatest_temperature=1,
    system_prompts="first",
    efforts=("low", "medium", "high", "xhigh", "max"),
    forced_tools_with_thoughts=False,
    least_top_p_with_thoughts=0.95,
    call_ids=r"[a-zA-Z0-9_-]+",
    json_mode=False,
    schema_subset="anthropic",
    media_inline=("image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "text/plain"),
    media_by_url=("image/*", "application/pdf"),
    media_in_results=True,
    thoughts_in_history=False,
    most_choices=1,
    user_ids="opaque",
    cache_marks="cache_control",
    turns_alternate=True,
)

GEMINI = Capabilities(
    efforts=("minimal", "low", "medium", "high", "xhigh"),
    refused_sampling=("min_p", "logit_bias"),
    system_prompts="first",
    parallel_tools=False,
    strict_tools=False,
    media_inline=("*",),
    media_by_url=("*",),
    media_in_results=False,
    thoughts_in_history=False,
    user_ids="no",
    cache_marks="no",
    turns_alternate=True,
)

KNOWN_OF: dict[str, Capabilities] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
}
"""By the name of the dialect."""

SEALS: dict[str, frozenset[str]] = {
    "openai_chat": frozenset({"openai", "openai_chat"}),
    "openai_responses": frozenset({"openai", "openai_responses"}),
    "anthropic": frozenset({"anthropic"}),
    "gemini": frozenset({"gemini"}),
}
"""The seals that each dialect opens."""

MOST_MARKS = {"anthropic": 4}
"""Cache marks that a request may have. Source: Anthropic's guide to prompt caching."""

TOOL_NAMES = {"anthropic": r"[a-zA-Z0-9_-]{1,128}", "gemini": r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"}
"""What names of functions must match as a whole. Sources: Messages API reference, Gemini API reference."""

TEXT_DOCUMENTS = frozenset({"anthropic", "gemini"})
"""Dialects in which a document may be plain text."""

ALLOWED_NAMES = frozenset({"openai_chat", "openai_responses"})
"""Dialects that can be told which of the functions may be called, and leave the choice to the model."""

CLIENT_NAMES: dict[str, dict[str, str]] = {
    "openai_chat": {
        "tool.name": "function.name",
        "tool.parameters": "function.parameters",
        "tool.strict": "function.strict",
    },
    "openai_responses": {
        "messages": "input",
        "response_format": "text.format",
        "reasoning_effort": "reasoning.effort",
        "max_tokens": "max_output_tokens",
        "verbosity": "text.verbosity",
    },
    "anthropic": {
        "response_format": "output_config.format",
        "reasoning_effort": "thinking",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "tool.parameters": "input_schema",
    },
}
"""Names of fields in the client's words, where they are not those of OpenAI's chat completions."""


@frozen
class Dropped:
    """The provider gets nothing of it, and the answer is still what was asked for."""

    why: str


@frozen
class Refused:
    """The answer would not be what was asked for, unless the value asks for nothing."""

    why: str
    neutral: tuple[object, ...] = ()


_KEEPS = Dropped("it is about what OpenAI keeps")
_CACHE = Dropped("it is about OpenAI's cache of prompts")

EXTRAS: dict[str, dict[str, Dropped | Refused]] = {
    "openai": {
        "store": _KEEPS,
        "prompt_cache_key": _CACHE,
        "prompt_cache_options": _CACHE,
        "prompt_cache_retention": _CACHE,
        "safety_identifier": Dropped("it is about the checks of OpenAI"),
        "service_tier": Dropped("the tiers are OpenAI's"),
        "moderation": Dropped("it is about the checks of OpenAI"),
    },
    "openai_chat": {
        "prediction": Dropped("it makes answers faster, not different"),
        "stream_options": Dropped("it is about the form of OpenAI's stream"),
        "modalities": Refused("only text is translated", (["text"],)),
        "web_search_options": Refused("OpenAI's web search is no other's"),
        "audio": Refused("only text is translated"),
        "response_format": Refused("this form is known to servers of its kind alone"),
        "functions": Refused("it is outdated: write `tools`", ([],)),
        "function_call": Refused("it is outdated: write `tool_choice`", ("auto", "none")),
    },
    "openai_responses": {
        "include": Dropped("it is about what OpenAI's answer repeats"),
        "context_management": Dropped("it is about how OpenAI shortens long conversations"),
        "max_tool_calls": Dropped("it counts calls of tools that OpenAI runs itself"),
        "stream_options": Dropped("it is about the form of OpenAI's stream"),
        "truncation": Refused("no other provider cuts conversations", ("disabled",)),
        "background": Refused("no other provider answers later", (False,)),
    },
    "anthropic": {
        "service_tier": Dropped("the tiers are Anthropic's"),
        "inference_geo": Refused("no other provider knows where it answers"),
        "cache_control": Dropped("it is about Anthropic's cache of prompts"),
        "metadata": Dropped("it is about the checks of Anthropic"),
        "context_management": Dropped("it is about how Anthropic shortens long conversations"),
        "diagnostics": Dropped("it is about what Anthropic tells of its cache"),
        "speed": Dropped("it makes answers faster, not different"),
        "user_profile_id": Dropped("it is about who pays Anthropic"),
        "workspace_id": Dropped("it is about who pays Anthropic"),
        "container": Refused("the containers are Anthropic's"),
        "mcp_servers": Refused("only Anthropic calls these servers itself", ([],)),
    },
}
"""What becomes of a request's fields that only one dialect knows, in front of another; others are refused."""

UNKNOWN_EXTRA = Refused("no field of that name is translated for this provider")

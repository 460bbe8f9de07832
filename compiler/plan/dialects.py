"""What each dialect of chats knows, whatever the model: the ground on which the facts of a model stand.

Sources: the API references of OpenAI, Anthropic, Google and Amazon Bedrock; Anthropic's guide to extended
thinking.
"""

from __future__ import annotations

from .capabilities import Capabilities

OPENAI_CHAT = Capabilities(
    media_inline=("image/*", "audio/*", "application/*"),
    media_by_url=("image/*",),
    media_in_results=False,
    thinks="effort",
    cache_marks="prompt_cache_breakpoint",
)

AT_OPENAI = Capabilities(refused_sampling=("top_k", "min_p"), thoughts_in_history=False)
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

BEDROCK = Capabilities(
    refused_sampling=(
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
    ),
    greatest_temperature=1,
    system_prompts="first",
    parallel_tools=False,
    strict_tools=False,
    call_ids=r"[a-zA-Z0-9_-]{1,64}",
    json_mode=False,
    json_schema=False,
    media_inline=(
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "text/csv",
        "text/html",
        "text/markdown",
        "text/plain",
        "video/*",
    ),
    media_by_url=(),
    media_in_results=True,
    thoughts_in_history=False,
    most_choices=1,
    user_ids="no",
    cache_marks="cache_control",
    turns_alternate=True,
)

KNOWN_OF: dict[str, Capabilities] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "bedrock": BEDROCK,
}
"""By the name of the dialect."""

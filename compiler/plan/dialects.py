"""What each dialect of chats knows, whatever the model: the ground on which the facts of a model stand.

Sources: the API references of OpenAI, Anthropic, Google and Amazon Bedrock; Anthropic's guide to extended
thinking. Names of functions may be longer by Google's reference than its API takes them:
https://github.com/AstrBotDevs/AstrBot/issues/5416 (2026).
"""

from __future__ import annotations

from attrs import evolve

from .capabilities import Capabilities

OPENAI_CHAT = Capabilities(
    media_inline=("image/*", "audio/*", "application/*"),
    media_by_url=("image/*",),
    media_in_results=False,
    media_in_answers=False,
    thinks="effort",
    cache_marks="prompt_cache_breakpoint",
)

OF_OTHERS = """
    add_generation_prompt add_special_tokens allowed_token_ids bad_words best_of cache_control
    cache_salt chat_template chat_template_kwargs citation_options clear_thinking compliance
    compound_custom context_length_exceeded_behavior continue_final_message country cum_logprobs debug
    deferred deferred_tools disable_reasoning disable_search disable_tool_validation diverse_first_token
    documents ec_transfer_params echo echo_last enable_search_classifier exclude_domains
    file_workspace_id guardrails has_image_url ignore_eos image_config image_domain_filter
    image_format_filter include_domains include_reasoning include_stop_str_in_output kv_transfer_params
    language_preference last_updated_after_filter last_updated_before_filter latitude length_penalty
    logprob_token_ids longitude media_io_kwargs min_completion_tokens min_tokens mirostat_lr
    mirostat_target mm_payload mm_processor_kwargs model_parameters models num_images num_search_results
    perf_metrics_in_response plugins priority prompt_cache_isolation_key prompt_logprobs prompt_mode
    prompt_truncate_len provider random_seed ranking_model raw_output reasoning reasoning_budget
    reasoning_format reasoning_history repetition_detection repetition_penalty request_id
    response_formatting_locale response_metadata return_images return_mm_kwargs return_prompt_text
    return_related_questions return_token_ids return_token_offsets return_tokens_as_token_ids
    return_weight_versions route routed_experts_prompt_start safe_prompt safe_search safe_tokenization
    safety_model search_after_date_filter search_before_date_filter search_domain_filter
    search_internal_properties search_language_filter search_mode search_parameters
    search_recency_filter search_settings search_tenant session_id skip_special_tokens
    spaces_between_special_tokens speculation stop_server_tools_when stop_token_ids stream_interval
    stream_mode structured_outputs thinking thinking_token_budget thread_id tool_prompt top_a
    top_prompt_logprobs trace transforms truncate_prompt_tokens truncation_side typical_p
    updated_after_timestamp updated_before_timestamp usage use_beam_search use_threads user_id
    user_original_query vllm_xargs watermarking
"""
"""Fields of requests that other servers have who speak OpenAI's protocol. Sources: their references, which
tests/runtime/reference/tables name."""

_NAMES = r"[a-zA-Z0-9_-]{1,64}"
"""Names of functions at OpenAI, and Amazon."""

_AT_BOTH = Capabilities(
    refused_sampling=("top_k", "min_p"),
    thoughts_in_history=False,
    lacking_fields=tuple(OF_OTHERS.split()),
    json_word=True,
    stored_metadata=True,
    call_ids=r"(?s).{1,40}",
    tool_names=_NAMES,
    message_fields=("name", "refusal", "audio", "function_call"),
    longest_ids=64,
)
"""What Azure refuses, and OpenAI itself, of what other servers that speak its protocol take."""

AT_AZURE = evolve(
    _AT_BOTH, lacking_fields=(*(_AT_BOTH.lacking_fields or ()), "moderation", "web_search_options")
)
"""What Azure refuses, which has not all of OpenAI's. Source: azure-rest-api-specs, OpenAI.v1, v1."""

AT_OPENAI = evolve(
    _AT_BOTH, lacking_fields=(*(_AT_BOTH.lacking_fields or ()), "user_security_context", "data_sources")
)
"""What OpenAI itself refuses, which has not what Azure adds."""

IN_RESPONSES = evolve(
    _AT_BOTH,
    message_fields=None,
    call_ids=r"(?s).{1,64}",
    lacking_fields=(*(name for name in OF_OTHERS.split() if name != "reasoning"), "background_options"),
)
"""The same in responses, which have a `reasoning` of their own; what is in the background is begun here."""

AT_OTHERS = Capabilities(developer_prompts=False, custom_tools=False, joined_texts=True)
"""What servers that speak its protocol refuse, or hand to a chat template that does, of what OpenAI takes.

Of several texts, some make a message each, and others fail: https://github.com/maximhq/bifrost/issues/6245,
https://github.com/router-for-me/CLIProxyAPI/issues/3056 (2026).
"""

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
    writes=("text",),
    media_in_answers=False,
    thinks="effort",
    most_stop=0,
    most_choices=1,
    cache_marks="prompt_cache_breakpoint",
)

_NOT_SAMPLED_BY = (
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
)
"""What Anthropic, and Amazon's Converse, have no word for."""

ANTHROPIC = Capabilities(
    refused_sampling=_NOT_SAMPLED_BY,
    refused_with_thoughts=("temperature", "top_k"),
    greatest_temperature=1,
    system_prompts="first",
    efforts=("low", "medium", "high", "xhigh", "max"),
    forced_tools_with_thoughts=False,
    least_top_p_with_thoughts=0.95,
    call_ids=r"[a-zA-Z0-9_-]+",
    tool_names=r"[a-zA-Z0-9_-]{1,128}",
    json_mode=False,
    schema_subset="anthropic",
    media_inline=("image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "text/plain"),
    media_by_url=("image/*", "application/pdf"),
    media_in_results=True,
    writes=("text",),
    thoughts_in_history=False,
    most_choices=1,
    user_ids="opaque",
    longest_ids=256,
    cache_marks="cache_control",
    turns_alternate=True,
)

GEMINI = Capabilities(
    tool_names=r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}",
    efforts=("minimal", "low", "medium", "high", "xhigh"),
    refused_sampling=("min_p", "logit_bias"),
    system_prompts="first",
    parallel_tools=False,
    strict_tools=False,
    media_inline=("*",),
    media_by_url=("*",),
    media_in_results=False,
    writes=("text", "image"),
    thoughts_in_history=False,
    user_ids="no",
    cache_marks="no",
    turns_alternate=True,
)

BEDROCK = Capabilities(
    refused_sampling=_NOT_SAMPLED_BY,
    greatest_temperature=1,
    system_prompts="first",
    parallel_tools=False,
    strict_tools=False,
    call_ids=r"[a-zA-Z0-9_-]{1,64}",
    tool_names=_NAMES,
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
    writes=("text",),
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

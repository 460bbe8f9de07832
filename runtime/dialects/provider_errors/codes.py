"""What the codes in providers' errors mean: a class, and the code for clients, who know OpenAI's."""

from __future__ import annotations

from ....compiler.plan.late_pattern import late_pattern
from ...requests.errors import (
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    Forbidden,
    RateLimited,
    RequestError,
    RequestTimeout,
    RequestTooLarge,
    ServerError,
    Unauthorized,
    Unsupported,
)

Kind = type[RequestError]

IN_RESPONSES: dict[str, tuple[Kind, str | None]] = {
    **{
        code: (BadRequest, code)
        for code in (
            *("invalid_prompt", "data_residency_mismatch", "invalid_image", "invalid_image_format"),
            *("invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small"),
            *("image_parse_error", "invalid_image_mode", "image_file_too_large", "empty_image_file"),
            *("unsupported_image_media_type", "failed_to_download_image", "image_file_not_found"),
        )
    },
    **{
        code: (ContentFiltered, code)
        for code in ("bio_policy", "misalignment_policy_violation", "image_content_policy_violation")
    },
    "vector_store_timeout": (ServerError, None),
}
"""Why a response failed, beside what OpenAI's other answers have. Source: openai 3.57.0, types/responses."""

OPENAI: dict[str, tuple[Kind, str | None]] = {
    "context_length_exceeded": (ContextLengthExceeded, None),
    "string_above_max_length": (ContextLengthExceeded, None),
    "content_filter": (ContentFiltered, None),
    "content_policy_violation": (ContentFiltered, None),
    "invalid_api_key": (Unauthorized, "invalid_api_key"),
    "rate_limit_exceeded": (RateLimited, "rate_limit_exceeded"),
    "slow_down": (RateLimited, "slow_down"),
    "insufficient_quota": (RateLimited, "insufficient_quota"),
    "credit_balance_exhausted": (RateLimited, "credit_balance_exhausted"),
    "moderation_blocked": (ContentFiltered, None),
    "server_is_overloaded": (ServerError, "server_is_overloaded"),
    **IN_RESPONSES,
    "model_decommissioned": (BadRequest, "model_not_found"),
    "organization_restricted": (Forbidden, None),
    "Arrearage": (Forbidden, "insufficient_quota"),
}
"""OpenAI's and Azure's codes, which servers that speak OpenAI's wire format use too, and what some of these
say with a 400: Groq, and Alibaba Model Studio where a bill is not paid.

Sources: https://github.com/RightNow-AI/openfang/issues/60, https://github.com/crewAIInc/crewAI/issues/783,
https://github.com/tencentmusic/supersonic/issues/1572.
"""

COMPATIBLE: dict[str, tuple[Kind, str | None]] = {
    "tokens_limit_reached": (ContextLengthExceeded, None),
    "model_max_prompt_tokens_exceeded": (ContextLengthExceeded, None),
    "data_inspection_failed": (ContentFiltered, None),
    "DataInspectionFailed": (ContentFiltered, None),
    "sensitive_words_detected": (ContentFiltered, None),
    "exceeded_current_quota_error": (RateLimited, "insufficient_quota"),
    "insufficient_user_quota": (Forbidden, "insufficient_quota"),
    "1113": (RateLimited, "insufficient_quota"),
    "1261": (ContextLengthExceeded, None),
    "1301": (ContentFiltered, None),
    "usage_limit_reached": (RateLimited, "usage_limit_exceeded"),
    "1308": (RateLimited, "usage_limit_exceeded"),
    "1310": (RateLimited, "usage_limit_exceeded"),
    **{
        f"{what}SensitiveContentDetected": (ContentFiltered, None)
        for what in ("", "InputText", "InputImage", "InputVideo", "InputAudio", "OutputText", "OutputImage")
    },
}
"""What others say who speak as OpenAI does: GitHub, Alibaba, New API, Moonshot, ChatGPT, Z.AI (in figures),
ByteDance.

Sources: https://github.com/cline/cline/issues/2115, https://github.com/microsoft/vscode/issues/289514,
https://github.com/Samueli924/chaoxing/issues/539, Z.AI's API reference, codes of errors,
https://github.com/Alishahryar1/free-claude-code/issues/1543, https://github.com/theopenco/llmgateway/pull/1865,
https://github.com/router-for-me/CLIProxyAPI/issues/1666.
"""

MINIMAX: dict[int, tuple[int, str | None]] = {
    1001: (504, None),
    1002: (429, None),
    1004: (401, None),
    1008: (429, "insufficient_quota"),
    1026: (400, "content_filter"),
    1027: (400, "content_filter"),
    1039: (429, None),
    2013: (400, None),
    2049: (401, None),
    2056: (429, "usage_limit_exceeded"),
}
"""What MiniMax says in `base_resp` of an answer 200, as a status, and in OpenAI's words.

Source: MiniMax's API reference, codes of errors.
"""

ANTHROPIC: dict[str, tuple[Kind, str | None]] = {
    "authentication_error": (Unauthorized, "invalid_api_key"),
    "billing_error": (Forbidden, "insufficient_quota"),
    "permission_error": (Forbidden, None),
    "not_found_error": (BadRequest, "model_not_found"),
    "request_too_large": (RequestTooLarge, None),
    "rate_limit_error": (RateLimited, "rate_limit_exceeded"),
    "timeout_error": (RequestTimeout, None),
    "overloaded_error": (ServerError, "server_is_overloaded"),
}
"""Anthropic's error types that say more than the status. Source: Anthropic API errors."""

ANTHROPIC_DETAILS: dict[str, tuple[Kind, str | None]] = {
    "organization_on_hold": (Forbidden, None),
    "contract_spend_limit_reached": (RateLimited, "insufficient_quota"),
    "enforced_spend_limit_reached": (RateLimited, "insufficient_quota"),
}
"""What Anthropic says in `details` that means more than the type. Source: anthropic 2.14.0, types/shared."""

GOOGLE: dict[str, tuple[Kind, str | None]] = {
    "FAILED_PRECONDITION": (BadRequest, "failed_precondition"),
    "OUT_OF_RANGE": (BadRequest, None),
    "NOT_FOUND": (BadRequest, "model_not_found"),
    "UNAUTHENTICATED": (Unauthorized, "invalid_api_key"),
    "PERMISSION_DENIED": (Forbidden, None),
    "RESOURCE_EXHAUSTED": (RateLimited, "rate_limit_exceeded"),
    "DEADLINE_EXCEEDED": (RequestTimeout, None),
    "ABORTED": (ServerError, None),
    "CANCELLED": (ServerError, None),
    "UNAVAILABLE": (ServerError, "server_is_overloaded"),
    "UNIMPLEMENTED": (Unsupported, None),
}
"""Google's status names that say more than the status. Source: Google API error model."""

AMAZON: dict[str, tuple[Kind, str | None]] = {
    "AccessDeniedException": (Forbidden, None),
    "UnrecognizedClientException": (Unauthorized, "invalid_api_key"),
    "InvalidSignatureException": (Unauthorized, "invalid_api_key"),
    "IncompleteSignatureException": (Unauthorized, "invalid_api_key"),
    "MissingAuthenticationTokenException": (Unauthorized, "invalid_api_key"),
    "ExpiredTokenException": (Unauthorized, "invalid_api_key"),
    "ResourceNotFoundException": (BadRequest, "model_not_found"),
    "ThrottlingException": (RateLimited, "rate_limit_exceeded"),
    "ServiceQuotaExceededException": (RateLimited, "rate_limit_exceeded"),
    "ModelNotReadyException": (ServerError, "server_is_overloaded"),
    "ServiceUnavailableException": (ServerError, "server_is_overloaded"),
    "ModelTimeoutException": (RequestTimeout, None),
    "ModelErrorException": (ServerError, None),
    "ModelStreamErrorException": (ServerError, None),
    "InternalServerException": (ServerError, None),
    "ValidationException": (BadRequest, None),
}
"""Amazon's exceptions. Sources: Amazon Bedrock API reference (Converse, errors), AWS common errors."""

OPENROUTER: dict[str, tuple[Kind, str | None]] = {
    "authentication": (Unauthorized, "invalid_api_key"),
    "content_policy_violation": (ContentFiltered, None),
    "context_length_exceeded": (ContextLengthExceeded, None),
    "not_found": (BadRequest, "model_not_found"),
    "payload_too_large": (RequestTooLarge, None),
    "payment_required": (Forbidden, "insufficient_quota"),
    "permission_denied": (Forbidden, None),
    "provider_overloaded": (ServerError, "server_is_overloaded"),
    "provider_unavailable": (ServerError, None),
    "rate_limit_exceeded": (RateLimited, "rate_limit_exceeded"),
    "refusal": (ContentFiltered, None),
    "server": (ServerError, None),
    "string_too_long": (ContextLengthExceeded, None),
    "timeout": (RequestTimeout, None),
}
"""OpenRouter's `error_type` beside a number. Source: OpenRouter docs: errors and debugging, 2026-08-19."""

BY_STATUS: dict[int, Kind] = {
    401: Unauthorized,
    402: Forbidden,
    403: Forbidden,
    405: ServerError,
    407: ServerError,
    408: RequestTimeout,
    409: ServerError,
    410: ServerError,
    413: RequestTooLarge,
    421: ServerError,
    424: ServerError,
    425: ServerError,
    426: ServerError,
    429: RateLimited,
    451: Forbidden,
    498: ServerError,
    499: ServerError,
    501: Unsupported,
    504: RequestTimeout,
}
"""What a status means where no code says more; the other 4xx are our fault, all else is the server's.

410 is a model, or a service, that has ended, whatever is asked: NVIDIA and GitHub answer so. Most answer
404, which is about something else that a client named, too: see `Classifier`. 405 is an address that the
file has wrong, 421 and 426 are about the connection, 424 is a model that failed (text-generation-inference,
and OpenAI at times), and 498 is Groq's: no room in the tier that was asked for.
Sources: https://github.com/theopenco/llmgateway/pull/3141, RFC 9110,
https://github.com/mnfst/llm-gateway/pull/1415, text-generation-inference: OpenAPI file, Groq: API errors.
"""

PHRASES: tuple[tuple[str, Kind, str | None, str], ...] = (
    (
        "user location is not supported",
        Forbidden,
        "unsupported_country_region_territory",
        "Gemini API: 400 FAILED_PRECONDITION where the gateway stands",
    ),
    ("credit balance is too low", Forbidden, "insufficient_quota", "Anthropic API: 400 without credit"),
    ("prompt is too long", ContextLengthExceeded, None, "Anthropic docs: context windows"),
    ("exceed context limit", ContextLengthExceeded, None, "Anthropic docs: context windows"),
    ("maximum context length", ContextLengthExceeded, None, "vLLM and LiteLLM, as OpenAI once said it"),
    ("exceeds the maximum number of tokens", ContextLengthExceeded, None, "Gemini API: 400 INVALID_ARGUMENT"),
    (
        "input is too long for requested model",
        ContextLengthExceeded,
        None,
        "Bedrock: 400 ValidationException",
    ),
    ("exceeds the available context size", ContextLengthExceeded, None, "llama.cpp: server, 400"),
    ("maximum prompt length is", ContextLengthExceeded, None, "xAI API: 400, chenyme/grok2api#693"),
    ("with context length of only", ContextLengthExceeded, None, "LM Studio: 400, lmstudio-bug-tracker#237"),
    ("is greater than the context length", ContextLengthExceeded, None, "LM Studio: 400, its tracker, 2205"),
    (
        "cannot truncate prompt with n_keep",
        ContextLengthExceeded,
        None,
        "LM Studio: opencode#11141",
    ),
    ("`max_new_tokens` must be <=", ContextLengthExceeded, None, "text-generation-inference: validation"),
    ("range of input length should be", ContextLengthExceeded, None, "Alibaba: 400, QwenLM/qwen-code#98"),
    ("exceeded model token limit", ContextLengthExceeded, None, "Moonshot API: 400, kimi-cli#2011"),
    ("context window exceeds limit", ContextLengthExceeded, None, "MiniMax API: code 2013, MiniMax-M2#119"),
    ("prompt exceeds max length", ContextLengthExceeded, None, "Z.AI API: code 1261, cc-switch#6982"),
    (
        "is longer than the model's context length",
        ContextLengthExceeded,
        None,
        "SGLang and Together AI: 400, sglang#8096",
    ),
    (
        "is longer than the maximum model length",
        ContextLengthExceeded,
        None,
        "vLLM: 400 with pictures, grounded-rl#16",
    ),
    (
        "exceeds the maximum allowed input length",
        ContextLengthExceeded,
        None,
        "Poolside: 400, earendil-works/pi#4943",
    ),
    (
        "tokens) exceeds the maximum allowed length",
        ContextLengthExceeded,
        None,
        "SGLang: 400, its tokenizer manager",
    ),
    (
        "exceeds the context window",
        ContextLengthExceeded,
        None,
        "OpenAI, where servers in between drop its code",
    ),
    ("exceeds the context length", ContextLengthExceeded, None, "Ollama: embeddings, 400, nano-brain#208"),
    ("prompt too long; exceeded", ContextLengthExceeded, None, "Ollama: 400"),
    ("prompt token count of", ContextLengthExceeded, None, "GitHub Copilot: 400, copilot-more#35"),
    ("but model only supports up to", ContextLengthExceeded, None, "Vertex AI: 400 INVALID_ARGUMENT"),
    ("too many tokens: ", ContextLengthExceeded, None, "Cohere API: 400, pydantic-ai#4221"),
    ("length of all messages is too long", ContextLengthExceeded, None, "Perplexity API: 400, litellm#21647"),
    (
        "`inputs` must have less than",
        ContextLengthExceeded,
        None,
        "text-generation-inference and TEI: validation",
    ),
    (
        "exceeds maximum allowed token size",
        ContextLengthExceeded,
        None,
        "NVIDIA NIM: embeddings, 400, llama_index#15180",
    ),
    ("exceed max message tokens", ContextLengthExceeded, None, "ByteDance: 400, QwenPaw#272"),
    ("content exists risk", ContentFiltered, None, "DeepSeek API: 400, DeepSeek-V2#30"),
    ("blocked by content filtering policy", ContentFiltered, None, "Anthropic API: 400"),
)
"""What a 400 means whose code says no more: words of its message, in lower case, and who writes them."""

_RETRYABLE_429 = frozenset({"rate_limit_exceeded", "slow_down"})
_FINAL_429 = frozenset({"insufficient_quota", "credit_balance_exhausted"})


_SPENT = ("insufficient balance", "余额不足", "used all available credits")
"""Words for money that is spent: Moonshot's, Z.AI's, MiniMax's (with a 500), OpenCode's (with a 401), xAI's.

Sources: https://github.com/continuedev/continue/issues/11443, and 11823 and 10740 there,
https://github.com/MiniMax-AI/MiniMax-M2/issues/62, https://github.com/can1357/oh-my-pi/issues/3169.
"""


def meaning(code: str) -> tuple[Kind, str | None] | None:
    """What `code` stands for; None where it is not known, or says no more than the status."""
    return (
        OPENAI.get(code)
        or COMPATIBLE.get(code)
        or ANTHROPIC.get(code)
        or GOOGLE.get(code)
        or AMAZON.get(code)
    )


_QUOTATION = late_pattern(r"""["`“«]|(?<!\w)'|'(?!\w)""")
"""Where a message begins to quote; an apostrophe within a word does not."""


def by_phrase(message: str) -> tuple[Kind, str | None] | None:
    """What a message stands for that has no code of its own; None where nothing is known.

    What is said of an account counts for all who use it, and must not be what one of them wrote: servers
    quote requests (https://github.com/vllm-project/vllm/issues/49239).
    """
    said = message.lower()
    own = _QUOTATION.split(said, maxsplit=1)[0]
    return next(
        ((kind, code) for phrase, kind, code, _ in PHRASES if phrase in (own if kind is Forbidden else said)),
        None,
    )


def of_status(status: int) -> Kind:
    """What an HTTP status stands for."""
    return BY_STATUS.get(status) or (BadRequest if 400 <= status < 500 else ServerError)


def is_spent(message: str, *, begins: bool = False) -> bool:
    """Whether a message that is no complaint about the request is about money that is spent.

    begins: whether it must begin with that, as servers that fail over a request repeat parts of it unquoted.
    """
    own = _QUOTATION.split(message.lower(), maxsplit=1)[0]
    return own.startswith(_SPENT) if begins else any(words in own for words in _SPENT)


def is_final_limit(code: str | None) -> bool:
    """Whether a 429 with this code is about money that is spent, so that waiting does not help."""
    if code is None or code in _RETRYABLE_429:
        return False
    return code in _FINAL_429 or code.endswith("_limit_exceeded")

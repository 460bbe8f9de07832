"""What each provider documents as the usage of an answer, as what is counted here, and what that costs.

The shapes are those of the providers' references and SDKs, which stand beside them. Prices are made up, one
of each kind, so that each dollar shows what it was paid for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from inferc.compiler.plan import TaskKind
from inferc.dsl.policies import Price
from inferc.dsl.units import Money
from inferc.runtime.dialects.anthropic import AnthropicReader
from inferc.runtime.dialects.anthropic.read_answer import read_usage as anthropic
from inferc.runtime.dialects.bedrock.read_answer import read_usage as bedrock
from inferc.runtime.dialects.gemini import GeminiReader
from inferc.runtime.dialects.gemini.read_answer import read_usage as gemini
from inferc.runtime.dialects.openai_chat import read_usage as chat
from inferc.runtime.dialects.openai_responses import ResponsesReader
from inferc.runtime.dialects.openai_responses.read_answer import read_usage as responses
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.policies.tariff import Tariff
from inferc.runtime.replicas.remote.passthrough.requests import usage_in
from inferc.runtime.requests.events import UsageKnown
from inferc.runtime.requests.usage import PICODOLLARS, Usage

from ...support.rows import each_row
from ...support.wires import wire_plan

DOLLARS = {
    "input": 1,
    "output": 10,
    "cached_input": Decimal("0.1"),
    "cache_write": 2,
    "cache_write_1h": 4,
    "audio_input": 100,
    "audio_output": 200,
    "image_input": 1000,
    "image_output": 2000,
}
"""Per million tokens."""
TARIFF = Tariff.of(
    Price(
        **{name: Money(str(price)) for name, price in DOLLARS.items()},
        per_second=Money("0.001"),
        per_search=Money("0.01"),
        per_image=Money("0.04"),
        per_character=Money("0.00002"),
        fast=2.5,
        flex=0.5,
        flex_cached=1.0,
        priority=1.8,
    )
)


def passed(told: dict[str, Any]) -> Usage:
    """Of an answer that goes through as it came."""
    usage = usage_in(json.dumps(told).encode())
    assert usage is not None
    return usage


def millionths(**tokens: int) -> Decimal:
    return sum((Decimal(DOLLARS[kind]) * many for kind, many in tokens.items()), Decimal()) / 10**6


Row = tuple[str, Callable[[dict[str, Any]], Usage], dict[str, Any], Usage, Decimal]

ROWS: list[Row] = [
    (
        "OpenAI, chat: openai-python 3.57, CompletionUsage",
        chat,
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {
                "cached_tokens": 1920,
                "cache_write_tokens": 50,
                "audio_tokens": 0,
                "text_tokens": 2006,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 128,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 20,
                "rejected_prediction_tokens": 30,
            },
        },
        Usage(2006, 300, cached_tokens=1920, reasoning_tokens=128, cache_write_tokens=50),
        millionths(input=36, cached_input=1920, cache_write=50, output=300),
    ),
    (
        "OpenAI, chat with sound: openai-python 3.57, CompletionUsage",
        chat,
        {
            "prompt_tokens": 60,
            "completion_tokens": 150,
            "total_tokens": 210,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 43, "text_tokens": 17},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 120, "text_tokens": 30},
        },
        Usage(60, 150, audio_tokens=43, audio_answer_tokens=120),
        millionths(input=17, audio_input=43, output=30, audio_output=120),
    ),
    (
        "OpenAI, responses: openai-python 3.57, ResponseUsage",
        responses,
        {
            "input_tokens": 1036,
            "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 0},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 1123,
        },
        Usage(1036, 87, cached_tokens=1000, reasoning_tokens=64),
        millionths(input=36, cached_input=1000, output=87),
    ),
    (
        "OpenAI, images: openai-python 3.57, ImagesResponse.usage",
        passed,
        {
            "created": 1,
            "data": [{"b64_json": "aGk="}],
            "usage": {
                "total_tokens": 100,
                "input_tokens": 50,
                "output_tokens": 50,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            },
        },
        Usage(50, 50, image_tokens=40, image_answer_tokens=50, images=1),
        millionths(input=10, image_input=40, image_output=50) + Decimal("0.04"),
    ),
    (
        "OpenAI, images of dall-e: openai-python 3.57, ImagesResponse without usage",
        passed,
        {"created": 1, "data": [{"url": "https://x/1"}, {"url": "https://x/2"}]},
        Usage(0, images=2),
        Decimal("0.08"),
    ),
    (
        "OpenAI, transcriptions by tokens: openai-python 3.57, UsageTokens",
        passed,
        {
            "text": "hello",
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                "output_tokens": 45,
                "total_tokens": 59,
            },
        },
        Usage(14, 45, audio_tokens=10),
        millionths(input=4, audio_input=10, output=45),
    ),
    (
        "OpenAI, transcriptions by seconds: openai-python 3.57, UsageDuration",
        passed,
        {"text": "hello", "usage": {"type": "duration", "seconds": 9}},
        Usage(0, audio_ms=9000),
        Decimal("0.009"),
    ),
    (
        "OpenAI and Groq, whisper, verbose_json: TranscriptionVerbose.duration",
        passed,
        {"task": "transcribe", "language": "english", "duration": 8.47, "text": "The beach."},
        Usage(0, audio_ms=8470),
        Decimal("0.00847"),
    ),
    (
        "OpenAI, embeddings: openai-python 3.57, CreateEmbeddingResponse.usage",
        chat,
        {"prompt_tokens": 8, "total_tokens": 8},
        Usage(8),
        millionths(input=8),
    ),
    (
        "Azure OpenAI: REST reference, completionUsage",
        chat,
        {
            "prompt_tokens": 9,
            "completion_tokens": 12,
            "total_tokens": 21,
            "completion_tokens_details": None,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
        Usage(9, 12, cached_tokens=4),
        millionths(input=5, cached_input=4, output=12),
    ),
    (
        "Anthropic, and Claude on Vertex: anthropic-python 2.14, Usage, CacheCreation, ServerToolUsage",
        anthropic,
        {
            "input_tokens": 2095,
            "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
            "cache_creation_input_tokens": 248,
            "cache_read_input_tokens": 1800,
            "output_tokens": 503,
            "output_tokens_details": {"thinking_tokens": 200},
            "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 7},
            "service_tier": "standard",
        },
        Usage(
            2095 + 248 + 1800,
            503,
            cached_tokens=1800,
            reasoning_tokens=200,
            cache_write_tokens=248,
            cache_write_1h_tokens=100,
            searches=3,
            tier="standard",
        ),
        millionths(input=2095, cached_input=1800, cache_write=148, cache_write_1h=100, output=503)
        + Decimal("0.03"),
    ),
    (
        "Gemini: google-genai 3.6, GenerateContentResponseUsageMetadata",
        gemini,
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 40,
            "thoughtsTokenCount": 60,
            "toolUsePromptTokenCount": 25,
            "totalTokenCount": 1125,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 650},
                {"modality": "AUDIO", "tokenCount": 350},
            ],
            "cacheTokensDetails": [
                {"modality": "TEXT", "tokenCount": 500},
                {"modality": "AUDIO", "tokenCount": 100},
            ],
            "candidatesTokensDetails": [
                {"modality": "TEXT", "tokenCount": 10},
                {"modality": "IMAGE", "tokenCount": 30},
            ],
            "trafficType": "ON_DEMAND",
        },
        Usage(
            1025,
            100,
            cached_tokens=600,
            reasoning_tokens=60,
            audio_tokens=250,
            image_answer_tokens=30,
            tier="standard",
        ),
        millionths(input=175, cached_input=600, audio_input=250, output=70, image_output=30),
    ),
    (
        "Google's service that speaks as OpenAI does: thoughts are in the total alone",
        chat,
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40},
        Usage(10, 30),
        millionths(input=10, output=30),
    ),
    (
        "Mistral: mistralai 3.7, UsageInfo, and what its tests tell of the cache",
        chat,
        {
            "prompt_tokens": 16,
            "completion_tokens": 34,
            "total_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 12},
        },
        Usage(16, 34, cached_tokens=12),
        millionths(input=4, cached_input=12, output=34),
    ),
    (
        "Mistral, sound: docs, Audio & Transcription; it is paid for by the second",
        chat,
        {
            "prompt_audio_seconds": 203,
            "prompt_tokens": 4,
            "total_tokens": 3264,
            "completion_tokens": 635,
        },
        Usage(4, 635, audio_ms=203_000),
        millionths(input=4, output=635) + Decimal("0.203"),
    ),
    (
        "Mistral, transcriptions: docs, Audio & Transcription",
        passed,
        {
            "text": "hello",
            "usage": {
                "prompt_audio_seconds": 203,
                "prompt_tokens": 4,
                "total_tokens": 3264,
                "completion_tokens": 635,
            },
        },
        Usage(4, 635, audio_ms=203_000),
        millionths(input=4, output=635) + Decimal("0.203"),
    ),
    (
        "DeepSeek: API reference, usage",
        chat,
        {
            "completion_tokens": 30,
            "prompt_tokens": 100,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
            "total_tokens": 130,
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        Usage(100, 30, cached_tokens=64, reasoning_tokens=20),
        millionths(input=36, cached_input=64, output=30),
    ),
    (
        "xAI: docs, prompt caching; thoughts stand beside the completion",
        chat,
        {
            "prompt_tokens": 125,
            "completion_tokens": 48,
            "total_tokens": 273,
            "prompt_tokens_details": {
                "text_tokens": 125,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 98,
            },
            "completion_tokens_details": {"reasoning_tokens": 100, "audio_tokens": 0},
            "num_sources_used": 0,
        },
        Usage(125, 148, cached_tokens=98, reasoning_tokens=100),
        millionths(input=27, cached_input=98, output=148),
    ),
    (
        "xAI: docs, cost tracking; what it charged, 10^10 ticks to the dollar",
        chat,
        {
            "prompt_tokens": 125,
            "completion_tokens": 48,
            "total_tokens": 173,
            "cost_in_usd_ticks": 37_756_000,
        },
        Usage(125, 48, told_cost=3_775_600_000),
        Decimal("0.0037756"),
    ),
    (
        "xAI, images: docs, cost tracking",
        passed,
        {"data": [{"url": "https://x/1"}], "usage": {"cost_in_usd_ticks": 200_000_000}},
        Usage(0, images=1, told_cost=20_000_000_000),
        Decimal("0.02"),
    ),
    (
        "OpenRouter: docs, usage accounting",
        chat,
        {
            "completion_tokens": 2,
            "completion_tokens_details": {"reasoning_tokens": 0},
            "cost": 0.00014,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": 0.00014},
            "prompt_tokens": 194,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0, "cache_write_tokens": 100},
            "total_tokens": 196,
        },
        Usage(194, 2, cache_write_tokens=100, told_cost=140_000_000),
        Decimal("0.00014"),
    ),
    (
        "OpenRouter, with a key of one's own: docs, usage accounting",
        chat,
        {
            "completion_tokens": 2,
            "cost": 0.95,
            "cost_details": {"upstream_inference_cost": 19},
            "prompt_tokens": 194,
            "total_tokens": 196,
        },
        Usage(194, 2, told_cost=19_950_000_000_000),
        Decimal("19.95"),
    ),
    (
        "Groq: groq-python 1.7, CompletionUsage",
        chat,
        {
            "queue_time": 0.037,
            "prompt_tokens": 118,
            "prompt_time": 0.0006,
            "completion_tokens": 556,
            "completion_time": 0.46,
            "total_tokens": 674,
            "total_time": 0.46,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 200},
        },
        Usage(118, 556, cached_tokens=100, reasoning_tokens=200),
        millionths(input=18, cached_input=100, output=556),
    ),
    (
        "Perplexity: API reference, usage",
        chat,
        {
            "prompt_tokens": 33,
            "completion_tokens": 7163,
            "total_tokens": 7196,
            "citation_tokens": 20_016,
            "num_search_queries": 28,
            "reasoning_tokens": 73_997,
            "search_context_size": "low",
            "cost": {
                "input_tokens_cost": 0.0,
                "output_tokens_cost": 0.057,
                "citation_tokens_cost": 0.04,
                "reasoning_tokens_cost": 0.222,
                "search_queries_cost": 0.14,
                "total_cost": 0.459,
            },
        },
        Usage(33, 7163, searches=28, told_cost=459_000_000_000),
        Decimal("0.459"),
    ),
    (
        "Together AI: together-python 3.1, ChatCompletionUsage",
        chat,
        {"prompt_tokens": 29, "completion_tokens": 124, "total_tokens": 153, "cached_tokens": 20},
        Usage(29, 124, cached_tokens=20),
        millionths(input=9, cached_input=20, output=124),
    ),
    (
        "Fireworks AI: API reference, UsageInfo",
        chat,
        {
            "prompt_tokens": 84,
            "completion_tokens": 20,
            "total_tokens": 104,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
        Usage(84, 20, cached_tokens=64),
        millionths(input=20, cached_input=64, output=20),
    ),
    (
        "Cerebras: cerebras-cloud-sdk 1.91, ChatCompletionResponseUsage",
        chat,
        {
            "prompt_tokens": 140,
            "completion_tokens": 60,
            "total_tokens": 200,
            "prompt_tokens_details": {"cached_tokens": 128},
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
                "reasoning_tokens": 10,
            },
            "image_tokens": None,
        },
        Usage(140, 60, cached_tokens=128, reasoning_tokens=10),
        millionths(input=12, cached_input=128, output=60),
    ),
    (
        "vLLM: protocol, UsageInfo",
        chat,
        {
            "prompt_tokens": 20,
            "total_tokens": 30,
            "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 16},
        },
        Usage(20, 10, cached_tokens=16),
        millionths(input=4, cached_input=16, output=10),
    ),
    (
        "Amazon Bedrock: API reference, TokenUsage",
        bedrock,
        {
            "inputTokens": 30,
            "outputTokens": 628,
            "totalTokens": 3558,
            "cacheReadInputTokens": 2000,
            "cacheWriteInputTokens": 900,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 500}, {"ttl": "5m", "inputTokens": 400}],
        },
        Usage(2930, 628, cached_tokens=2000, cache_write_tokens=900, cache_write_1h_tokens=500),
        millionths(input=30, cached_input=2000, cache_write=400, cache_write_1h=500, output=628),
    ),
]


@each_row(("read", "told", "usage", "cost"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_what_a_provider_tells_is_counted_and_paid_for(
    read: Callable[[dict[str, Any]], Usage], told: dict[str, Any], usage: Usage, cost: Decimal
) -> None:
    assert read(told) == usage
    assert TARIFF.cost(usage) == cost * PICODOLLARS


def ranked(told: dict[str, Any]) -> Usage:
    results = [{"index": 0, "relevance_score": 0.5}]
    plan = wire_plan("openai", task=TaskKind.RERANK)
    answer = json.dumps({"results": results, **told}).encode()
    return retrieval_of(plan).scores(answer, 1, Classifier(plan, None)).usage


@each_row(
    ("told", "usage"),
    [
        ({"meta": {"billed_units": {"search_units": 2.0}}}, Usage(0, searches=2)),  # cohere-python 7.3
        (
            {"meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 40}}},
            Usage(40, searches=1),
        ),
        ({"usage": {"total_tokens": 26}}, Usage(26)),  # Jina, Voyage
        ({"usage": {"prompt_tokens": 26, "total_tokens": 26}}, Usage(26)),  # vLLM, Together
        ({}, Usage(0)),
        ({"meta": {"billed_units": {"search_units": 10**9}}}, Usage(0)),
    ],
)
def test_rankings_are_counted_by_searches_or_tokens(told: dict[str, Any], usage: Usage) -> None:
    assert ranked(told) == usage


@each_row(
    "told",
    [
        {"cost": -1},
        {"cost": 10**9},
        {"cost": "0.1"},
        {"cost": True},
        {"cost": {"total_cost": None}},
        {"cost_in_usd_ticks": 10**30},
    ],
)
def test_a_cost_that_cannot_be_is_not_believed(told: dict[str, Any]) -> None:
    assert chat({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, **told}).told_cost == 0


def searched(reader: AnswerReader, answer: dict[str, Any]) -> int:
    events = reader.read_whole(json.dumps(answer).encode())
    [told] = [event for event in events if isinstance(event, UsageKnown)]
    return told.usage.searches


def test_openai_is_paid_for_searches_and_not_for_pages_that_it_opens() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    actions = [{"type": "search", "query": "a"}, {"type": "open_page", "url": "u"}, {"type": "search"}]
    output: list[dict[str, Any]] = [search | {"action": action} for action in actions]
    text = {"type": "output_text", "text": "x", "annotations": []}
    output.append({"type": "message", "id": "m", "role": "assistant", "content": [text]})
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    answer = {"id": "r", "model": "gpt-5", "status": "completed", "output": output, "usage": usage}
    assert searched(ResponsesReader(PlainFailures()), answer) == 2


@pytest.mark.parametrize(("model", "searches"), [("gemini-3-pro-preview", 2), ("gemini-2.5-flash", 1)])
def test_gemini_is_paid_for_queries_and_before_its_third_version_for_answers(
    model: str, searches: int
) -> None:
    candidate = {
        "content": {"parts": [{"text": "x"}], "role": "model"},
        "finishReason": "STOP",
        "groundingMetadata": {"webSearchQueries": ["a", "b", "a"]},
    }
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1}
    answer = {"candidates": [candidate], "modelVersion": model, "usageMetadata": usage}
    assert searched(GeminiReader(PlainFailures()), answer) == searches


def test_claude_s_searches_are_counted() -> None:
    answer = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "x"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": 2}},
    }
    assert searched(AnthropicReader(PlainFailures()), answer) == 2


def test_what_is_kept_for_12_hours_and_a_fast_mode_have_their_prices() -> None:
    details = {
        "cache_write_tokens": 1000,
        "cached_tokens": 0,
        "cache_write_tokens_details": {"ttl_30m_tokens": 400, "ttl_12h_tokens": 600},
    }
    found = responses({"input_tokens": 1000, "output_tokens": 0, "input_tokens_details": details})
    assert TARIFF.cost(found) == (400 * 2 + 600 * 4) * 10**6
    told = {"input_tokens": 100, "output_tokens": 10, "server_tool_use": {"web_search_requests": 1}}
    usual, fast = (TARIFF.cost(anthropic({**told, "speed": speed})) for speed in ("standard", "fast"))
    search = PICODOLLARS // 100
    assert (usual, fast) == (200 * 10**6 + search, 500 * 10**6 + search)
    assert TARIFF.cost(Usage(0, characters=1000)) == PICODOLLARS // 50

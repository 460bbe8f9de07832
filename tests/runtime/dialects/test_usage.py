"""What each provider counts, as what is paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferc.runtime.dialects.anthropic import AnthropicReader
from inferc.runtime.dialects.gemini.read_answer import GeminiReader, read_usage as read_gemini
from inferc.runtime.dialects.openai_chat import OpenAIChatReader, read_usage, usage_of
from inferc.runtime.dialects.openai_responses.read_answer import read_usage as read_of_responses
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.server_sent_events import Event
from inferc.runtime.replicas.remote.passthrough.requests import usage_in
from inferc.runtime.requests.events import UsageKnown
from inferc.runtime.requests.usage import Usage

OPENAI = {
    "prompt_tokens": 10,
    "completion_tokens": 25,
    "total_tokens": 35,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
XAI = OPENAI | {"completion_tokens": 5, "total_tokens": 35}
DEEPSEEK = {
    "prompt_tokens": 10,
    "completion_tokens": 25,
    "total_tokens": 35,
    "prompt_cache_hit_tokens": 4,
    "prompt_cache_miss_tokens": 6,
    "completion_tokens_details": {"reasoning_tokens": 20},
}


@pytest.mark.parametrize("told", [OPENAI, XAI, DEEPSEEK], ids=["openai", "xai", "deepseek"])
def test_thoughts_are_paid_for_once_wherever_they_stand(told: dict[str, Any]) -> None:
    assert read_usage(told) == Usage(10, 25, cached_tokens=4, reasoning_tokens=20)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 3, "total_tokens": 9}, Usage(3, 6)),
        ({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 1}, Usage(3, 2)),
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3)),
        ({"prompt_tokens": None, "completion_tokens": "x"}, Usage(0)),
    ],
)
def test_a_total_stands_for_what_is_not_told_beside_it(told: dict[str, Any], usage: Usage) -> None:
    assert read_usage(told) == usage


def test_groq_s_streams_tell_it_in_a_place_of_their_own() -> None:
    assert usage_of({"x_groq": {"usage": OPENAI}}) == OPENAI
    assert usage_of({"usage": None, "x_groq": {"id": "1"}}) is None


def test_sound_is_counted_where_each_provider_tells_it() -> None:
    openai = OPENAI | {
        "prompt_tokens_details": {"audio_tokens": 7},
        "completion_tokens_details": {"audio_tokens": 20},
    }
    assert read_usage(openai) == Usage(10, 25, audio_tokens=7, audio_answer_tokens=20)
    google = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 25,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 3},
            {"modality": "AUDIO", "tokenCount": 7},
        ],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
    }
    assert read_gemini(google) == Usage(10, 25, audio_tokens=7, audio_answer_tokens=20)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"type": "duration", "seconds": 12.3}, Usage(0, audio_ms=12_300)),
        ({"type": "duration", "seconds": -1}, None),
        ({"type": "duration", "seconds": 10**9}, None),
        (
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"audio_tokens": 14},
                "output_tokens": 5,
            },
            Usage(14, 5, audio_tokens=14),
        ),
    ],
)
def test_what_was_transcribed_is_counted_by_tokens_or_by_seconds(told: dict[str, Any], usage: Any) -> None:
    assert usage_in(json.dumps({"text": "hello", "usage": told}).encode()) == usage


def told_last(reader: AnswerReader, *values: Any) -> Usage:
    """The usage that a stream has told in the end."""
    events = [event for value in values for event in reader.read(Event(b"", json.dumps(value).encode()))]
    return [event.usage for event in events if isinstance(event, UsageKnown)][-1]


def test_a_prompt_of_no_tokens_in_the_end_is_the_one_that_was_told_before() -> None:
    start = {"id": "m", "model": "c", "usage": {"input_tokens": 7, "cache_read_input_tokens": 5}}
    end = {"output_tokens": 3, "input_tokens": 0, "cache_read_input_tokens": 0}
    usage = told_last(
        AnthropicReader(PlainFailures()),
        {"type": "message_start", "message": start},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end},
    )
    assert usage == Usage(12, 3, cached_tokens=5)


def test_a_prompt_that_was_read_from_the_cache_in_full_counts() -> None:
    usage = told_last(
        AnthropicReader(PlainFailures()),
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 7}}},
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "cache_read_input_tokens": 9}},
    )
    assert usage == Usage(9, 0, cached_tokens=9)


def test_what_geminis_last_count_leaves_out_was_told_before() -> None:
    counts: dict[str, Any] = {"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}
    usage = told_last(
        GeminiReader(PlainFailures()),
        {"responseId": "r", "usageMetadata": counts},
        {"responseId": "r", "usageMetadata": {"promptTokenCount": 7}},
    )
    assert usage == Usage(7, 5, reasoning_tokens=2)


def test_usage_in_a_choice_of_a_chunk_counts() -> None:
    usage = {**OPENAI, "cached_tokens": 4}
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop", "usage": usage}
    chunk = {"id": "c", "model": "m", "choices": [choice]}
    assert told_last(OpenAIChatReader(PlainFailures()), chunk) == read_usage(usage)


@pytest.mark.parametrize("total", [30, 90])
def test_what_was_cached_beside_the_prompt_is_part_of_it(total: int) -> None:
    told = {
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 10},
    }
    assert read_usage(told) == Usage(70, 20, cached_tokens=50, cache_write_tokens=10)
    more = told | {"prompt_tokens": 100, "total_tokens": 120}
    assert read_usage(more).prompt_tokens == 100
    assert read_usage(more | {"usage_semantic": "anthropic"}).prompt_tokens == 160
    of_responses = {
        "input_tokens": 10,
        "output_tokens": 20,
        "total_tokens": total,
        "input_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 10},
    }
    found = read_of_responses(of_responses)
    assert found == Usage(70, 20, cached_tokens=50, cache_write_tokens=10)

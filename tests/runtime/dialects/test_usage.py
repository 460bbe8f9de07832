"""What each provider counts, as what is paid for."""

from __future__ import annotations

from typing import Any

import pytest

from inferc.runtime.dialects.openai_chat import read_usage, usage_of
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

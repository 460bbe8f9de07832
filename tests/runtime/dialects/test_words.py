"""What `inferc reach` says that clients can ask for in each protocol, they can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inferc.compiler.plan.features import PROTOCOLS, YES_OR_NO, wordless
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.requests.conversation import Conversation
from inferc.runtime.requests.parts import Media

PNG, PDF, WAV = "data:image/png;base64,AA==", "data:application/pdf;base64,AA==", "AA=="
SCHEMA = {"type": "object", "properties": {}}
USER: dict[str, Any] = {"role": "user"}


def medium(kind: str) -> Callable[[Conversation], bool]:
    return lambda c: any(isinstance(p, Media) and p.kind == kind for turn in c.turns for p in turn.parts)


HEARD: dict[str, Callable[[Conversation], bool]] = {
    "tools": lambda c: len(c.tools) == 1,
    "parallel_tools": lambda c: c.parallel_tool_calls is False,
    "forced_tools": lambda c: c.tool_choice is not None and c.tool_choice.names == ("f",),
    "images": medium("image"),
    "documents": medium("document"),
    "audio": medium("audio"),
    "image_output": lambda c: "image" in c.modalities,
    "audio_output": lambda c: "audio" in c.modalities,
    "json": lambda c: c.format is not None and c.format.kind == "json",
    "json_schema": lambda c: c.format is not None and c.format.kind == "schema",
    "thinking": lambda c: c.thinking is not None and not c.thinking.is_off,
    "caching": lambda c: any(getattr(p, "cache", None) is not None for turn in c.turns for p in turn.parts),
    "logprobs": lambda c: bool(c.sampling.logprobs),
    "choices": lambda c: c.n == 2,
}


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{**USER, "content": "hi"}], **fields}


def said(content: list[Any]) -> dict[str, Any]:
    return {"messages": [{**USER, "content": content}]}


TOOL = {"name": "f", "description": "", "parameters": SCHEMA}
CHAT: dict[str, dict[str, Any]] = {
    "tools": {"tools": [{"type": "function", "function": TOOL}]},
    "parallel_tools": {"tools": [{"type": "function", "function": TOOL}], "parallel_tool_calls": False},
    "forced_tools": {
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "images": said([{"type": "image_url", "image_url": {"url": PNG}}]),
    "documents": said([{"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}]),
    "audio": said([{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]),
    "image_output": {"modalities": ["text", "image"]},
    "audio_output": {"modalities": ["text", "audio"]},
    "json": {"response_format": {"type": "json_object"}},
    "json_schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    },
    "thinking": {"reasoning_effort": "low"},
    "caching": said([{"type": "text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}}]),
    "logprobs": {"logprobs": True},
    "choices": {"n": 2},
}
RESPONSES: dict[str, dict[str, Any]] = {
    "tools": {"tools": [{"type": "function", **TOOL}]},
    "parallel_tools": {"tools": [{"type": "function", **TOOL}], "parallel_tool_calls": False},
    "forced_tools": {
        "tools": [{"type": "function", **TOOL}],
        "tool_choice": {"type": "function", "name": "f"},
    },
    "images": {"input": [{**USER, "content": [{"type": "input_image", "image_url": PNG}]}]},
    "documents": {"input": [{**USER, "content": [{"type": "input_file", "file_data": PDF}]}]},
    "json": {"text": {"format": {"type": "json_object"}}},
    "json_schema": {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
    "thinking": {"reasoning": {"effort": "low"}},
    "caching": {
        "input": [
            {
                **USER,
                "content": [
                    {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
                ],
            }
        ]
    },
    "logprobs": {"top_logprobs": 2},
}
A_TOOL = {"name": "f", "input_schema": SCHEMA}
MESSAGES: dict[str, dict[str, Any]] = {
    "tools": {"tools": [A_TOOL]},
    "parallel_tools": {
        "tools": [A_TOOL],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    },
    "forced_tools": {"tools": [A_TOOL], "tool_choice": {"type": "tool", "name": "f"}},
    "images": said(
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}]
    ),
    "documents": said(
        [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}}]
    ),
    "json_schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "caching": said([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]),
}
ASKED = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_protocol_has_words_for_is_heard(protocol: str) -> None:
    assert {*ASKED[protocol], *wordless(protocol)} == {*YES_OR_NO}
    plain: dict[str, Any] = (
        {"model": "m", "input": "hi"} if protocol == "responses" else chat(max_tokens=2000)
    )
    read = CLIENT_SIDES[PROTOCOLS[protocol]].read_request
    for feature, fields in ASKED[protocol].items():
        assert HEARD[feature](read({**plain, **fields})), feature
        assert not HEARD[feature](read(plain)), feature

"""The requests that providers are sent, byte for byte, and those that they are never sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.plan import TaskKind
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest, EmbedRequest

from ..support.rows import each_row
from ..support.wires import WIRES, wire_plan

Golden = Callable[[str | Path], Callable[[str], None]]

PNG = "data:image/png;base64,iVBORw0K"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather", "parameters": SCHEMA, "strict": True},
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}


def call(id: str, name: str, arguments: str, **extra: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}

REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"messages": [{"role": "user", "content": "hello"}]},
    "settings": {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
            {"role": "developer", "content": "Be brief."},
        ],
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "stop": ["END"],
        "seed": 7,
        "n": 1,
        "user": "someone",
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "images": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg?size=1"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
                ],
            }
        ]
    },
    "tools": {
        "messages": [
            {"role": "user", "content": "weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    call("call_1", "get_weather", '{"city": "Oslo"}', **SIGNED),
                    call("call_2", "get_time", ""),
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": '{"hour": 3}'},
            {"role": "user", "content": "thanks"},
        ],
        "tools": [WEATHER, CLOCK],
        "tool_choice": {"type": "function", "function": {"name": "get_time"}},
    },
    "schema": {
        "messages": [{"role": "user", "content": "hello"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
        "reasoning_effort": "low",
    },
}


def sent(wire: str, body: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
    request = ChatRequest({"model": wire, **body}, bool(body.get("stream")))
    fit = Chats(wire_plan(wire, **fields)).fit(request)
    return fit.path, json.loads(fit.body)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", REQUESTS)
def test_the_body_that_a_provider_is_sent(golden: Golden, wire: str, name: str) -> None:
    asked = REQUESTS[name]
    if (wire, name) == ("bedrock", "images"):  # it reads no addresses
        content = [part for part in asked["messages"][0]["content"] if "https:" not in str(part)]
        asked = {"messages": [{"role": "user", "content": content}]}
    path, body = sent(wire, asked)
    text = f"POST {path}\n{json.dumps(body, indent=2, ensure_ascii=False)}\n"
    golden(f"golden_wires/{name}.{wire}.txt")(text)


@pytest.mark.parametrize("wire", ["openai", "azure", "gemini", "vertex"])
def test_the_texts_that_a_provider_embeds(golden: Golden, wire: str) -> None:
    path, raw = retrieval_of(wire_plan(wire, task=TaskKind.EMBED)).request(EmbedRequest(("one", "two")))
    golden(f"golden_wires/embed.{wire}.txt")(f"POST {path}\n{json.dumps(json.loads(raw), indent=2)}\n")


@pytest.mark.parametrize(
    ("wire", "found"),
    [
        ("openai", lambda body: body["dimensions"]),
        ("azure", lambda body: body["dimensions"]),
        ("gemini", lambda body: body["requests"][0]["outputDimensionality"]),
        ("vertex", lambda body: body["parameters"]["outputDimensionality"]),
    ],
)
def test_shorter_vectors_are_asked_for_in_the_words_of_the_provider(
    wire: str, found: Callable[[dict[str, Any]], int]
) -> None:
    for options in ({}, {"output_dimension": 64}):  # as Voyage's and Cohere's clients say it
        request = EmbedRequest(("one",), 64, options=options)
        _, raw = retrieval_of(wire_plan(wire, task=TaskKind.EMBED)).request(request)
        assert found(json.loads(raw)) == 64
        assert "output_dimension" not in raw.decode()


def test_a_model_named_oddly_stays_one_part_of_the_path() -> None:
    path, _ = sent("gemini", REQUESTS["text"], model="tuned/a b?")
    assert path == "/v1beta/models/tuned%2Fa%20b%3F:generateContent"


def test_gemini_is_told_the_thresholds_of_the_plan() -> None:
    safety = {"harassment": "block_none", "HARM_CATEGORY_HATE_SPEECH": "BLOCK_LOW_AND_ABOVE"}
    _, body = sent("gemini", REQUESTS["text"], safety=safety)
    assert body["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
        {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_LOW_AND_ABOVE"},
    ]


def test_a_call_without_its_signature_is_marked_for_models_that_want_one() -> None:
    calls = [call("call_1", "get_time", "{}"), call("call_2", "get_time", "{}")]
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "1"} for each in calls]
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": calls}, *results]
    for model, marked in (("gemini-2.5-flash", 0), ("gemini-3-pro", 1)):
        _, body = sent("gemini", {"messages": messages}, model=model)
        signatures = [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]
        assert signatures == ["skip_thought_signature_validator"] * marked + [None] * (2 - marked)


def test_the_cache_marks_of_a_client_reach_anthropic() -> None:
    mark = {"type": "ephemeral"}
    part = {"type": "text", "text": "long", "cache_control": mark}
    messages = [{"role": "system", "content": [part]}, {"role": "user", "content": [part]}]
    _, body = sent("anthropic", {"messages": messages, "tools": [WEATHER | {"cache_control": mark}]})
    assert body["system"] == [part]
    assert body["messages"] == [{"role": "user", "content": [part]}]
    assert body["tools"][0]["cache_control"] == mark


@each_row("wire", ["anthropic", "gemini"])
@each_row("field", ["n", "logprobs", "logit_bias", "parallel_tool_calls", "modalities"])
def test_a_setting_that_asks_for_nothing_is_no_problem(wire: str, field: str) -> None:
    nothing = {"n": 1, "logprobs": False, "logit_bias": {}, "parallel_tool_calls": True}
    for value in (None, nothing.get(field, ["text"])):
        sent(wire, REQUESTS["text"] | {field: value})


def test_what_is_left_out_is_named() -> None:
    fit = Chats(wire_plan("anthropic")).fit(ChatRequest({"model": "x", "seed": 3, **REQUESTS["text"]}, False))
    assert fit.changes == ("seed",)
    assert "seed" not in json.loads(fit.body)


USER = {"role": "user", "content": "hi"}


def one(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


@each_row(
    ("wire", "fields", "param", "says"),
    [
        ("anthropic", {"n": 2}, "n", "one answer at a time"),
        ("anthropic", {"logprobs": True}, "logprobs", "does not take it"),
        ("anthropic", {"frequency_penalty": 0.5}, "frequency_penalty", "does not take it"),
        ("anthropic", {"temperature": 1.5}, "temperature", "from 0 to 1"),
        (
            "anthropic",
            {"response_format": {"type": "json_object"}, "tools": [CLOCK]},
            "response_format",
            "beside `tools`",
        ),
        ("anthropic", {"reasoning_effort": "extreme"}, "reasoning_effort", "none, minimal, low"),
        ("gemini", {"reasoning_effort": "none"}, "reasoning_effort", "cannot be told not to think"),
        ("vertex", {"reasoning_effort": "extreme"}, "reasoning_effort", "none, minimal"),
        ("gemini", {"logit_bias": {"1": 2}}, "logit_bias", "does not take it"),
        ("gemini", {"modalities": ["text", "audio"]}, "modalities", "no audio"),
        ("gemini", {"thinking": {}}, "thinking", "no field of that name"),
        ("anthropic", {"functions": [{"name": "f"}]}, "functions", "write `tools`"),
        ("anthropic", {"max_tokens": 0}, "max_tokens", "from 1"),
        ("gemini", {"max_tokens": "many"}, "max_tokens", "whole number"),
        ("gemini", {"stop": [1]}, "stop", "a list of texts"),
        (
            "anthropic",
            {"tools": [{"type": "custom"}]},
            "tools[0]",
            "known to OpenAI's chat completions alone",
        ),
        ("anthropic", {"tools": [{"type": "function"}]}, "tools[0].function", "is missing"),
        ("anthropic", {"tools": [CLOCK], "tool_choice": "any"}, "tool_choice", "auto, none, required"),
        ("gemini", {"response_format": {"type": "xml"}}, "response_format", "known to servers of its kind"),
        ("gemini", {"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "`wizard`"),
        (
            "gemini",
            {"messages": [{"role": "function", "content": "x"}]},
            "messages[0]",
            "known to OpenAI's chat completions",
        ),
        ("gemini", {"messages": [{"role": "user"}]}, "messages", "says something"),
        ("gemini", one({"text": "x"}), "messages[0].content[0].type", "is missing"),
        ("gemini", one({"type": "text"}), "messages[0].content[0].text", "must be text"),
        (
            "gemini",
            one({"type": "video"}),
            "messages[0].content[0]",
            "`video` is known to OpenAI's chat completions alone",
        ),
        ("gemini", one({"type": "image_url"}), "messages[0].content[0].image_url", "must be an object"),
        (
            "gemini",
            one({"type": "image_url", "image_url": {"url": "cat.png"}}),
            "messages[0].content[0].image_url.url",
            "https URL or",
        ),
        (
            "anthropic",
            one({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
            "messages[0].content[0]",
            "does not read audio/wav",
        ),
        (
            "anthropic",
            one({"type": "file", "file": {"file_id": "f"}}),
            "messages[0].content[0]",
            "`file` is known to OpenAI's chat completions alone",
        ),
        (
            "anthropic",
            {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "x"}]}]},
            "messages[1].tool_calls[0].function",
            "is missing",
        ),
        (
            "anthropic",
            {"messages": [USER, {"role": "assistant", "tool_calls": [call("x", "f", "{}")]}, USER]},
            "messages[1].tool_calls[0]",
            "no result in the next message",
        ),
        (
            "anthropic",
            {"messages": [USER, {"role": "tool", "tool_call_id": "x", "content": "y"}]},
            "messages[1]",
            "not the result of a call in the message before",
        ),
        (
            "anthropic",
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": PNG}]}]},
            "messages[0].content[0]",
            "system prompts are text",
        ),
    ],
)
def test_what_a_provider_cannot_do_is_refused_with_its_reason(
    wire: str, fields: dict[str, Any], param: str, says: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        sent(wire, REQUESTS["text"] | fields)
    assert caught.value.param == param
    assert says in caught.value.message
